"""An image layout: blobs by digest, and an index that names images.

Any number of processes read and write one layout. Who writes holds a shared lock on it, so that
``prune`` takes away nothing that a running build still needs; the index is changed under a lock
of its own. Locks and what is not whole lie in ``.ingest``; other programs see a plain layout.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from pathlib import Path

from cogsmith.errors import NotInLayout, OciError
from cogsmith.oci.descriptor import Descriptor
from cogsmith.oci.digest import Digest
from cogsmith.oci.document import MAX_DOCUMENT, load
from cogsmith.oci.image import Artifact, Image
from cogsmith.oci.image_config import ImageConfig
from cogsmith.oci.index import LAYOUT_VERSION, REF_NAME, Index
from cogsmith.oci.layer import Blob
from cogsmith.oci.layout.blobs import Blobs
from cogsmith.oci.layout.disk import locked, new_file, refusals, sync_folder
from cogsmith.oci.manifest import Manifest
from cogsmith.oci.media_types import is_index, is_manifest
from cogsmith.oci.platforms import Platform
from cogsmith.oci.reference import Reference
from cogsmith.values import dataclass

__all__ = ["Layout", "Pruned"]

MAX_NESTING = 4  # indexes within indexes

_Entries = tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was taken away: so many files, so many bytes."""

    files: int
    size: int


