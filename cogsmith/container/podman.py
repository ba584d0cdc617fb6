"""podman's engine, for as long as we need it: it speaks Docker's API, but has no daemon."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cogsmith.errors import DockerError
from cogsmith.image import Engine

__all__ = ["podman_service"]

PATIENCE = 30.0  # seconds until it answers
IDLE = 15  # seconds without a request after which it ends by itself; the guard comes sooner


@contextmanager
def podman_service() -> Iterator[Engine]:
    """An engine of podman's that answers until the block ends.

    Raises DockerError when there is no podman, or it does not come up.
    """
    program = shutil.which("podman")
    if program is None:
        raise DockerError("neither Docker's engine nor podman is here")
    with tempfile.TemporaryDirectory(prefix="cog-", ignore_cleanup_errors=True) as folder:
        address = f"unix://{folder}/podman.sock"
        service = subprocess.Popen(
            [program, "system", "service", "--time", str(IDLE), address], cwd=folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield _answering(service, address)
        finally:
            service.terminate()
            service.wait()


def _answering(service: subprocess.Popen[bytes], address: str) -> Engine:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return Engine.find({**os.environ, "DOCKER_HOST": address}, home=Path.home())
        except DockerError as error:
            if service.poll() is not None:
                said = service.stderr.read().decode("utf-8", "replace") if service.stderr else ""
                message = f"podman's service does not start: {said.strip()[-500:]}"
                raise DockerError(message) from error
            if time.monotonic() > until:
                raise
        time.sleep(0.05)
