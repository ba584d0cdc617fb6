"""One thing, two names."""

from __future__ import annotations

import pytest

from cogsmith.oci import media_types
from cogsmith.oci.media_types import COMPRESSIONS, compression_of, layer_type, to_docker, to_oci

PAIRS = {
    "application/vnd.docker.distribution.manifest.v2+json": (
        "application/vnd.oci.image.manifest.v1+json"
    ),
    "application/vnd.docker.distribution.manifest.list.v2+json": (
        "application/vnd.oci.image.index.v1+json"
    ),
    "application/vnd.docker.container.image.v1+json": "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": (
        "application/vnd.oci.image.layer.v1.tar+gzip"
    ),
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip": (
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    ),
}


@pytest.mark.parametrize(("docker", "oci"), PAIRS.items())
def test_docker_and_oci_name_the_same(docker: str, oci: str) -> None:
    assert (to_oci(docker), to_docker(oci)) == (oci, docker)
    assert (to_oci(oci), to_docker(docker)) == (oci, docker)
    assert media_types.is_docker(docker)
    assert not media_types.is_docker(oci)
    for ask in (
        media_types.is_manifest, media_types.is_index, media_types.is_config, media_types.is_layer,
        compression_of,
    ):  # fmt: skip
        assert ask(docker) == ask(oci)


def test_each_is_of_one_kind() -> None:
    for name in [*PAIRS, *PAIRS.values()]:
        kinds = [
            media_types.is_manifest(name), media_types.is_index(name),
            media_types.is_config(name), media_types.is_layer(name),
        ]  # fmt: skip
        assert kinds.count(True) == 1


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_layers_name_tells_its_compression(compression: media_types.Compression) -> None:
    assert compression_of(layer_type(compression)) == compression
    assert compression_of(to_docker(layer_type(compression))) == compression


def test_other_names_stay() -> None:
    assert to_oci("text/plain") == to_docker("text/plain") == "text/plain"
    assert not media_types.is_layer("text/plain")
    assert to_docker(media_types.EMPTY) == media_types.EMPTY
