"""A wheel that was fetched: which file it is, and where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from cogsmith.values import dataclass

__all__ = ["Wheel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One wheel of a lock, checked and at hand.

    ``name`` is normalized (PEP 503), ``filename`` is the wheel's own (its tags count), ``path``
    is where its bytes lie in the wheel cache. ``sha256`` is in hex, ``size`` in bytes.
    ``origin`` is where the lock has it from, without credentials; "" for what was built here.
    ``direct_url`` is the content of direct_url.json (PEP 610) for what was not asked for by
    name: a URL, a repository, a folder. ``built``: it was made here from an sdist or a folder.
    """

    name: str
    version: str
    filename: str
    path: Path
    sha256: str
    size: int
    origin: str = ""
    built: bool = False
    direct_url: Mapping[str, Any] | None = field(default=None, hash=False)
