"""Byte code of the packages in an image, in layers of its own, made once for each wheel.

Without it a container compiles what it imports at every start: 8 s instead of 3 for torch and
transformers (facts/builders.md, section 5). Compiling all takes 25 s of a processor's time for
such an environment, so ``likely`` modules are taken; a wheel's byte code is made once.

Files hold the hash of their source and are not checked against it (PEP 552, "unchecked"), so
times play no part. Bytes of ``marshal`` depend on the order in which one process compiles:
each run is a fresh process with a fixed list of files, in their order, and a fixed hash seed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cogsmith.environment import Wheel
from cogsmith.errors import CommandFailed, InstallError
from cogsmith.image.recipe import Recipe, Write, key_of
from cogsmith.image.venv import Place
from cogsmith.image.wheels.archive import Archive, Member
from cogsmith.image.wheels.buckets import Group, groups
from cogsmith.image.wheels.modules import likely
from cogsmith.image.wheels.recipes import above, wheels_key
from cogsmith.image.wheels.spread import Placed, spread
from cogsmith.oci import Descriptor, Digest, Entry, File, pack, tar
from cogsmith.process import run

__all__ = ["bytecode_recipes"]

VERSION = 2
BUDGET = 16  # layers
RUN = 6_000_000  # bytes of source that one process compiles: about a second
LIBRARIES = "nvidia-"  # wheels of CUDA's libraries: large, with hardly any Python in them

# As many processes as there are cores, however many layers are made at once.
_cores = threading.BoundedSemaphore(os.cpu_count() or 1)

# In the other Python: reads sources out of a wheel, writes one file of all byte code behind
# each other, and says their sizes. A source that does not compile (for another Python, or a
# template) has the size 0: it would not be imported either.
_PROGRAM = """
import importlib.util, json, marshal, sys, zipfile
wheel, names, paths, target, tag = json.load(open(sys.argv[1]))
if sys.implementation.cache_tag != tag:
    sys.exit(f"this Python makes {sys.implementation.cache_tag}, not {tag}")
