"""Python source that is edited in place: all but the edited bytes stay as they were."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

__all__ = ["Edit", "Source", "parse_source"]

_LINES = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """The bytes from ``start`` to ``end`` become ``text``."""

    start: int
    end: int
    text: bytes = b""


@dataclass(frozen=True, slots=True)
class Source:
    """A Python file's bytes, its tree, and where each line begins."""

    data: bytes = field(repr=False)
    tree: ast.Module
    starts: tuple[int, ...] = field(repr=False)

    def at(self, line: int, column: int) -> int:
        """The place in the bytes of a line and a column, as trees count them."""
        return self.starts[line - 1] + column

    def start(self, node: ast.stmt | ast.expr | ast.alias) -> int:
        """Where a node begins."""
        return self.at(node.lineno, node.col_offset)

    def end(self, node: ast.stmt | ast.expr | ast.alias) -> int:
        """Where a node ends."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self.at(node.end_lineno, node.end_col_offset)

    def named(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, new: str) -> Edit:
        """A definition gets another name."""
        word = re.compile(rb"(?:class|(?:async\s+)?def)\s+(?=" + node.name.encode() + rb"\b)")
        found = word.match(self.data, self.start(node))
        assert found
        return Edit(found.end(), found.end() + len(node.name.encode()), new.encode())

    def attribute(self, node: ast.Attribute, new: str) -> Edit:
        """The last word of ``a.b`` becomes another one."""
        end = self.end(node)
        return Edit(end - len(node.attr.encode()), end, new.encode())

    def without(self, statement: ast.stmt) -> Edit | None:
        """The whole lines of a statement go; None when something else stands on them.

        Where it is all that a block holds, ``pass`` takes its place. Of the blank lines around
        it those below stay.
        """
        if self._is_alone(statement):
            return Edit(self.start(statement), self.end(statement), b"pass")
        assert statement.end_lineno is not None
        first = self.at(statement.lineno, 0)
        last = self.starts[statement.end_lineno]
        before = self.data[first : self.start(statement)]
        after = self.data[self.end(statement) : last].strip()
        if before.strip() or (after and not after.startswith(b"#")):
            return None
        return Edit(self._above(first) if self._is_blank(last) else first, last)

    def _is_blank(self, start: int) -> bool:
        """Whether the line that starts there is there, and empty."""
        line = _LINES.match(self.data, start)
        return line is not None and not line[0].strip()

    def _above(self, start: int) -> int:
        """The start of the run of blank lines that ends before a line."""
        index = self.starts.index(start)
        while index and self._is_blank(self.starts[index - 1]):
            index -= 1
        return self.starts[index]

    def _is_alone(self, statement: ast.stmt) -> bool:
        for parent in ast.walk(self.tree):
            for name in ("body", "orelse", "finalbody"):
                block = getattr(parent, name, None)
                if block == [statement]:
                    return not isinstance(parent, ast.Module)
        return False

    def without_names(self, node: ast.ImportFrom, gone: set[str]) -> Edit | None:
        """A ``from`` import without some of its names, or gone when none is left."""
        kept = [alias for alias in node.names if alias.name not in gone]
        if not kept:
            return self.without(node)
        names = node.names
        if names[-1].name not in gone:
            first = next(index for index, alias in enumerate(names) if alias.name in gone)
            after = next(index for index in range(first, len(names)) if names[index] in kept)
            if any(alias.name in gone for alias in names[after:]):
                return None  # in two places of one list: rare, and left to its author
            return Edit(self.start(names[first]), self.start(names[after]))
        last = names.index(kept[-1])
        if any(alias.name in gone for alias in names[:last]):
            return None
        return Edit(self.end(names[last]), self.end(names[-1]))

    def with_name(self, node: ast.ImportFrom, name: str) -> Edit:
        """A ``from`` import with one name more, at its end."""
        end = self.end(node.names[-1])
        return Edit(end, end, f", {name}".encode())

    def edited(self, edits: Iterable[Edit]) -> bytes:
        """The bytes after all edits, which do not overlap."""
        made, place = [], 0
        for edit in sorted(set(edits)):
            made += [self.data[place : edit.start], edit.text]
            place = edit.end
        return b"".join([*made, self.data[place:]])

    def imports(self) -> Iterator[ast.ImportFrom]:
        """All ``from ... import`` of the file that are not relative."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node

    def uses(self, name: str) -> list[ast.Name]:
        """Where a plain name stands, imports left aside."""
        return [n for n in ast.walk(self.tree) if isinstance(n, ast.Name) and n.id == name]


def parse_source(data: bytes) -> Source | None:
    """Read a file; None for what is no Python, or not in UTF-8."""
    try:
        data.decode("utf-8")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the author's invalid escapes are not our news
            tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    lines = _LINES.findall(data)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    if data.startswith(_BOM):
        starts[0] = len(_BOM)  # columns of the first line do not count it
    return Source(data, tree, tuple(starts))
