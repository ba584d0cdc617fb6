"""Debian's files of fields (deb822) and what packages say of each other in them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cogsmith.image.debs.version import satisfies
from cogsmith.values import dataclass

__all__ = ["Relation", "fields", "relations", "stanzas"]

# debian-policy, 7.1: name, architecture, version; what stands in <> or [] is for sources.
_RELATION = re.compile(
    r"\s*(?P<name>[^\s:(\[<|,]+)(?::(?P<arch>[\w-]+))?"
    r"\s*(?:\(\s*(?P<op><<|<=|=|>=|>>|<|>)\s*(?P<version>[^\s)]+)\s*\))?"
)


@dataclass(frozen=True, slots=True)
class Relation:
    """One alternative of a dependency, or one thing provided: a name, perhaps a version."""

    name: str
    op: str = ""
    version: str = ""
    arch: str = ""

    def __str__(self) -> str:
        arch = f":{self.arch}" if self.arch else ""
        return f"{self.name}{arch}" + (f" ({self.op} {self.version})" if self.op else "")

    def fits(self, version: str) -> bool:
        """Whether a package of that version is what is asked for."""
        return not self.op or satisfies(version, self.op, self.version)

    def fits_provided(self, provided: Relation) -> bool:
        """Whether what a package provides is it: without a version it answers no version."""
        return not self.op or (bool(provided.version) and self.fits(provided.version))


def fields(stanza: str) -> dict[str, str]:
    """The fields of one stanza, names in lower case; lines that go on keep their line breaks."""
    found: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1] in (" ", "\t"):
            if name:
                found[name] += f"\n{line}"
            continue
        name, colon, value = line.partition(":")
        name = name.lower() if colon else ""
        if name:
            found[name] = value.strip()
    return found


def stanzas(text: str) -> Iterator[str]:
    """The stanzas of a file: what empty lines keep apart."""
    for stanza in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        if stanza.strip():
            yield stanza.strip("\n")


def relations(value: str) -> tuple[tuple[Relation, ...], ...]:
    """What a field such as Depends says: groups, of which one alternative each is needed.

    >>> [[str(one) for one in group] for group in relations("a (>= 1) | b:any, c")]
    [['a (>= 1)', 'b:any'], ['c']]
    """
    groups = []
    for group in value.split(","):
        matches = [_RELATION.match(one) for one in group.split("|") if one.strip()]
        found = tuple(
            Relation(m["name"], m["op"] or "", m["version"] or "", m["arch"] or "")
            for m in matches
            if m
        )
        if found:
            groups.append(found)
    return tuple(groups)
