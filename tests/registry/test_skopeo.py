"""Another client at the same registry: what we push it takes, and what it pushes we take."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogsmith.oci import Layout, Reference, validate
from cogsmith.registry import Client, Keychain, Settings, Shipment
from tests.registry.conftest import ADA, is_there
from tests.registry.images import LINUX, bytes_of, whole_image
from tests.registry.real import RealRegistry

pytestmark = pytest.mark.registry


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    is_there()
    with RealRegistry(tmp_path_factory.mktemp("skopeo"), password=True) as registry:
        yield registry


@pytest.fixture
def login(tmp_path: Path, guarded: RealRegistry) -> Path:
    """Logged in by us, in the file that skopeo and podman read, too."""
    path = tmp_path / "auth.json"
    keychain = Keychain({"REGISTRY_AUTH_FILE": str(path)}, home=tmp_path)
    with Client(Settings(), lambda _host, _name: ADA) as client:
        client.check(guarded.host)
    keychain.store(guarded.host, ADA)
    return path


def skopeo(login: Path, *words: str) -> str:
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed (apt-get install skopeo)")
    command = ["skopeo", *words, f"--authfile={login}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def client(login: Path, tmp_path: Path) -> Iterator[Client]:
    keychain = Keychain({"REGISTRY_AUTH_FILE": str(login)}, home=tmp_path)
    with Client(Settings(), keychain.find) as client:
        yield client


def test_it_takes_what_we_push(
    client: Client, guarded: RealRegistry, login: Path, tmp_path: Path
) -> None:
    image, reference = whole_image(100_000, 5), Reference.parse(f"{guarded.host}/ours/image:1")
    client.push(client.plan_push(reference, Shipment.of(image)))
    said = json.loads(skopeo(login, "inspect", "--tls-verify=false", f"docker://{reference}"))
    assert said["Digest"] == str(image.digest)
    assert said["Layers"] == [str(layer.digest) for layer in image.layers]
    copy = f"oci:{tmp_path / 'copy'}:1"
    skopeo(login, "copy", "--src-tls-verify=false", f"docker://{reference}", copy)
    assert (tmp_path / "copy/blobs/sha256" / image.digest.hex).read_bytes() == (
        image.manifest.render()
    )


def test_we_take_what_it_pushes(
    client: Client, guarded: RealRegistry, login: Path, layout: Layout, tmp_path: Path
) -> None:
    image, reference = whole_image(70_000, 9), Reference.parse(f"{guarded.host}/theirs/image:1")
    source = Layout.create(tmp_path / "source")
    source.add(image, Reference.parse("local/image:1"))
    skopeo(
        login, "copy", "--dest-tls-verify=false", "--format=v2s2",
        f"oci:{source.root}:docker.io/local/image:1", f"docker://{reference}",
    )  # fmt: skip
    entry = client.pull(reference, layout, LINUX)
    assert entry.media_type == "application/vnd.docker.distribution.manifest.v2+json"
    there = layout.image(entry)
    assert validate(there) == ()
    with there.layers[0].uncompressed() as one, image.layers[0].uncompressed() as other:
        assert one.read() == other.read()
    assert bytes_of(there.layers[0])
    assert client.referrers(reference) == ()
