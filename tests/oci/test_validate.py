"""What is wrong with an image is found, all of it, and told with both sides."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cogsmith.oci import (
    Artifact,
    Blob,
    Descriptor,
    Digest,
    History,
    Image,
    Layer,
    Layout,
    Manifest,
    layer,
    media_types,
    tar,
    validate,
)
from cogsmith.oci.media_types import Compression
from tests.oci.images import ENTRIES, image, made_of, trees, two_layers


def of_bytes(layer: Layer, data: bytes) -> Layer:
    return replace(layer, open=lambda: io.BytesIO(data))


def read(layer: Layer) -> bytes:
    with layer.open() as stream:
        return stream.read()


def layer_of(*members: tuple[str, bytes, str]) -> Layer:
    """A layer as other programs make it: name, type and target of each member."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", errors="surrogateescape") as archive:
        for name, kind, target in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    return layer(lambda: [file.getvalue()], "none")


FILE, DIR, LINK, HARD = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


@given(trees(), st.sampled_from(["gzip", "zstd", "none"]))
@settings(max_examples=30)
def test_what_we_make_is_right(entries: list, compression: Compression) -> None:  # type: ignore[type-arg]
    assert validate(image(made_of(entries, compression))) == ()


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
@given(st.data())
@settings(max_examples=60)
def test_any_flipped_byte_of_a_layer_is_found(
    compression: Compression, draw: st.DataObject
) -> None:
    made = two_layers(compression)
    data = read(made.layers[1])
    at = draw.draw(st.integers(0, len(data) - 1))
    flipped = data[:at] + bytes([data[at] ^ draw.draw(st.integers(1, 255))]) + data[at + 1 :]
    broken = replace(made, layers=(made.layers[0], of_bytes(made.layers[1], flipped)))
    told = [str(problem) for problem in validate(broken)]
    sides = f"the manifest says {made.layers[1].digest}, and the bytes are {Digest.of(flipped)}"
    assert f"layer 1: {sides}" in told


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flipped_byte_in_a_layout_is_found(tmp_path: Path, draw: st.DataObject) -> None:
    layout = Layout.create(tmp_path / "layout")
    layout.add(two_layers())
    assert validate(layout) == ()
    blobs = sorted(tmp_path.glob("layout/blobs/*/*"))
    blob = draw.draw(st.sampled_from(blobs))
    data = blob.read_bytes()
    at = draw.draw(st.integers(0, len(data) - 1))
    blob.write_bytes(
        data[:at] + bytes([data[at] ^ draw.draw(st.integers(1, 255))]) + data[at + 1 :]
    )
    try:
        assert any(blob.name in str(problem) for problem in validate(layout))
    finally:
        blob.write_bytes(data)


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_a_layer_that_is_cut_off(compression: Compression, keep: int) -> None:
    made = two_layers(compression)
    cut = of_bytes(made.layers[0], read(made.layers[0])[:keep])
    told = [str(problem) for problem in validate(replace(made, layers=(cut, made.layers[1])))]
    size = len(read(cut))
    assert f"layer 0: the manifest says {made.layers[0].size} bytes, and there are {size}" in told


def test_both_sides_of_everything() -> None:
    made = two_layers()
    first, second = made.layers
    other = replace(second, diff_id=Digest.of(b"other"))
    config = replace(made.config, diff_ids=(first.diff_id, other.diff_id), history=(History(),))
    broken = Image(manifest=made.manifest, config=config, layers=(first, other))
    sizes = made.manifest.config.size, len(config.render())
    assert [str(problem) for problem in validate(broken)] == [
        "config: history: tells of 1 layers, and diff_ids of 2",
        "config: the manifest says {} bytes, and there are {}".format(*sizes),
        f"config: the manifest says {made.config.digest}, and the bytes are {config.digest}",
        f"layer 1: the config says {other.diff_id}, and the archive is {second.diff_id}",
    ]


def test_layers_in_another_order() -> None:
    made = two_layers()
    swapped = replace(made, layers=made.layers[::-1])
    told = [str(problem) for problem in validate(swapped)]
    first, second = made.layers
    assert f"layer 0: the manifest names {first.digest}, and the layer is {second.digest}" in told
    assert f"layer 1: the config names {second.diff_id}, and the layer is {first.diff_id}" in told


def test_a_layer_too_few() -> None:
    made = two_layers()
    broken = replace(made, layers=made.layers[:1])
    assert "the manifest has 2 layers, the config tells of 2, and there are 1" in [
        problem.message for problem in validate(broken)
    ]


def named(made: Image, change: Callable[[Manifest], Manifest]) -> list[str]:
    manifest = change(made.manifest)
    layers = tuple(
        replace(layer, descriptor=descriptor)
        for layer, descriptor in zip(made.layers, manifest.layers, strict=True)
    )
    return [str(p) for p in validate(replace(made, manifest=manifest, layers=layers))]


def retyped(descriptors: tuple[Descriptor, ...], media_type: str) -> tuple[Descriptor, ...]:
    return tuple(replace(descriptor, media_type=media_type) for descriptor in descriptors)


