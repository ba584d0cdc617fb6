"""Where images go and come from: a client for any registry of the OCI distribution spec.

In: references, images, the credentials that ``docker login`` left on this machine.
Out: manifests and checked blobs, a push as a plan and then done, progress while it runs.
Touches: the network (`client`, `transport`), login files and helpers (`credentials`), files
that blobs are saved to (`download`), and the ledger of uploads under way (`ledger`).
"""

from __future__ import annotations

from cogsmith.registry.client import Client
from cogsmith.registry.credentials import Keychain
from cogsmith.registry.progress import BlobProgress, Tell, silent
from cogsmith.registry.push_plan import PushPlan, Shipment, plan_push
from cogsmith.registry.retry import Backoff
from cogsmith.registry.settings import Settings
from cogsmith.registry.tokens import Credentials

__all__ = [
    "Backoff",
    "BlobProgress",
    "Client",
    "Credentials",
    "Keychain",
    "PushPlan",
    "Settings",
    "Shipment",
    "Tell",
    "plan_push",
    "silent",
]
