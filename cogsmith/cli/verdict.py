"""What ``verify`` says: the same or not, where, and what may be the reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any

from cogsmith.errors import Problem
from cogsmith.image import Checkout, Differences, FileDifference, LayerDifference, ValueDifference
from cogsmith.oci import Image, Reference
from cogsmith.values import dataclass

__all__ = ["Claims", "Verdict", "claims_of", "plain"]

VERSION, RECIPES, LOCK = "run.cogsmith.version", "run.cogsmith.recipes", "run.cogsmith.lock"
COMPILER = "run.cogsmith.compiler"
BASE_NAME, BASE = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"
MOST_VALUES = 8  # differences of the config that are shown to people

_CHANGES = {
    "only ours": "is not in the image",
    "only theirs": "is in the image alone",
    "kind": "is of another kind",
    "mode": "has another mode",
    "owner": "belongs to another user",
    "time": "has another time",
    "target": "leads elsewhere",
    "content": "has other content",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What an image says of its making, in its labels and its provenance. Nobody vouches for it.

    It is good for two things: to know what to build again, and to say what may be the reason
    when that gives another image.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    commit: str = ""
    dirty: bool = False

    @property
    def accelerator(self) -> str | None:
        """``cpu`` or ``cuda``; None where it does not say."""
        told = self.parameters.get("accelerator")
        return told if told in ("cpu", "cuda") else None

    @property
    def flags(self) -> Mapping[str, Any]:
        """What else the command line said."""
        told = self.parameters.get("flags")
        return told if isinstance(told, dict) else {}


def claims_of(image: Image, statement: Mapping[str, Any]) -> Claims:
    """Read what there is; a statement about another image, or of another shape, says nothing."""
    labels = image.config.config.labels
    try:
        subjects = [
            subject["digest"].get(image.digest.algorithm) for subject in statement["subject"]
        ]
        definition = statement["predicate"]["buildDefinition"]
        if image.digest.hex not in subjects:
            return Claims(labels=labels)
        parameters = dict(definition["externalParameters"])
        source = [d for d in definition["resolvedDependencies"] if d.get("name") == "source"]
        commit = str(source[0]["digest"]["gitCommit"]) if source else ""
        dirty = bool(source and source[0].get("annotations", {}).get("dirty"))
    except (KeyError, TypeError, AttributeError, ValueError):
        return Claims(labels=labels)
    return Claims(labels=labels, parameters=parameters, commit=commit, dirty=dirty)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The image that was looked at beside the one that was built; ``problems`` are validate's.

    ``where`` it was found: ``registry`` or ``store``. ``pinned``: the lock, and not the image
    itself, says which base image to take.
    """

    reference: Reference
    where: str
    theirs: Image
    ours: Image
    claims: Claims
    differences: Differences
    pinned: bool
    checkout: Checkout | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def good(self) -> bool:
        """Whether the image is what source and lock make, and nothing is wrong with it."""
        return not self.differences and not self.problems

    @property
    def sentence(self) -> str:
        """The answer."""
        name = self.reference.familiar
        if not self.differences:
            made = f"{name} is what this source and lock make: {self.theirs.digest}"
            return f"{made}, but not all of it is right" if self.problems else made
        return (
            f"{name} is not what this source and lock make: "
            f"it is {self.theirs.digest}, and the build gives {self.ours.digest}"
        )

    def lines(self) -> Iterator[str]:
        """What differs, for people; the first layer and its first file come first."""
        found = self.differences
        if found.layer:
            yield from _layer(found.layer, found.counts)
        if found.recompressed:
            numbers = ", ".join(map(str, found.recompressed))
            yield f"the same files, compressed in another way: layer {numbers}"
        yield from _other_layers(found)
        for value in found.values[:MOST_VALUES]:
            yield _value(value.short)
        if len(found.values) > MOST_VALUES:
            yield f"and {len(found.values) - MOST_VALUES} more values of the config"
        if found and not (found.layer or found.recompressed or found.values):
            yield "the same values and layers, written in another way"

    def reasons(self) -> Iterator[str]:
        """What may be the reason, by what the image says of itself."""
        if not self.differences:
            return
        theirs, ours = self._labels
        if VERSION not in theirs:
            yield "it was not made by cogsmith"
            return
        if theirs.get(VERSION) != ours.get(VERSION):
            yield f"it was made by cogsmith {theirs[VERSION]}, and this is {ours.get(VERSION)}"
        if theirs.get(RECIPES) != ours.get(RECIPES):
            yield "this version of cogsmith makes layers in another way"
        if theirs.get(BASE) != ours.get(BASE):
            both = f"{theirs.get(BASE, 'none')}, and the build on {ours.get(BASE, 'none')}"
            yield f"another base image: it stands on {both}"
        if theirs.get(LOCK) != ours.get(LOCK):
            yield "another lock: other packages, or other versions of them"
        yield from self._of_the_layers(theirs.get(VERSION) == ours.get(VERSION))
        yield from self._of_the_source()

    def _of_the_layers(self, same_version: bool) -> Iterator[str]:
        there, here = ("\n".join(titles) for titles in self._titles)
        if same_version and "/opt/cogsmith" in there + here:
            yield "other sources of cogsmith under the same version"
        if ("byte code" in there) != ("byte code" in here):
            yield "byte code is made where there is a Python of the image's version: one had none"
        elif "byte code" in there:
            there, here = (labels.get(COMPILER, "?") for labels in self._labels)
            yield f"byte code was made by Python {there}, and here by {here}"

    @property
    def _labels(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        return self.claims.labels, self.ours.config.config.labels

    @property
    def _titles(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return self.differences.only_theirs, self.differences.only_ours

    def _of_the_source(self) -> Iterator[str]:
        here, there = self.checkout, self.claims.commit
        if there and here and there != here.commit:
            yield f"it says to be built from commit {there[:12]}, and here is {here.commit[:12]}"
        if there and self.claims.dirty:
            yield f"it says to be built from files that differ from commit {there[:12]}"
        if here and here.dirty:
            yield f"files here differ from commit {here.commit[:12]}"
        known = there and here and (there != here.commit or self.claims.dirty or here.dirty)
        if not known and any(" in /src" in title for titles in self._titles for title in titles):
            yield "other files of the project"

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "verified": self.good,
            "reference": str(self.reference),
            "where": self.where,
            "platform": str(self.theirs.config.platform),
            "digest": str(self.theirs.digest),
            "built": str(self.ours.digest),
            "base": self.ours.config.config.labels.get(BASE, ""),
            "base_pinned_by_lock": self.pinned,
            "layer": _layer_document(self.differences.layer),
            "recompressed": list(self.differences.recompressed),
            "only_image": list(self.differences.only_theirs),
            "only_build": list(self.differences.only_ours),
            "values": [
                {"path": value.path, "image": value.theirs, "build": value.ours}
                for value in self.differences.values
            ],
            "reasons": list(self.reasons()),
            "problems": [{"where": p.where, "message": p.message} for p in self.problems],
        }


def plain(text: str) -> str:
    """A text that somebody else wrote, on one line and without what moves a terminal's cursor."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _value(value: ValueDifference) -> str:
    there = "has none" if value.theirs is None else f"is {value.theirs}"
    here = "has none" if value.ours is None else f"is {value.ours}"
    return f"{value.path}: the image's {there}, the build's {here}".replace("'s has", " has")


def _layer(layer: LayerDifference, counts: tuple[int, int]) -> Iterator[str]:
    if layer.theirs is None:
        yield f"layer {layer.number} of the build, which the image lacks: {layer.title}"
    elif layer.ours is None:
        yield f"layer {layer.number} of the image, which the build lacks: {layer.their_title}"
    else:
        titles = layer.title
        if layer.their_title != layer.title:
            titles = f"{layer.their_title}; in the build {layer.title}"
        yield f"the first layer that differs is {layer.number}: {titles}"
        yield from _file(layer.file)
    if counts[0] != counts[1]:
        yield f"the image has {counts[1]} layers, and the build {counts[0]}"


def _other_layers(found: Differences) -> Iterator[str]:
    """By title: what is not the same there, besides the first."""
    told = {found.layer.title, found.layer.their_title} if found.layer else set()
    theirs, ours = (dict.fromkeys(titles) for titles in (found.only_theirs, found.only_ours))
    for title in theirs:
        if title not in told:
            other = title in ours
            yield f"another layer that differs: {title}" if other else f"only in the image: {title}"
    for title in ours:
        if title not in told and title not in theirs:
            yield f"only in the build: {title}"


def _file(file: FileDifference | None) -> Iterator[str]:
    if file is None:
        yield "  its files are the same, and the archive that holds them is written otherwise"
        return
    yield f"  the first file that differs is /{file.path}: it {_CHANGES[file.change]}"
    if file.theirs:
        yield f"    in the image: {file.theirs}"
    if file.ours:
        yield f"    in the build: {file.ours}"


def _layer_document(layer: LayerDifference | None) -> dict[str, Any] | None:
    if layer is None:
        return None
    file = layer.file
    return {
        "number": layer.number,
        "image": {"title": layer.their_title, "digest": str(layer.theirs or "")},
        "build": {"title": layer.title, "digest": str(layer.ours or "")},
        "file": file and {
            "path": f"/{file.path}",
            "change": {"only ours": "only build", "only theirs": "only image"}.get(
                file.change, file.change
            ),
            "image": str(file.theirs) if file.theirs else None,
            "build": str(file.ours) if file.ours else None,
        },
    }  # fmt: skip
