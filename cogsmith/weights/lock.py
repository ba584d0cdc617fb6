"""``weights.lock``: what was imported, from where, with every digest; Cog's file, both ways. Pure.

Version 1 of Cog's format: JSON with two blanks of indent, no line feed at the end, weights in the
order of their first import, files by path, layers by digest. The reference page is
docs/reference/weights-lock.md.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cogsmith.errors import InvalidDigest, Problem, WeightsError
from cogsmith.oci import Digest, media_types
from cogsmith.weights.files import WeightFile, path_problems, set_digest

__all__ = [
    "LOCK_FILE",
    "LockedLayer",
    "LockedWeight",
    "Provenance",
    "WeightsLock",
    "go_json",
    "parse_lock",
]

LOCK_FILE = "weights.lock"
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where files came from: a source, its state then, the patterns, and when (RFC 3339).

    ``fingerprint`` is the source's own name of its state: ``commit:``, ``etag:`` or ``sha256:``.
    """

    uri: str
    fingerprint: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    imported_at: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedLayer:
    """One archive of a weight: its blob, and the bytes of the files in it."""

    digest: Digest
    media_type: str
    size: int
    size_uncompressed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedWeight:
    """A weight as it was imported.

    ``digest`` names its manifest in the registry, ``layer_of`` the layer that each path is in.
    """

    name: str
    target: str
    sources: tuple[Provenance, ...]
    digest: Digest
    files: tuple[WeightFile, ...]
    layers: tuple[LockedLayer, ...]
    layer_of: Mapping[str, Digest] = field(hash=False)

    @property
    def set_digest(self) -> Digest:
        """The name of the files, however they are packed."""
        return set_digest(self.files)

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(layer.size_uncompressed for layer in self.layers)

    @property
    def size_compressed(self) -> int:
        """The bytes of all layers: what a registry keeps."""
        return sum(layer.size for layer in self.layers)

    def files_of(self, layer: Digest) -> tuple[WeightFile, ...]:
        """The files of one layer."""
        return tuple(file for file in self.files if self.layer_of[file.path] == layer)

    def document(self) -> dict[str, Any]:
        """What stands in the file; with several sources, as a list."""
        sources = [_source_document(source) for source in self.sources]
        return {
            "name": self.name,
            "target": self.target,
            **({"source": sources[0]} if len(sources) == 1 else {"sources": sources}),
            "digest": str(self.digest),
            "setDigest": str(self.set_digest),
            "size": self.size,
            "sizeCompressed": self.size_compressed,
            "files": [self._file_document(file) for file in self.files],
            "layers": [_layer_document(layer) for layer in self.layers],
        }

    def _file_document(self, file: WeightFile) -> dict[str, Any]:
        layer = str(self.layer_of[file.path])
        return {"path": file.path, "size": file.size, "digest": str(file.digest), "layer": layer}


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsLock:
    """All imported weights of a project; ``envelope`` names the packer that made their layers.

    Cog looks at the envelope on its next import only, to know whether to pack again.
    """

    weights: tuple[LockedWeight, ...] = ()
    envelope: str = ""

    def find(self, name: str) -> LockedWeight | None:
        """The weight of this name."""
        return next((weight for weight in self.weights if weight.name == name), None)

    def having(self, weight: LockedWeight) -> WeightsLock:
        """With this weight in the place of the one of its name, else at the end.

        What differs from it in nothing but the time of import stays as it is, so that an
        import that changes nothing changes nothing in version control.
        """
        old = self.find(weight.name)
        if old == weight:
            return self
        if old is None:
            return replace(self, weights=(*self.weights, weight))
        return replace(self, weights=tuple(weight if w is old else w for w in self.weights))

    def keeping(self, names: Collection[str]) -> WeightsLock:
        """Without the weights that the config no longer declares."""
        return replace(self, weights=tuple(w for w in self.weights if w.name in names))

    def select(self, names: Sequence[str]) -> tuple[LockedWeight, ...]:
        """The weights of these names, or all. Raises WeightsError with all unknown ones."""
        missing = [name for name in names if self.find(name) is None]
        if missing:
            there = ", ".join(weight.name for weight in self.weights) or "none"
            message = f"unknown weight(s): {', '.join(missing)}"
            raise WeightsError(message, where=LOCK_FILE, hint=f"imported are: {there}")
        chosen = [weight for name in dict.fromkeys(names) if (weight := self.find(name))]
        return tuple(chosen) if names else self.weights

    def render(self) -> bytes:
        """The text of the file."""
        document = {
            "version": VERSION,
            "envelopeFormat": self.envelope,
            "weights": [weight.document() for weight in self.weights],
        }
        return go_json(document, indent=2)


