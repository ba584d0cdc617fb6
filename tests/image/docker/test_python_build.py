"""uv's Python for a base image that has none, brought here and not into the image."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cogsmith.errors import OciError
from cogsmith.image.docker.python_build import put_python
from cogsmith.oci import Platform
from tests.image.docker.pythons import offer


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_it_is_unpacked_for_the_image_s_platform(tmp_path: Path, platform: str) -> None:
    environ = {**os.environ, **offer(tmp_path, "3.12.4"), "UV_CACHE_DIR": str(tmp_path / "uv")}
    place = tmp_path / "python"
    put_python("3.12", Platform.parse(platform), place, environ)
    assert (place / "bin" / "python3.12").is_file()
    assert not (place / ".lock").exists()


def test_where_there_is_none_the_ways_out_are_named(tmp_path: Path) -> None:
    environ = {**os.environ, **offer(tmp_path, "3.12.4"), "UV_CACHE_DIR": str(tmp_path / "uv")}
    with pytest.raises(OciError, match=r"Python 3\.13 is not in the base image") as caught:
        put_python("3.13", Platform.parse("linux/amd64"), tmp_path / "python", environ)
    assert "--base-image" in caught.value.hint
    assert "UV_PYTHON_INSTALL_MIRROR" in caught.value.hint
