"""Where the images that were built here are kept."""

from __future__ import annotations

import os
from pathlib import Path

from cogsmith.cli.environment import settings
from cogsmith.image import Store

__all__ = ["open_store"]


def open_store() -> Store:
    """The store of images: ``COGSMITH_STORE``, else a folder of the cache."""
    told = os.environ.get("COGSMITH_STORE", "")
    return Store.at(Path(told).expanduser().absolute() if told else settings().cache / "images")
