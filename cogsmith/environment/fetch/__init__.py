"""The wheels of a lock, at hand: fetched once, checked, kept by their sha256.

Everything here may be imported on the way of a build that changes nothing: what costs time
(tls, http, uv, temporary files) is imported where it is used.
"""

from __future__ import annotations

from cogsmith.environment.fetch.wheels import fetch_wheels

__all__ = ["fetch_wheels"]
