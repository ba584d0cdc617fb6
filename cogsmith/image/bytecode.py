"""Byte code of the packages in an image, in layers of its own, made once for each wheel.

Without it a container compiles what it imports at every start: 8 s instead of 3 for torch and
transformers (facts/builders.md, section 5). ``likely`` modules are taken, as compiling all is
half a minute of a processor's time for such an environment. ``compiler`` says how.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from cogsmith.environment import Wheel
from cogsmith.image.compiler import Compilers, Run
from cogsmith.image.recipe import Recipe, Write, key_of
from cogsmith.image.venv import Place
from cogsmith.image.wheels.archive import Archive, Member
from cogsmith.image.wheels.buckets import Group, groups
from cogsmith.image.wheels.modules import likely
from cogsmith.image.wheels.recipes import above, wheels_key
from cogsmith.image.wheels.spread import targets
from cogsmith.oci import Descriptor, Digest, Entry, File, pack, tar

__all__ = ["bytecode_recipes"]

VERSION = 3  # whatever changes the bytes of a layer changes it
BUDGET = 16  # layers
RUN = 6_000_000  # bytes of source that one process compiles: about half a second
LIBRARIES = "nvidia-"  # wheels of CUDA's libraries: large, with hardly any Python in them


def bytecode_recipes(
    wheels: Iterable[Wheel], place: Place, python: Path | None, budget: int = BUDGET
) -> tuple[Recipe, ...]:
    """The layers of the wheels' byte code, at most ``budget``, grouped as wheels are.

    ``python`` is an interpreter of the place's minor version on this machine, None: there is
    none, and no byte code. Neither it nor a wheel is opened here. Packing raises InstallError.
    """
    if python is None or budget < 1:
        return ()
    all_ = tuple(wheels)
    libraries = tuple(w for w in all_ if w.name.startswith(LIBRARIES) and budget > 1)
    rest = [w for w in all_ if w not in libraries]
    grouped = groups(rest, budget - bool(libraries)) if rest else ()
    tail = (tuple(sorted(libraries, key=lambda w: w.name)),) if libraries else ()
    compilers = Compilers(python, _tag(place))
    return tuple(_recipe(group, place, compilers) for group in (*grouped, *tail))


def _recipe(group: Group, place: Place, compilers: Compilers) -> Recipe:
    names = ", ".join(wheel.name for wheel in group)
    title = names if len(names) <= 60 else f"{names[:60].rpartition(', ')[0]}, ..."
    return Recipe(
        key=key_of(
            "bytecode", VERSION, wheels_key(group, place), place.python, *compilers.identity
        ),
        kind="bytecode",
        title=f"byte code of {title}",
        created_by=f"cogsmith byte code {' '.join(f'{w.name}=={w.version}' for w in group)}",
        size=sum(wheel.size for wheel in group),
        pack=partial(_pack, group, place, compilers),
    )


def _pack(
    group: Group, place: Place, compilers: Compilers, write: Write
) -> tuple[Descriptor, Digest]:
    runs = [run for wheel in group for run in _runs(wheel, place)]
    entries: dict[str, Entry] = {}
    for compiled in compilers.compile(runs):
        for path, data in compiled:
            if data:
                file = File.of(_cached(path, compilers.tag), data)
                entries.setdefault(file.path, file)
    return pack(tar(entries.values(), lower=above(place)), write=write)


def _runs(wheel: Wheel, place: Place) -> Iterator[Run]:
    """The modules of a wheel, in order, cut into runs."""
    site = f"{place.site}/"
    with Archive(wheel) as archive:
        files = targets(wheel, archive.members, archive.contents, place)
        modules = {
            path[len(site) :]: member
            for path, member in files.items()
            if path.startswith(site) and path.endswith(".py")
        }
        sizes = {path: member.size for path, member in modules.items()}
        wanted = likely(sizes, lambda path: archive.read(modules[path]).decode("utf-8", "replace"))
    taken: list[tuple[str, Member]] = []
    size = 0
    for path in wanted:
        taken.append((f"{site}{path}", modules[path]))
        size += modules[path].size
        if size >= RUN:
            yield Run(wheel, tuple(taken))
            taken, size = [], 0
    if taken:
        yield Run(wheel, tuple(taken))


def _tag(place: Place) -> str:
    return f"cpython-{place.python.replace('.', '')}"


def _cached(path: str, tag: str) -> str:
    """Where the byte code of a module lies (PEP 3147)."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/__pycache__/{name[:-3]}.{tag}.pyc"
