"""Wheels made for tests: right ones, and ones that are wrong in one thing."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from cogsmith.environment import Wheel
from cogsmith.image import Recipe, Venv
from cogsmith.oci import Layer, Member, TarReader

VENV = Venv(python="3.11", interpreter="/usr/bin/python3.11")
SITE = VENV.site
BIG = b"".join(hashlib.sha256(b"%d" % n).hexdigest().encode() for n in range(4000))  # 256 kB


def row(name: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(data)}\n"


def record(files: Mapping[str, bytes], info: str) -> bytes:
    rows = "".join(row(name, data) for name, data in files.items())
    return f"{rows}{info}/RECORD,,\n".encode()


def contents(name: str, version: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """All files of a right wheel, RECORD last."""
    info = f"{name}-{version}.dist-info"
    whole = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\n",
    }
    whole = {**whole, **{k: v for k, v in files.items() if k in whole}}
    return {**whole, f"{info}/RECORD": record(whole, info)}


def write(path: Path, files: Mapping[str | zipfile.ZipInfo, bytes], method: int = 8) -> None:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def wheel_at(path: Path, *, direct_url: Mapping[str, str] | None = None) -> Wheel:
    name, version = path.name.split("-")[:2]
    data = path.read_bytes()
    return Wheel(
        name=name.lower().replace("_", "-"), version=version, filename=path.name, path=path,
        sha256=hashlib.sha256(data).hexdigest(), size=len(data), direct_url=direct_url,
    )  # fmt: skip


def wheel(
    folder: Path, name: str, files: Mapping[str, bytes], *, version: str = "1.0", method: int = 8
) -> Wheel:
    path = folder / f"{name}-{version}-py3-none-any.whl"
    write(path, contents(name, version, files), method)
    return wheel_at(path)


def packed(recipe: Recipe) -> tuple[bytes, Layer]:
    pieces: list[bytes] = []
    descriptor, diff_id = recipe.pack(pieces.append)
    data = b"".join(pieces)
    return data, Layer(descriptor=descriptor, diff_id=diff_id, open=lambda: io.BytesIO(data))


def members(layer: Layer) -> Iterator[tuple[Member, bytes]]:
    with layer.uncompressed() as stream:
        archive = TarReader(stream)
        for member in archive:
            yield member, b"".join(archive.content())


def files_of(layer: Layer) -> dict[str, bytes]:
    return {m.path: data for m, data in members(layer) if m.kind == "file"}
