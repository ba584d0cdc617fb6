"""Removing output files that nobody else will: those that a prediction left behind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from cogsmith.runtime.files.destination import path_of

_TICK = 0.02  # seconds; the kernel stamps files by a clock that moves in steps


def tidy(
    files: Iterable[str], *, since: float, project: Path | None = None,
    temporary: Path | None = None,
) -> list[Path]:  # fmt: skip
    """Remove files of outputs that were made for one prediction; answers which.

    ``files`` are their ``file://`` URLs, ``since`` is when the prediction began, in seconds
    since 1970; ``project`` is the author's folder, by default the current one, ``temporary``
    the temporary folder, by default this process's. A file goes only if all of this is true;
    any other may be somebody's own:

    - it lies in the temporary folder, not by way of a link that leads elsewhere,
    - it does not lie in a project that is itself in the temporary folder,
    - it was made or changed since then: one that setup() made may be the next output, too.
    """
    temporary = (temporary or Path(tempfile.gettempdir())).resolve()
    kept = (project or Path.cwd()).resolve()
    inside = kept != temporary and kept.is_relative_to(temporary)
    removed = []
    for path in map(path_of, files):
        try:
            folder = path.parent.resolve()
            ours = folder.is_relative_to(temporary) and not (inside and folder.is_relative_to(kept))
            # The link itself, if it is one. Its inode's time cannot be set back by a copy.
            if ours and path.lstat().st_ctime >= since - _TICK:
                path.unlink()
                removed.append(path)
        except OSError:  # gone already, or not ours to remove
            continue
    return removed
