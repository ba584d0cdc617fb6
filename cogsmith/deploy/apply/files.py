"""Files for a moment: what another program reads once and nobody else may read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["brief"]


@contextmanager
def brief(text: str, ending: str = ".yaml") -> Iterator[str]:
    """The path of a file of this text, which its owner alone can read; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="cogsmith-") as folder:
        path = Path(folder) / f"deploy{ending}"
        path.touch(mode=0o600)
        path.write_text(text, "utf-8")
        yield str(path)
