"""The project's layers: its weights, and on top of all its code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cogsmith.image.labels import canonical
from cogsmith.image.project import ProjectFile
from cogsmith.image.recipe import Kind, Recipe, Write, key_of
from cogsmith.image.users import User
from cogsmith.image.weights import grouped, weights_of
from cogsmith.oci import (
    EPOCH,
    Compression,
    Descriptor,
    Digest,
    Directory,
    Entry,
    File,
    Symlink,
    pack,
    recipe,
    tar,
)
from cogsmith.values import dataclass

__all__ = ["PROJECT", "Delivery", "project_recipes"]

PROJECT = "/src"
SCHEMA = ".cog/openapi_schema.json"  # where Cog's own server looks for it

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How a project's files are put into layers.

    ``budget`` is the most layers of weights, ``separate`` Cog's ``--separate-weights``,
    ``mtime`` the time of everything, in seconds.
    """

    user: User
    budget: int
    separate: bool = False
    mtime: int = EPOCH


def project_recipes(
    files: Sequence[ProjectFile], schema: Mapping[str, Any], delivery: Delivery
) -> tuple[Recipe, ...]:
    """The layers of a project's files, weights first; the code has the schema beside it."""
    weights = weights_of(files, separate=delivery.separate)
    names = {file.path for file in weights}
    layers = [_weights(group, delivery) for group in grouped(weights, delivery.budget)]
    rest = [file for file in files if file.path not in names and file.path != SCHEMA]
    return (*layers, _code(rest, schema, delivery))


def _weights(files: Sequence[ProjectFile], delivery: Delivery) -> Recipe:
    large = len(files) == 1
    title = files[0].path if large else f"weights ({len(files)} files)"
    return _recipe("weights", title, _Content(files, (), "none"), delivery)


def _code(files: Sequence[ProjectFile], schema: Mapping[str, Any], delivery: Delivery) -> Recipe:
    document = File.of(f"{PROJECT[1:]}/{SCHEMA}", canonical(schema).encode())
    return _recipe("code", "code", _Content(files, (document,), "gzip"), delivery)


@dataclass(frozen=True, slots=True)
class _Content:
    """What one layer holds: the project's files, and such as are made here."""

    files: Sequence[ProjectFile]
    made: tuple[File, ...]
    compression: Compression


def _recipe(kind: Kind, title: str, content: _Content, delivery: Delivery) -> Recipe:
    user, mtime, how = delivery.user, delivery.mtime, content.compression

    def packed(write: Write) -> tuple[Descriptor, Digest]:
        entries = _entries(content, user)
        return pack(tar(entries, mtime=mtime), how, write=write)

    return Recipe(
        key=key_of(
            "project", VERSION, recipe(how), mtime, [user.uid, user.gid],
            [[f.path, f.kind, f.target, f.sha256, f.executable] for f in content.files],
            [[made.path, made.open().read().decode()] for made in content.made],
        ),
        kind=kind,
        title=title,
        created_by=f"cogsmith: {title} in {PROJECT}",
        size=sum(f.size for f in content.files) + sum(made.size for made in content.made),
        pack=packed,
    )  # fmt: skip


def _entries(content: _Content, user: User) -> Iterator[Entry]:
    """Everything belongs to the user, the folders on the way included."""
    paths = [file.path for file in content.files]
    paths += [made.path.removeprefix(f"{PROJECT[1:]}/") for made in content.made]
    folders = _folders(paths)
    folders |= {f"{PROJECT[1:]}/{file.path}" for file in content.files if file.kind == "folder"}
    for folder in folders:
        yield Directory(path=folder, uid=user.uid, gid=user.gid)
    for file in content.files:
        if file.kind != "folder":
            yield _entry(file, user)
    for made in content.made:
        yield File(path=made.path, size=made.size, open=made.open, uid=user.uid, gid=user.gid)


def _folders(paths: Iterable[str]) -> set[str]:
    found = {PROJECT[1:]}
    for path in paths:
        parts = path.split("/")
        found |= {"/".join([PROJECT[1:], *parts[:end]]) for end in range(1, len(parts))}
    return found


def _entry(file: ProjectFile, user: User) -> Entry:
    path = f"{PROJECT[1:]}/{file.path}"
    if file.kind == "link":
        return Symlink(path=path, target=file.target, uid=user.uid, gid=user.gid)
    return File(
        path=path, size=file.size, open=file.open, mode=0o755 if file.executable else 0o644,
        uid=user.uid, gid=user.gid,
    )  # fmt: skip