class Layout(Blobs):
    """An image layout in a folder. Raises OciError for what the disk refuses."""

    @classmethod
    def create(cls, root: Path) -> Layout:
        """The layout in this folder, which is made if there is none."""
        layout = cls(root)
        with refusals(root):
            (root / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        with locked(layout.ingest / "index"), refusals(root):
            if not (root / "index.json").exists():
                layout._replace("index.json", Index().render())
            if not (root / "oci-layout").exists():  # the last: from now on it is a layout
                layout._replace("oci-layout", LAYOUT_VERSION)
        return cls.at(root)

    @classmethod
    def at(cls, root: Path) -> Layout:
        """The layout that is in this folder. Raises NotInLayout if there is none."""
        with refusals(root):
            try:
                data = _read(root / "oci-layout")
            except (FileNotFoundError, NotADirectoryError):
                raise NotInLayout("is no image layout", where=str(root)) from None
        fields = load(data, where=str(root / "oci-layout"))
        version = fields.text("imageLayoutVersion", required=True)
        fields.finish()
        if version.partition(".")[0] != "1":
            message = f"is an image layout of the version {version[:20]!r}, and 1 can be read"
            raise OciError(message, where=str(root))
        return cls(root)

    def index(self) -> Index:
        """What the layout holds."""
        path = self.root / "index.json"
        with refusals(path):
            return Index.parse(_read(path), where=str(path))

    def references(self) -> dict[Reference, Descriptor]:
        """The entries whose names are references; names of other kinds are left out."""
        found: dict[Reference, Descriptor] = {}
        for entry in self.index().manifests:
            with suppress(OciError):
                reference = Reference.parse(_name(entry))
                if str(reference) == _name(entry):
                    found[reference] = entry
        return found

    def find(self, reference: Reference) -> Descriptor:
        """The entry of this name, else one with its digest. Raises NotInLayout."""
        entries = self.index().manifests
        named = [entry for entry in entries if _name(entry) == str(reference)]
        named += [entry for entry in entries if entry.digest == reference.digest]
        if not named:
            message = f"there is no image {reference.familiar} here"
            raise NotInLayout(message, where=str(self.root))
        return named[0]

    def image(self, entry: Descriptor, platform: Platform | None = None) -> Image:
        """The image of an entry; ``platform`` chooses where it is an index of several.

        Documents are checked against their digests, layers are not. Raises NotInLayout,
        InvalidDocument, DigestMismatch.
        """
        for _ in range(MAX_NESTING):
            if not is_index(entry.media_type):
                break
            entry = self._index(entry).select(platform)
        manifest = self._manifest(entry)
        where = str(manifest.config.digest)
        config = ImageConfig.parse(self.document(manifest.config), where=where)
        return Image.assemble(manifest, config, self.open)

    def nested(self, entry: Descriptor) -> tuple[Descriptor, ...]:
        """What an index in the layout names, as far as it is here."""
        return tuple(inner for inner in self._index(entry).manifests if self.has(inner))

    def artifact(self, entry: Descriptor) -> Artifact:
        """The manifest of an entry with its blobs, whatever they are."""
        manifest = self._manifest(entry)
        return Artifact(manifest=manifest, blobs=tuple(map(self.blob, manifest.blobs)))

    def referrers(self, subject: Digest) -> tuple[Descriptor, ...]:
        """The entries that are about this manifest: its SBOM, say."""
        return tuple(e for e in self.index().manifests if self._subject(e) == subject)

    def add(self, subject: Image | Artifact, reference: Reference | None = None) -> Descriptor:
        """Keep an image, or an artifact, and name it; what had the name before loses it.

        The name appears when all is there. Without a name the entry is found by its digest.
        """
        return self.add_all([(subject, reference)])[0]

    def add_all(
        self,
        parts: Sequence[tuple[Image | Artifact, Reference | None]],
        replaced: Mapping[Digest, Collection[Digest]] | None = None,
    ) -> list[Descriptor]:
        """The same for several, which appear in one step.

        ``replaced`` names, for manifests, artifacts that are about them: they go in the same
        step where no entry means the manifest any more.
        """
        new: list[Descriptor] = []
        with self.session():
            for subject, reference in parts:
                manifest = subject.manifest
                for blob in subject.blobs:
                    self.write(blob)
                self.write(Blob.of(manifest.render(), manifest.media_type))
                entry = subject.descriptor if isinstance(subject, Image) else manifest.descriptor
                new.append(_entry(entry, reference))
            self._change(lambda entries: _without(reduce(_named, new, entries), replaced or {}))
        return new

    def name(self, entry: Descriptor, reference: Reference | None) -> Descriptor:
        """Name what is kept already; the answer is its entry."""
        named = _entry(entry, reference)
        with self.session():
            self._change(lambda entries: _named(entries, named))
        return named

    def remove(self, entry: Descriptor) -> None:
        """Take an entry out of the index; its bytes go with the next ``prune``."""
        with self.session():
            self._change(lambda entries: tuple(other for other in entries if other != entry))

    def prune(self, *, dry: bool = False) -> Pruned:
        """Take away the bytes that no entry needs any more, and what broken-off runs left.

        An artifact that is about another manifest goes with it. ``dry``: only say what would
        go. Raises OciError while another process writes.
        """
        with locked(self.ingest / "session", fcntl.LOCK_EX | fcntl.LOCK_NB):
            entries = self._living()
            if not dry:
                self._change(lambda _: entries)
            needed = {self.path(digest) for entry in entries for digest in self._needed(entry)}
            with refusals(self.root):
                gone = [p for p in self.root.glob("blobs/*/*") if p not in needed]
                gone += [p for p in self.ingest.iterdir() if p.suffix]
                pruned = Pruned(files=len(gone), size=sum(path.stat().st_size for path in gone))
                for path in () if dry else gone:
                    path.unlink()
        return pruned

    def _manifest(self, entry: Descriptor) -> Manifest:
        data = self.document(entry)
        return Manifest.parse(data, media_type=entry.media_type, where=str(entry.digest))

    def _index(self, entry: Descriptor) -> Index:
        data = self.document(entry)
        return Index.parse(data, media_type=entry.media_type, where=str(entry.digest))

    def _change(self, change: Callable[[_Entries], _Entries]) -> None:
        with locked(self.ingest / "index"):
            index = self.index()
            changed = change(index.manifests)
            if changed != index.manifests:
                with refusals(self.root):
                    for folder in (self.root / "blobs").iterdir():
                        sync_folder(folder)
                self._replace("index.json", replace(index, manifests=changed).render())

    def _replace(self, name: str, data: bytes) -> None:
        with new_file(self.ingest) as file:
            file.write(data)
            file.publish(self.root / name)
        sync_folder(self.root)

    def _living(self) -> _Entries:
        """The entries without those that are about something that is no longer there."""
        entries = self.index().manifests
        subjects = {entry.digest: self._subject(entry) for entry in entries if not _name(entry)}
        while True:
            there = {digest for entry in entries for digest in self._needed(entry)}
            left = tuple(e for e in entries if (subjects.get(e.digest) or e.digest) in there)
            if left == entries:
                return entries
            entries = left

    def _subject(self, entry: Descriptor) -> Digest | None:
        if not is_manifest(entry.media_type):
            return None
        subject = self._manifest(entry).subject
        return subject.digest if subject else None

    def _needed(self, entry: Descriptor, room: int = MAX_NESTING) -> Iterator[Digest]:
        """The digests of all that an entry is made of. A layout may lack parts of an index."""
        yield entry.digest
        if is_index(entry.media_type) and room:
            for inner in self.nested(entry):
                yield from self._needed(inner, room - 1)
        elif is_manifest(entry.media_type):
            yield from (blob.digest for blob in self._manifest(entry).blobs)


def _entry(entry: Descriptor, reference: Reference | None) -> Descriptor:
    """An entry under another name, or under none."""
    others = {key: value for key, value in entry.annotations.items() if key != REF_NAME}
    named = {**others, REF_NAME: str(reference)} if reference else others
    return replace(entry, annotations=named)


def _without(entries: _Entries, replaced: Mapping[Digest, Collection[Digest]]) -> _Entries:
    """The entries but for artifacts about manifests that no entry means any more."""
    there = {entry.digest for entry in entries}
    gone = {one for digest, about in replaced.items() if digest not in there for one in about}
    return tuple(entry for entry in entries if _name(entry) or entry.digest not in gone)


def _named(entries: _Entries, new: Descriptor) -> _Entries:
    """The entries with a new one: a name is one entry's, and who has a name needs none besides."""
    if not _name(new) and any(entry.digest == new.digest for entry in entries):
        return entries
    others = (e for e in entries if _name(e) != _name(new) and (_name(e) or e.digest != new.digest))
    return (*(others if _name(new) else entries), new)


def _name(entry: Descriptor) -> str:
    return entry.annotations.get(REF_NAME, "")


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_DOCUMENT + 1)