def go_json(document: object, indent: int | None = None) -> bytes:
    """JSON as Go's encoder writes it: compact, or indented; with ``<``, ``>``, ``&`` escaped."""
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(document, ensure_ascii=False, separators=separators, indent=indent)
    for plain in "<>&\u2028\u2029":
        text = text.replace(plain, f"\\u{ord(plain):04x}")
    return text.encode()


def parse_lock(data: bytes, *, where: str = LOCK_FILE) -> WeightsLock:
    """Read the file's bytes. Raises WeightsError with all that is wrong in it."""
    hint = "make it again with: cogsmith weights import"
    try:
        document = json.loads(data)
    except ValueError as error:
        raise WeightsError(f"is not JSON: {error}", where=where, hint=hint) from None
    version = document.get("version") if isinstance(document, dict) else None
    if version != VERSION or isinstance(version, bool):
        message = f"unsupported weights.lock version {json.dumps(version)} (want {VERSION})"
        raise WeightsError(message, where=where, hint=hint)
    entries = document.get("weights") or []
    if not isinstance(entries, list):
        raise WeightsError("weights is not a list", where=where, hint=hint)
    reader = _Reader(where)
    found = [reader.weight(entry, f"weights[{n}]") for n, entry in enumerate(entries)]
    reader.finish()
    envelope = document.get("envelopeFormat")
    return WeightsLock(
        weights=tuple(weight for weight in found if weight),
        envelope=envelope if isinstance(envelope, str) else "",
    )


class _Reader:
    """Reads objects of the file, and gathers what is wrong."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: list[Problem] = []

    def finish(self) -> None:
        if self.problems:
            raise WeightsError(self.problems)

    def weight(self, document: Any, at: str) -> LockedWeight | None:
        try:
            made = _weight(document)
        except (KeyError, TypeError, ValueError, AttributeError, InvalidDigest) as error:
            said = f"has no {error}" if isinstance(error, KeyError) else str(error)
            self.problems.append(Problem(f"{at} {said}", self.where))
            return None
        if "/" in made.name or path_problems([made.name]):
            self.problems.append(Problem(f"{at} has the name {made.name!r}", self.where))
        self.problems += [
            Problem(f"{at}: file {problem.where} {problem.message}", self.where)
            for problem in path_problems(file.path for file in made.files)
        ]
        lost = {str(made.layer_of[file.path]) for file in made.files}
        lost -= {str(layer.digest) for layer in made.layers}
        self.problems += [Problem(f"{at} names no layer {layer}", self.where) for layer in lost]
        stated = document.get("setDigest")
        if stated != str(made.set_digest):
            message = f"{at}: setDigest is {stated}, and its files make {made.set_digest}"
            self.problems.append(Problem(message, self.where))
        return made


def _weight(document: Any) -> LockedWeight:
    entries = document["files"]
    files = [
        WeightFile(_text(e["path"]), _count(e["size"]), Digest.parse(e["digest"])) for e in entries
    ]
    layers = [
        LockedLayer(
            digest=Digest.parse(entry["digest"]),
            media_type=_layer_type(entry["mediaType"]),
            size=_count(entry["size"]),
            size_uncompressed=_count(entry["sizeUncompressed"]),
        )
        for entry in document["layers"]
    ]
    # Newer trial versions of Cog take several sources for one weight; then it is a list.
    told = document.get("sources") or document["source"]
    return LockedWeight(
        name=_text(document["name"]),
        target=_text(document["target"]),
        sources=tuple(map(_source, told if isinstance(told, list) else [told])),
        digest=Digest.parse(document["digest"]),
        files=tuple(sorted(files)),
        layers=tuple(sorted(layers, key=lambda layer: layer.digest)),
        layer_of={entry["path"]: Digest.parse(entry["layer"]) for entry in entries},
    )


def _source(document: Any) -> Provenance:
    return Provenance(
        uri=_text(document["uri"]),
        fingerprint=_text(document["fingerprint"]),
        include=tuple(map(_text, document.get("include") or ())),
        exclude=tuple(map(_text, document.get("exclude") or ())),
        imported_at=_text(document.get("importedAt", "")),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"has {json.dumps(value)[:40]} where text must stand")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"has {json.dumps(value)[:40]} where a number of bytes must stand")
    return value


def _layer_type(value: object) -> str:
    media_type = _text(value)
    if not media_types.is_layer(media_type):
        raise ValueError(f"has a layer of the type {media_type[:80]!r}, which cannot be read")
    return media_type


def _source_document(source: Provenance) -> dict[str, Any]:
    return {
        "uri": source.uri,
        "fingerprint": source.fingerprint,
        "include": list(source.include),
        "exclude": list(source.exclude),
        "importedAt": source.imported_at,
    }


def _layer_document(layer: LockedLayer) -> dict[str, Any]:
    return {
        "digest": str(layer.digest),
        "mediaType": layer.media_type,
        "size": layer.size,
        "sizeUncompressed": layer.size_uncompressed,
    }
