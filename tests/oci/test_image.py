"""Layers and images as values, and how one image becomes another."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import BinaryIO

import pytest

from cogsmith.errors import InvalidDocument
from cogsmith.oci import (
    MAX_LAYERS,
    Artifact,
    Blob,
    ContainerConfig,
    Descriptor,
    Digest,
    File,
    History,
    Image,
    ImageConfig,
    Manifest,
    layer,
    media_types,
    pack,
    tar,
    validate,
)
from cogsmith.oci.media_types import COMPRESSIONS, Compression
from tests.oci.images import AMD64, ENTRIES, image, made_of, two_layers


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_layer_is_named_twice(compression: Compression) -> None:
    made = made_of(ENTRIES, compression)
    archive = b"".join(tar(ENTRIES))
    with made.open() as stream:
        data = stream.read()
    assert made.descriptor == Descriptor.of(data, media_types.layer_type(compression))
    assert made.diff_id == Digest.of(archive)
    assert (made.diff_id == made.digest) is (compression == "none")
    with made.uncompressed() as stream:
        assert stream.read() == archive


def test_a_layers_archive_is_made_anew_for_each_reader() -> None:
    asked = []

    def archive() -> Iterator[bytes]:
        asked.append(1)
        return tar(ENTRIES)

    made = layer(archive)
    assert len(asked) == 1
    with made.open() as first, made.open() as second:
        assert first.read() == second.read()
    assert len(asked) == 3


def test_packing_writes_what_it_names() -> None:
    written = io.BytesIO()
    descriptor, diff_id = pack(tar(ENTRIES), "zstd", write=written.write)
    assert descriptor.digest == Digest.of(written.getvalue())
    assert (descriptor, diff_id) == pack(tar(ENTRIES), "zstd")


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_memory_stays_flat(compression: Compression) -> None:
    """A layer of 64 MiB, made and read, in fewer. Its bytes are the same every time."""

    class Noise(io.RawIOBase):
        def __init__(self) -> None:
            self.random, self.left = Random(7), 64

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            return self.random.randbytes(1 << 20) if self.left >= 0 else b""

    large = File(path="big", size=64 << 20, open=Noise)  # type: ignore[arg-type]
    tracemalloc.start()
    try:
        made = made_of([large], compression)
        assert validate(image(made)) == ()
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


def test_an_image_of_layers() -> None:
    made = two_layers()
    assert validate(made) == ()
    assert made.config.diff_ids == tuple(layer.diff_id for layer in made.layers)
    assert made.manifest.layers == tuple(layer.descriptor for layer in made.layers)
    assert [blob.digest for blob in made.blobs] == [
        *(layer.digest for layer in made.layers), made.config.digest,
    ]  # fmt: skip
    assert made.digest == made.manifest.digest == made.descriptor.digest
    assert made.descriptor.platform == AMD64
    assert two_layers() == made


def test_layers_on_top() -> None:
    below, top = two_layers(), made_of([File.of("new", b"1")])
    made = below.append([top])
    assert validate(made) == ()
    assert made.layers == (*below.layers, top)
    assert made.config.config == below.config.config
    assert made.config.chain_ids[:2] == below.config.chain_ids


@pytest.mark.parametrize(
    ("below", "added", "told"),
    [
        ((), (), []),
        ((), ("new",), ["", "", "new"]),
        (("a", "b"), ("new",), ["a", "b", "new"]),
        (("a", "b"), (), ["a", "b", ""]),
        (("a", "b", "c", "d"), ("new",), ["", "", "new"]),
    ],
)
def test_history_tells_of_every_layer_or_of_none(
    below: tuple[str, ...], added: tuple[str, ...], told: list[str]
) -> None:
    history = tuple(History(created_by=text) for text in below)
    start = two_layers().with_config(lambda config: replace(config, history=history))
    made = start.append(
        [made_of([File.of("new", b"1")])], [History(created_by=text) for text in added]
    )
    assert [entry.created_by for entry in made.config.history] == told
    assert validate(made) == ()


def test_layers_on_top_of_dockers_image() -> None:
    made = two_layers()
    docker = Manifest(
        media_type=media_types.DOCKER_MANIFEST,
        config=replace(made.manifest.config, media_type=media_types.DOCKER_CONFIG),
        layers=tuple(
            replace(layer, media_type=media_types.to_docker(layer.media_type))
            for layer in made.manifest.layers
        ),
    )
    sources = {layer.digest: layer for layer in made.layers}
    below = Image.assemble(docker, made.config, lambda named: sources[named.digest].open())
    assert validate(below) == ()
    assert below.append([]).manifest == made.manifest
    assert validate(below.append([made_of([File.of("new", b"1")])])) == ()


def test_another_config() -> None:
    made = two_layers()
    changed = made.with_config(
        lambda config: replace(config, config=ContainerConfig(cmd=("serve",)), diff_ids=())
    )
    assert validate(changed) == ()
    assert changed.layers == made.layers
    assert json.loads(changed.config.render())["config"] == {"Cmd": ["serve"]}
    assert changed.digest != made.digest


def test_annotations_stay() -> None:
    made = Image.of(two_layers().config, two_layers().layers, annotations={"a": "b"})
    assert made.append([]).with_config(lambda config: config).manifest.annotations == {"a": "b"}


def test_more_layers_than_engines_take() -> None:
    one = made_of([File.of("a", b"")])
    assert len(image(*[one] * MAX_LAYERS).layers) == 125
    with pytest.raises(InvalidDocument, match="125 layers at most, not 126") as caught:
        image(*[one] * MAX_LAYERS).append([one])
    assert caught.value.hint


def test_documents_that_do_not_agree() -> None:
    made = two_layers()

    def none(_: Descriptor) -> BinaryIO:
        raise AssertionError

    short = replace(made.config, diff_ids=made.config.diff_ids[:1])
    with pytest.raises(InvalidDocument, match="has 2 layers, and the config tells of 1"):
        Image.assemble(made.manifest, short, none)


def test_an_artifact_about_an_image() -> None:
    subject = two_layers().manifest.descriptor
    made = Artifact.of("application/vnd.cyclonedx+json", [Blob.of(b"{}", "a/b")], subject=subject)
    assert validate(made) == ()
    assert not made.manifest.is_image
    assert made.manifest.config.media_type == media_types.EMPTY
    assert made.manifest.descriptor.artifact_type == "application/vnd.cyclonedx+json"
    assert Manifest.parse(made.manifest.render()) == made.manifest
    bare = Artifact.of("a/b", [])
    assert [layer.digest for layer in bare.manifest.layers] == [Digest.of(b"{}")]
    assert validate(bare) == ()


def test_the_digest_of_an_image_is_known() -> None:
    """A golden value: another one would mean that old and new builds share nothing."""
    config = ImageConfig(platform=AMD64, config=ContainerConfig(cmd=("run",)))
    made = Image.of(config, [made_of(ENTRIES, "none")])
    assert str(made.digest) == (
        "sha256:9a4b8908c9c44860ea6097e5ab38d6a20a06df95071998c47f09457d3a65cef7"
    )
