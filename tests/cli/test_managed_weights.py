"""Managed weights on the way of an image: built without them, pushed as an index with them."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogsmith.oci import Index, Platform, Reference, validate
from cogsmith.registry import Client
from cogsmith.weights import load_lock, tag
from tests.cli.workshop import CONFIG, Workshop, workshop
from tests.registry.real import PROGRAM, RealRegistry

WEIGHTS = """\
weights:
  - name: alpha
    source: {uri: "file://./local/alpha", exclude: ["*.md"]}
    target: /src/weights/alpha
  - name: beta-two
    source: local/beta
    target: /models/beta
"""


@pytest.fixture
def place(tmp_path: Path, command_environment: dict[str, str]) -> Iterator[Workshop]:
    with workshop(tmp_path, command_environment) as opened:
        opened.environment["COG_CACHE_DIR"] = str(tmp_path / "weights-cache")
        for name in ("alpha", "beta"):
            folder = opened.project / "local" / name
            folder.mkdir(parents=True)
            (folder / "model.bin").write_bytes(name.encode() * 100)
        (opened.project / "local" / "alpha" / "README.md").write_text("about alpha")
        (opened.project / "local" / "notes.txt").write_text("stays in the image")
        (opened.project / "cog.yaml").write_text(CONFIG + WEIGHTS)
        yield opened


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.registry)])
def repository(
    request: pytest.FixtureRequest, place: Workshop, tmp_path: Path
) -> Iterator[Reference]:
    """Where image and weights go."""
    if request.param == "fake":
        yield Reference.parse(f"{place.host}/ada/hello")
        return
    if PROGRAM is None:
        pytest.skip("docker-registry is not installed (apt-get install docker-registry)")
    with RealRegistry(tmp_path) as real:
        yield Reference.parse(f"{real.host}/ada/hello")


def files(place: Workshop, name: str) -> dict[str, bytes]:
    """The files of an image's own layers, by path."""
    found = {}
    for layer in place.image(name).layers[1:]:
        with layer.uncompressed() as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() else None
                if file:
                    found[member.name] = file.read()
    return found


def test_without_an_import_nothing_is_built(place: Workshop) -> None:
    for words in (("build",), ("push", f"{place.host}/ada/hello")):
        ran = place.run(*words)
        assert ran.returncode == 1
        assert 'weights.lock: weight "alpha" has not been imported' in ran.stderr
        assert 'weight "beta-two" has not been imported' in ran.stderr
        assert "cogsmith weights import" in ran.stderr
    assert place.run("images").stdout == ""


def test_the_image_tells_of_weights_and_has_none(place: Workshop) -> None:
    place.fine("weights", "import", "--image", f"{place.host}/ada/hello")
    (place.project / "weights" / "alpha").mkdir(parents=True)  # where a local run sees them
    (place.project / "weights" / "alpha" / "model.bin").write_bytes(b"alpha" * 100)
    place.fine("build", "-t", "hello")
    there = files(place, "hello")
    lock = load_lock(place.project / "weights.lock")
    assert lock
    assert json.loads(there[".cog/weights.json"]) == {
        "weights": [
            {"name": one.name, "target": one.target, "setDigest": str(one.set_digest)}
            for one in lock.weights
        ]
    }
    assert there["src/local/notes.txt"] == b"stays in the image"
    assert not [path for path in there if path.endswith(("model.bin", "README.md"))]


def test_without_managed_weights_an_image_has_no_such_file(place: Workshop) -> None:
    (place.project / "cog.yaml").write_text(CONFIG)
    place.fine("build", "-t", "hello")
    there = files(place, "hello")
    assert ".cog/weights.json" not in there
    assert there["src/local/alpha/model.bin"] == b"alpha" * 100


def test_a_push_makes_one_name_of_image_and_weights(place: Workshop, repository: Reference) -> None:
    place.fine("weights", "import", "--image", repository.name)
    name = f"{repository.name}:1"
    ran = place.fine("push", name)
    lines = ran.stderr.splitlines()
    assert f"Pushing to {repository.name}..." in lines
    lock = load_lock(place.project / "weights.lock")
    assert lock
    with Client() as client:
        index = client.fetch(Reference.parse(name))
        image = client.image(Reference.parse(name), Platform.parse("linux/amd64"))
        assert validate(image) == ()
    assert isinstance(index, Index)
    assert ran.stdout == f"{index.digest}\n"
    assert [entry.digest for entry in index.manifests] == [
        image.digest, *(weight.digest for weight in lock.weights),
    ]  # fmt: skip
    for entry, weight in zip(index.manifests[1:], lock.weights, strict=True):
        assert entry.annotations["run.cog.weight.name"] == weight.name
        assert entry.annotations["run.cog.weight.set-digest"] == str(weight.set_digest)
        assert str(entry.platform) == "unknown/unknown"
    alpha, beta = (repository.with_tag(tag(weight)) for weight in lock.weights)
    assert [line for line in lines if line.startswith(("model ", "image ", "weight "))] == [
        f"model   {name}",
        f"image   {repository.name}@{image.digest}",
        f"weight  alpha     {alpha}",
        f"weight  beta-two  {beta}",
    ]
    again = place.fine("push", name)
    assert "it was there already" in again.stderr
    assert again.stdout == ran.stdout


def test_weights_that_are_not_there_stop_a_push_before_anything_travels(place: Workshop) -> None:
    repository = Reference.parse(f"{place.host}/ada/hello")
    place.fine("weights", "import", "--image", f"{place.host}/bob/elsewhere")
    ran = place.run("push", f"{repository.name}:1")
    assert ran.returncode == 1
    assert 'weight "alpha" not found in registry' in ran.stderr
    assert 'weight "beta-two" not found in registry' in ran.stderr
    assert f"cogsmith weights import --image {repository.name}" in ran.stderr
    with Client() as client:
        assert client.find(repository.with_tag("1")) is None


def test_several_platforms_share_the_weights(place: Workshop) -> None:
    name = f"{place.host}/ada/hello:both"
    place.fine("weights", "import", "--image", f"{place.host}/ada/hello")
    place.fine("push", name, "--platform", "linux/amd64,linux/arm64")
    with Client() as client:
        index = client.fetch(Reference.parse(name))
    assert isinstance(index, Index)
    assert [str(entry.platform) for entry in index.manifests] == [
        "linux/amd64", "linux/arm64", "unknown/unknown", "unknown/unknown",
    ]  # fmt: skip


def test_what_was_pushed_can_be_looked_at_and_compared(place: Workshop) -> None:
    name = f"{place.host}/ada/hello:1"
    place.fine("weights", "import", "--image", f"{place.host}/ada/hello")
    place.fine("push", name)
    assert "linux/amd64" in place.fine("inspect", "--remote", name).stdout
    assert "no change" in place.fine("check", "--remote", "--against", name).stdout
    place.fine("verify", name)
