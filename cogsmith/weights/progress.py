"""What is told while files are hashed, fetched, packed and unpacked. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["FileProgress", "State", "Tell", "silent"]

State = Literal["known", "hashing", "fetching", "retrying", "packing", "done"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProgress:
    """How far a file, or a layer, is: ``done`` of ``total`` bytes (0: nobody has said).

    ``known`` and ``done`` are ends. ``retrying`` says that something broke; ``note`` says what.
    """

    path: str
    state: State
    done: int = 0
    total: int = 0
    note: str = ""


Tell = Callable[[FileProgress], None]


def silent(_progress: FileProgress) -> None:
    """Say nothing."""
