"""Two images' documents side by side: every value that differs, by its place. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Any

from cogsmith.oci import Digest, Image
from cogsmith.values import dataclass

__all__ = ["ValueDifference", "config_differences"]

LONGEST = 200  # characters of a value that are shown; labels hold whole documents


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueDifference:
    """A value of manifest or config, by path; None where a side has none.

    >>> print(ValueDifference(path="env PATH", ours="/bin", theirs=None))
    env PATH: ours is /bin, theirs has none
    """

    path: str
    ours: str | None
    theirs: str | None

    def __str__(self) -> str:
        short = self.short
        said = "ours has none" if short.ours is None else f"ours is {short.ours}"
        other = "theirs has none" if short.theirs is None else f"theirs is {short.theirs}"
        return f"{self.path}: {said}, {other}"

    @property
    def short(self) -> ValueDifference:
        """The same with long values cut to where the two sides part."""
        return replace(self, ours=_cut(self.ours, self), theirs=_cut(self.theirs, self))


def config_differences(ours: Image, theirs: Image) -> tuple[ValueDifference, ...]:
    """Every value that differs; what names layers is left out, since those are told apart."""
    both = {layer.diff_id for layer in ours.layers} & {layer.diff_id for layer in theirs.layers}
    mine, other = (dict(_values(image, both)) for image in (ours, theirs))
    if _variables(mine) != _variables(other):
        del mine["env"], other["env"]  # their order tells nothing new
    paths = dict.fromkeys([*mine, *other])
    return tuple(
        ValueDifference(path=path, ours=mine.get(path), theirs=other.get(path))
        for path in paths
        if mine.get(path) != other.get(path)
    )


def _variables(values: Mapping[str, str]) -> set[str]:
    return {path for path in values if path.startswith("env ")}


def _values(image: Image, both: AbstractSet[Digest]) -> Iterator[tuple[str, str]]:
    config, manifest = image.config.document(), image.manifest.document()
    inner = {**config.pop("config", {})}
    config.pop("rootfs", None)
    config.pop("history", None)
    told = [entry for entry in image.config.history if not entry.empty_layer]
    if len(told) != len(image.layers):
        told = []
    yield from _flat("label", inner.pop("Labels", None) or {}, deep=False)
    inner.pop("Env", None)
    environment = image.config.config.environment
    yield from _flat("env", environment, deep=False)
    yield "env", " ".join(environment)
    yield from _flat("config", {**config, **inner})
    for entry, layer in zip(told, image.layers, strict=False):
        if layer.diff_id in both:  # what is said of another layer goes with that layer
            yield from _flat(f"history of {layer.diff_id}", entry.document())
    left = {key: value for key, value in manifest.items() if key not in ("config", "layers")}
    yield from _flat("manifest", left)


def _flat(path: str, value: Mapping[str, Any], *, deep: bool = True) -> Iterator[tuple[str, str]]:
    for key, item in value.items():
        if deep and isinstance(item, dict) and item:
            yield from _flat(f"{path} {key}", item)
        else:
            yield f"{path} {key}", item if isinstance(item, str) else json.dumps(item)


def _cut(text: str | None, whole: ValueDifference) -> str | None:
    """A long value from a little before where the two sides part."""
    if text is None or len(text) <= LONGEST:
        return text
    sides = (whole.ours or "", whole.theirs or "")
    same = next((i for i, (a, b) in enumerate(zip(*sides, strict=False)) if a != b), 0)
    start = max(0, same - LONGEST // 4)
    shown = text[start : start + LONGEST]
    return ("..." if start else "") + shown + ("..." if start + LONGEST < len(text) else "")
