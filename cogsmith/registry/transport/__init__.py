"""The wire: connections over http and https, kept and used again, through a proxy if need be.

One call is one try: no redirects, no credentials, no waiting. Bodies stream both ways.
``http.client`` carries it: 24 ms to import, nothing to install, and, as a registry is the
slower end of every transfer, not slower than the others (facts/builders.md §9).
"""

from __future__ import annotations

from cogsmith.registry.transport.reply import Broken, Reply
from cogsmith.registry.transport.transport import PlainOnly, Transport, pieces

__all__ = ["Broken", "PlainOnly", "Reply", "Transport", "pieces"]
