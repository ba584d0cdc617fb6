"""The layer below the packages: an empty virtual environment, the user, and the user's home."""

from __future__ import annotations

from collections.abc import Iterator

from cogsmith.image.recipe import Recipe, Write, key_of
from cogsmith.image.system import System
from cogsmith.image.users import User
from cogsmith.image.venv import Venv
from cogsmith.oci import Descriptor, Digest, Directory, Entry, File, Symlink, pack, recipe, tar

__all__ = ["skeleton"]

VERSION = 1


def skeleton(venv: Venv, user: User, system: System, mtime: int) -> Recipe:
    """The layer that makes the base image a place for the model's packages.

    Folders that the base has keep their owner and mode, so the layer depends on which of them
    are there.
    """
    entries = tuple(_entries(venv, user))
    lower = _lower(entries, system)

    def packed(write: Write) -> tuple[Descriptor, Digest]:
        return pack(tar(entries, mtime=mtime, lower=lower), write=write)

    return Recipe(
        key=key_of(
            "skeleton", VERSION, recipe("gzip"), mtime, sorted(lower),
            [venv.python, venv.interpreter, venv.folder],
            [user.uid, user.gid, user.home, [(p, d.hex()) for p, d in user.files]],
        ),
        kind="python",
        title="environment",
        created_by=f"cogsmith: {venv.folder} for {venv.interpreter}",
        size=sum(entry.size for entry in entries if isinstance(entry, File)),
        pack=packed,
    )  # fmt: skip


def _entries(venv: Venv, user: User) -> Iterator[Entry]:
    scripts = venv.scripts
    yield File.of(f"{venv.folder[1:]}/pyvenv.cfg", _pyvenv(venv))
    yield Directory(path=venv.site)
    yield Symlink(path=f"{venv.folder[1:]}/lib64", target="lib")
    yield Symlink(path=f"{scripts}/python", target=venv.interpreter)
    yield Symlink(path=f"{scripts}/python3", target="python")
    yield Symlink(path=f"{scripts}/python{venv.python}", target="python")
    for path, data in user.files:
        yield File.of(path, data)
    if user.made:
        yield Directory(path=user.home[1:], uid=user.uid, gid=user.gid)


def _pyvenv(venv: Venv) -> bytes:
    """What makes a folder an environment (PEP 405): where its Python is."""
    home = venv.interpreter.rpartition("/")[0]
    lines = (f"home = {home}", "include-system-site-packages = false", f"version = {venv.python}")
    return "".join(f"{line}\n" for line in lines).encode()


def _lower(entries: tuple[Entry, ...], system: System) -> frozenset[str]:
    """The folders on the way to the entries that the base has."""
    way: set[str] = set()
    for entry in entries:
        parts = entry.path.split("/")
        way |= {"/".join(parts[:end]) for end in range(1, len(parts))}
    return frozenset(way & system.folders)
