"""From a lock to its wheels: chosen for the target, fetched or built, checked, and remembered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name, parse_wheel_filename

from cogsmith.environment.build_wheel import Built, build_wheel
from cogsmith.environment.direct_url import direct_url, origin
from cogsmith.environment.events import Tell, silent
from cogsmith.environment.fetch.cache import adopt, cached, place
from cogsmith.environment.fetch.download import Wanted, download
from cogsmith.environment.install import Source
from cogsmith.environment.load import fingerprint, save_text, uv_variables
from cogsmith.environment.settings import Settings
from cogsmith.environment.uv_output import OTHER_BYTES, ROOM
from cogsmith.environment.wheel import Wheel
from cogsmith.environment.wheel_choice import Choice, choose, file_name
from cogsmith.errors import InstallError, Problem
from cogsmith.values import dataclass

__all__ = ["fetch_wheels"]

RECORD = 1  # the form of what is remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file of the lock in the wheel cache."""

    path: Path
    sha256: str


def fetch_wheels(source: Source, settings: Settings, *, tell: Tell = silent) -> tuple[Wheel, ...]:
    """The wheels of a lock for its target, sorted by name, checked and in the wheel cache.

    What was fetched before costs one look at each file. Raises InstallError: with every
    package that has nothing for the target, every download that failed or brought other
    bytes than the lock's, every source that does not build.
    """
    record = settings.chosen / f"{_key(source)}.json"
    if known := _remembered(record, settings):
        return known
    choices = choose(source.lock, source.target)
    try:
        found = _fetched(choices, source, settings, tell)
        save_text(record, json.dumps([_written(wheel) for wheel in found]))
    except OSError as error:
        message = f"the wheel cache cannot be written: {error.strerror or error}"
        raise InstallError(message, where=str(settings.cache), hint=ROOM) from error
    return found


def _key(source: Source) -> str:
    """What the wheels depend on: the lock's packages, the target, files of this machine."""
    document, target = source.lock.document, source.target
    local = [source.path.parent / path for path in source.lock.local_paths()]
    parts = [
        RECORD, target.python, target.platform, document["packages"],
        document.get("default-groups"), document.get("requires-python"),
        *([str(source.path.parent), *fingerprint(local)] if local else ()),
    ]  # fmt: skip
    words = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def _remembered(record: Path, settings: Settings) -> tuple[Wheel, ...] | None:
    """The wheels of an earlier run, as long as all of them are there."""
    try:
        entries = json.loads(record.read_text("utf-8"))
        wheels = tuple(
            Wheel(path=place(settings, entry["sha256"], entry["filename"]), **entry)
            for entry in entries
        )
        whole = all(wheel.path.stat().st_size == wheel.size for wheel in wheels)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return wheels if whole else None


def _written(wheel: Wheel) -> dict[str, Any]:
    names = ("name", "version", "filename", "sha256", "size", "origin", "built", "direct_url")
    return {name: getattr(wheel, name) for name in names}


def _fetched(
    choices: tuple[Choice, ...], source: Source, settings: Settings, tell: Tell
) -> tuple[Wheel, ...]:
    files = _files(choices, source, settings, tell)
    problems, wheels = list[Problem](), list[Wheel]()
    for choice in choices:
        try:
            wheels.append(_wheel(choice, files.get(choice), (source, settings, tell)))
        except InstallError as error:
            problems += error.problems
    if problems:
        raise InstallError(problems)
    return tuple(wheels)


def _files(
    choices: Iterable[Choice], source: Source, settings: Settings, tell: Tell
) -> dict[Choice, _File]:
    """All files of the lock in the cache: what is there, what is local, and what is far."""
    found, far, problems = dict[Choice, _File](), list[Choice](), list[Problem]()
    for choice in choices:
        if choice.kind in ("directory", "vcs"):
            continue
        stated = str(choice.entry.get("hashes", {}).get("sha256", "")).lower()
        if stated and (path := cached(settings, stated, file_name(choice.entry))):
            found[choice] = _File(path=path, sha256=stated)
        elif (near := _local(choice, source)) is None:
            far.append(choice)
        else:
            try:
                found[choice] = _adopted(choice, near, settings)
            except InstallError as error:
                problems += error.problems
    if problems:
        raise InstallError(problems)
    return found | _from_afar(far, source, settings, tell)


def _local(choice: Choice, source: Source) -> Path | None:
    """The file on this machine that a lock names, None for one on the network."""
    if path := choice.entry.get("path"):
        return source.path.parent / str(path)
    url = urlsplit(str(choice.entry.get("url", "")))
    return Path(unquote(url.path)) if url.scheme == "file" else None


def _adopted(choice: Choice, path: Path, settings: Settings) -> _File:
    hashes: Mapping[str, str] = choice.entry.get("hashes", {})
    if not path.is_file():
        hint = "the lock takes it from there; make the lock anew where it now is"
        raise InstallError(f"{choice}: there is no such file", where=str(path), hint=hint)
    found, place_ = adopt(path, settings, hashes)
    if place_ is None:
        algorithm, is_, stated = found.wrong() or ("", "", "")
        message = f"{choice}: its {algorithm} is {is_}, and the lock says {stated}"
        raise InstallError(message, where=str(path), hint=OTHER_BYTES)
    return _File(path=place_, sha256=found.sha256)


def _from_afar(
    choices: list[Choice], source: Source, settings: Settings, tell: Tell
) -> dict[Choice, _File]:
    if not choices:
        return {}
    wanted = {choice: _wanted(choice) for choice in choices}
    variables = {**uv_variables(settings), **source.variables}
    places = download(wanted.values(), settings, variables, tell)
    paths = {choice: places[one.url] for choice, one in wanted.items()}
    return {choice: _File(path=path, sha256=path.parent.name) for choice, path in paths.items()}


def _wanted(choice: Choice) -> Wanted:
    hashes = choice.entry.get("hashes", {})
    if not hashes:
        hint = "make the lock with hashes: `cogsmith lock`"
        raise InstallError(f"{choice} has no hash in the lock", hint=hint)
    return Wanted(
        title=str(choice), url=str(choice.entry["url"]), filename=file_name(choice.entry),
        hashes=hashes, size=int(choice.entry.get("size", 0)),
    )  # fmt: skip


def _wheel(choice: Choice, file: _File | None, means: tuple[Source, Settings, Tell]) -> Wheel:
    """The wheel of one choice, built where it has to be. Raises InstallError."""
    settings = means[1]
    if choice.kind == "wheel":
        assert file
        built = Built(filename=file.path.name, sha256=file.sha256)
    else:
        built = build_wheel(choice, file.path if file else None, *means)
    name, version, _, _ = parse_wheel_filename(built.filename)
    if name != canonicalize_name(choice.name):
        message = f"the lock's file for {choice} is a wheel of {name}: {built.filename}"
        raise InstallError(message, hint="make the lock anew")
    path = place(settings, built.sha256, built.filename)
    made_here = choice.kind != "wheel"
    return Wheel(
        name=choice.name, version=choice.version if not made_here else str(version),
        filename=built.filename, path=path, sha256=built.sha256, size=path.stat().st_size,
        origin="" if made_here else origin(choice), built=made_here,
        direct_url=direct_url(choice),
    )  # fmt: skip
