"""Kills: of the registry while we push, and of us. What comes after sends only what is missing."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cogsmith.errors import Unreachable
from cogsmith.oci import Layout, Reference
from cogsmith.registry import Backoff, BlobProgress, Client, Shipment
from cogsmith.testing.registry import FakeRegistry
from tests.conftest import ROOT
from tests.registry import pusher
from tests.registry.images import LINUX, image_of
from tests.registry.real import RealRegistry

Registry = FakeRegistry | RealRegistry
PATIENT = Backoff(tries=16, first=0.05, longest=1.0)


class Killer:
    """Ends a registry once, when one blob is half there, and starts it again a moment later."""

    def __init__(self, registry: Registry, size: int) -> None:
        self.registry, self.size = registry, size
        self.told: list[BlobProgress] = []
        self.again: threading.Thread | None = None

    def __call__(self, progress: BlobProgress) -> None:
        self.told.append(progress)
        half = progress.total == self.size and progress.done >= self.size // 2
        if half and progress.state == "running" and self.again is None:
            self.registry.stop()
            self.again = threading.Thread(target=self.restart)
            self.again.start()

    def restart(self) -> None:
        threading.Event().wait(0.3)
        self.registry.start()

    def rest(self) -> None:
        assert self.again is not None
        self.again.join()


@pytest.mark.parametrize("chunk", [1_000_000, 100_000_000])
def test_the_registry_is_killed_during_a_push(
    registry: Registry, make_client: Callable[..., Client], chunk: int
) -> None:
    client = make_client(whole=chunk, chunk=chunk, backoff=PATIENT, lanes=2, tell_every=0)
    image = image_of(5_000_000, 4_000_000, 1000, seed=chunk)
    reference = Reference.parse(f"{registry.host}/killed/registry-{chunk}:1")
    killer = Killer(registry, 5_000_000)
    client.push(client.plan_push(reference, Shipment.of(image)), tell=killer)
    killer.rest()
    assert client.manifest(reference, LINUX) == image.manifest
    assert all(client.has_blob(reference, blob.digest) for blob in image.blobs)
    assert "retrying" in {progress.state for progress in killer.told}


def test_the_registry_is_killed_during_a_pull(
    registry: Registry, make_client: Callable[..., Client], layout: Layout
) -> None:
    client = make_client(backoff=PATIENT, lanes=2, tell_every=0)
    image = image_of(9_000_000, 4_000_000, 1000)
    reference = Reference.parse(f"{registry.host}/killed/pull:1")
    client.push(client.plan_push(reference, Shipment.of(image)))
    killer = Killer(registry, 9_000_000)
    client.pull(reference, layout, LINUX, tell=killer)
    killer.rest()
    assert all(layout.has(blob.descriptor) for blob in image.blobs)


def test_a_registry_that_stays_away(make_client: Callable[..., Client], fake: FakeRegistry) -> None:
    client = make_client()
    reference = Reference.parse(f"{fake.host}/killed/for-ever:1")
    plan = client.plan_push(reference, Shipment.of(image_of(1000)))
    fake.stop()
    with pytest.raises(Unreachable, match="Connection refused") as caught:
        client.push(plan)
    assert caught.value.where == reference.name


@pytest.mark.parametrize(("stop_at", "kept"), [(1_500_000, 1_500_000), (500_001, 0)])
def test_we_are_killed_during_a_push(
    registry: Registry, tmp_path: Path, stop_at: int, kept: int
) -> None:
    ledger = tmp_path / "ledger"
    reference = Reference.parse(f"{registry.host}/killed/push-{stop_at}:1")
    command = [sys.executable, "-m", "tests.registry.pusher", str(reference), str(ledger)]
    process = subprocess.Popen([*command, str(stop_at)], stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert process.stdout
        assert process.stdout.readline() == b"here\n"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()

    image = pusher.image()
    told: list[BlobProgress] = []
    with Client(pusher.settings(ledger)) as client:
        plan = client.plan_push(reference, Shipment.of(image))
        assert [blob.size for blob in plan.present] == [pusher.SIZES[0]]
        client.push(plan, tell=told.append)
        assert client.manifest(reference, LINUX) == image.manifest
        first = next(p for p in told if p.total == pusher.SIZES[1])
        # Killed between two chunks, an upload goes on there. Killed within one, distribution
        # 2.8 forgets the upload, and this blob (no other) begins again.
        assert first.done == kept
        assert list(ledger.iterdir()) == []
