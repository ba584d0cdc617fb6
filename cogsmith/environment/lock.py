"""The lock: a PEP 751 document and, in its ``tool.cogsmith`` table, what it answers.

A lock made by another tool is read too; it answers nothing that we know of. The format is
written down in docs/reference/lock.md.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from cogsmith.environment.requirements import Requirements
from cogsmith.environment.target import Target
from cogsmith.environment.toml_document import render as render_toml
from cogsmith.errors import LockError
from cogsmith.values import dataclass

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["FORMAT", "Answers", "Lock", "Pin", "answers", "parse", "render", "understood"]

FORMAT = 1
TARGET_KEYS = ("python", "platform", "accelerator")  # and "cuda", where one was asked for
HEADER = """\
# What this model runs with. Made by `cogsmith lock`; commit it, and do not edit it.
# The format is PEP 751. The last table says which requirements this file answers.
"""
MAKE_ANEW = "run `cogsmith lock` to make it anew"

_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The question that a lock answers: what was asked for, and for which target."""

    texts: tuple[str, ...]
    target: Target

    @property
    def checksum(self) -> str:
        """``sha256:`` and the hash of the question; the order of lines plays no part."""
        question: dict[str, object] = {
            "format": FORMAT,
            "requirements": sorted(self.texts),
            "python": self.target.python,
            "platform": self.target.platform,
            "accelerator": self.target.accelerator,
        }
        if self.target.cuda:
            question["cuda"] = self.target.cuda
        words = json.dumps(question, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return f"sha256:{hashlib.sha256(words.encode()).hexdigest()}"


def answers(requirements: Requirements, target: Target) -> Answers:
    """The question that these requirements ask for this target.

    Where a requirements file says where packages come from, that is part of the question,
    without its credentials: they differ from person to person. What a machine's own
    variables say is not: a mirror must give the same packages, and hashes see to that.
    """
    texts = [
        *requirements.packages,
        *(f"constraint {line}" for line in requirements.constraints),
        *(f"override {line}" for line in requirements.overrides),
        *requirements.options,
    ]
    bare = (_CREDENTIALS.sub("", text) for text in texts)
    return Answers(texts=tuple(sorted(set(bare))), target=target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One package of a lock: its name and version ("" where its source gives it none)."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock: the document as TOML gives it, and what it answers (None: not made by us)."""

    document: Mapping[str, Any] = field(repr=False)
    answers: Answers | None

    @property
    def pins(self) -> tuple[Pin, ...]:
        """Names and versions, in the document's order."""
        packages = self.document["packages"]
        return tuple(Pin(name=p["name"], version=p.get("version", "")) for p in packages)

    @property
    def tool(self) -> Mapping[str, Any]:
        """Our own table, empty in a lock that another tool made."""
        table: Mapping[str, Any] = self.document.get("tool", {}).get("cogsmith", {})
        return table

    def digest(self, *more: str) -> str:
        """The hash of what gets installed: the packages with their hashes, and ``more``.

        Where a package comes from, who made the lock and when plays no part.
        """
        content = [sorted(map(_identity, self.document["packages"])), *more]
        words = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(words.encode()).hexdigest()

    def local_paths(self) -> tuple[str, ...]:
        """Files and folders that the lock takes packages from, relative to itself or absolute."""
        sources = (source for p in self.document["packages"] for source in _sources(p))
        return tuple(source["path"] for source in sources if source.get("path"))

    def elsewhere(self) -> tuple[str, ...]:
        """The packages that lie on this machine, outside of the project's folder."""
        return tuple(
            package["name"]
            for package in self.document["packages"]
            if any(map(_on_this_machine, _sources(package)))
        )


def _on_this_machine(source: Mapping[str, Any]) -> bool:
    url, path = str(source.get("url", "")), str(source.get("path", ""))
    return url.startswith("file:") or path.startswith("/")


def _identity(package: Mapping[str, Any]) -> str:
    hashes = sorted(
        json.dumps(s["hashes"], sort_keys=True) for s in _sources(package) if "hashes" in s
    )
    rest = {
        k: package[k] for k in ("name", "version", "marker", "vcs", "directory") if k in package
    }
    return json.dumps([rest, hashes], sort_keys=True, default=str)


def _sources(package: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    yield from package.get("wheels", ())
    yield from (package[key] for key in ("sdist", "archive", "directory", "vcs") if key in package)


def parse(text: str, *, where: str) -> Lock:
    """Parse a lock, ours or another tool's. Raises LockError for what is not PEP 751."""
    # It costs 50 ms, and a lock that was parsed before does not need it.
    from packaging.pylock import Pylock, PylockValidationError

    try:
        document = tomllib.loads(text)
        Pylock.from_dict(document)
    except (tomllib.TOMLDecodeError, PylockValidationError) as error:
        raise LockError(f"is not a lock: {error}", where=where, hint=MAKE_ANEW) from error
    return understood(document, where=where)


def understood(document: Mapping[str, Any], *, where: str) -> Lock:
    """The lock in a document that is known to be PEP 751. Raises LockError for a wrong table."""
    return Lock(document=document, answers=_answered(document, where))


def _answered(document: Mapping[str, Any], where: str) -> Answers | None:
    table = document.get("tool", {}).get("cogsmith")
    if table is None:
        return None
    if table.get("format") != FORMAT:
        message = f"tool.cogsmith.format is {table.get('format')!r}; this version reads {FORMAT}"
        raise LockError(message, where=where, hint=f"update cogsmith, or {MAKE_ANEW}")
    try:
        said = {key: str(table["target"][key]) for key in TARGET_KEYS}
        target = Target(**said, cuda=str(table["target"].get("cuda", "")))  # type: ignore[arg-type]
        found = Answers(texts=tuple(map(str, table["requirements"])), target=target)
        stated = table["answers"]
    except (KeyError, TypeError) as error:
        raise LockError(f"tool.cogsmith lacks {error}", where=where, hint=MAKE_ANEW) from error
    if stated != found.checksum:
        message = "tool.cogsmith was edited: its checksum does not fit its requirements"
        raise LockError(message, where=where, hint=MAKE_ANEW)
    return found


def render(
    document: Mapping[str, Any],
    answered: Answers,
    *,
    made_by: str,
    resolved_by: str,
    pins: Mapping[str, Any] | None = None,
) -> str:
    """Write a lock: the resolver's document and our table, one form for one content.

    ``pins`` has what else our table keeps (``pins_of``).
    """
    target = answered.target
    cuda = {"cuda": target.cuda} if target.cuda else {}
    table: dict[str, object] = {
        "format": FORMAT,
        "answers": answered.checksum,
        "cogsmith": made_by,
        "resolver": resolved_by,
        "requirements": list(answered.texts),
        "target": {**{key: getattr(target, key) for key in TARGET_KEYS}, **cuda},
        **(pins or {}),
    }
    tools = {**document.get("tool", {}), "cogsmith": table}
    return HEADER + render_toml({**document, "tool": tools})
