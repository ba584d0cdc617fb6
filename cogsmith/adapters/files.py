"""Folders of adapters on the disk, and what the heads of a base's weights say of its layers."""

from __future__ import annotations

import json
import os
import re
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path

from cogsmith.engine import Adapter, AdapterFiles, is_adapter
from cogsmith.errors import AdapterError, Problem

__all__ = ["base_shapes", "installed", "save"]

_LAYER = re.compile(r"(.*\.\d+\..+)\.weight")
_MOST_HEAD = 100 << 20  # bytes; safetensors' own bound


def base_shapes(folder: Path) -> dict[str, tuple[int, int]]:
    """The layers of a checkpoint, each with (outputs, inputs); only headers are read.

    Raises AdapterError when there are no safetensors, or one cannot be read.
    """
    found: dict[str, tuple[int, int]] = {}
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        raise AdapterError(
            "has no *.safetensors", where=str(folder), hint="name the base's own folder"
        )
    for path in paths:
        try:
            for name, one in _head(path).items():
                layer = _LAYER.fullmatch(name)
                if layer and len(one["shape"]) == 2:
                    found[layer[1]] = (int(one["shape"][0]), int(one["shape"][1]))
        except (OSError, ValueError, LookupError, TypeError, struct.error) as problem:
            raise AdapterError(f"cannot be read: {problem}", where=str(path)) from None
    return found


def installed(folder: Path) -> dict[str, Adapter]:
    """The adapters of a folder, by the names that requests give.

    Raises AdapterError with everything that is wrong in any of them.
    """
    found: dict[str, Adapter] = {}
    problems: list[Problem] = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not is_adapter(path):
            continue
        try:
            found[path.name.removesuffix(".tar")] = Adapter.parse(AdapterFiles.read(path))
        except AdapterError as error:
            problems += error.problems
    if problems:
        raise AdapterError(problems)
    return found


def save(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write an adapter's files; a server that looks sees all of them or what was before.

    Raises AdapterError where the folder cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        for name, data in files.items():
            (made / name).write_bytes(data)
        made.chmod(0o755)
        if folder.is_dir():  # a folder cannot replace one that has files
            for name in files:
                os.replace(made / name, folder / name)  # noqa: PTH105
            made.rmdir()
        else:
            made.rename(folder)
    except OSError as problem:
        raise AdapterError(
            f"cannot be written: {problem.strerror or problem}", where=str(folder)
        ) from None


def _head(path: Path) -> dict[str, dict[str, list[int]]]:
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > _MOST_HEAD:
            raise ValueError("is not a safetensors file")
        head = json.loads(file.read(length))
    head.pop("__metadata__", None)
    return dict(head)
