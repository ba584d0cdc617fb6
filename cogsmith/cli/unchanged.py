"""A build that has nothing to do is known by the times of files, as ``make`` knows it.

To read a config, a lock and the hashes of files is half a second, most of it Python's imports. So
a build leaves a note: what it was asked for, every file and folder that it depends on as the file
system shows it, and what came out. While all of that is the same, so is the image. Where nothing
but code has changed, the image is the last one with other code: ``cogsmith.cli.edited``. Every
doubt is a no: then everything is looked at.

This module imports nothing but the standard library: that is what it is for.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cogsmith

__all__ = ["Note", "Told", "inputs_of", "note_for"]

SOCKET = "unix:///var/run/docker.sock"
MOST = 20_000  # files; a larger project is looked at in the usual way
# A file that was written so shortly before it was read may be written again within the same tick
# of the clock that stamps it (10 ms on Linux, at most), or, where times are whole seconds, within
# two.
TICK, COARSE = 20_000_000, 2_000_000_000  # nanoseconds
SKIPPED = {"__pycache__", ".git", ".venv"}
# Variables that a build depends on, by how their names begin.
VARIABLES = (
    "COGSMITH_", "COG_", "UV_", "PIP_", "DOCKER_", "XDG_CACHE_HOME", "HOME", "PATH",
    "SOURCE_DATE_EPOCH",
)  # fmt: skip


class Note:
    """Where the note of one question is kept: the words of a command, where, and by whom."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Told | None:
        """What it says; None where there is none, or nobody can read it."""
        try:
            told = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return None
        return Told(told) if isinstance(told, dict) else None

    def recall(self) -> dict[str, Any] | None:
        """What came out, if nothing has changed since; else None."""
        told = self.read()
        return told.report if told and told.holds() else None

    def leave(
        self, report: Mapping[str, Any], inputs: Iterable[str], facts: Mapping[str, Any], begun: int
    ) -> None:
        """Keep what came out of a build that began at ``begun`` (nanoseconds since 1970).

        Nothing is kept when a file may have been written after it was read: it would be the old
        one that went into the image.
        """
        files: dict[str, list[int]] = {}
        for path in inputs:
            seen = _seen(path)
            if seen is None or _is_fresh(seen, begun) or len(files) >= MOST:
                self.forget()
                return
            files[path] = seen
        text = json.dumps({"report": report, "files": files, **facts})
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(text, "utf-8")
            beside.replace(self.path)
        except OSError:
            beside.unlink(missing_ok=True)  # it only saves time

    def forget(self) -> None:
        """The next build looks at everything."""
        self.path.unlink(missing_ok=True)


