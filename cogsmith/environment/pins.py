"""What a lock pins beside its packages: base images, and the Python that makes byte code.

They are no part of what the lock answers, nor of what gets installed: pinning changes neither its
checksum nor its digest.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cogsmith.environment.load import load_lock, save_lock, writable
from cogsmith.environment.lock import Lock, render
from cogsmith.errors import LockError

__all__ = [
    "pin_base",
    "pin_compiler",
    "pin_debs",
    "pinned_base",
    "pinned_compiler",
    "pinned_debs",
    "pins_of",
]

BASE, COMPILER, DEBS = "base", "compiler", "debs"  # keys of the table tool.cogsmith


def pins_of(lock: Lock | None) -> Mapping[str, Any]:
    """All that a lock pins, for the lock that takes its place."""
    table = lock.tool if lock else {}
    return {key: table[key] for key in (COMPILER, BASE, DEBS) if key in table}


def pinned_base(lock: Lock) -> Mapping[str, str]:
    """The digests of base images in a lock, by "REFERENCE PLATFORM"; empty where none is.

    The digests are those that the lock's file states: whoever uses one checks its form.
    """
    table = lock.tool.get(BASE, {})
    return {str(key): str(value) for key, value in table.items()}


def pinned_compiler(lock: Lock) -> str:
    """The release of Python that makes byte code, such as "3.11.7"; "" where none is pinned.

    Two releases of one minor version compile a few modules otherwise, so an image with byte
    code has one digest for each.
    """
    return str(lock.tool.get(COMPILER, ""))


def pinned_debs(lock: Lock, platform: str) -> Mapping[str, Any]:
    """The table of system packages that a lock has for a platform; empty where it has none."""
    table = lock.tool.get(DEBS, {}).get(platform, {})
    return table if isinstance(table, dict) else {}


def pin_base(path: Path, reference: str, platform: str, digest: str) -> bool:
    """Write a base image's digest into a lock of ours; the rest of the file stays as it is.

    Returns whether the lock has it now: a lock that is not there, that another tool made, or
    that cannot be written is left alone.
    """
    lock = _ours(path)
    if lock is None:
        return False
    key = f"{reference} {platform}"
    return _keep(path, lock, {BASE: dict(sorted({**pinned_base(lock), key: digest}.items()))})


def pin_compiler(path: Path, release: str) -> bool:
    """Write into a lock of ours which Python makes byte code; as ``pin_base``."""
    lock = _ours(path)
    return lock is not None and _keep(path, lock, {COMPILER: release})


def pin_debs(path: Path, platform: str, table: Mapping[str, Any]) -> bool:
    """Write a platform's system packages into a lock of ours; as ``pin_base``."""
    lock = _ours(path)
    if lock is None:
        return False
    tables = {**lock.tool.get(DEBS, {}), platform: dict(table)}
    return _keep(path, lock, {DEBS: dict(sorted(tables.items()))})


def _ours(path: Path) -> Lock | None:
    try:
        lock = load_lock(path)
    except LockError:
        return None
    return lock if lock is not None and lock.answers else None


def _keep(path: Path, lock: Lock, more: Mapping[str, Any]) -> bool:
    assert lock.answers
    before = pins_of(lock)
    pins = {**before, **more}
    if pins == before:
        return True
    made_by, resolved_by = (str(lock.tool.get(key, "")) for key in ("cogsmith", "resolver"))
    text = render(lock.document, lock.answers, made_by=made_by, resolved_by=resolved_by, pins=pins)
    if not writable(path.parent):
        return False
    try:
        save_lock(path, text)
    except LockError:
        return False
    return True
