"""Manifests, indexes and configs: both dialects, the way back, and what anybody may send."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import InvalidDocument
from cogsmith.oci import (
    MAX_DOCUMENT,
    ContainerConfig,
    Descriptor,
    Digest,
    Healthcheck,
    ImageConfig,
    Index,
    Manifest,
    Platform,
    media_types,
)
from tests.oci.images import (
    container_configs,
    descriptors,
    extras,
    image_configs,
    mappings,
    texts,
    tuples,
    with_data,
)

SHA = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64

# As Docker's engine writes it: indented, with null where there is nothing.
DOCKER_MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": 7023,
            "digest": SHA,
        },
        "layers": [
            {
                "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
                "size": 32654,
                "digest": OTHER,
            }
        ],
    },
    indent=3,
).encode()
DOCKER_CONFIG = json.dumps(
    {
        "architecture": "arm64",
        "variant": "v8",
        "os": "linux",
        "config": {
            "Hostname": "",
            "ExposedPorts": {"5000/tcp": {}},
            "Tty": False,
            "Env": ["PATH=/usr/bin", "A=1", "A=b=c"],
            "Cmd": ["python3"],
            "Healthcheck": {"Test": ["CMD", "true"], "Interval": 30000000000, "Retries": 3},
            "Volumes": None,
            "WorkingDir": "/src",
            "Entrypoint": None,
            "OnBuild": None,
            "Labels": {"run.cog.version": "0.23"},
        },
        "container_config": {"Cmd": ["/bin/sh", "-c"]},
        "created": "2026-01-02T03:04:05.678901234Z",
        "docker_version": "20.10",
        "history": [
            {"created": "2026-01-02T03:04:05Z", "created_by": "ADD file"},
            {"created_by": "CMD", "empty_layer": True},
        ],
        "rootfs": {"type": "layers", "diff_ids": [SHA]},
    }
).encode()


def test_a_manifest_of_docker_is_read() -> None:
    manifest = Manifest.parse(DOCKER_MANIFEST)
    assert manifest.media_type == media_types.DOCKER_MANIFEST
    assert manifest.config.size == 7023
    assert manifest.layers[0].digest == Digest.parse(OTHER)
    assert manifest.is_image
    assert manifest.blobs == (*manifest.layers, manifest.config)


def test_a_manifest_keeps_its_bytes_and_so_its_name() -> None:
    manifest = Manifest.parse(DOCKER_MANIFEST)
    assert manifest.render() == DOCKER_MANIFEST
    assert manifest.digest == Digest.of(DOCKER_MANIFEST)
    assert manifest.descriptor == Descriptor.of(DOCKER_MANIFEST, media_types.DOCKER_MANIFEST)
    assert pickle.loads(pickle.dumps(manifest)).digest == manifest.digest


def test_documents_are_equal_when_their_names_are() -> None:
    manifest = Manifest.parse(DOCKER_MANIFEST)
    assert manifest == Manifest.parse(DOCKER_MANIFEST)
    assert manifest != Manifest.parse(DOCKER_MANIFEST + b"\n")
    assert manifest != replace(manifest)
    assert len({manifest, Manifest.parse(DOCKER_MANIFEST), replace(manifest)}) == 2
    assert manifest != Index()


def test_a_changed_manifest_gets_new_bytes() -> None:
    manifest = Manifest.parse(DOCKER_MANIFEST)
    changed = replace(manifest, annotations={"a": "b"})
    assert json.loads(changed.render()) == {
        **json.loads(DOCKER_MANIFEST), "annotations": {"a": "b"},
    }  # fmt: skip


def test_a_manifest_of_docker_becomes_ocis() -> None:
    oci = Manifest.parse(DOCKER_MANIFEST).to_oci()
    assert oci.media_type == media_types.OCI_MANIFEST
    assert oci.config.media_type == media_types.OCI_CONFIG
    assert oci.layers[0].media_type == "application/vnd.oci.image.layer.v1.tar+gzip"
    assert oci.layers[0].digest == Digest.parse(OTHER)
    assert oci.to_oci() == oci == Manifest.parse(oci.render())


def test_a_config_of_docker_is_read() -> None:
    config = ImageConfig.parse(DOCKER_CONFIG)
    assert config.platform == Platform(os="linux", architecture="arm64", variant="v8")
    assert config.config == ContainerConfig(
        exposed_ports=("5000/tcp",),
        env=("PATH=/usr/bin", "A=1", "A=b=c"),
        cmd=("python3",),
        working_dir="/src",
        labels={"run.cog.version": "0.23"},
        healthcheck=Healthcheck(test=("CMD", "true"), interval=30_000_000_000, retries=3),
        extra={"Hostname": "", "Tty": False, "OnBuild": None},
    )
    assert config.config.environment == {"PATH": "/usr/bin", "A": "b=c"}
    assert [entry.empty_layer for entry in config.history] == [False, True]
    assert config.extra.keys() == {"container_config", "docker_version"}
    assert config.render() == DOCKER_CONFIG


def test_what_nobody_knows_stays_when_a_config_changes() -> None:
    config = ImageConfig.parse(DOCKER_CONFIG)
    changed = json.loads(replace(config, author="me").render())
    before = {key: value for key, value in json.loads(DOCKER_CONFIG).items() if key != "config"}
    assert {key: value for key, value in changed.items() if key != "config"} == {
        **before, "author": "me",
    }  # fmt: skip
    assert changed["config"]["Tty"] is False


def test_chain_ids_are_the_engines_names() -> None:
    diff_ids = tuple(map(Digest.of, (b"a", b"b", b"c")))
    config = ImageConfig(platform=Platform(os="linux", architecture="amd64"), diff_ids=diff_ids)
    first, second, third = config.chain_ids
    assert first == diff_ids[0]
    assert second == Digest.of(f"{first} {diff_ids[1]}".encode())
    assert third == Digest.of(f"{second} {diff_ids[2]}".encode())


def test_canonical_json() -> None:
    manifest = Manifest(config=with_data(b"{}"), annotations={"ü": "<&>\n", "a": '"\\'})
    assert (
        manifest.render()
        == (
            '{"annotations":{"a":"\\"\\\\","ü":"<&>\\n"},"config":{"data":"e30=","digest":"'
            f'{Digest.of(b"{}")}","mediaType":"text/plain","size":2}},"layers":[],'
            '"mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}'
        ).encode()
    )


manifests = st.builds(
    Manifest, config=descriptors(), layers=tuples(descriptors()), artifact_type=texts,
    subject=st.none() | descriptors(), annotations=mappings, extra=extras,
)  # fmt: skip
indexes = st.builds(
    Index, manifests=tuples(descriptors()), artifact_type=texts,
    subject=st.none() | descriptors(), annotations=mappings, extra=extras,
)  # fmt: skip


@given(manifests)
def test_a_manifest_reads_as_it_was_written(manifest: Manifest) -> None:
    data = manifest.render()
    assert Manifest.parse(data) == manifest
    assert Manifest.parse(data).render() == data
    assert replace(Manifest.parse(data)).render() == data


@given(indexes)
def test_an_index_reads_as_it_was_written(index: Index) -> None:
    data = index.render()
    assert Index.parse(data) == index
    assert replace(Index.parse(data)).render() == data


@given(image_configs)
def test_a_config_reads_as_it_was_written(config: ImageConfig) -> None:
    data = config.render()
    assert ImageConfig.parse(data) == config
    assert replace(ImageConfig.parse(data)).render() == data


@given(container_configs)
def test_values_can_be_compared_and_kept_in_sets(config: ContainerConfig) -> None:
    assert len({config, replace(config)}) == 1


def test_data_inside_of_a_document() -> None:
    manifest = Manifest(config=with_data(b"{}"))
    assert Manifest.parse(manifest.render()).config.data == b"{}"
    lying = replace(manifest, config=replace(manifest.config, data=b"[]"))
    with pytest.raises(InvalidDocument, match=r"config\.data: is sha256:.* and digest says"):
        Manifest.parse(lying.render())
    with pytest.raises(InvalidDocument, match=r"config\.data: is not base64"):
        Manifest.parse(manifest.render().replace(b"e30=", b"e3\\u00e4="))


def test_all_that_is_wrong_is_told_at_once_and_where() -> None:
    text = (
        '{"schemaVersion":1,"config":{"size":-1,"digest":"sha256:x","mediaType":7},'
        '"layers":[1,{"mediaType":"","size":1e3,"annotations":{"a":null,"b c":{}}}],'
        '"Layers":[],"a":1,"a":[{"b":"\\ud800"}],"manifests":[]}'
    )
    with pytest.raises(InvalidDocument) as caught:
        Manifest.parse(text.encode(), where="the manifest")
    told = {problem.where: problem.message for problem in caught.value.problems}
    assert told == {
        "the manifest: a": "stands there more than once",
        "the manifest: a[0].b": "is no Unicode: it has half of a pair of surrogates",
        "the manifest: schemaVersion": "must be 2, not 1",
        "the manifest: config.mediaType": "must be a text, not a number",
        "the manifest: config.digest": "'sha256:x': sha256 has 64 characters, not 1",
        "the manifest: config.size": "must be a number from 0 to 2^63-1, not -1",
        "the manifest: layers[0]": "must be an object, not a number",
        "the manifest: layers[1].mediaType": "is empty",
        "the manifest: layers[1].digest": "is missing",
        "the manifest: layers[1].size": "must be a number, not a number with a point",
        "the manifest: layers[1].annotations.a": "must be a text, not null",
        'the manifest: layers[1].annotations["b c"]': "must be a text, not an object",
        "the manifest: Layers": "differs from layers in capital letters alone",
        "the manifest: manifests": "stands beside layers: is this an index or a manifest?",
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not JSON"),
        (b"[]", "is a list, not an object"),
        (b"null", "is null, not an object"),
        (b"{}x", "is not JSON"),
        (b'{"a":NaN}', "NaN is not a number of JSON"),
        (b'{"a":-Infinity}', "-Infinity is not a number of JSON"),
        (b'{"a":1e999}', "1e999 is too large"),
        (b'{"a":' + b"9" * 5000 + b"}", "has more than 64 bits"),
        (b'{"a":"\xff"}', "is not UTF-8"),
        (b"\xef\xbb\xbf{}", "is not JSON"),
        (b"{" + b" " * MAX_DOCUMENT, "bytes, of 4194304 allowed"),
        (b"[" * 1_000_000, "is nested too deep"),
        (b'{"a":' * 500_000, "is nested too deep"),
        (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "is nested deeper than 64"),
    ],
)
@pytest.mark.parametrize("parse", [Manifest.parse, Index.parse, ImageConfig.parse])
def test_what_is_no_document(parse: Callable[[bytes], object], data: bytes, message: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        parse(data)
    assert message in str(caught.value)


def test_a_document_full_of_faults_is_told_of_in_part() -> None:
    data = b'{"schemaVersion":2,"config":{},"layers":[' + b"1," * 100_000 + b"1]}"
    with pytest.raises(InvalidDocument) as caught:
        Manifest.parse(data)
    assert len(caught.value.problems) == 50


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1' + b',"a":1' * 500_000 + b"}",
        b'{"a":' + b'{"b":' * 60 + b"1" + b"}" * 60 + b',"a":[' + b"[]," * 500_000 + b"1]}",
        b'{"layers":[' + b"{}," * 500_000 + b"{}]}",
    ],
    ids=["one key", "many lists", "many objects"],
)
def test_a_document_made_to_be_slow_is_not(data: bytes) -> None:
    """Linear work: this would take hours if it were not."""
    with pytest.raises(InvalidDocument):
        Manifest.parse(data)


@pytest.mark.parametrize(
    ("change", "media_type", "message"),
    [
        ({"mediaType": media_types.OCI_INDEX}, "", "is not one that this document can be"),
        ({}, media_types.OCI_MANIFEST, "and it was named 'application/vnd.oci"),
        ({"mediaType": None}, "text/html", "'text/html' is not one"),
        ({"schemaVersion": 1}, "", "must be 2, not 1"),
        ({"schemaVersion": True}, "", "must be a number, not true or false"),
        ({"layers": None}, "", "layers: is missing"),
        ({"config": None}, "", "config: is missing"),
    ],
)
def test_what_a_manifest_says_of_itself(
    change: dict[str, Any], media_type: str, message: str
) -> None:
    data = json.dumps({**json.loads(DOCKER_MANIFEST), **change}).encode()
    with pytest.raises(InvalidDocument, match=message):
        Manifest.parse(data, media_type=media_type)


def test_a_manifest_without_a_name_has_the_one_it_is_called_by() -> None:
    data = json.dumps({**json.loads(DOCKER_MANIFEST), "mediaType": None}).encode()
    assert Manifest.parse(data).media_type == media_types.OCI_MANIFEST
    named = Manifest.parse(data, media_type=media_types.DOCKER_MANIFEST)
    assert named.media_type == media_types.DOCKER_MANIFEST


def test_an_index_that_is_a_manifest_too() -> None:
    data = json.dumps({"schemaVersion": 2, "manifests": [], "layers": [], "config": {}}).encode()
    with pytest.raises(InvalidDocument, match="is this an index or a manifest") as caught:
        Index.parse(data)
    assert len(caught.value.problems) == 2


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["schemaVersion", "mediaType", "config", "layers", "manifests", "digest", "size",
                 "annotations", "platform", "os", "rootfs", "type", "diff_ids", "history", "Env",
                 "Cmd", "Labels", "data", "Healthcheck", "Test", "architecture", "x"]
            ),
            inner, max_size=6,
        ),
        max_leaves=20,
    ).filter(lambda value: isinstance(value, dict))
)  # fmt: skip
def test_anything_is_read_or_refused(value: dict[str, Any]) -> None:
    data = json.dumps(value).encode()
    parses: list[Callable[[bytes], Any]] = [Manifest.parse, Index.parse, ImageConfig.parse]
    for parse in parses:
        with suppress(InvalidDocument):
            assert parse(data).render() == data


@given(st.sampled_from([DOCKER_MANIFEST, DOCKER_CONFIG]), st.data())
def test_a_flipped_byte_is_another_document_or_none(data: bytes, draw: st.DataObject) -> None:
    at = draw.draw(st.integers(0, len(data) - 1))
    flipped = data[:at] + bytes([data[at] ^ draw.draw(st.integers(1, 255))]) + data[at + 1 :]
    parse: Callable[[bytes], Any] = Manifest.parse if data == DOCKER_MANIFEST else ImageConfig.parse
    with suppress(InvalidDocument):
        assert parse(flipped).digest != parse(data).digest
