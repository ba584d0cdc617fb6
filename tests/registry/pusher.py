"""Pushes one image, in a process that can be killed: ``pusher REFERENCE LEDGER STOP_AT``.

The second layer's bytes stop coming at ``STOP_AT`` (0: never); then a line is printed.
"""

from __future__ import annotations

import io
import sys
import time
from dataclasses import replace
from pathlib import Path

from cogsmith.oci import Image, Reference
from cogsmith.registry import Client, Settings, Shipment
from tests.registry.images import image_of

SIZES = 3_000_000, 2_000_000
CHUNK = 500_000


class Stopping(io.BytesIO):
    """Bytes that stop coming."""

    stop_at = 0

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        left = self.stop_at - self.tell()
        if self.stop_at and left <= 0:
            sys.stdout.write("here\n")
            sys.stdout.flush()
            time.sleep(600)
        return super().read(min(size, left) if self.stop_at else size)


def image(stop_at: int = 0) -> Image:
    made = image_of(*SIZES, seed=99)
    with made.layers[1].open() as stream:
        data = stream.read()

    def opened() -> io.BytesIO:
        stopping = Stopping(data)
        stopping.stop_at = stop_at
        return stopping

    return replace(made, layers=(made.layers[0], replace(made.layers[1], open=opened)))


def settings(ledger: Path) -> Settings:
    return Settings(ledger=ledger, lanes=1, whole=100_000, chunk=CHUNK)


def main(name: str, ledger: str, stop_at: str) -> None:
    reference = Reference.parse(name)
    with Client(settings(Path(ledger))) as client:
        client.push(client.plan_push(reference, Shipment.of(image(int(stop_at)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
