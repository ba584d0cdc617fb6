"""An image as one file, as engines load it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from cogsmith.oci import Digest, Index, Layout, Reference, archive, validate
from tests.oci.images import two_layers

NAMES = (Reference.parse("me/x:1"), Reference.parse("localhost:5000/x:2"))


def opened(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as found:
        files = {info.name: found.extractfile(info) for info in found if info.isreg()}
        return {name: file.read() for name, file in files.items() if file}


def test_it_is_dockers_archive_and_a_layout() -> None:
    made = two_layers()
    files = opened(b"".join(archive(made, NAMES)))
    (docker,) = json.loads(files["manifest.json"])
    assert docker["RepoTags"] == ["me/x:1", "localhost:5000/x:2"]
    assert files[docker["Config"]] == made.config.render()
    assert [Digest.of(files[path]) for path in docker["Layers"]] == [
        layer.digest for layer in made.layers
    ]
    index = Index.parse(files["index.json"])
    assert {entry.digest for entry in index.manifests} == {made.digest}
    assert [e.annotations["io.containerd.image.name"] for e in index.manifests] == [
        "docker.io/me/x:1", "localhost:5000/x:2",
    ]  # fmt: skip
    assert files[f"blobs/sha256/{made.digest.hex}"] == made.manifest.render()


def test_unpacked_it_is_a_layout(tmp_path: Path) -> None:
    made = two_layers()
    for name, data in opened(b"".join(archive(made, NAMES))).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert validate(Layout.at(tmp_path)) == ()


def test_layers_that_the_engine_has_are_left_out() -> None:
    made = two_layers()
    whole, part = (
        opened(b"".join(archive(made, omit=omit))) for omit in ((), {made.layers[0].digest})
    )
    assert whole.keys() - part.keys() == {f"blobs/sha256/{made.layers[0].digest.hex}"}
    assert part.items() <= whole.items()


def test_it_is_the_same_every_time() -> None:
    first, second = (b"".join(archive(two_layers(), NAMES)) for _ in range(2))
    assert first == second


def test_an_image_without_a_name() -> None:
    files = opened(b"".join(archive(two_layers(), [NAMES[0].with_digest(Digest.of(b""))])))
    assert json.loads(files["manifest.json"])[0]["RepoTags"] == ["me/x:1"]
    assert json.loads(opened(b"".join(archive(two_layers())))["manifest.json"])[0]["RepoTags"] == []


@pytest.mark.parametrize("kind", ["docker-archive", "oci-archive"])
def test_skopeo_reads_it(kind: str, tmp_path: Path) -> None:
    skopeo = shutil.which("skopeo")
    if not skopeo:
        pytest.skip("skopeo is not installed")
    made = two_layers()
    path = tmp_path / "image.tar"
    path.write_bytes(b"".join(archive(made, NAMES[:1])))
    words = [skopeo, "inspect", "--config", "--raw", f"{kind}:{path}"]
    assert json.loads(subprocess.run(words, capture_output=True, check=True).stdout) == json.loads(
        made.config.render()
    )
