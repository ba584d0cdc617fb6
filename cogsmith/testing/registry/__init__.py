"""A whole registry, small and in memory, over real HTTP; and the faults that real ones have.

It speaks OCI distribution 1.1: blobs, uploads in one request and in chunks, mounts, manifests,
tags in pages, referrers, deletion; basic and token authorization. It is no faster, and not
safer, than a test needs.
"""

from __future__ import annotations

from cogsmith.testing.registry.server import FakeRegistry
from cogsmith.testing.registry.state import Fault, Seen

__all__ = ["FakeRegistry", "Fault", "Seen"]
