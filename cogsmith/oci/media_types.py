"""Media types: the names that OCI and Docker gave to the same things.

Docker's schema 2 came first and OCI took it over under new names; the bytes behind both are
the same. We read both and write OCI's.
"""

from __future__ import annotations

from typing import Literal, get_args

__all__ = [
    "COMPRESSIONS",
    "DOCKER_CONFIG",
    "DOCKER_INDEX",
    "DOCKER_MANIFEST",
    "EMPTY",
    "OCI_CONFIG",
    "OCI_INDEX",
    "OCI_LAYER",
    "OCI_MANIFEST",
    "Compression",
    "compression_of",
    "is_config",
    "is_docker",
    "is_index",
    "is_layer",
    "is_manifest",
    "layer_type",
    "to_docker",
    "to_oci",
]

Compression = Literal["none", "gzip", "zstd"]
COMPRESSIONS: tuple[Compression, ...] = get_args(Compression)

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar"
EMPTY = "application/vnd.oci.empty.v1+json"  # what `{}` is where an artifact needs no config

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar"

_OCI_SUFFIXES: dict[Compression, str] = {"none": "", "gzip": "+gzip", "zstd": "+zstd"}
_DOCKER_SUFFIXES: dict[Compression, str] = {"none": "", "gzip": ".gzip", "zstd": ".zstd"}

# Every name of a layer → how its bytes are compressed.
_LAYERS: dict[str, Compression] = {
    prefix + suffix: compression
    for prefixes, suffixes in (
        ((OCI_LAYER, OCI_FOREIGN_LAYER), _OCI_SUFFIXES),
        ((DOCKER_LAYER, DOCKER_FOREIGN_LAYER), _DOCKER_SUFFIXES),
    )
    for prefix in prefixes
    for compression, suffix in suffixes.items()
}
_TO_OCI: dict[str, str] = {
    DOCKER_MANIFEST: OCI_MANIFEST,
    DOCKER_INDEX: OCI_INDEX,
    DOCKER_CONFIG: OCI_CONFIG,
    **{
        docker + _DOCKER_SUFFIXES[compression]: oci + _OCI_SUFFIXES[compression]
        for docker, oci in ((DOCKER_LAYER, OCI_LAYER), (DOCKER_FOREIGN_LAYER, OCI_FOREIGN_LAYER))
        for compression in COMPRESSIONS
    },
}
_TO_DOCKER = {oci: docker for docker, oci in _TO_OCI.items()}


def is_manifest(media_type: str) -> bool:
    """Whether this is the manifest of one image or artifact."""
    return media_type in {OCI_MANIFEST, DOCKER_MANIFEST}


def is_index(media_type: str) -> bool:
    """Whether this is an index of manifests (Docker: a manifest list)."""
    return media_type in {OCI_INDEX, DOCKER_INDEX}


def is_config(media_type: str) -> bool:
    """Whether this is an image's config."""
    return media_type in {OCI_CONFIG, DOCKER_CONFIG}


def is_layer(media_type: str) -> bool:
    """Whether this is a layer of a file system."""
    return media_type in _LAYERS


def is_docker(media_type: str) -> bool:
    """Whether the name is one of Docker's."""
    return media_type in _TO_OCI


def compression_of(media_type: str) -> Compression:
    """How a layer's bytes are compressed; for what is no layer, ``none``.

    >>> compression_of("application/vnd.docker.image.rootfs.diff.tar.gzip")
    'gzip'
    """
    return _LAYERS.get(media_type, "none")


def layer_type(compression: Compression) -> str:
    """OCI's name of a layer that is compressed so.

    >>> layer_type("zstd")
    'application/vnd.oci.image.layer.v1.tar+zstd'
    """
    return OCI_LAYER + _OCI_SUFFIXES[compression]


def to_oci(media_type: str) -> str:
    """OCI's name for the same thing; what Docker has no name for stays as it is."""
    return _TO_OCI.get(media_type, media_type)


def to_docker(media_type: str) -> str:
    """Docker's name for the same thing; what it has no name for stays as it is."""
    return _TO_DOCKER.get(media_type, media_type)
