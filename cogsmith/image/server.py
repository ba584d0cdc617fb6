"""The server's layers: our own code that runs in a container, and the packages that it needs.

All of it lies in a folder of its own, which no other Python looks into: the author's
environment never has a package of ours. The front is started as ``python -I -S /opt/cogsmith``:
it sees the standard library and that folder, whatever ``PYTHONPATH`` or ``site-packages`` hold;
the author's process, which it starts, gets the environment variables as they are.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cogsmith import __version__
from cogsmith.environment import Wheel
from cogsmith.image.bytecode import bytecode_recipes
from cogsmith.image.project import package
from cogsmith.image.recipe import Recipe
from cogsmith.image.store import Store
from cogsmith.image.venv import Folder
from cogsmith.image.wheels.recipes import wheel_recipes

__all__ = ["FOLDER", "HEALTH", "PACKAGES", "START", "server_recipes", "server_wheel"]

FOLDER = "/opt/cogsmith"
# What follows the interpreter's name. -I: no variable and no folder of the user's leads Python
# elsewhere; -S: nor do the base image's own packages.
START = ("-I", "-S", FOLDER)
HEALTH = ("-I", "-S", f"{FOLDER}/cogsmith/runtime/probe.py")

# What the server needs, in the versions with which it was tested (docs/adr/0002).
PACKAGES = ("httptools==0.9.0", "msgspec==0.22.0", "uvloop==0.23.0")

# The rooms that run beside a predictor: DESIGN's closed set.
ROOMS = ("engine", "errors", "prediction", "runtime", "signature", "values")

_MAIN = b'''\
"""Started by the image: `python -I -S /opt/cogsmith`."""

from cogsmith.runtime.__main__ import main

main()
'''

_TAG = "py3-none-any"


def server_wheel(store: Store) -> Wheel:
    """Our own code that runs in an image, as a wheel that the store keeps.

    So it is put into a layer, compiled and listed as every other package. The archive is the
    same for the same code: times are 1980's, nothing is compressed.
    """
    files = {f"cogsmith/{f.path}": f.data for f in package() if _belongs(f.path)}
    files["__main__.py"] = _MAIN
    data = _archive(files)
    name = f"cogsmith-{__version__}-{_TAG}.whl"
    sha256 = hashlib.sha256(data).hexdigest()
    return Wheel(
        name="cogsmith", version=__version__, filename=name, sha256=sha256, size=len(data),
        path=store.keep(f"{sha256}.whl", data), built=True,
    )  # fmt: skip


def server_recipes(
    wheels: Sequence[Wheel], place: Folder, budget: int, python: Path | None
) -> tuple[Recipe, ...]:
    """The layers of the server's wheels and of their byte code, below all of the author's.

    ``python`` is an interpreter of the place's minor version on this machine; None: there is
    none, and a container compiles the server at every start.
    """
    made = wheel_recipes(wheels, place, budget - 1)
    made += bytecode_recipes(wheels, place, python, 1)
    return tuple(replace(one, kind="server", title=f"server: {one.title}") for one in made)


def _belongs(path: str) -> bool:
    head = path.partition("/")[0]
    return path == "__init__.py" or head.removesuffix(".py") in ROOMS


def _archive(files: Mapping[str, bytes]) -> bytes:
    """A wheel of these files, by the standard ("Binary distribution format")."""
    info = f"cogsmith-{__version__}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: cogsmith\nVersion: {__version__}\n"
    wheel = f"Wheel-Version: 1.0\nGenerator: cogsmith\nRoot-Is-Purelib: true\nTag: {_TAG}\n"
    whole = {
        **dict(sorted(files.items())),
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": wheel.encode(),
    }
    record = "".join(_row(path, data) for path, data in whole.items()) + f"{info}/RECORD,,\n"
    whole[f"{info}/RECORD"] = record.encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, data in whole.items():
            member = zipfile.ZipInfo(path)
            member.create_system, member.external_attr = 3, 0o100644 << 16  # as on Linux
            archive.writestr(member, data)
    return out.getvalue()


def _row(path: str, data: bytes) -> str:
    hashed = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={hashed},{len(data)}\n"
