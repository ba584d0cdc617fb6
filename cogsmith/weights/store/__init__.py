"""Weights on the disk: the store of files by digest, folders made of it, and weights.lock."""

from __future__ import annotations

from cogsmith.weights.store.folders import assembled, linked
from cogsmith.weights.store.lock_file import load_lock, lock_path, save_lock
from cogsmith.weights.store.store import Incoming, Store

__all__ = ["Incoming", "Store", "assembled", "linked", "load_lock", "lock_path", "save_lock"]
