"""The one edge of the room: reads the project's files."""

from __future__ import annotations

import io
import tokenize
from pathlib import Path

from cogsmith.errors import SignatureError
from cogsmith.signature.reader import parse
from cogsmith.signature.types import Signature

__all__ = ["load"]


def load(project: Path, reference: str, *, train: bool = False) -> Signature:
    """The signature of ``file.py:Name`` in a project folder, read from source.

    Raises SignatureError with every problem: file and line, what is wrong, what to write.
    """
    root = project.resolve()
    return parse(reference, lambda path: _text(root, path), train=train)


def _text(root: Path, path: str) -> str | None:
    """A file of the project, decoded as Python would; None where there is none inside it."""
    file = root / path
    try:
        if not file.resolve().is_relative_to(root):
            return None
        content = file.read_bytes()
    except (OSError, ValueError):
        return None
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise SignatureError(
            f"cannot be decoded: {error}", where=f"{path}:1", hint="save the file as UTF-8"
        ) from error
    return text.removeprefix("\ufeff")
