"""Which of a project's files are weights: they lie below the code, large ones in their own layers.

A layer of weights depends on the file's bytes and path alone, so it is made and sent once,
whatever else changes in the project. Weights are not compressed: numbers hardly get smaller
(a checkpoint in 16 bits by a tenth), and whoever pulls would inflate them at a quarter of the
speed of a disk.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from cogsmith.image.project import ProjectFile

__all__ = ["LARGE", "grouped", "weights_of"]

LARGE = 10 << 20  # bytes; as Cog counts where it separates weights

SUFFIXES = (
    ".bin", ".ckpt", ".gguf", ".h5", ".npz", ".onnx", ".pb", ".pt", ".pth", ".safetensors",
    ".tflite",
)  # fmt: skip
_CODE = (".py", ".sh", ".ipynb")


def weights_of(files: Iterable[ProjectFile], *, separate: bool) -> tuple[ProjectFile, ...]:
    """The files that are weights: the large ones.

    With ``separate`` (Cog's ``--separate-weights``) also all that lies in a folder beside
    weights, if there is no code in it: tokenizers and configs change with them.
    """
    kept = [file for file in files if file.kind == "file"]
    folders = _folders(kept) if separate else frozenset()
    return tuple(
        file for file in kept
        if file.size >= LARGE or any(file.path.startswith(f"{folder}/") for folder in folders)
    )  # fmt: skip


def _folders(files: Sequence[ProjectFile]) -> frozenset[str]:
    weights = {
        posixpath.dirname(file.path)
        for file in files
        if file.size >= LARGE or file.path.endswith(SUFFIXES)
    }
    code = [file.path for file in files if file.path.endswith(_CODE)]
    return frozenset(
        folder for folder in weights
        if folder and not any(path.startswith(f"{folder}/") for path in code)
    )  # fmt: skip


def grouped(files: Sequence[ProjectFile], budget: int) -> tuple[tuple[ProjectFile, ...], ...]:
    """One layer for each large file, the largest first; the rest in one, below them."""
    large = sorted((f for f in files if f.size >= LARGE), key=lambda file: (-file.size, file.path))
    alone = large[: max(budget - 1, 0)]
    rest = tuple(file for file in files if file not in alone)
    return (*((rest,) if rest else ()), *((file,) for file in alone))