class Told:
    """What a note says, and how much of it is still so."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    @property
    def report(self) -> dict[str, Any]:
        """What came out."""
        report: dict[str, Any] = self.document["report"]
        return report

    def holds(self) -> bool:
        """Whether nothing has changed: neither what went in, nor what came out."""
        told = self.document
        return _sure(lambda: self._is_same() and _is_kept(told) and _is_loaded(told))

    def lacks_only_code(self) -> bool:
        """Whether nothing has changed but files that decide nothing else, and the blobs are there.

        They are all files of the project but configs, locks, requirements and .dockerignore.
        """
        return _sure(lambda: self._is_code_alone() and _has_blobs(self.document))

    def _is_same(self) -> bool:
        return isinstance(self.document["report"], dict) and not self._changed()

    def _changed(self) -> set[str]:
        return {path for path, seen in self.document["files"].items() if _seen(path) != seen}

    def _is_code_alone(self) -> bool:
        ground = self.document["ground"]
        project, program = ground["project"], str(Path(cogsmith.__file__).parent)
        new = {path for path in _tree(Path(project)) if path not in self.document["files"]}
        deciding, aside = set(ground["deciding"]), set(_history(Path(project)))
        return bool(ground["code"]) and all(
            _is_in(path, project) and not _is_in(path, program)
            and path not in deciding and not _decides(os.path.basename(path))  # noqa: PTH119
            for path in (self._changed() | new) - aside
        )  # fmt: skip


def note_for(asked: Mapping[str, Any], environ: Mapping[str, str]) -> Note:
    """The note about a command with these options, here, with these variables, by this program."""
    variables = {k: v for k, v in sorted(environ.items()) if k.startswith(VARIABLES)}
    question = [
        str(Path.cwd()), asked, variables, sys.executable, sys.version, cogsmith.__version__,
    ]  # fmt: skip
    words = json.dumps(question, sort_keys=True, default=str)
    name = hashlib.sha256(words.encode()).hexdigest()[:32]
    return Note(_folder(environ) / "unchanged" / f"{name}.json")


def inputs_of(project: Path, *others: Path) -> Iterator[str]:
    """Every file and folder that a build of this project depends on.

    A folder changes when something in it appears or goes. ``others`` are single files.
    """
    yield from map(str, others)
    yield from _tree(Path(cogsmith.__file__).parent)
    yield from _tree(project)
    here = Path.cwd()
    if here != project and here.is_relative_to(project):  # where a nearer cog.yaml could be
        yield from (str(f) for f in (here, *here.parents) if f.is_relative_to(project))
    yield from _history(project)


def _history(project: Path) -> tuple[str, ...]:
    """What changes with the commit, which is told in the provenance and nowhere else."""
    for folder in (project, *project.parents):
        log = folder / ".git" / "logs" / "HEAD"
        if log.is_file():
            return str(log), str(folder / ".git" / "index")
    return ()


def _decides(name: str) -> bool:
    """Whether a file of this name decides more than what lies in the image under its path."""
    return (
        name == ".dockerignore"
        or (name.startswith("cog.") and name.endswith((".yaml", ".yml")))
        or (name.startswith("pylock") and name.endswith(".toml"))
    )


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}{os.sep}")


def _sure(question: Callable[[], bool]) -> bool:
    """The answer; no, where a note is not as we write them, or what it tells of is gone."""
    try:
        return question()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _tree(root: Path) -> Iterator[str]:
    for folder, names, files in os.walk(root):
        if "pyvenv.cfg" in files:
            names.clear()
            continue
        names[:] = [name for name in names if name not in SKIPPED]
        yield folder
        yield from (f"{folder}{os.sep}{name}" for name in files)


def _seen(path: str) -> list[int] | None:
    """A file or folder as the file system shows it; None when it is gone."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return [
        found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_mode,
    ]  # fmt: skip


def _is_fresh(seen: list[int], begun: int) -> bool:
    """Whether it may have been written after the build has read it."""
    latest = max(seen[1], seen[2])
    margin = TICK if latest % 1_000_000_000 else COARSE
    return latest >= begun - margin


def _is_kept(told: Mapping[str, Any]) -> bool:
    """Whether the store has the image under its names, and all of its blobs."""
    store = Path(told["store"])
    index = json.loads((store / "index.json").read_bytes())
    named = {
        (entry.get("annotations") or {}).get("org.opencontainers.image.ref.name"): entry["digest"]
        for entry in index["manifests"]
    }
    digest = told["report"]["digest"]
    return all(named.get(name) == digest for name in told["references"]) and _has_blobs(told)


def _has_blobs(told: Mapping[str, Any]) -> bool:
    """Whether the store has all that the image is made of."""
    blobs = Path(told["store"]) / "blobs"
    return all((blobs / path).stat().st_size == size for path, size in told["blobs"])


def _is_loaded(told: Mapping[str, Any]) -> bool:
    """Whether the engine that got the image still has it, under its names."""
    address = told["engine"]
    if address == "unwanted":
        return True
    path = (address or os.environ.get("DOCKER_HOST") or SOCKET).removeprefix("unix://")
    if "://" in path:
        return False
    if not address:  # there was none
        return not Path(path).exists()
    return all(_id(path, name) in told["ids"] for name in told["report"]["names"])


def _id(path: str, name: str) -> str:
    """The id of an image in an engine; "" for none. One question, in the oldest HTTP there is."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(2.0)
        wire.connect(path)
        wire.sendall(f"GET /images/{name}/json HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
        data = b"".join(iter(lambda: wire.recv(1 << 16), b""))
    head, _, body = data.partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        return ""
    identity = str(json.loads(body)["Id"])
    return identity if ":" in identity else f"sha256:{identity}"


def _folder(environ: Mapping[str, str]) -> Path:
    """The cache folder, as the environment room has it; a test holds the two together."""
    if chosen := environ.get("COGSMITH_CACHE_DIR"):
        return Path(chosen).expanduser().absolute()
    shared = environ.get("XDG_CACHE_HOME", "")
    if Path(shared).is_absolute():
        return Path(shared) / "cogsmith"
    home = Path.home()
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "cogsmith"
