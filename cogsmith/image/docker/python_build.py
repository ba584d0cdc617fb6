"""A Python for a base image whose distribution does not have it: uv's, made for every Linux.

It is unpacked here and copied into the image, so that the image needs no uv, and the Python of
another architecture comes in the same way.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from cogsmith.environment import uv_program
from cogsmith.errors import CommandFailed, OciError
from cogsmith.oci import Platform
from cogsmith.process import run

__all__ = ["put_python"]

_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}


def put_python(minor: str, platform: Platform, place: Path, environ: Mapping[str, str]) -> None:
    """Put the Python of a minor version at ``place``, a folder that is not there yet.

    ``UV_PYTHON_INSTALL_MIRROR`` and uv's other variables count. Raises OciError.
    """
    machine = _ARCHITECTURES.get(platform.architecture, platform.architecture)
    wanted = f"cpython-{minor}-linux-{machine}-gnu"
    folder = place.with_name(f"{place.name}.uv")
    try:
        run(
            (uv_program(), "python", "install", "--no-bin", "--install-dir", str(folder), wanted),
            env={**environ, "UV_PYTHON_DOWNLOADS": "automatic"},
        )
        found = [path for path in folder.glob("cpython-*") if not path.is_symlink()]
        os.replace(found[0], place)  # noqa: PTH105 - a whole folder
    except (CommandFailed, OSError, IndexError) as error:
        message = f"Python {minor} is not in the base image, and uv cannot bring it"
        hint = f"choose a --base-image with Python {minor}, or set UV_PYTHON_INSTALL_MIRROR"
        raise OciError(f"{message}: {error}", hint=hint, code="no_python") from error
