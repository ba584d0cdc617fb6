"""weights.lock beside a config file."""

from __future__ import annotations

from pathlib import Path

from cogsmith.config import name_of
from cogsmith.weights.lock import LOCK_FILE, WeightsLock, parse_lock
from cogsmith.weights.store.disk import refusals, replaced

__all__ = ["load_lock", "lock_path", "save_lock"]


def lock_path(config: Path) -> Path:
    """Where the lock of a config file is: weights.lock, or weights.NAME.lock for cog.NAME.yaml.

    Cog knows the first only; the second keeps the models of one repository apart.
    """
    name = name_of(config)
    return config.parent / (f"weights.{name}.lock" if name else LOCK_FILE)


def load_lock(path: Path) -> WeightsLock | None:
    """The lock in a file, None when there is no such file. Raises WeightsError."""
    with refusals(path):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
    return parse_lock(data, where=path.name)


def save_lock(path: Path, lock: WeightsLock) -> bool:
    """Write the lock, unless the file says the same already; whether it was written."""
    data = lock.render()
    with refusals(path):
        try:
            if path.read_bytes() == data:
                return False
        except FileNotFoundError:
            pass
    replaced(path, data)
    return True
