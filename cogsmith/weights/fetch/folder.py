"""A folder of this machine: its files, hashed as often as they change and no more."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from cogsmith.errors import Problem, WeightsError
from cogsmith.oci import Hasher, chunks_of
from cogsmith.weights.fetch.lanes import run_all
from cogsmith.weights.files import WeightFile, path_problems, set_digest
from cogsmith.weights.listing import Listed, Listing
from cogsmith.weights.progress import FileProgress, Tell
from cogsmith.weights.source import FolderSource
from cogsmith.weights.store.disk import refusals
from cogsmith.weights.store.store import Store

__all__ = ["look_at_folder"]

SETTLED = 2.0  # seconds: a file that was changed just now may change again at the same time stamp
KINDS = {stat.S_IFLNK: "a link", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
MAX_PROBLEMS = 20


def look_at_folder(source: FolderSource, project: Path, store: Store, tell: Tell) -> Listing:
    """The files of a folder with their digests. Raises WeightsError for what may not be packed."""
    root = project / source.path  # an absolute path wins over the project's
    paths = _walk(root, source)
    files = run_all(lambda path: _hashed(root, path, store, tell), paths, lanes=4)

    def read(file: Listed, start: int) -> Iterator[bytes]:
        with (root / file.path).open("rb") as stream:
            stream.seek(start)
            yield from chunks_of(stream)

    return Listing(
        fingerprint=str(set_digest(files)),
        files=tuple(Listed(path=f.path, size=f.size, digest=f.digest) for f in files),
        read=read,
    )


def _walk(root: Path, source: FolderSource) -> list[str]:
    if not root.is_dir():
        said = "is not a directory" if root.exists() else "not found"
        hint = "a source is a folder: name the one that the file is in, and include the file"
        raise WeightsError(f"weight source {said}", where=source.uri, hint=hint)
    problems: list[Problem] = []
    found: list[str] = []
    with refusals(root):
        for folder, names, files in os.walk(root, onerror=_raise):
            for name in sorted((*names, *files)):
                path = Path(folder, name)
                kind = stat.S_IFMT(path.lstat().st_mode)
                relative = path.relative_to(root).as_posix()
                if kind == stat.S_IFREG:
                    found.append(relative)
                elif kind != stat.S_IFDIR:
                    said = f"is {KINDS.get(kind, 'a device')}: only files can be packed"
                    hint = f"resolve links: cp -rL {source.path} COPY"
                    problems.append(Problem(said, relative, hint))
    problems += path_problems(found)
    if not found and not problems:
        raise WeightsError("weight source has no files in it", where=source.uri)
    if problems:
        raise WeightsError(problems[:MAX_PROBLEMS])
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error


def _hashed(root: Path, path: str, store: Store, tell: Tell) -> WeightFile:
    place = root / path
    with refusals(place):
        about = place.stat()
        key = f"{place.absolute()} {about.st_size} {about.st_mtime_ns} {about.st_ino}"
        known = store.known_file(path, key)
        if known is not None:
            return known
        hasher = Hasher()
        with place.open("rb") as stream:
            for data in chunks_of(stream):
                hasher.update(data)
                tell(_progress(path, hasher.size, about.st_size))
    made = WeightFile(path, hasher.size, hasher.digest)
    if made.size == about.st_size and time.time() - about.st_mtime > SETTLED:
        store.note_file(key, made)
    return made


def _progress(path: str, done: int, total: int) -> FileProgress:
    return FileProgress(path=path, state="hashing", done=done, total=total)
