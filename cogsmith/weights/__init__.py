"""Which files a model is made of beside its code: from where, with which digests, where to.

In: ``weights:`` of a config, a source (a hub, an address, a folder), weights.lock.
Out: a lock, files in a store, layers and artifacts for a registry, folders for a run.
Touches: the store, weights.lock and a project's folders (`store`), the network (`fetch`).
"""

from __future__ import annotations

from cogsmith.weights.artifact import (
    ARTIFACT_TYPE,
    MODELPACK_TYPE,
    artifact,
    bundle_index,
    index_entry,
    manifest,
    modelpack,
    modelpack_tag,
    runtime_manifest,
    tag,
)
from cogsmith.weights.destination import model_repository
from cogsmith.weights.drift import Drift, drift, require
from cogsmith.weights.fetch import fetch, look
from cogsmith.weights.files import WeightFile, set_digest
from cogsmith.weights.importing import ImportPlan, locked, plan_import, provenance
from cogsmith.weights.listing import Listed, Listing
from cogsmith.weights.lock import (
    LOCK_FILE,
    LockedLayer,
    LockedWeight,
    Provenance,
    WeightsLock,
    parse_lock,
)
from cogsmith.weights.mounts import LocalLink, Mount, local_links, plan_mounts
from cogsmith.weights.pack import Bundle, PackedLayer, envelope, pack, plan_layers
from cogsmith.weights.progress import FileProgress, Tell
from cogsmith.weights.settings import Settings
from cogsmith.weights.source import (
    FolderSource,
    HubSource,
    Source,
    Wanted,
    WebSource,
    parse_source,
    wanted,
)
from cogsmith.weights.store import Store, assembled, linked, load_lock, lock_path, save_lock
from cogsmith.weights.unpack import missing_layers, unpack

__all__ = [  # noqa: RUF022 - in the order of the alphabet, as every door
    "ARTIFACT_TYPE",
    "Bundle",
    "Drift",
    "FileProgress",
    "FolderSource",
    "HubSource",
    "ImportPlan",
    "LOCK_FILE",
    "Listed",
    "Listing",
    "LocalLink",
    "LockedLayer",
    "LockedWeight",
    "MODELPACK_TYPE",
    "Mount",
    "PackedLayer",
    "Provenance",
    "Settings",
    "Source",
    "Store",
    "Tell",
    "Wanted",
    "WebSource",
    "WeightFile",
    "WeightsLock",
    "artifact",
    "assembled",
    "bundle_index",
    "drift",
    "envelope",
    "fetch",
    "index_entry",
    "linked",
    "load_lock",
    "local_links",
    "lock_path",
    "locked",
    "look",
    "manifest",
    "missing_layers",
    "model_repository",
    "modelpack",
    "modelpack_tag",
    "pack",
    "parse_lock",
    "parse_source",
    "plan_import",
    "plan_layers",
    "plan_mounts",
    "provenance",
    "require",
    "runtime_manifest",
    "save_lock",
    "set_digest",
    "tag",
    "unpack",
    "wanted",
]
