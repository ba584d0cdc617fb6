"""What an image is: the OCI specs' nouns as values.

In: bytes of documents, names of images, entries of layers. Out: Digest, Reference, Descriptor,
Manifest, Index, ImageConfig, Layer, Image, and what is wrong with them.
Touches: nothing, but for `layout`: an image layout on the disk.
"""

from __future__ import annotations

from cogsmith.oci import media_types
from cogsmith.oci.archive import archive
from cogsmith.oci.compression import (
    GZIP_HEADER,
    GZIP_MEMBER,
    compress,
    crc32,
    decompress,
    detect,
    gunzip_member,
    gzip_member,
    gzip_trailer,
    inflate,
    recipe,
)
from cogsmith.oci.descriptor import Descriptor
from cogsmith.oci.digest import CHUNK, Digest, Hasher, chunks_of, reader, verified
from cogsmith.oci.document import MAX_DOCUMENT
from cogsmith.oci.entries import EPOCH, Directory, Entry, File, Hardlink, Symlink
from cogsmith.oci.image import MAX_LAYERS, Artifact, Image
from cogsmith.oci.image_config import SECOND, ContainerConfig, Healthcheck, History, ImageConfig
from cogsmith.oci.index import REF_NAME, Index
from cogsmith.oci.layer import Blob, Layer, layer, pack
from cogsmith.oci.layout import Incoming, Layout, Pruned
from cogsmith.oci.manifest import Manifest
from cogsmith.oci.media_types import Compression
from cogsmith.oci.platforms import Platform
from cogsmith.oci.reference import DOCKER_HUB, Reference
from cogsmith.oci.tar_reader import Member, TarReader
from cogsmith.oci.tar_writer import scaffold, tar
from cogsmith.oci.validate import validate

__all__ = [  # noqa: RUF022 - in the order of the alphabet, as every door
    "Artifact",
    "Blob",
    "CHUNK",
    "Compression",
    "ContainerConfig",
    "DOCKER_HUB",
    "Descriptor",
    "Digest",
    "Directory",
    "EPOCH",
    "Entry",
    "File",
    "GZIP_HEADER",
    "GZIP_MEMBER",
    "Hardlink",
    "Hasher",
    "Healthcheck",
    "History",
    "Image",
    "ImageConfig",
    "Incoming",
    "Index",
    "Layer",
    "Layout",
    "MAX_DOCUMENT",
    "MAX_LAYERS",
    "Manifest",
    "Member",
    "Platform",
    "Pruned",
    "REF_NAME",
    "Reference",
    "SECOND",
    "Symlink",
    "TarReader",
    "archive",
    "chunks_of",
    "compress",
    "crc32",
    "decompress",
    "detect",
    "gunzip_member",
    "gzip_member",
    "gzip_trailer",
    "inflate",
    "layer",
    "media_types",
    "pack",
    "reader",
    "recipe",
    "scaffold",
    "tar",
    "validate",
    "verified",
]
