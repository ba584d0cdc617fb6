"""The files that requirements, locks and pip's settings live in."""

from __future__ import annotations

import configparser
import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from threading import get_ident
from typing import Any
from urllib.parse import unquote, urlparse

from cogsmith.config import ModelConfig
from cogsmith.environment.indexes import in_words_of_uv
from cogsmith.environment.lock import Lock, understood
from cogsmith.environment.lock import parse as parse_lock
from cogsmith.environment.requirements import Requirements
from cogsmith.environment.requirements import parse as parse_requirements
from cogsmith.environment.settings import Settings
from cogsmith.errors import LockError

__all__ = [
    "fingerprint",
    "load_lock",
    "load_requirements",
    "lock_path",
    "save_lock",
    "save_text",
    "uv_variables",
    "wheels_at_hand",
    "writable",
]

PARSED = 1  # the form of parsed locks
TIME = "$time"  # in a parsed lock: no key of PEP 751
NOT_SOURCE = {"__pycache__", ".git", ".hg", ".venv", "venv", "build", "dist", "node_modules"}


def load_requirements(config: ModelConfig, project: Path) -> Requirements:
    """Read all that a config asks for, the cog package included.

    Raises LockError when a file is not there or has lines that cannot be understood.
    """
    build = config.build

    def read(name: str) -> str:
        return _text(project / name, hint=f"{name} is read from the folder {project}")

    found = Requirements()
    if build.python_requirements:
        found += parse_requirements(read, build.python_requirements)
    if build.python_packages:
        text = "\n".join(build.python_packages)
        found += parse_requirements(lambda _: text, "cog.yaml build.python_packages")
    if build.python_overrides:
        overrides = parse_requirements(read, build.python_overrides)
        found += Requirements(overrides=overrides.packages, options=overrides.options)
    return found.with_sdk(build.sdk_version or "")


def _text(path: Path, *, hint: str = "") -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise LockError(f"cannot be read: {reason}", where=path.name, hint=hint) from error


def lock_path(config_path: Path) -> Path:
    """The lock beside a config: pylock.toml, or pylock.<name>.toml for cog.<name>.yaml.

    >>> lock_path(Path("cog.flan-t5.yaml"))
    PosixPath('pylock.flan-t5.toml')
    """
    name = "" if config_path.stem == "cog" else config_path.stem.removeprefix("cog.")
    name = name.replace(".", "-")  # PEP 751 takes names without dots
    return config_path.with_name(f"pylock.{name}.toml" if name else "pylock.toml")


def load_lock(path: Path, kept: Path | None = None) -> Lock | None:
    """Read a lock; None when there is none. Raises LockError when it cannot be understood.

    ``kept`` is a folder with the documents that were parsed before, by their text's hash:
    TOML takes 50 ms for a lock of 50 packages, JSON one.
    """
    if not path.exists():
        return None
    text = _text(path)
    if kept is None:
        return parse_lock(text, where=path.name)
    file = kept / f"{PARSED}-{hashlib.sha256(text.encode()).hexdigest()}.json"
    try:
        document = json.loads(file.read_text("utf-8"), object_hook=_with_times)
    except (OSError, ValueError):
        lock = parse_lock(text, where=path.name)
        with contextlib.suppress(OSError):  # it is kept where it can be, for speed alone
            save_text(file, json.dumps(lock.document, default=_time))
        return lock
    return understood(document, where=path.name)


def _time(value: object) -> dict[str, str]:
    """What TOML has and JSON has not."""
    if not isinstance(value, datetime | date | time):
        raise TypeError(f"a lock has no {type(value).__name__}")
    return {TIME: f"{type(value).__name__} {value.isoformat()}"}


def _with_times(table: dict[str, Any]) -> Any:
    if TIME not in table:
        return table
    kind, _, text = str(table[TIME]).partition(" ")
    read = {"datetime": datetime.fromisoformat, "date": date.fromisoformat}
    return read.get(kind, time.fromisoformat)(text)


def save_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises OSError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(text, "utf-8")
        beside.replace(path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def save_lock(path: Path, text: str) -> None:
    """Write a lock whole or not at all. Raises LockError when the folder cannot be written."""
    try:
        save_text(path, text)
    except OSError as error:
        message = f"cannot be written: {error.strerror}"
        raise LockError(message, where=str(path)) from error


def writable(folder: Path) -> bool:
    """Whether a lock can be written there."""
    return os.access(folder, os.W_OK)


def uv_variables(settings: Settings) -> dict[str, str]:
    """The environment that uv is started with: the person's own and pip's, in uv's words."""
    variables = dict(settings.variables)
    pip = _pip_settings(settings)
    # pip passes over folders of wheels that are not there; uv refuses to work.
    if "PIP_FIND_LINKS" in variables:
        variables["PIP_FIND_LINKS"] = _that_are_there(variables["PIP_FIND_LINKS"])
    if "find-links" in pip:
        pip["find-links"] = _that_are_there(pip["find-links"])
    return in_words_of_uv(variables, pip)


def _that_are_there(places: str) -> str:
    found = [(place, _folder(place)) for place in places.split()]
    kept = (
        str(folder.absolute()) if folder and "://" not in place else place
        for place, folder in found
        if folder is None or folder.exists()
    )
    return " ".join(kept)


def _folder(place: str) -> Path | None:
    """The path of a folder of wheels; None for an address on the network."""
    if place.startswith("file://"):
        return Path(unquote(urlparse(place).path))
    return None if "://" in place else Path(place).expanduser()


def _pip_settings(settings: Settings) -> dict[str, str]:
    """What pip's config files say, the later ones winning (pip's docs, "Configuration")."""
    found: dict[str, str] = {}
    for path in _pip_files(settings):
        parser = configparser.RawConfigParser()
        with contextlib.suppress(OSError, configparser.Error, UnicodeDecodeError):
            parser.read(path, encoding="utf-8")
        for section in ("global", "install"):
            if parser.has_section(section):
                found |= {key.replace("_", "-"): value for key, value in parser.items(section)}
    return found


def _pip_files(settings: Settings) -> Iterator[Path]:
    variables, home = settings.variables, settings.home
    chosen = variables.get("PIP_CONFIG_FILE", "")
    if chosen == os.devnull:
        return
    for folder in reversed(variables.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")):
        yield Path(folder) / "pip" / "pip.conf"
    yield Path("/etc/pip.conf")
    yield home / ".pip" / "pip.conf"
    yield home / "Library" / "Application Support" / "pip" / "pip.conf"
    yield Path(variables.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / "pip.conf"
    yield Path(sys.prefix) / "pip.conf"
    if chosen:
        yield Path(chosen).expanduser()


def wheels_at_hand(variables: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the wheels in the folders of UV_FIND_LINKS; addresses are left to uv."""
    folders = (_folder(place) for place in variables.get("UV_FIND_LINKS", "").split(",") if place)
    return tuple(
        path.name
        for folder in folders
        if folder and folder.is_dir()
        for path in sorted(folder.glob("*.whl"))
    )


def fingerprint(paths: Iterable[Path]) -> tuple[str, ...]:
    """Size and time of local files and of all files in local folders: they change unlocked."""
    return tuple(
        f"{path}:{stat.st_size}:{stat.st_mtime_ns}"
        for start in sorted(paths)
        for path in _files(start)
        for stat in [path.stat()]
    )


def _files(start: Path) -> Iterator[Path]:
    if start.is_file():
        yield start
    for folder, names, files in os.walk(start):
        names[:] = sorted(n for n in names if n not in NOT_SOURCE and not n.endswith(".egg-info"))
        yield from (Path(folder) / name for name in sorted(files))
