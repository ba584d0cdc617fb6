"""Sources, looked at and fetched: a hub, an address, a folder. All that touches the network."""

from __future__ import annotations

from cogsmith.weights.fetch.fetching import fetch
from cogsmith.weights.fetch.look import look

__all__ = ["fetch", "look"]
