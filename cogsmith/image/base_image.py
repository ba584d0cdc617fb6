"""The base image: what its file system has, and which Python in it runs the model.

The layers are read once, one after the other, as an engine lays them: what a layer takes away
is gone, a folder over a folder is one folder, anything else replaces what was there, and a path
that leads through a link is the path that the link means (image-spec, "Applying changesets").
"""

from __future__ import annotations

import base64
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any

from cogsmith.errors import OciError
from cogsmith.image.debs.index import installed_packages
from cogsmith.image.recipe import key_of
from cogsmith.image.store import Store
from cogsmith.image.system import System
from cogsmith.image.venv import Venv
from cogsmith.oci import Image, Member, TarReader
from cogsmith.values import dataclass

__all__ = ["Base", "FileSystem", "interpreter_of", "read_system", "real_path", "release_of"]

READER = 2  # goes up when another version of this page would read another System
MAX_CONTENT = 64 << 20  # bytes; dpkg's status of a full desktop has 5 MiB
MAX_LINKS = 40  # on the way to a file, as Linux

_KEPT = re.compile(
    r"(?:etc|usr/lib)/os-release"
    r"|etc/(?:passwd|group|debian_version|alpine-release)"
    r"|var/lib/dpkg/(?:status|status\.d/[^/]+|arch|diversions|statoverride)"
    r"|var/lib/dpkg/(?:alternatives/[^/]+|info/[^/]+\.list|triggers/File)"
    r"|etc/ld\.so\.(?:cache|conf|conf\.d/[^/]+\.conf)"
    r"|etc/apt/(?:sources\.list|sources\.list\.d/[^/]+\.(?:list|sources))"
    r"|etc/apt/(?:trusted\.gpg|(?:trusted\.gpg\.d|keyrings)/[^/]+)"
    r"|usr/share/keyrings/[^/]+"
)
_PROGRAM = re.compile(r"(?:.*/)?s?bin/[^/]+")
_PYTHON = re.compile(r"python(3\.\d+)")
_USUAL = ("/usr/local/bin", "/usr/bin", "/opt/")  # the earlier, the better


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The image that ours begins with: its name, itself, and what is in it."""

    reference: str
    image: Image
    system: System


@dataclass(frozen=True, slots=True)
class _Node:
    """One path of a file system: a folder, a link (``target``), or something with content."""

    kind: str
    mode: int = 0
    target: str = ""
    content: bytes | None = field(default=None, repr=False)


class FileSystem:
    """Layers laid one on the other: every path with what it is. Paths have no slash before."""

    def __init__(self) -> None:
        self.nodes: dict[str, _Node] = {}

    def lay(self, archive: TarReader) -> None:
        """One more layer on top: what it takes away goes first, since that was below."""
        added: list[tuple[str, Member, bytes | None]] = []
        for member in archive:
            path = posixpath.normpath(member.path.lstrip("/"))
            folder, name = posixpath.split(path)
            if name == ".wh..wh..opq":
                self._remove(self._real(folder), inside=True)
            elif name.startswith(".wh."):
                self._remove(posixpath.join(self._real(folder), name[4:]))
            elif path not in (".", "") and not path.startswith("../"):
                added.append((path, member, _content(path, member, archive)))
        for path, member, content in added:
            self._add(path, member, content)

    def _add(self, path: str, member: Member, content: bytes | None) -> None:
        folder, name = posixpath.split(path)
        path = posixpath.join(self._real(folder), name)
        old = self.nodes.get(path)
        if member.kind == "directory":
            if old is not None and old.kind != "directory":
                self._remove(path)
            self.nodes[path] = _Node("directory", member.mode)
            return
        node = _Node(member.kind, member.mode, member.target, content)
        if member.kind == "hardlink":
            target, last = posixpath.split(posixpath.normpath(member.target.lstrip("/")))
            node = self.nodes.get(posixpath.join(self._real(target), last), node)
        if old is not None:
            self._remove(path)
        self.nodes[path] = node
        self._parents(path)

    def _parents(self, path: str) -> None:
        while (path := posixpath.dirname(path)) and path not in self.nodes:
            self.nodes[path] = _Node("directory", 0o755)

    def _remove(self, path: str, *, inside: bool = False) -> None:
        node = self.nodes.get(path)
        if not inside:
            self.nodes.pop(path, None)
        if inside or (node is not None and node.kind == "directory"):
            below = f"{path}/" if path else ""
            for other in [other for other in self.nodes if other.startswith(below)]:
                del self.nodes[other]

    def _real(self, folder: str) -> str:
        return _follow(folder, self._link)

    def _link(self, path: str) -> str | None:
        node = self.nodes.get(path)
        return node.target if node is not None and node.kind == "symlink" else None


def _content(path: str, member: Member, archive: TarReader) -> bytes | None:
    """The bytes of a file whose content matters. Its path may still lead through a link."""
    wanted = member.kind == "file" and member.size <= MAX_CONTENT and _KEPT.fullmatch(path)
    return b"".join(archive.content()) if wanted else None


def _follow(path: str, link: Callable[[str], str | None]) -> str:
    """The path without links on its way, as a kernel would go; as it is where that never ends."""
    done: list[str] = []
    rest = path.split("/")[::-1]
    links = 0
    while rest:
        part = rest.pop()
        if part in ("", "."):
            continue
        if part == "..":
            done = done[:-1]
            continue
        target = link("/".join([*done, part]))
        if target is None:
            done.append(part)
            continue
        links += 1
        if links > MAX_LINKS:
            return path
        if target.startswith("/"):
            done = []
        rest += target.split("/")[::-1]
    return "/".join(done)


def real_path(path: str, links: Mapping[str, str]) -> str:
    """Where a path of a system really leads, both without a slash before.

    >>> real_path("bin/sh", {"bin": "usr/bin", "usr/bin/sh": "dash"})
    'usr/bin/dash'
    """
    return _follow(path, links.get)


def read_system(image: Image, store: Store) -> System:
    """What an image's file system has, read from its layers once and remembered in the store.

    Raises InvalidLayer for a layer that cannot be read.
    """
    name = key_of("system", READER, str(image.digest))
    known = _remembered(image, store.recall(name))
    if known is not None:
        return known
    files = FileSystem()
    for layer in image.layers:
        with layer.uncompressed() as stream:
            files.lay(TarReader(stream))
    system = _system(image, files.nodes)
    store.note(name, _row(system), about=image.digest)
    return system


def _system(image: Image, nodes: Mapping[str, _Node]) -> System:
    return System(
        digest=image.digest,
        platform=image.config.platform,
        files={
            path: node.content for path, node in nodes.items() if node.content is not None
        },
        folders=frozenset(path for path, node in nodes.items() if node.kind == "directory"),
        links={path: node.target for path, node in nodes.items() if node.kind == "symlink"},
        programs=frozenset(
            path for path, node in nodes.items()
            if node.kind == "file" and node.mode & 0o111 and _PROGRAM.fullmatch(path)
        ),
    )  # fmt: skip


def _row(system: System) -> dict[str, Any]:
    return {
        "files": {
            path: base64.b64encode(data).decode() for path, data in sorted(system.files.items())
        },
        "folders": sorted(system.folders),
        "links": dict(sorted(system.links.items())),
        "programs": sorted(system.programs),
    }


def _remembered(image: Image, row: Mapping[str, Any]) -> System | None:
    try:
        return System(
            digest=image.digest,
            platform=image.config.platform,
            files={path: base64.b64decode(text) for path, text in row["files"].items()},
            folders=frozenset(row["folders"]),
            links=dict(row["links"]),
            programs=frozenset(row["programs"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def interpreter_of(system: System, minor: str) -> str:
    """The program in a base image that is Python of this minor version: ``/usr/bin/python3.11``.

    Links are followed to the end: it is by its own place that Python finds its library. Raises
    OciError that names the Pythons there are.
    """
    if "etc/alpine-release" in system.files:
        message = "the base image is Alpine, and nearly all wheels are made for another C library"
        raise OciError(message, hint=_hint(minor, ()), code="no_python")
    pythons = _pythons(system)
    if minor in pythons:
        return pythons[minor]
    found = ", ".join(f"{version} ({path})" for version, path in pythons.items())
    message = f"the model needs Python {minor}, and the base image has {found or 'none'}"
    raise OciError(message, hint=_hint(minor, tuple(pythons)), code="no_python")


def release_of(base: Base, venv: Venv) -> str:
    """The release of the Python that runs the model ("3.11.2"), as far as the image says; or "".

    Docker's own images say it in a variable, Debian's in the version of a package.
    """
    release = ""
    if venv.interpreter.startswith("/usr/local/"):
        told = dict(entry.partition("=")[::2] for entry in base.image.config.config.env)
        release = told.get("PYTHON_VERSION", "")
    elif venv.interpreter.startswith("/usr/bin/"):
        package = installed_packages(base.system.files).get(f"python{venv.python}-minimal")
        release = package.version.rpartition(":")[2].partition("-")[0] if package else ""
    return release if re.fullmatch(re.escape(venv.python) + r"\.\d+", release) else ""


def _hint(minor: str, others: Iterable[str]) -> str:
    hint = f"build with --base-image python:{minor}-slim"
    other = next(iter(others), "")
    return f'{hint}, or set python_version: "{other}"' if other else hint


def _pythons(system: System) -> dict[str, str]:
    """Every Python of a system by its minor version, each at its best place."""
    found: dict[str, set[str]] = {}
    for path in (*system.programs, *system.links):
        match = _PYTHON.fullmatch(posixpath.basename(path))
        real = real_path(path, system.links)
        if match and real in system.programs and "/shims/" not in path:  # pyenv's are scripts
            found.setdefault(match[1], set()).add(f"/{real}")
    return {version: min(found[version], key=_rank) for version in sorted(found, key=_number)}


def _rank(path: str) -> tuple[int, int, str]:
    usual = [number for number, place in enumerate(_USUAL) if path.startswith(place)]
    return (usual[0] if usual else len(_USUAL), path.count("/"), path)


def _number(version: str) -> int:
    return int(version.partition(".")[2])
