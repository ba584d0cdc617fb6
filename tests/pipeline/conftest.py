"""The small model of tests/real, and a swarm of one engine, for the pipeline's story."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.conftest import small_template
from tests.registry.real import free_data_port, free_port

__all__ = ["small_template", "swarm"]

SCRIPT = Path(__file__).parent.parent.parent / "scripts" / "docker-engine"


@pytest.fixture(scope="module")
def swarm() -> Iterator[str]:
    """The address of an engine of our own that is a swarm; gone with all that it ran."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("an engine of one's own needs root and dockerd")
    folder = Path(tempfile.mkdtemp(prefix="cogp-"))
    try:
        ran = subprocess.run(
            [SCRIPT, "start", folder / "e"], text=True, capture_output=True, check=False
        )
        if ran.returncode:
            pytest.skip(f"no engine: {(ran.stderr.splitlines() or ['it failed'])[0]}")
        address = ran.stdout.strip().rpartition("=")[2]
        # Ports of its own: another swarm on this machine shall not be in the way.
        words = ["docker", "swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr",
                 f"127.0.0.1:{free_port()}", "--data-path-port", str(free_data_port())]  # fmt: skip
        subprocess.run(
            words, check=True, capture_output=True, env={**os.environ, "DOCKER_HOST": address}
        )
        yield address
    finally:
        subprocess.run([SCRIPT, "stop", folder / "e"], check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
