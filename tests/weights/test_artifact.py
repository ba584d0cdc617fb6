"""The documents in a registry: Cog's to the byte, the index, and the ModelPack view."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cogsmith.errors import WeightsError
from cogsmith.oci import Descriptor, Digest, Platform
from cogsmith.weights import (
    LockedWeight,
    PackedLayer,
    Provenance,
    Store,
    Wanted,
    WeightsLock,
    artifact,
    bundle_index,
    index_entry,
    manifest,
    modelpack,
    modelpack_tag,
    pack,
    parse_lock,
    parse_source,
    plan_layers,
    runtime_manifest,
    tag,
)
from cogsmith.weights.artifact import lock_weight
from tests.weights.conftest import Bring


@pytest.fixture
def resnet() -> LockedWeight:
    return parse_lock(Path(__file__).with_name("resnet.json").read_bytes()).weights[0]


@pytest.fixture
def packed(bring: Bring, store: Store) -> list[PackedLayer]:
    return [pack(bundle, store) for bundle in plan_layers(bring("hf://ada/stories"))]


@pytest.fixture
def stories(packed: list[PackedLayer]) -> LockedWeight:
    wanted = Wanted(name="stories", target="/src/w", source=parse_source("hf://ada/stories"))
    source = Provenance(uri="hf://ada/stories", fingerprint="commit:" + "1" * 40)
    return lock_weight(wanted, source, packed)


def test_the_manifest_of_cogs_example_has_the_digest_that_cog_gave_it(
    resnet: LockedWeight,
) -> None:
    assert manifest(resnet).digest == resnet.digest


def test_the_manifest_says_what_the_draft_wants(stories: LockedWeight) -> None:
    document = json.loads(manifest(stories).render())
    assert document["artifactType"] == "application/vnd.cog.weight.v1"
    assert document["config"]["mediaType"] == "application/vnd.cog.weight.config.v1+json"
    assert document["annotations"] == {
        "run.cog.weight.name": "stories",
        "run.cog.weight.set-digest": str(stories.set_digest),
        "run.cog.weight.target": "/src/w",
    }
    told = [layer["annotations"] for layer in document["layers"]]
    assert sum(int(one["run.cog.weight.size.uncompressed"]) for one in told) == stories.size


def test_the_config_lists_every_file_with_its_layer(
    stories: LockedWeight, packed: list[PackedLayer]
) -> None:
    made = artifact(stories, {one.layer.digest: one.layer for one in packed})
    with made.blobs[-1].open() as stream:
        config = json.load(stream)
    assert made.manifest.config.digest == made.blobs[-1].digest
    assert [file["path"] for file in config["files"]] == [file.path for file in stories.files]
    assert {file["layer"] for file in config["files"]} == {str(one.layer.digest) for one in packed}
    assert config["setDigest"] == str(stories.set_digest)


def test_the_tag_is_the_one_that_cog_looks_for(resnet: LockedWeight) -> None:
    assert tag(resnet) == "cog-weight.resnet50.52924993c7ef"
    assert not modelpack_tag(resnet).startswith("cog-")


def test_the_index_joins_image_and_weights(resnet: LockedWeight) -> None:
    image = Descriptor(
        media_type="application/vnd.oci.image.manifest.v1+json", digest=Digest.of(b"image"),
        size=7, platform=Platform(os="linux", architecture="amd64"),
    )  # fmt: skip
    index = bundle_index(image, [index_entry(resnet)])
    entry = json.loads(index.render())["manifests"][1]
    assert entry["digest"] == str(resnet.digest)
    assert entry["size"] == len(manifest(resnet).render())
    assert entry["artifactType"] == "application/vnd.cog.weight.v1"
    assert entry["platform"] == {"os": "unknown", "architecture": "unknown"}
    assert entry["annotations"] == {
        "run.cog.weight.name": "resnet50",
        "run.cog.weight.set-digest": str(resnet.set_digest),
        "run.cog.weight.size.uncompressed": "102552676",
    }
    assert index.select(None) == image, "an engine that pulls the name gets the image"


def test_another_manifest_under_the_tag_is_refused(resnet: LockedWeight) -> None:
    other = Descriptor(media_type="x", digest=Digest.of(b"other"), size=5)
    with pytest.raises(WeightsError, match=r"and weights\.lock says"):
        index_entry(resnet, other)


def test_a_modelpack_is_the_same_blobs_under_other_names(
    stories: LockedWeight, packed: list[PackedLayer]
) -> None:
    made = modelpack(stories, packed)
    ours = manifest(stories)
    assert made.manifest.artifact_type == "application/vnd.cncf.model.manifest.v1+json"
    assert [one.digest for one in made.manifest.layers] == [one.digest for one in ours.layers]
    for layer in made.manifest.layers:
        assert layer.media_type.startswith("application/vnd.cncf.model.weight")
        path = layer.annotations["org.cncf.model.filepath"]
        files = stories.files_of(layer.digest)
        assert path == files[0].path if len(files) == 1 else path.startswith("bundle-")
    with made.blobs[-1].open() as stream:
        config = json.load(stream)
    assert set(config) == {"descriptor", "config", "modelfs"}  # the schema allows no more
    assert config["modelfs"]["diffIds"] == [
        str(one.layer.diff_id) for one in sorted(packed, key=lambda one: one.layer.digest)
    ]
    assert config["descriptor"]["revision"] == "1" * 40


def test_what_the_image_is_told(resnet: LockedWeight) -> None:
    assert json.loads(runtime_manifest(WeightsLock(weights=(resnet,)))) == {
        "weights": [
            {
                "name": "resnet50",
                "target": "/src/weights/resnet50",
                "setDigest": str(resnet.set_digest),
            }
        ]
    }
