"""A client for all registries: what is read from them, and what is written to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import cogsmith.registry.manifests as manifests
from cogsmith.errors import OciError, RegistryError
from cogsmith.oci import (
    MAX_DOCUMENT,
    Blob,
    Descriptor,
    Digest,
    Image,
    ImageConfig,
    Index,
    Layout,
    Manifest,
    Platform,
    Reference,
)
from cogsmith.registry.authorizer import Find
from cogsmith.registry.download import Source
from cogsmith.registry.host import Call, Clock, Host
from cogsmith.registry.lanes import run_all
from cogsmith.registry.ledger import Ledger
from cogsmith.registry.mirrors import Mirrors
from cogsmith.registry.progress import BlobProgress, Tell, Teller, silent
from cogsmith.registry.push_plan import PushPlan, Shipment, plan_push
from cogsmith.registry.settings import Settings
from cogsmith.registry.tokens import NOBODY, Credentials
from cogsmith.registry.transport import Transport
from cogsmith.registry.upload import Destination, Upload

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Client"]

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def nobody(_host: str, _repository: str) -> Credentials:
    """Nobody, anywhere."""
    return NOBODY


class Client:
    """Speaks to any number of registries, keeps their connections and tokens. Close it.

    ``find`` says who we are for a registry and repository: ``Keychain(...).find``. One
    transfer (``push``, ``download``) runs at a time; it has threads of its own.

    >>> with Client(settings, keychain.find) as client:                     # doctest: +SKIP
    ...     plan = client.plan_push(reference, Shipment.of(image))
    ...     client.push(plan, tell=print)
    """

    def __init__(self, settings: Settings | None = None, find: Find = nobody) -> None:
        self.settings = settings or Settings()
        self._find = find
        self._clock = Clock(time.time)
        self._transport = Transport(self.settings)
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()
        self._mirrors = Mirrors(self.settings.mirrors)
        self._ledger = Ledger(self.settings.ledger)

    def close(self) -> None:
        """End all connections."""
        self._clock.stop.set()
        self._transport.close()

    def halt(self) -> None:
        """End all that is under way: whoever waits, sends or reads gets RegistryError."""
        self._clock.stop.set()
        self._transport.halt()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Reading

    def fetch(self, reference: Reference) -> Manifest | Index:
        """The manifest or index that a reference names, its bytes checked.

        Raises NotFound, Unauthorized, DigestMismatch, InvalidDocument, Unreachable.
        """
        return self._mirrors.read(
            reference, lambda place: manifests.fetch(self._host(place), place)
        )

    def manifest(self, reference: Reference, platform: Platform | None = None) -> Manifest:
        """The manifest of one platform, by way of an index if there is one.

        None wants the only one. Raises OciError (code ``no_platform``), which names the
        platforms that there are.
        """
        document = self.fetch(reference)
        while isinstance(document, Index):
            chosen = _selected(document, platform, reference)
            document = self.fetch(reference.with_digest(chosen.digest))
        return document

    def image(self, reference: Reference, platform: Platform | None = None) -> Image:
        """An image whose layers are read from the registry when somebody reads them."""
        manifest = self.manifest(reference, platform)
        data = self.read_blob(reference, manifest.config)
        config = ImageConfig.parse(data, where=f"the config of {reference}")
        return Image.assemble(manifest, config, partial(self.open_blob, reference))

    def find(self, reference: Reference, *, to_push: bool = False) -> Descriptor | None:
        """What a reference names, without its bytes; None when there is no such thing.

        ``to_push`` asks as one who will write there: of a repository that is yet to be made,
        registries let nobody read.
        """
        scopes = manifests.pushing(reference) if to_push else ()
        return manifests.find(self._host(reference), reference, scopes)

    def open_blob(self, reference: Reference, blob: Descriptor) -> BinaryIO:
        """A blob as a stream; reading raises DigestMismatch when it is another."""
        return self._source(reference, blob, silent).open()

    def read_blob(self, reference: Reference, blob: Descriptor) -> bytes:
        """A small blob, such as a config. Raises RegistryError when it is not small."""
        if blob.data is not None:
            return blob.data
        if blob.size > MAX_DOCUMENT:
            message = f"blob {blob.digest.short} has {blob.size} bytes, of {MAX_DOCUMENT} allowed"
            raise RegistryError(message, where=str(reference))
        with self.open_blob(reference, blob) as stream:
            return stream.read()

    def pull(
        self,
        reference: Reference,
        layout: Layout,
        platform: Platform | None = None,
        tell: Tell = silent,
    ) -> Descriptor:
        """Bring an image, or an artifact, into a layout under its reference; its entry there.

        What the layout has does not travel; what an earlier pull has begun is gone on with.
        """
        manifest = self.manifest(reference, platform)
        entry = manifest.descriptor
        with layout.session():
            self.download(reference, manifest.blobs, layout, tell)
            layout.write(Blob.of(manifest.render(), manifest.media_type))
            if manifest.is_image:
                config = ImageConfig.parse(layout.document(manifest.config))
                entry = replace(entry, platform=config.platform)
            return layout.name(entry, reference)

    def download(
        self,
        reference: Reference,
        blobs: Iterable[Descriptor],
        layout: Layout,
        tell: Tell = silent,
    ) -> None:
        """Bring blobs into a layout, several at a time; what is there already stays.

        Each is checked as it comes: of one that is wrong nothing is kept, and DigestMismatch
        says what came instead.
        """
        teller = self._teller(tell)

        def bring(blob: Descriptor) -> None:
            counter = teller.blob(blob)
            self._mirrors.read(
                reference,
                lambda place: Source(self._host(place), place, blob, counter).save(layout),
            )

        self._all(bring, _largest_first(blobs), self.settings.lanes)

    def tags(self, reference: Reference) -> tuple[str, ...]:
        """All tags of a reference's repository."""
        return manifests.list_tags(self._host(reference), reference)

    def referrers(self, reference: Reference, artifact_type: str = "") -> tuple[Descriptor, ...]:
        """The artifacts that name this manifest as their subject, all or those of one type."""
        digest = reference.digest or self.fetch(reference).digest
        host = self._host(reference)
        return manifests.list_referrers(host, reference, digest, artifact_type)

    # Writing

    def plan_push(
        self,
        reference: Reference,
        shipment: Shipment,
        *,
        sources: Mapping[Digest, str] | None = None,
        earlier: Mapping[Digest, Collection[Digest]] | None = None,
        there: Collection[Digest] = (),
    ) -> PushPlan:
        """Look what is there, and say what a push has to do.

        ``sources`` names, for blobs, another repository of the same registry that may have
        them. ``there`` are blobs that ``bring`` has just brought. ``earlier`` are manifests
        that were pushed to this repository, with their blobs: while one is there its blobs are
        not looked for, as registries keep what a manifest names. ``push`` finds out when one
        has lost a blob nevertheless.
        """
        host = self._host(reference)
        root = shipment.root.digest
        present = manifests.find(host, _where(reference, root), manifests.pushing(reference))
        if present is not None and present.digest == root:
            return plan_push(reference, shipment, named=True)
        wanted = {blob.digest for blob in shipment.blobs}
        brought = wanted.intersection(there)
        sure = brought | self._vouched(reference, wanted - brought, present, earlier or {})
        asked = [blob for blob in shipment.blobs if blob.digest not in sure]
        answers = self._all(
            lambda blob: self.has_blob(reference, blob.digest), asked, self.settings.checks
        )
        found = {blob.digest for blob, there in zip(asked, answers, strict=True) if there}
        return plan_push(reference, shipment, there=found | sure, sources=sources)

    def _vouched(
        self,
        reference: Reference,
        wanted: set[Digest],
        present: Descriptor | None,
        earlier: Mapping[Digest, Collection[Digest]],
    ) -> set[Digest]:
        """Those of the wanted blobs that a manifest names which the repository has."""
        found: set[Digest] = set()
        for digest, blobs in earlier.items():
            new = wanted.intersection(blobs) - found
            if len(new) < 2:  # to ask for the blob itself is one question, too
                continue
            there = replace(reference, tag="", digest=digest)
            if (present is not None and present.digest == digest) or manifests.find(
                self._host(reference), there, manifests.pushing(reference)
            ):
                found |= new
        return found

    def has_blob(self, reference: Reference, digest: Digest) -> bool:
        """Whether a repository has a blob."""
        call = Call(
            method="HEAD", path=f"/v2/{reference.repository}/blobs/{digest}",
            doing=f"cannot look for blob {digest.short}", where=reference.name,
            scopes=manifests.pushing(reference), expected=frozenset({200, 404}),
        )  # fmt: skip
        with self._host(reference).send(call) as reply:
            return reply.status == 200

    def bring(
        self, reference: Reference, blob: Blob, source: str = "", tell: Tell = silent
    ) -> bool:
        """Bring one blob to a repository, before there is a manifest; False: it has it already.

        ``source`` is another repository of the registry that may have it.
        """
        if self.has_blob(reference, blob.digest):
            return False
        counter = self._teller(tell).blob(blob.descriptor)
        Upload(self._destination(reference), blob, counter).run(source)
        return True

    def push(self, plan: PushPlan, tell: Tell = silent) -> Descriptor:
        """Do what a plan says; what the reference names then.

        The reference names the new content only when all of it is there. Interrupted, a push
        is gone on with by planning it anew.
        """
        for blob in plan.present:
            tell(BlobProgress(blob=blob.descriptor, state="present", done=blob.size))
        if plan.named:
            return plan.root.descriptor
        self._send(plan, tell)
        try:
            return self._name(plan)
        except RegistryError as error:
            if "MANIFEST_BLOB_UNKNOWN" not in error.reasons or not plan.present:
                raise
        # It has lost what it had, or what we remembered it to have: look for everything.
        blobs = (*plan.present, *plan.upload, *(blob for blob, _ in plan.mount))
        again = self.plan_push(plan.reference, Shipment(plan.documents, blobs))
        self._send(again, tell)
        return self._name(again)

    def put(self, reference: Reference, document: Manifest | Index) -> Descriptor:
        """Name a document whose blobs (or manifests) are there: a second tag, an index."""
        return manifests.put(self._host(reference), reference, document)

    def delete(self, reference: Reference) -> None:
        """Delete what a reference names: the content with its digest, else its tag."""
        manifests.delete(self._host(reference), reference)

    # Who we are

    def check(self, registry: str) -> None:
        """Whether a registry takes us. Raises Unauthorized, Unreachable, or RegistryError."""
        call = Call(
            method="GET", path="/v2/", doing="cannot log in", where=registry,
        )  # fmt: skip
        with self.host(registry).send(call):
            pass

    def host(self, registry: str) -> Host:
        """A registry by its name in references."""
        with self._lock:
            if registry not in self._hosts:
                self._hosts[registry] = Host(
                    registry, transport=self._transport, settings=self.settings,
                    find=self._find, clock=self._clock,
                )  # fmt: skip
            return self._hosts[registry]

    def _host(self, reference: Reference) -> Host:
        return self.host(reference.registry)

    def _send(self, plan: PushPlan, tell: Tell) -> None:
        teller = self._teller(tell)
        to = self._destination(plan.reference)

        def bring(entry: tuple[Blob, str]) -> None:
            blob, source = entry
            Upload(to, blob, teller.blob(blob.descriptor)).run(source)

        entries = [*plan.mount, *((blob, "") for blob in plan.upload)]
        self._all(bring, entries, self.settings.lanes)

    def _destination(self, reference: Reference) -> Destination:
        return Destination(
            self._host(reference), reference.repository, reference.name, self.settings,
            self._ledger,
        )  # fmt: skip

    def _name(self, plan: PushPlan) -> Descriptor:
        """Documents in their order; the last one gets the tag."""
        host, last = self._host(plan.reference), plan.root
        for document in plan.documents[:-1]:
            manifests.put(host, replace(plan.reference, tag="", digest=None), document)
        return manifests.put(host, plan.reference, last)

    def _teller(self, tell: Tell) -> Teller:
        return Teller(tell, time.monotonic, self.settings.tell_every)

    def _source(self, reference: Reference, blob: Descriptor, tell: Tell) -> Source:
        place = self._mirrors.place(reference)
        return Source(self._host(place), place, blob, self._teller(tell).blob(blob))

    def _all(
        self, work: Callable[[Item], Answer], items: Iterable[Item], lanes: int
    ) -> list[Answer]:
        return run_all(work, items, lanes=lanes, halt=self.halt, resume=self._resume)

    def _resume(self) -> None:
        self._transport.resume()
        self._clock.stop.clear()


def _largest_first(blobs: Iterable[Descriptor]) -> list[Descriptor]:
    """Each once; the longest way begins first."""
    return sorted({blob.digest: blob for blob in blobs}.values(), key=lambda blob: -blob.size)


def _selected(index: Index, platform: Platform | None, reference: Reference) -> Descriptor:
    """The index knows which platforms there are, and we of which reference it is."""
    try:
        return index.select(platform)
    except OciError as error:
        words, hint = error.message, error.hint
        raise OciError(words, where=str(reference), hint=hint, code=error.code) from error


def _where(reference: Reference, digest: Digest) -> Reference:
    """The tag that a push will name, or the content itself where there is no tag."""
    return replace(reference, digest=None) if reference.tag else reference.with_digest(digest)
