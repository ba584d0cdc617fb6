"""Outputs that are files: how they leave the server.

In: an output's JSON text with ``file://`` URLs in it, and where its files are to go.
Out: the same text with data URIs, or with the URLs to which the files were uploaded.
Touches: the files, the network, and the temporary folder when it is tidied.
"""

from __future__ import annotations

from cogsmith.runtime.files.delivery import delivered
from cogsmith.runtime.files.destination import LIMIT, Destination
from cogsmith.runtime.files.tidying import tidy

__all__ = ["LIMIT", "Destination", "delivered", "tidy"]
