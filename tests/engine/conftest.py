from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory, engine_python: Path) -> Path:
    """The tiny checkpoints of every architecture, made by the project's own script."""
    folder = tmp_path_factory.mktemp("checkpoints")
    script = ROOT / "scripts" / "make_checkpoints.py"
    subprocess.run(
        [engine_python, script, "--out", folder], check=True, capture_output=True, timeout=200
    )
    return folder


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A red PNG with a white band."""
    from PIL import Image

    image = Image.new("RGB", (80, 60), (200, 30, 30))
    image.paste((255, 255, 255), (0, 20, 80, 30))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
