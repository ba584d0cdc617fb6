"""What a build has put into the store, and what a note keeps of it for the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cogsmith.cli.unchanged import Note, inputs_of
from cogsmith.oci import Artifact, Digest, Image, Index, Layer, Reference
from cogsmith.values import dataclass

if TYPE_CHECKING:
    from cogsmith.cli.building import Built
    from cogsmith.cli.managed_weights import ManagedWeights
    from cogsmith.image import Store

__all__ = ["Ground", "Outcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """An image, or several and their index, for those who bring them elsewhere or tell of them.

    ``digest`` is what the names mean. ``fresh`` are the layers that were made. ``titles`` says
    what blobs are called, ``bases`` which layers come with which base image. ``attached`` are the
    SBOM and the provenance of each image. ``weights`` stand beside the image. ``seconds`` is what
    it took.
    """

    references: tuple[Reference, ...]
    digest: Digest
    images: tuple[Image, ...]
    index: Index | None = None
    fresh: tuple[Layer, ...]
    titles: Mapping[Digest, str]
    bases: Mapping[str, tuple[Digest, ...]]
    attached: tuple[Artifact, ...]
    weights: ManagedWeights | None = None
    seconds: float

    @classmethod
    def of(cls, built: Built) -> Outcome:
        """That of the whole road."""
        return cls(
            references=built.request.references, digest=built.digest, images=built.images,
            index=built.index, fresh=built.fresh,
            titles={digest: title for made in built.made for digest, title in made.titles.items()},
            bases={
                made.base.reference: tuple(layer.digest for layer in made.base.image.layers)
                for made in built.made
            },
            attached=built.attached, weights=built.request.weights, seconds=built.seconds,
        )  # fmt: skip

    @property
    def size(self) -> int:
        """The bytes of all blobs, each counted once."""
        return sum(self.blobs.values())

    @property
    def blobs(self) -> dict[Digest, int]:
        """All blobs but manifests, with their sizes."""
        return {blob.digest: blob.size for image in self.images for blob in image.blobs}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What an image stands on besides its code.

    ``project`` is the folder, ``others`` are inputs that lie elsewhere. ``deciding`` are the files
    that decide more than what lies under their path. ``code`` is what it takes to put other code
    on the last image, {} where only the whole road can.
    """

    project: Path
    others: tuple[Path, ...] = ()
    deciding: tuple[str, ...] = ()
    code: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Ground:
        """As a note has it. Raises KeyError and TypeError."""
        return cls(
            project=Path(document["project"]), others=tuple(map(Path, document["others"])),
            deciding=tuple(document["deciding"]), code=dict(document["code"]),
        )  # fmt: skip

    def document(self) -> dict[str, Any]:
        """As a value of JSON."""
        return {
            "project": str(self.project), "others": list(map(str, self.others)),
            "deciding": list(self.deciding), "code": dict(self.code),
        }  # fmt: skip

    def on(self, outcome: Outcome) -> Ground:
        """The same for the next build, which begins with this image."""
        if not self.code or len(outcome.images) > 1:
            return replace(self, code={})
        entry = outcome.images[0].manifest.descriptor
        attached = [one.manifest.descriptor.document() for one in outcome.attached]
        code = {**self.code, "entry": entry.document(), "attached": attached}
        return replace(self, code=code)

    def built(
        self, note: Note, outcome: Outcome, report: Mapping[str, Any], begun: int, engine: str,
        store: Store,
    ) -> None:  # fmt: skip
        """Leave a note of what was built; ``engine`` is the address of the one that has it."""
        self._leave(note, outcome, report, begun, {"store": str(store.folder), "engine": engine})

    def pushed(self, note: Note, outcome: Outcome, begun: int, store: Store) -> None:
        """Leave a note of what was pushed."""
        report = {
            "digest": str(outcome.digest), "blobs": len(outcome.blobs),
            "layers": sum(len(image.layers) for image in outcome.images),
        }  # fmt: skip
        facts = {"store": str(store.folder), "engine": "unwanted"}
        self._leave(note, outcome, report, begun, facts)

    def _leave(
        self, note: Note, outcome: Outcome, report: Mapping[str, Any], begun: int,
        facts: Mapping[str, Any],
    ) -> None:  # fmt: skip
        ids = [str(d) for i in outcome.images for d in (i.manifest.config.digest, i.digest)]
        told = {
            "references": list(map(str, outcome.references)),
            "blobs": [[f"{d.algorithm}/{d.hex}", size] for d, size in _kept(outcome).items()],
            "ids": ids,
            "ground": self.on(outcome).document(),
        }
        note.leave(report, inputs_of(self.project, *self.others), {**told, **facts}, begun)


def _kept(outcome: Outcome) -> dict[Digest, int]:
    """All blobs and manifests, with their sizes."""
    documents = [image.manifest for image in outcome.images]
    named = {document.digest: len(document.render()) for document in documents}
    return outcome.blobs | named