def test_media_types_that_do_not_fit() -> None:
    gzip, docker = "application/vnd.oci.image.layer.v1.tar+gzip", media_types.DOCKER_MANIFEST
    one, zstd = image(made_of(ENTRIES)), image(made_of(ENTRIES, "zstd"))
    assert named(one, lambda m: replace(m, layers=retyped(m.layers, "text/plain"))) == [
        "layer 0: 'text/plain' is no layer",
        "layer 0: the media type says not compressed, and the bytes are gzip",
    ]
    assert named(zstd, lambda m: replace(m, layers=retyped(m.layers, gzip))) == [
        "layer 0: the media type says gzip, and the bytes are zstd"
    ]
    assert named(one, lambda m: replace(m, media_type=docker)) == [
        f"config: {media_types.OCI_CONFIG} stands in a manifest that is {docker}",
        f"layer 0: {gzip} stands in a manifest that is {docker}",
    ]
    config = replace(zstd.manifest.config, media_type=media_types.DOCKER_CONFIG)
    as_docker = retyped(zstd.manifest.layers, media_types.to_docker(media_types.layer_type("zstd")))
    assert named(
        zstd, lambda m: replace(m, media_type=docker, config=config, layers=as_docker)
    ) == ["layer 0: Docker's manifests know no zstd: many programs refuse it"]


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ([("a", FILE, ""), ("./a", FILE, "")], ["./a: comes twice"]),
        ([("d", DIR, ""), ("d", DIR, "")], ["d/: comes twice"]),
        ([("/a", FILE, "")],
         ["/a: is absolute: paths in a layer begin at its root, without a slash"]),
        ([("a/../b", FILE, "")], ["a/../b: leads out of the layer: no part may be .."]),
        ([("l", LINK, "x"), ("l/a", FILE, "")], ["l/a: lies in l, which is a symlink"]),
        ([("h", HARD, "a"), ("a", FILE, "")],
         ["h: is a hard link to a, which does not come before it in this layer"]),
        ([(".wh.a", FILE, "")], [".wh.a: takes something away, and there is no layer below"]),
        ([(".", FILE, "")], [".: the root of the file system is a file"]),
        ([(".", DIR, ""), ("./d", DIR, ""), ("./d/a", FILE, ""), ("h", HARD, "./d/a")], []),
    ],
)  # fmt: skip
def test_archives_that_break_an_unpacking(
    members: list[tuple[str, bytes, str]], told: list[str]
) -> None:
    found = [str(p).removeprefix("layer 0: ") for p in validate(image(layer_of(*members)))]
    assert found == told


@pytest.mark.parametrize(
    ("member", "told"),
    [
        ((".wh.gone", FILE, ""), []),
        (("d/.wh..wh..opq", FILE, ""), []),
        ((".wh..wh.plnk", FILE, ""), ["is a note of an old file system, and no whiteout"]),
        ((".wh.gone", DIR, ""), ["is named like a whiteout, and is none"]),
        ((".wh.", FILE, ""), ["is named like a whiteout, and is none"]),
    ],
)
def test_whiteouts_take_from_lower_layers(member: tuple[str, bytes, str], told: list[str]) -> None:
    made = image(made_of(ENTRIES), layer_of(member))
    assert [problem.message for problem in validate(made)] == told


def test_paths_are_told_so_that_a_terminal_can_show_them() -> None:
    hostile = f"/{'a' * 300}", "/\x1b[2J", "/\udcff"
    made = image(layer_of(*((path, FILE, "") for path in hostile)))
    places = [problem.where.removeprefix("layer 0: ") for problem in validate(made)]
    assert places == [f"/{'a' * 199}...", r"/\x1b[2J", r"/\udcff"]


def test_bytes_behind_an_archive() -> None:
    hidden = layer(lambda: [*tar(ENTRIES), b"hidden"], "gzip")
    assert [str(problem) for problem in validate(image(hidden))] == [
        "layer 0: other bytes follow the end of the archive"
    ]


def test_a_layer_that_is_no_archive() -> None:
    made = image(layer(lambda: [b"x" * 2000], "gzip"))
    told = [problem.message for problem in validate(made)]
    assert told == [
        "the archive has a checksum that is no octal number: b'xxxxxxxx' (byte 512)",
        "other bytes follow the end of the archive",
    ]


def test_a_broken_archive_is_told_of_in_part() -> None:
    made = image(layer_of(*[("a", FILE, "")] * 1000))
    assert len(validate(made)) == 20


def test_an_artifact_with_other_bytes() -> None:
    made = Artifact.of("a/b", [Blob.of(b"right", "text/plain")])
    wrong = replace(made.blobs[0], open=lambda: io.BytesIO(b"wrong"))
    told = [str(p) for p in validate(replace(made, blobs=(wrong, made.blobs[1])))]
    assert told == [
        f"blob 0: the manifest says {Digest.of(b'right')}, and the bytes are {Digest.of(b'wrong')}"
    ]
    (told_too,) = validate(replace(made, blobs=made.blobs[:1]))
    assert told_too.message == "the manifest names other blobs than there are"
