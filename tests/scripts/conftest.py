"""Scripts are no package: their folder goes on the path, as when one of them is run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent.parent.parent / "scripts"
sys.path.insert(0, str(SCRIPTS))


@pytest.fixture(scope="session")
def engine_packages() -> None:
    """Skip, with the reason, where torch and transformers are not installed."""
    for name in ("torch", "transformers"):
        pytest.importorskip(name, exc_type=ImportError)


@pytest.fixture(scope="session")
def weights() -> Path:
    return SCRIPTS.parent / "weights"
