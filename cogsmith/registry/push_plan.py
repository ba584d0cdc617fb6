"""What a push will do, as a value: what is there, what mounts, what travels. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from cogsmith.oci import Artifact, Blob, Descriptor, Digest, Image, Index, Manifest, Reference
from cogsmith.values import dataclass

__all__ = ["PushPlan", "Shipment", "plan_push"]

Document = Manifest | Index


@dataclass(frozen=True, slots=True)
class Shipment:
    """What one reference will name: documents, those that others name first, and their blobs.

    The last document is what the reference names.
    """

    documents: tuple[Document, ...]
    blobs: tuple[Blob, ...]

    @classmethod
    def of(cls, *parts: Image | Artifact, index: Index | None = None) -> Shipment:
        """Of one image or artifact; or of several, which the index names.

        A blob that comes more than once travels once. What a registry does not keep
        (layers with addresses of their own) is left out.
        """
        assert parts
        assert index or len(parts) == 1, "several need an index, which the reference names"
        blobs = {
            blob.digest: blob for part in parts for blob in part.blobs if not blob.descriptor.urls
        }
        manifests = {part.digest: part.manifest for part in parts}
        documents: list[Document] = list(manifests.values())
        return cls((*documents, index) if index else tuple(documents), tuple(blobs.values()))

    @property
    def root(self) -> Document:
        """What the reference will name."""
        return self.documents[-1]

    @property
    def descriptors(self) -> tuple[Descriptor, ...]:
        """Of all its blobs."""
        return tuple(blob.descriptor for blob in self.blobs)


@dataclass(frozen=True, slots=True, kw_only=True)
class PushPlan:
    """What a push will do.

    ``named`` says that the reference names this very content already: then nothing is to be
    done. ``present`` are the blobs that are there; ``mount`` those that another repository of
    the same registry has, with its name; ``upload`` those that travel, the largest first.
    """

    reference: Reference
    documents: tuple[Document, ...]
    named: bool = False
    present: tuple[Blob, ...] = ()
    mount: tuple[tuple[Blob, str], ...] = ()
    upload: tuple[Blob, ...] = ()

    @property
    def root(self) -> Document:
        """What the reference will name."""
        return self.documents[-1]

    @property
    def bytes_to_send(self) -> int:
        """What travels if every mount succeeds: blobs and documents."""
        if self.named:
            return 0
        documents = sum(len(document.render()) for document in self.documents)
        return sum(blob.size for blob in self.upload) + documents

    @property
    def bytes_present(self) -> int:
        """What is there and stays where it is."""
        return sum(blob.size for blob in self.present)


def plan_push(
    reference: Reference,
    shipment: Shipment,
    *,
    there: Collection[Digest] = (),
    sources: Mapping[Digest, str] | None = None,
    named: bool = False,
) -> PushPlan:
    """Say what a push has to do.

    ``there`` are the blobs that the repository has; ``sources`` names, for others, another
    repository of the same registry that may have them.
    """
    if named:
        return PushPlan(
            reference=reference, documents=shipment.documents, named=True, present=shipment.blobs
        )
    elsewhere = {digest: name for digest, name in (sources or {}).items() if digest not in there}
    missing = [blob for blob in shipment.blobs if blob.digest not in there]
    return PushPlan(
        reference=reference,
        documents=shipment.documents,
        present=tuple(blob for blob in shipment.blobs if blob.digest in there),
        mount=tuple((b, elsewhere[b.digest]) for b in missing if b.digest in elsewhere),
        upload=_largest_first(blob for blob in missing if blob.digest not in elsewhere),
    )


def _largest_first(blobs: Iterable[Blob]) -> tuple[Blob, ...]:
    """The longest way begins first, so that no lane is alone with it at the end."""
    return tuple(sorted(blobs, key=lambda blob: -blob.size))
