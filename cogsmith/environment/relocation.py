"""Moving a lock: paths in it are relative to where it stands, and hashes must be allowed ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from cogsmith.environment.credentials import bare
from cogsmith.errors import LockError, Problem

__all__ = ["editable", "relocated", "within_hashes"]

SOURCES = ("sdist", "archive", "directory", "vcs")


def relocated(
    document: Mapping[str, Any], *, source: Path, target: Path, project: Path
) -> dict[str, Any]:
    """A document written for the folder ``source``, as it reads in the folder ``target``.

    Beside a project, files of the project get relative paths, so that the project can be
    moved as a whole; everything else is absolute. URLs lose their credentials, which uv
    leaves in those that a requirement names.
    """
    inside = project if target == project else None

    def move(entry: Mapping[str, Any]) -> dict[str, Any]:
        where = _file_of(entry, source)
        if where is None:
            return {**entry, "url": bare(entry["url"])} if "url" in entry else dict(entry)
        moved = {key: value for key, value in entry.items() if key not in ("url", "path")}
        if inside and where.is_relative_to(inside):
            return {"path": where.relative_to(inside).as_posix(), **moved}
        return {"path": str(where), **moved} if "path" in entry else dict(entry)

    return {**document, "packages": [_each_source(p, move) for p in document["packages"]]}


def _file_of(entry: Mapping[str, Any], source: Path) -> Path | None:
    """The absolute path of a local file or folder; None for what lies on the network."""
    if path := entry.get("path"):
        return Path(os.path.normpath(source / path))
    url = urlparse(entry.get("url", ""))
    return Path(unquote(url.path)) if url.scheme == "file" else None


def _each_source(
    package: Mapping[str, Any], change: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    changed: dict[str, object] = {key: change(package[key]) for key in SOURCES if key in package}
    if "wheels" in package:
        changed["wheels"] = [change(wheel) for wheel in package["wheels"]]
    return {key: changed.get(key, value) for key, value in package.items()}


def within_hashes(document: Mapping[str, Any], allowed: Mapping[str, set[str]]) -> dict[str, Any]:
    """The document without the files whose hashes a requirements file does not allow.

    uv does not look at ``--hash`` while it resolves. Raises LockError for every package
    that has nothing left.
    """
    problems, packages = [], []
    for package in document["packages"]:
        kept = _allowed(package, allowed.get(package["name"], set()))
        if not any(key in kept for key in ("wheels", *SOURCES)):
            problems.append(
                Problem(
                    f"{package['name']} {package.get('version', '')}: none of its files has a "
                    "hash that the requirements allow",
                    hint="correct the --hash options, or leave them out: the lock holds hashes",
                )
            )
        packages.append(kept)
    if problems:
        raise LockError(problems)
    return {**document, "packages": packages}


def _allowed(package: Mapping[str, Any], hashes: set[str]) -> dict[str, Any]:
    if not hashes:
        return dict(package)

    def fits(entry: Mapping[str, Any]) -> bool:
        return any(f"{kind}:{value}" in hashes for kind, value in entry.get("hashes", {}).items())

    kept = {k: v for k, v in package.items() if k not in ("wheels", *SOURCES)}
    kept |= {key: package[key] for key in SOURCES if key in package and fits(package[key])}
    wheels = [wheel for wheel in package.get("wheels", ()) if fits(wheel)]
    return {**kept, "wheels": wheels} if wheels else kept


def editable(document: Mapping[str, Any], folders: set[Path], project: Path) -> dict[str, Any]:
    """The document with these folders marked as editable: what changes there needs no install."""

    def mark(package: Mapping[str, Any]) -> dict[str, Any]:
        folder = package.get("directory")
        if not folder or Path(os.path.normpath(project / folder["path"])) not in folders:
            return dict(package)
        return {**package, "directory": {**folder, "editable": True}}

    return {**document, "packages": [mark(package) for package in document["packages"]]}
