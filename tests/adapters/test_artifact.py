"""Adapters as artifacts: what stands in them, what is checked before, and the same bytes again."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from cogsmith.adapters import (
    ARTIFACT_TYPE,
    Base,
    Card,
    Limits,
    artifact,
    base_shapes,
    blobs,
    card,
    installed,
    save,
)
from cogsmith.engine import Adapter, AdapterFiles
from cogsmith.errors import AdapterError
from cogsmith.oci import Descriptor, Manifest
from tests.conftest import ROOT
from tests.engine.lora import matrices, packed, write

LAYERS = {"model.layers.0.self_attn.q_proj": (192, 192)}
STORIES = ROOT / "weights" / "stories-llama"


@pytest.fixture
def files(tmp_path: Path) -> AdapterFiles:
    return AdapterFiles.read(write(tmp_path / "a", matrices(LAYERS), base_model_name_or_path="b"))


def test_two_files_and_a_card(files: AdapterFiles) -> None:
    made = artifact(files)
    assert made.manifest.artifact_type == ARTIFACT_TYPE
    assert [blob.open().read() for blob in made.blobs[:2]] == [files.config, files.weights]
    config = made.blobs[2].open().read()
    assert card(made.manifest, config) == Card.of(Adapter.parse(files))
    named = blobs(made.manifest)
    assert list(named) == ["adapter_config.json", "adapter_model.safetensors"]
    assert not made.manifest.is_image


def test_the_same_adapter_is_the_same_artifact(files: AdapterFiles, tmp_path: Path) -> None:
    tar = AdapterFiles.read(packed(Path(files.where)))
    assert artifact(tar).digest == artifact(files).digest


def test_the_base_is_named_and_not_carried(files: AdapterFiles) -> None:
    image = Descriptor.of(b"{}", "application/vnd.oci.image.manifest.v1+json")
    other = artifact(files, Base(name="host/base:1", image=image))
    assert other.manifest.subject is None
    assert {blob.digest for blob in other.blobs} == {blob.digest for blob in artifact(files).blobs}
    told = card(other.manifest, other.blobs[2].open().read())
    assert (told.base, told.base_digest) == ("host/base:1", str(image.digest))
    beside = artifact(files, Base(name="host/base:1", image=image, here=True))
    assert beside.manifest.subject == image


def test_rank_and_size_are_checked_together(files: AdapterFiles) -> None:
    with pytest.raises(AdapterError) as caught:
        artifact(files, limits=Limits(rank=1, size=100))
    assert [problem.where for problem in caught.value.problems] == ["rank", "size"]


def test_a_checkpoint_s_layers_are_compared(files: AdapterFiles, tmp_path: Path) -> None:
    shapes = base_shapes(STORIES)
    assert shapes["model.layers.3.mlp.down_proj"] == (192, 512)
    artifact(files, shapes=shapes)
    odd = write(tmp_path / "odd", matrices({"model.layers.0.mlp.down_proj": (192, 192)}))
    with pytest.raises(AdapterError, match="192 x 512"):
        artifact(AdapterFiles.read(odd), shapes=shapes)


def test_bases_that_tell_nothing(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match=r"has no \*.safetensors"):
        base_shapes(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 40))
    with pytest.raises(AdapterError, match="cannot be read"):
        base_shapes(tmp_path)


def test_what_is_no_adapter(files: AdapterFiles) -> None:
    config = Descriptor.of(b"{}", "application/vnd.oci.image.config.v1+json")
    with pytest.raises(AdapterError, match=r"is no adapter, but application/vnd.oci.image"):
        blobs(Manifest(config=config))
    made = artifact(files).manifest
    with pytest.raises(AdapterError, match="config is not"):
        card(made, b"[]")
    bare = Manifest(config=config, artifact_type=ARTIFACT_TYPE)
    with pytest.raises(AdapterError, match="has no adapter_config"):
        blobs(bare)


def test_saved_and_found_again(files: AdapterFiles, tmp_path: Path) -> None:
    folder = tmp_path / "adapters"
    assert installed(folder) == {}
    for _ in range(2):  # the second time over the first
        save(folder / "robot", {"adapter_config.json": files.config,
                                "adapter_model.safetensors": files.weights})  # fmt: skip
    packed(folder / "robot", "tarred.tar")
    assert installed(folder) == dict.fromkeys(["robot", "tarred"], Adapter.parse(files))
    assert sorted(path.name for path in folder.iterdir()) == ["robot", "tarred.tar"]
    (folder / "robot" / "adapter_config.json").write_text(json.dumps({}))
    with pytest.raises(AdapterError):
        installed(folder)
