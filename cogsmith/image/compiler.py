"""Another Python that compiles modules of wheels: started once, and forked for every run.

Files hold the hash of their source and are not checked against it (PEP 552, "unchecked"), so
times play no part. Bytes of ``marshal`` depend on what else the process has compiled and which
names it knows: so each run is a process that has just been forked from one that has compiled
nothing, with a fixed list of modules, in their order, and a fixed hash seed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from cogsmith.environment import Wheel
from cogsmith.errors import CommandFailed, InstallError
from cogsmith.image.wheels.archive import Member
from cogsmith.process import Dialog
from cogsmith.values import dataclass

__all__ = ["Compiled", "Compilers", "Run"]

Compiled = list[tuple[str, bytes]]  # a module's path, its byte code; nothing: it does not compile

# As many at work as there are cores, however many layers are made at once.
_cores = threading.BoundedSemaphore(os.cpu_count() or 1)

# In the other Python: for each line a task, for each task a fork, which writes one file of all
# byte code behind each other and answers with their sizes, or with what is wrong. A source that
# does not compile (for another Python, or a template) has the size 0: it would not be imported
# either. The names in this text are among those that ``marshal`` finds known, so another text is
# another version of the byte code.
_PROGRAM = """
import gc, importlib.util, json, marshal, os, sys, zipfile, zlib

def source_of(archive, name, offset, method, packed, crc):
    archive.seek(offset + 26)
    sizes = archive.read(4)
    archive.seek(int.from_bytes(sizes[:2], "little") + int.from_bytes(sizes[2:], "little"), 1)
    if method in (0, 8):
        data = archive.read(packed)
        source = zlib.decompress(data, -15) if method else data
    else:
        source = zipfile.ZipFile(archive).read(name)
    if zlib.crc32(source) != crc:
        raise ValueError(f"{name} is broken")
    return source

def compiled(source, path):
    try:
        code = compile(source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return b""
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")
    return head + importlib.util.source_hash(source) + marshal.dumps(code)

def answer(line):
    wheel, tag, target, modules = json.loads(line)
    if sys.implementation.cache_tag != tag:
        return f"this Python makes {sys.implementation.cache_tag}, not {tag}"
    with open(wheel, "rb") as archive, open(target, "wb") as made:
        return [made.write(compiled(source_of(archive, *at), path)) for path, at in modules]

gc.disable()  # code has no cycles
for line in sys.stdin:
    child = os.fork()
    if not child:
        try:
            told = answer(line)
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
        print(json.dumps(told), flush=True)
        os._exit(0)
    if status := os.waitpid(child, 0)[1]:
        print(json.dumps(f"ended with the status {status}"), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What one process compiles: members of a wheel, and where they lie in the layer."""

    wheel: Wheel
    sources: tuple[tuple[str, Member], ...]


class Compilers:
    """Processes of one Python that compile for layers: started when needed, ended with this.

    ``tag`` is the mark that its files must have ("cpython-311"). ``identity`` says which
    interpreter it is, for keys on this machine; to know it, none is started.
    """

    def __init__(self, python: Path, tag: str) -> None:
        self.tag = tag
        self.identity = _identity(python)
        self._command = (str(python), "-s", "-S", "-W", "ignore", "-c", _PROGRAM)
        self._idle: list[Dialog] = []
        weakref.finalize(self, _close, self._idle)

    def compile(self, runs: Sequence[Run]) -> Iterator[Compiled]:
        """What comes of each run. Raises InstallError, naming the wheel."""
        with ThreadPoolExecutor(os.cpu_count() or 1, "compile") as pool:
            yield from pool.map(self._compiled, runs)

    def _compiled(self, run: Run) -> Compiled:
        with tempfile.TemporaryDirectory(prefix="cogsmith-") as folder:
            target = Path(folder, "made")
            modules = [(f"/{path}", _at(member)) for path, member in run.sources]
            task = (str(run.wheel.path), self.tag, str(target), modules)
            try:
                with self._one() as dialog:
                    sizes = json.loads(dialog.ask(json.dumps(task)))
                    if not isinstance(sizes, list):
                        raise ValueError(sizes)
                data = target.read_bytes()
            except (CommandFailed, OSError, ValueError) as error:
                message = f"its byte code cannot be made: {error}"
                raise InstallError(message, where=run.wheel.filename) from error
        return list(_cut(run, data, sizes))

    @contextmanager
    def _one(self) -> Iterator[Dialog]:
        with _cores:
            try:
                dialog = self._idle.pop()
            except IndexError:
                dialog = Dialog(self._command, env={"PYTHONHASHSEED": "0"})
            try:
                yield dialog
            except BaseException:
                dialog.close()
                raise
            self._idle.append(dialog)


def _identity(python: Path) -> tuple[object, ...]:
    try:
        real = python.resolve(strict=True)
        status = real.stat()
    except OSError as error:
        raise InstallError(f"cannot be used: {error.strerror}", where=str(python)) from error
    known = sys.version if real == Path(sys.executable).resolve() else ""
    return str(real), status.st_size, status.st_mtime_ns, known


def _at(member: Member) -> tuple[object, ...]:
    return member.name, member.offset, member.method, member.packed, member.crc


def _cut(run: Run, data: bytes, sizes: Sequence[int]) -> Iterator[tuple[str, bytes]]:
    at = 0
    for (path, _), size in zip(run.sources, sizes, strict=True):
        yield path, data[at : at + size]
        at += size


def _close(dialogs: Sequence[Dialog]) -> None:
    for dialog in dialogs:
        dialog.close()
