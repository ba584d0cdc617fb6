"""Bringing what was built to registries, and what is said of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from cogsmith.cli import amounts
from cogsmith.cli.console import Console
from cogsmith.cli.outcome import Outcome
from cogsmith.cli.progress import Display
from cogsmith.errors import OciError
from cogsmith.image import Store, key_of
from cogsmith.oci import Digest, Index, Reference
from cogsmith.registry import Client, PushPlan, Shipment
from cogsmith.values import dataclass

if TYPE_CHECKING:
    from cogsmith.cli.ahead import Ahead

__all__ = ["Pushed", "Sources", "push_all", "say"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """One name that was pushed: what it took. Blobs are counted, ``sent`` is in bytes.

    ``there``: the name meant this very image already.
    """

    reference: Reference
    digest: str
    there: bool
    sent: int = 0
    uploaded: int = 0
    mounted: int = 0
    present: int = 0
    seconds: float

    @classmethod
    def of(cls, plan: PushPlan, seconds: float) -> Pushed:
        """What a plan has done."""
        return cls(
            reference=plan.reference, digest=str(plan.root.digest), there=plan.named,
            sent=plan.bytes_to_send, uploaded=len(plan.upload), mounted=len(plan.mount),
            present=len(plan.present), seconds=seconds,
        )  # fmt: skip

    def after(self, sent: Mapping[Digest, int]) -> Pushed:
        """The same push, with the blobs that travelled before it: digest -> bytes."""
        return replace(
            self, sent=self.sent + sum(sent.values()), uploaded=self.uploaded + len(sent),
            present=self.present - len(sent), there=self.there and not sent,
        )  # fmt: skip

    @classmethod
    def already(cls, reference: Reference, digest: str, present: int, seconds: float) -> Pushed:
        """Nothing had to be done; so many blobs are there."""
        return cls(reference=reference, digest=digest, there=True, present=present, seconds=seconds)


def push_all(
    outcome: Outcome, store: Store, display: Display, registry: Client, *, attest: bool,
    ahead: Ahead | None = None,
) -> str:  # fmt: skip
    """Push under each name, say what it took, and answer the digest. Hold the store's session.

    With ``attest`` SBOM and provenance go with it. ``ahead`` has brought layers to the first
    name's repository. The digest is the image's, or that of the index of image and weights.
    Raises WeightsError when weights are not in the registry.
    """
    display.console.note(_new(outcome))
    digest = str(outcome.digest)
    for reference in outcome.references:
        if outcome.weights:
            display.console.line(f"Pushing to {reference.name}...")
        pushed = _pushed(reference, outcome, store, display, registry, ahead)
        if attest:
            _attach(registry, reference, outcome)
        say(pushed, display.console)
        if outcome.weights and not display.console.json:
            images = [image.digest for image in outcome.images]
            display.console.lines(outcome.weights.table(pushed.reference, images))
        digest, ahead = pushed.digest, None
    return digest


def _pushed(
    reference: Reference, outcome: Outcome, store: Store, display: Display, registry: Client,
    ahead: Ahead | None,
) -> Pushed:  # fmt: skip
    """Push under one name; the second of one registry finds everything there."""
    begun = time.monotonic()
    sources = Sources(store, reference)
    plan = registry.plan_push(
        reference, Shipment.of(*outcome.images, index=_index(registry, reference, outcome)),
        sources=sources.of(outcome), earlier=sources.earlier(), there=ahead.there if ahead else (),
    )  # fmt: skip
    hear = display.blobs("Pushing", "Pushed", outcome.titles, plan.bytes_to_send)
    registry.push(plan, hear)
    display.close()
    sources.remember(outcome)
    if ahead is not None and ahead.sent and ahead.begun is not None:
        return Pushed.of(plan, time.monotonic() - ahead.begun).after(ahead.sent)
    return Pushed.of(plan, time.monotonic() - begun)


def _index(registry: Client, reference: Reference, outcome: Outcome) -> Index | None:
    """What the name will mean: images, and weights that are there; None: the only image."""
    if outcome.weights is None:
        return outcome.index
    images = [image.descriptor for image in outcome.images]
    return outcome.weights.index(registry, reference, images)


def _attach(registry: Client, reference: Reference, outcome: Outcome) -> None:
    """SBOM and provenance, by digest: they are found through the image that they are about."""
    for artifact in outcome.attached:
        there = replace(reference, tag="", digest=artifact.digest)
        registry.push(registry.plan_push(there, Shipment.of(artifact)))


class Sources:
    """What a registry is known to have.

    The repository of each layer, to mount it from, and the images of the last push to this
    repository, whose blobs need not be asked for one by one.

    It is what earlier pushes from here have left in the store's notes; a registry that knows
    better gets the bytes.
    """

    def __init__(self, store: Store, reference: Reference) -> None:
        self._store, self._reference = store, reference

    def of(self, outcome: Outcome) -> dict[Digest, str]:
        """The repository of each layer, as far as it is known; the base's own for the base's."""
        found: dict[Digest, str] = {}
        for name, layers in outcome.bases.items():
            base = Reference.parse(name)
            if base.registry == self._reference.registry:
                found.update(dict.fromkeys(layers, base.repository))
        for image in outcome.images:
            for layer in image.layers:
                if told := self.one(layer.digest):
                    found[layer.digest] = told
        mine = self._reference.repository
        return {digest: name for digest, name in found.items() if name != mine}

    def one(self, digest: Digest) -> str:
        """Another repository that has a layer, "" where none is known."""
        told = self._store.recall(self._name(digest)).get("repository")
        return told if isinstance(told, str) and told != self._reference.repository else ""

    def earlier(self) -> dict[Digest, list[Digest]]:
        """The manifests that the last push has brought here, with their blobs."""
        told = self._store.recall(self._here)
        try:
            named = dict(told["manifests"])
            return {Digest.parse(d): list(map(Digest.parse, blobs)) for d, blobs in named.items()}
        except (KeyError, TypeError, ValueError, OciError):
            return {}

    def remember(self, outcome: Outcome) -> None:
        """These images and layers are in this repository now."""
        named = {str(i.digest): [str(blob.digest) for blob in i.blobs] for i in outcome.images}
        self._store.note(self._here, {"manifests": named}, about=outcome.images[0].digest)
        for image in outcome.images:
            for layer in image.layers:
                name, values = self._name(layer.digest), {"repository": self._reference.repository}
                if not self._store.recall(name):
                    self._store.note(name, values, about=layer.digest)

    @property
    def _here(self) -> str:
        return key_of("images", self._reference.name)

    def _name(self, digest: Digest) -> str:
        return key_of("pushed", self._reference.registry, str(digest))


def say(pushed: Pushed, console: Console) -> None:
    """Say what is where now, and what it took."""
    if console.json:
        console.event(
            "result", command="push", name=str(pushed.reference), digest=pushed.digest,
            sent=pushed.sent, uploaded=pushed.uploaded, mounted=pushed.mounted,
            present=pushed.present, seconds=round(pushed.seconds, 3),
        )  # fmt: skip
        return
    console.done(f"Pushed {pushed.reference.familiar}@{pushed.digest}")
    console.note(f"  {_took(pushed)}, in {amounts.seconds(pushed.seconds)}")


def _new(outcome: Outcome) -> str:
    """How much of the image had to be made."""
    count = sum(len(image.layers) for image in outcome.images)
    if not outcome.fresh:
        return f"Built: {count} layers, none of them new"
    size = amounts.size(sum(layer.size for layer in outcome.fresh))
    return f"Built: {count} layers, {len(outcome.fresh)} of them new ({size})"


def _took(pushed: Pushed) -> str:
    """What a push was: ``3 blobs sent (1.2 MB), 12 were there``."""
    if pushed.there:
        return "it was there already"
    parts = []
    if pushed.uploaded:
        parts.append(f"{_blobs(pushed.uploaded)} sent ({amounts.size(pushed.sent)})")
    if pushed.mounted:
        parts.append(f"{pushed.mounted} mounted")
    if pushed.present:
        parts.append(f"{pushed.present} there already")
    return ", ".join(parts)


def _blobs(count: int) -> str:
    return f"{count} blob{'s' if count > 1 else ''}"
