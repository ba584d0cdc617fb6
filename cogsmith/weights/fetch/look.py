"""Any source, looked at."""

from __future__ import annotations

from pathlib import Path

from cogsmith.errors import WeightsError
from cogsmith.weights.fetch.folder import look_at_folder
from cogsmith.weights.fetch.hub import look_at_hub
from cogsmith.weights.fetch.site import look_at_site
from cogsmith.weights.fetch.web import Web
from cogsmith.weights.files import path_problems
from cogsmith.weights.listing import Listing
from cogsmith.weights.progress import Tell, silent
from cogsmith.weights.settings import Settings
from cogsmith.weights.source import FolderSource, HubSource, Source
from cogsmith.weights.store.store import Store

__all__ = ["look"]


def look(source: Source, settings: Settings, *, project: Path, tell: Tell = silent) -> Listing:
    """What a source holds now: paths, sizes, digests as far as they are known without fetching.

    Relative paths start at ``project``. Raises WeightsError.
    """
    if isinstance(source, FolderSource):
        return look_at_folder(source, project, Store(settings.store), tell)
    web = Web(settings)
    if isinstance(source, HubSource):
        listing = look_at_hub(source, web)
    else:
        listing = look_at_site(source, web)
    if problems := path_problems(file.path for file in listing.files):
        raise WeightsError(problems)
    if not listing.files:
        raise WeightsError("weight source has no files in it", where=source.uri)
    return listing
