"""The project's files on the disk, and our own package's: listed, hashed, and read unchanged."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from pathlib import Path
from typing import BinaryIO, Literal

import cogsmith
from cogsmith.errors import ConfigError, InvalidLayer, Problem
from cogsmith.image.ignore import Ignore
from cogsmith.image.store import Seen, Store
from cogsmith.oci import CHUNK, chunks_of, reader
from cogsmith.values import dataclass

__all__ = ["PackageFile", "ProjectFile", "package", "survey"]

IGNORE = ".dockerignore"
_HINT = "do not change files during a build"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFile:
    """A file, folder or link of the project; ``path`` begins at the project's folder.

    ``target`` is what a link says. ``open`` gives a file's bytes, and raises InvalidLayer at
    their end if they are not those that were hashed.
    """

    path: str
    kind: Literal["file", "folder", "link"]
    target: str = ""
    size: int = 0
    sha256: str = ""
    executable: bool = False
    open: Callable[[], BinaryIO] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PackageFile:
    """A file of our own package, by its path in it."""

    path: str
    data: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """The hash of its bytes, in hex."""
        return hashlib.sha256(self.data).hexdigest()


def package() -> Iterator[PackageFile]:
    """The files of the package that is running, in their order, without what Python wrote there."""
    root = Path(cogsmith.__file__).parent
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.is_file() and "__pycache__" not in relative.parts:
            yield PackageFile(relative.as_posix(), path.read_bytes())


def survey(project: Path, store: Store, without: Iterable[str] = ()) -> tuple[ProjectFile, ...]:
    """All that goes into the image, sorted by path; ``without`` are folders that never do.

    Raises ConfigError with all that cannot.
    """
    ignore = Ignore.parse(_text(project / IGNORE)).without(without)
    found: list[ProjectFile] = []
    problems: list[Problem] = []
    for path in _walk(project, "", ignore):
        try:
            found.append(_file(project, path, store))
        except _Unfit as unfit:
            problems.append(unfit.problem)
    if problems:
        raise ConfigError(problems)
    return tuple(sorted(found, key=lambda file: file.path.split("/")))


class _Unfit(Exception):
    def __init__(self, message: str, where: str, hint: str = "") -> None:
        self.problem = Problem(message, where, hint or f"name it in {IGNORE}, or remove it")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from error


def _walk(project: Path, folder: str, ignore: Ignore) -> Iterator[str]:
    """Paths below a folder that are not skipped; environments of Python are never entered."""
    try:
        with os.scandir(project / folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise ConfigError(message, where=str(project / folder)) from error
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        skipped = ignore.skips(path)
        if entry.is_dir(follow_symlinks=False):
            if (project / path / "pyvenv.cfg").exists():
                continue
            if not skipped:
                yield path
            if not skipped or not ignore.skips_all_below(path):
                yield from _walk(project, path, ignore)
        elif not skipped:
            yield path


def _file(project: Path, path: str, store: Store) -> ProjectFile:
    if not _is_unicode(path):
        raise _Unfit("its name is not UTF-8", ascii(path)[1:-1])
    place = project / path
    mode = place.lstat().st_mode
    if stat.S_ISDIR(mode):
        return ProjectFile(path=path, kind="folder", open=_nothing)
    if stat.S_ISLNK(mode):
        return _link(path, os.readlink(place))  # noqa: PTH115 - Path would tidy what it says
    if not stat.S_ISREG(mode):
        raise _Unfit("is a socket, a pipe or a device: an image has files only", path)
    sha256, seen = store.sha256(place)
    return ProjectFile(
        path=path, kind="file", size=seen.size, sha256=sha256, executable=seen.executable,
        open=lambda: reader(_unchanged(place, path, sha256, seen)),
    )  # fmt: skip


def _link(path: str, target: str) -> ProjectFile:
    """A link is kept as it is, if it stays inside: elsewhere the image has other files."""
    if not _is_unicode(target):
        raise _Unfit("links to a name that is not UTF-8", path)
    depth = path.count("/")
    for part in target.split("/"):
        depth += -1 if part == ".." else part not in ("", ".")
        if depth < 0 or target.startswith("/"):
            hint = f"copy what it means into the project, or name it in {IGNORE}"
            raise _Unfit(f"is a link to {target}, outside of the project", path, hint)
    return ProjectFile(path=path, kind="link", target=target, open=_nothing)


def _unchanged(place: Path, path: str, sha256: str, seen: Seen) -> Iterator[bytes]:
    """A file's bytes; those of a small one are hashed again, a large one's times are compared."""
    hashed = hashlib.sha256(usedforsecurity=False)
    small = seen.size < CHUNK
    with place.open("rb") as file:
        for data in chunks_of(file):
            if small:
                hashed.update(data)
            yield data
        same = Seen.of(file.fileno()) == seen and (not small or hashed.hexdigest() == sha256)
    if not same:
        raise InvalidLayer("was changed during the build", where=path, hint=_HINT)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def _nothing() -> BinaryIO:
    return reader(())
