"""What an image says of weights that it has not: Cog's ``/.cog/weights.json``.

Managed weights are artifacts of their own beside the image. Whoever runs it puts their files where
this document says (Cog's ``specs/draft-weights.md``, section 3.3).
"""

from __future__ import annotations

from cogsmith.image.recipe import Recipe, Write, key_of
from cogsmith.oci import Descriptor, Digest, Directory, File, pack, recipe, tar
from cogsmith.weights import WeightsLock, runtime_manifest

__all__ = ["WEIGHTS_MANIFEST", "managed_recipe"]

WEIGHTS_MANIFEST = "/.cog/weights.json"


def managed_recipe(lock: WeightsLock, mtime: int) -> Recipe:
    """The layer of the document: which weights the model expects, and where. All may read it."""
    document = runtime_manifest(lock)
    entries = (Directory(path=".cog"), File.of(WEIGHTS_MANIFEST[1:], document))

    def packed(write: Write) -> tuple[Descriptor, Digest]:
        return pack(tar(entries, mtime=mtime), "gzip", write=write)

    return Recipe(
        key=key_of("managed weights", recipe("gzip"), mtime, document.decode()),
        kind="weights",
        title="managed weights",
        created_by=f"cogsmith: managed weights in {WEIGHTS_MANIFEST}",
        size=len(document),
        pack=packed,
    )
