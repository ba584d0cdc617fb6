"""The text of a case file → entries, with every problem, its line and what to write."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from cogsmith.cases.entry import Budget, Chunks, Entry, Expected, Matcher, Part
from cogsmith.config import Document, compose
from cogsmith.errors import CasesError, ConfigError, Problem

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["Located", "Placed", "in_order", "located", "parse", "read"]

Path = tuple[str | int, ...]
Located = tuple[int, Problem]
EXAMPLE = 'write "- name: ..." and, below it, input: and expect:'
REASONS = {
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "tuple_type": "must be text, or a list of texts",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "string_too_short": "must not be empty",
}
LIMITS = {
    "greater_than_equal": ("ge", "must be at least"),
    "greater_than": ("gt", "must be more than"),
    "less_than_equal": ("le", "must be at most"),
}
LEVELS: dict[tuple[str, ...], type[Part]] = {
    (): Entry, ("expect",): Expected, ("budget",): Budget, ("expect", "chunks"): Chunks,
}  # fmt: skip
# What says nothing beside an error, or is said by it alone.
OF_OUTPUTS = (
    "exact", "regex", "contains", "lacks", "near", "schema", "json_schema", "at", "sha256",
    "judge", "chunks",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry with the document it stands in."""

    entry: Entry
    document: Document
    index: int

    @property
    def where(self) -> str:
        """File and line, for people."""
        return f"{self.document.name}:{self.document.line((self.index,))}"

    def problem(self, path: Path, message: str, hint: str) -> Located:
        """Something that is wrong with one of its keys."""
        return located(self.document, (self.index, *path), message, hint)


def parse(text: str, *, where: str) -> tuple[Placed, ...]:
    """The entries of a case file; ``where`` names it in problems.

    Raises CasesError with every problem of the text, in the order of its lines.

    >>> [placed.entry.name for placed in parse("- name: says hello", where="tests/a.yaml")]
    ['says hello']
    """
    found, problems = read(text, where=where)
    if problems:
        raise CasesError(in_order(problems))
    return found


def read(text: str, *, where: str) -> tuple[tuple[Placed, ...], list[Located]]:
    """The entries that can be read, and the problems of the others.

    Raises CasesError where the text is no list of cases at all.
    """
    document = _document(text, where)
    items = document.value
    if not isinstance(items, list) or not items:
        said = "must be a list of cases" if items else "holds no cases"
        raise CasesError(said, where=document.where(()), hint=EXAMPLE)
    problems: list[Located] = []
    found = []
    for index, item in enumerate(items):
        try:
            entry = Entry.model_validate(item)
        except ValidationError as error:
            problems += [located(document, (index, *path), *said) for path, *said in _told(error)]
            continue
        found.append(Placed(entry, document, index))
        problems += [located(document, (index, *path), *said) for path, *said in _rules(entry)]
    return tuple(found), [*problems, *_twins(found)]


def located(document: Document, path: Path, message: str, hint: str) -> Located:
    """A problem with the line that it is to be sorted by."""
    return document.line(path), Problem(message, document.where(path), hint)


def in_order(problems: list[Located]) -> list[Problem]:
    """By lines; those of one line as they were found."""
    return [problem for _, problem in sorted(problems, key=lambda pair: pair[0])]


def _document(text: str, where: str) -> Document:
    try:
        return compose(text.removeprefix("\ufeff"), where)
    except ConfigError as error:
        # The reader of YAML is that of cog.yaml: its advice on empty files is for those.
        empty = error.message in ("is empty", "a second document starts here")
        problems = [
            Problem(p.message, p.where, EXAMPLE if empty else p.hint) for p in error.problems
        ]
        raise CasesError(problems) from None


def _told(error: ValidationError) -> Iterator[tuple[Path, str, str]]:
    """What pydantic gathered, in our words."""
    for detail in error.errors(include_url=False):
        path = tuple(part for part in detail["loc"] if part != "[key]")
        yield path, *_complaint(path, detail)


def _complaint(path: Path, detail: ErrorDetails) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return f"unknown key {_shown(path[-1])}", _known(path)
    if kind == "missing":
        return f'"{path[-1]}" is required', EXAMPLE if len(path) == 1 else ""
    limit, words = LIMITS.get(kind, ("", ""))
    reason = f"{words} {context.get(limit)}" if limit else REASONS.get(kind)
    said = context.get("reason") or reason or kind.replace("_", " ")
    if not path:
        return f"{_shown(detail['input'])} is not a case: it {said}", EXAMPLE
    hint = "quote it" if kind in ("string_type", "tuple_type") else ""
    return f"{_shown(detail['input'])} {said}", str(context.get("hint", hint))


def _known(path: Path) -> str:
    """The nearest known key, or all keys of this level."""
    texts = tuple(str(part) for part in path[:-1])
    level = Matcher if texts[:2] == ("expect", "at") else LEVELS.get(texts, Entry)
    keys = [field.alias or name for name, field in level.model_fields.items()]
    near = difflib.get_close_matches(str(path[-1]).lower(), keys, 1)
    if near:
        return f'did you mean "{near[0]}"?'
    other = next((p[0] for p, part in LEVELS.items() if p and path[-1] in part.model_fields), "")
    if other and texts[:1] != (other,):
        return f'it belongs under "{other}:"'
    exact = ' (a mapping is expected by "exact: {...}")' if texts[:1] == ("expect",) else ""
    return f"known here: {', '.join(keys)}{exact}"


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _rules(entry: Entry) -> Iterator[tuple[Path, str, str]]:
    """What two keys may not say together."""
    expect = entry.expect
    if expect.error is not None:
        others = [name for name in OF_OUTPUTS if expect.gives(name)]
        if others:
            said = f"an error is expected, and an output too: {', '.join(others)}"
            yield ("expect", "error"), said, "keep one of them"
    if expect.gives("within") and not expect.gives("near"):
        yield ("expect", "within"), "says how close, but not to what", "add near:"
    for path, matcher in expect.at.items():
        if matcher.gives("within") and not matcher.gives("near"):
            yield ("expect", "at", path, "within"), "says how close, but not to what", "add near:"


def _twins(found: list[Placed]) -> Iterator[Located]:
    seen: dict[str, Placed] = {}
    for placed in found:
        name = placed.entry.name
        if name in seen:
            first = seen[name].document.line((seen[name].index,))
            said = f"another case has the name {_shown(name)}, on line {first}"
            yield located(
                placed.document, (placed.index, "name"), said, "names are unique in a file"
            )
        seen.setdefault(name, placed)
