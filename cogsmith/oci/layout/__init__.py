"""An image layout on the disk; all of oci that touches anything is in this folder."""

from __future__ import annotations

from cogsmith.oci.layout.blobs import Blobs, Incoming
from cogsmith.oci.layout.layout import Layout, Pruned

__all__ = ["Blobs", "Incoming", "Layout", "Pruned"]
