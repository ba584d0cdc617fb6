"""A large layer streams: what one chunk of it holds is never all in memory. And Ctrl-C ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cogsmith.testing.registry import FakeRegistry
from tests.conftest import ROOT
from tests.registry.conftest import is_there
from tests.registry.real import RealRegistry

MIB = 1024 * 1024

# Pushes and pulls a sparse file in chunks, and prints how much more memory that took (KiB).
TRANSFER = """
import os, resource, sys
from pathlib import Path
from cogsmith.oci import *
from cogsmith.registry import *

host, folder, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
(folder / "sparse").touch()
os.truncate(folder / "sparse", size)
hasher = Hasher()
with (folder / "sparse").open("rb") as stream:
    for data in chunks_of(stream):
        hasher.update(data)
blob = Descriptor(media_type=media_types.layer_type("none"), digest=hasher.digest, size=size)
large = Layer(descriptor=blob, diff_id=blob.digest, open=lambda: (folder / "sparse").open("rb"))
image = Image.of(ImageConfig(platform=Platform.parse("linux/amd64")), (large,))
reference = Reference.parse(f"{host}/large:1")
layout = Layout.create(folder / "layout")

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

with Client(Settings(whole=0)) as client:
    client.check(host)
    before = peak()
    client.push(client.plan_push(reference, Shipment.of(image)))
    client.pull(reference, layout)
    print(peak() - before)
"""


@pytest.mark.registry
def test_memory_stays_flat(tmp_path: Path) -> None:
    is_there()
    with RealRegistry(tmp_path) as registry:
        command = [sys.executable, "-c", TRANSFER, registry.host, str(tmp_path), str(200 * MIB)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 16 * 1024


PUSH = """
import sys
import time
from cogsmith.registry import *
from cogsmith.oci import Reference
from tests.registry.images import image_of

reference = Reference.parse(f"{sys.argv[1]}/a/b:1")
with Client() as client:
    plan = client.plan_push(reference, Shipment.of(image_of(1000, 2000, 3000, 4000, 5000)))
    client.push(plan)
"""


def test_ctrl_c_ends_a_push_that_waits(fake: FakeRegistry) -> None:
    fake.fail("PUT .*/blobs/", times=100, delay=100)
    command = [sys.executable, "-c", PUSH, fake.host]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            while fake.count("POST") < 4:
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert process.returncode == -signal.SIGINT