sizes = []
with zipfile.ZipFile(wheel) as archive, open(target, "wb") as made:
    for name, path in zip(names, paths):
        source = archive.read(name)
        try:
            code = compile(source, path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            sizes.append(0)
            continue
        head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")
        data = head + importlib.util.source_hash(source) + marshal.dumps(code)
        sizes.append(made.write(data))
print(json.dumps(sizes))
"""


def bytecode_recipes(
    wheels: Iterable[Wheel], place: Place, python: Path | None, budget: int = BUDGET
) -> tuple[Recipe, ...]:
    """The layers of the wheels' byte code, at most ``budget``, grouped as wheels are.

    ``python`` is an interpreter of the place's minor version on this machine, None: there is
    none, and no byte code. Neither it nor a wheel is opened here. Packing raises InstallError.
    """
    if python is None or budget < 1:
        return ()
    identity = _identity(python)
    all_ = tuple(wheels)
    libraries = tuple(w for w in all_ if w.name.startswith(LIBRARIES) and budget > 1)
    rest = [w for w in all_ if w not in libraries]
    grouped = groups(rest, budget - bool(libraries)) if rest else ()
    tail = (tuple(sorted(libraries, key=lambda w: w.name)),) if libraries else ()
    return tuple(_recipe(group, place, python, identity) for group in (*grouped, *tail))


def _identity(python: Path) -> tuple[object, ...]:
    """Which interpreter it is, for keys on this machine, without starting it."""
    try:
        real = python.resolve(strict=True)
        status = real.stat()
    except OSError as error:
        raise InstallError(f"cannot be used: {error.strerror}", where=str(python)) from error
    known = sys.version if real == Path(sys.executable).resolve() else ""
    return str(real), status.st_size, status.st_mtime_ns, known


def _recipe(group: Group, place: Place, python: Path, identity: tuple[object, ...]) -> Recipe:
    names = ", ".join(wheel.name for wheel in group)
    title = names if len(names) <= 60 else f"{names[:60].rpartition(', ')[0]}, ..."
    return Recipe(
        key=key_of("bytecode", VERSION, wheels_key(group, place), place.python, *identity),
        kind="bytecode",
        title=f"byte code of {title}",
        created_by=f"cogsmith byte code {' '.join(f'{w.name}=={w.version}' for w in group)}",
        size=sum(wheel.size for wheel in group),
        pack=partial(_pack, group, place, python),
    )


def _pack(group: Group, place: Place, python: Path, write: Write) -> tuple[Descriptor, Digest]:
    runs = [run_ for wheel in group for run_ in _runs(wheel, place)]
    with ThreadPoolExecutor(os.cpu_count() or 1, "compile") as pool:
        made = tuple(pool.map(partial(_compiled, python), runs))
    entries: dict[str, Entry] = {}
    for files in made:
        for file in files:
            entries.setdefault(file.path, file)
    return pack(tar(entries.values(), lower=above(place)), write=write)


@dataclass(frozen=True, slots=True)
class _Run:
    """What one process compiles: members of a wheel, and where they lie in the layer."""

    wheel: Wheel
    sources: tuple[tuple[str, str], ...]
    tag: str


def _runs(wheel: Wheel, place: Place) -> Iterator[_Run]:
    """The modules of a wheel, in order, cut into runs."""
    with Archive(wheel) as archive:
        modules = _modules(spread(wheel, archive.members, archive.contents, place), place)
        sizes = {path: member.size for path, member in modules.items()}
        wanted = likely(sizes, lambda path: archive.read(modules[path]).decode("utf-8", "replace"))
    taken: list[tuple[str, str]] = []
    size = 0
    for path in wanted:
        taken.append((modules[path].name, f"{place.site}/{path}"))
        size += modules[path].size
        if size >= RUN:
            yield _Run(wheel, tuple(taken), _tag(place))
            taken, size = [], 0
    if taken:
        yield _Run(wheel, tuple(taken), _tag(place))


def _modules(files: Iterable[Placed], place: Place) -> dict[str, Member]:
    """The sources of a wheel by their paths below the packages' folder."""
    site = f"{place.site}/"
    return {
        file.path[len(site) :]: file.source
        for file in files
        if isinstance(file.source, Member)
        and file.path.startswith(site)
        and file.path.endswith(".py")
    }


def _tag(place: Place) -> str:
    return f"cpython-{place.python.replace('.', '')}"


def _compiled(python: Path, run_: _Run) -> list[File]:
    """Start the other Python for a run; nothing of this process's environment reaches it."""
    names = [name for name, _ in run_.sources]
    paths = [f"/{path}" for _, path in run_.sources]
    with _cores, tempfile.TemporaryDirectory(prefix="cogsmith-") as folder:
        task, target = Path(folder, "task"), Path(folder, "made")
        task.write_text(json.dumps((str(run_.wheel.path), names, paths, str(target), run_.tag)))
        command = (str(python), "-s", "-S", "-W", "ignore", "-c", _PROGRAM, str(task))
        try:
            output = run(command, env={"PYTHONHASHSEED": "0"}, cwd=Path(folder)).output
            data = target.read_bytes()
        except (CommandFailed, OSError) as error:
            message = f"its byte code cannot be made: {error}"
            raise InstallError(message, where=run_.wheel.filename) from error
    return list(_files(run_, data, json.loads(output)))


def _files(run_: _Run, data: bytes, sizes: Sequence[int]) -> Iterator[File]:
    at = 0
    for (_, path), size in zip(run_.sources, sizes, strict=True):
        folder, _, name = path.rpartition("/")
        if size:
            made = f"{folder}/__pycache__/{name[:-3]}.{run_.tag}.pyc"
            yield File.of(made, data[at : at + size])
        at += size
