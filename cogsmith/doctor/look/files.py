"""The files that go into an image, looked through for what hardly should."""

from __future__ import annotations

import os
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

from cogsmith.doctor.surroundings import Heavy

__all__ = ["look_at_files"]

HEAVY = 1_000_000_000  # bytes: a file or a folder worth a word
SECRETS = (
    ".env", ".env.*", "*.env", ".netrc", ".pypirc", ".npmrc", "id_rsa", "id_ed25519",
    "credentials.json", "*-service-account.json",
)  # fmt: skip
EXAMPLES = ("*.example", "*.sample", "*.template")


def look_at_files(
    folder: Path, skips: Callable[[str], bool]
) -> tuple[tuple[str, ...], tuple[Heavy, ...]]:
    """Files that look like secrets, and what is heavy, of all that ``skips`` does not leave out.

    ``skips`` is asked with paths from the folder. What lies at the top is told as a whole.
    """
    secret: list[str] = []
    sizes: dict[str, int] = {}
    for here, folders, files in os.walk(folder):
        place = Path(here)
        folders[:] = sorted(n for n in folders if not _stays_out(place / n, folder, skips))
        for name in sorted(files):
            path = (place / name).relative_to(folder).as_posix()
            if skips(path):
                continue
            if _is_secret(name):
                secret.append(path)
            top = path.split("/")[0]
            sizes[top] = sizes.get(top, 0) + _size(place / name)
    heavy = [Heavy(path, size) for path, size in sorted(sizes.items()) if size >= HEAVY]
    return tuple(secret), tuple(heavy)


def _stays_out(path: Path, folder: Path, skips: Callable[[str], bool]) -> bool:
    """Whether a folder stays out; what brings a file of it back is not looked for."""
    return skips(path.relative_to(folder).as_posix()) or (path / "pyvenv.cfg").exists()


def _is_secret(name: str) -> bool:
    examples = any(fnmatch(name, pattern) for pattern in EXAMPLES)
    return not examples and any(fnmatch(name, pattern) for pattern in SECRETS)


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
