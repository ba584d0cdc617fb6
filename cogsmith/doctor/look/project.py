"""A project, read from the disk: its config, the code around it, its lock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cogsmith.config import Loaded, ModelConfig, available, load, parse
from cogsmith.doctor.project import LockState, Project
from cogsmith.environment import Settings, lock_path, look
from cogsmith.errors import ConfigError, LockError, Problem, SignatureError
from cogsmith.signature import load as load_signature

__all__ = ["look_at_project"]

MOST = 2000  # Python files that are read; a model has far fewer
LARGEST = 1_000_000  # bytes of one of them


def look_at_project(path: Path, settings: Settings) -> Project:
    """Read the project of a config file. What is wrong with it becomes part of the answer."""
    folder = path.parent
    loaded, config, problems = _config(path)
    sources = dict(_sources(folder))
    wrong, doubts = _signatures(folder, config, set(sources))
    return Project(
        file=path.name,
        text=_bytes(path),
        config=config,
        problems=problems,
        warnings=loaded.warnings if loaded else (),
        signature=wrong,
        doubts=doubts,
        sources=sources,
        configs={one.name: _bytes(one) for one in available(folder) if one != path},
        names=frozenset(_names(folder)),
        lock=_lock(loaded, settings) if loaded else None,
    )


def _config(path: Path) -> tuple[Loaded | None, ModelConfig | None, tuple[Problem, ...]]:
    """The config, as much of it as can be had: a file it names may be missing."""
    try:
        loaded = load(path)
        return loaded, loaded.config, ()
    except ConfigError as error:
        problems = error.problems
    try:
        return None, parse(_bytes(path).decode("utf-8-sig"), where=path.name), problems
    except (ConfigError, UnicodeDecodeError):
        return None, None, problems


def _signatures(
    folder: Path, config: ModelConfig | None, there: set[str]
) -> tuple[tuple[Problem, ...], tuple[Problem, ...]]:
    """What is wrong with the predictor and the trainer, and what could be better in them."""
    wrong: list[Problem] = []
    doubts: list[Problem] = []
    given = ((config.predictor, False), (config.train, True)) if config else ()
    for reference, train in given:
        if reference and reference.rpartition(":")[0].removeprefix("./") in there:
            try:
                doubts += load_signature(folder, reference, train=train).warnings
            except SignatureError as error:
                wrong += error.problems
    return tuple(wrong), tuple(doubts)


def _lock(loaded: Loaded, settings: Settings) -> LockState:
    name = lock_path(loaded.path).name
    try:
        found = look(loaded, settings)
    except LockError as error:
        return LockState(name=name, problems=error.problems)
    return LockState(name=name, lock=found.lock, drift=found.drift)


def _sources(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The Python files of a project, environments and hidden folders left aside."""
    left = MOST
    for here, folders, files in os.walk(folder):
        place = Path(here)
        folders[:] = sorted(n for n in folders if _is_code(place / n))
        for name in sorted(files):
            path = place / name
            if name.endswith(".py") and left and _size(path) <= LARGEST:
                left -= 1
                yield path.relative_to(folder).as_posix(), _bytes(path)


def _is_code(folder: Path) -> bool:
    skipped = folder.name.startswith(".") or folder.name in ("__pycache__", "node_modules")
    return not skipped and not (folder / "pyvenv.cfg").exists()


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return LARGEST + 1


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
