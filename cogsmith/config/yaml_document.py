"""YAML with places: one document as plain values, and the line of every key and item.

The value holds dict (text keys), list, str, int, float, bool and None alone. Dates stay
text. A key given twice, a tab, an alias to itself, a second document: each is a ConfigError
with its line. YAML itself is read by PyYAML, which keeps to version 1.1 of the language.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from cogsmith.errors import ConfigError, Problem

__all__ = ["Document", "KeyPath", "compose", "key_path"]

KeyPath = tuple[str | int, ...]

# Aliases can blow a small text up without end; no config is near these sizes.
MOST_VALUES = 20_000
DEEPEST = 50
# Half of a character: an escape of YAML can write it, and UTF-8 cannot hold it.
SURROGATE = re.compile(r"[\ud800-\udfff]")
PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))
TEXT_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "timestamp", "binary", "value", "merge")
)
COLLECTION_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("map", "seq"))
READ_TAGS = PLAIN_TAGS | TEXT_TAGS | COLLECTION_TAGS

# What PyYAML's scanner and parser say, and what the author should do about it.
ADVICE = (
    ("'\\t'", "indent with spaces; YAML does not take tabs"),
    ("mapping values are not allowed here", 'quote a text that holds ": ", or check the indent'),
    ("could not find expected ':'", 'write "key: value"'),
    ("<document start>", "indent all keys of one level by the same amount"),
    ("expected <block end>", "indent all keys of one level by the same amount"),
    ("found unexpected end of stream", "close the quote"),
    ("expected ',' or", "close the bracket, and separate items by commas"),
    ("found character", "quote a text that starts with this character"),
    ("found undefined alias", "quote a text that starts with *"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its value, where each part of it stands, and how scalars are written."""

    value: object
    name: str
    lines: Mapping[KeyPath, int] = field(repr=False)
    sources: Mapping[KeyPath, str] = field(repr=False)

    def line(self, path: KeyPath) -> int:
        """The line of a key; of one that is not there, the line of the nearest key above it."""
        above = (path[:length] for length in range(len(path), -1, -1))
        return next(self.lines[part] for part in above if part in self.lines)

    def where(self, path: KeyPath) -> str:
        """The place of a key for people: ``cog.yaml:7: build.gpu``."""
        place = f"{self.name}:{self.line(path)}"
        return f"{place}: {key_path(path)}" if path else place


def key_path(path: KeyPath) -> str:
    """A path as people write it.

    >>> key_path(("build", "run", 0, "command"))
    'build.run[0].command'
    """
    words = (f"[{part}]" if isinstance(part, int) else f".{_word(part)}" for part in path)
    return "".join(words).removeprefix(".")


def _word(key: str) -> str:
    """The key itself, quoted where it holds more than letters, digits, _ and -."""
    return key if re.fullmatch(r"[\w-]+", key) else json.dumps(key)


def compose(text: str, name: str) -> Document:
    """The one document of a text.

    Raises ConfigError with the line where the text is not YAML, and with every key that is
    given twice or cannot be read.
    """
    root = _root(text, name)
    reader = _Reader(name)
    reader.visit(root, ())
    if reader.problems:
        raise ConfigError(reader.problems)
    return Document(reader.values[()], name, reader.lines, reader.sources)


def _root(text: str, name: str) -> yaml.Node:
    try:
        roots = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_syntax(error), where=_place(name, error), hint=_hint(error)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"the character U+{error.character:04X} cannot stand in YAML",
            where=f"{name}:{line}",
            hint="save the file as plain UTF-8 text",
        ) from None
    except RecursionError:
        raise ConfigError("is nested too deeply", where=name) from None
    if len(roots) > 1:
        line = roots[1].start_mark.line + 1
        hint = "keep one document; each further model gets a file of its own, cog.<name>.yaml"
        raise ConfigError("a second document starts here", where=f"{name}:{line}", hint=hint)
    if not roots or roots[0].tag == "tag:yaml.org,2002:null":
        hint = 'name the predictor: predict: "predict.py:Predictor"'
        raise ConfigError("is empty", where=name, hint=hint)
    return roots[0]


def _place(name: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"{name}:{mark.line + 1}" if mark else name


def _syntax(error: yaml.MarkedYAMLError) -> str:
    said = error.problem or error.context or "cannot be read"
    said = said.replace("character '\\t'", "a tab").replace("any token", "a value")
    return f"is not YAML: {said}"


def _hint(error: yaml.MarkedYAMLError) -> str:
    said = error.problem or ""
    return next((advice for part, advice in ADVICE if part in said), "check the line above, too")


class _Reader:
    """One walk over a node tree. Holds what it has found: this is its only state."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.values: dict[KeyPath, object] = {}
        self.lines: dict[KeyPath, int] = {(): 1}
        self.sources: dict[KeyPath, str] = {}
        self.problems: list[Problem] = []
        self._constructor = yaml.constructor.SafeConstructor()
        self._open: set[int] = set()

    def visit(self, node: yaml.Node, path: KeyPath) -> object:
        """The value of a node; its lines and sources are noted on the way."""
        self.values[path] = value = self._value(node, path)
        return value

    def _value(self, node: yaml.Node, path: KeyPath) -> object:
        if len(self.values) > MOST_VALUES or len(path) > DEEPEST:
            raise ConfigError("holds too much for a config", where=self.name)
        if id(node) in self._open:
            self._refuse(node, path, "refers to itself", "write the value out")
            return None
        if node.tag not in READ_TAGS:
            self._refuse(node, path, f'unknown tag "{_short(node.tag)}"', "leave the tag out")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._open.add(id(node))
        mapping = isinstance(node, yaml.MappingNode)
        value = dict(self._pairs(node, path)) if mapping else list(self._items(node, path))
        self._open.discard(id(node))
        return value

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> object:
        self.sources[path] = node.value
        if SURROGATE.search(node.value):
            self._refuse(node, path, "holds half a character", "write \\U and its eight digits")
            return None
        if node.tag in TEXT_TAGS:
            return str(node.value)
        try:
            value: object = self._constructor.construct_object(node)
        except (ValueError, KeyError, OverflowError):
            return str(node.value)  # an explicit tag lies about its text, as in: !!int seven
        return value

    def _items(self, node: yaml.Node, path: KeyPath) -> Iterator[object]:
        for index, item in enumerate(node.value):
            place = (*path, index)
            self.lines[place] = item.start_mark.line + 1
            yield self.visit(item, place)

    def _pairs(self, node: yaml.Node, path: KeyPath) -> Iterator[tuple[str, object]]:
        own = [pair for pair in node.value if pair[0].tag != "tag:yaml.org,2002:merge"]
        if len(own) < len(node.value):
            yield from self._merged(node, path)
        seen: dict[str, int] = {}
        for key, item in own:
            if key.tag not in TEXT_TAGS or SURROGATE.search(key.value):
                self._refuse(key, path, f"the key {_written(key)} is not text", "quote it")
                continue
            place, line = (*path, key.value), key.start_mark.line + 1
            if key.value in seen:
                said = f"is given twice, first on line {seen[key.value]}"
                self._refuse(key, place, said, "keep one of them")
            seen[key.value] = self.lines[place] = line
            yield key.value, self.visit(item, place)

    def _merged(self, node: yaml.Node, path: KeyPath) -> Iterator[tuple[str, object]]:
        """What ``<<`` brings in, to be overwritten by the mapping's own keys."""
        for key, item in node.value:
            if key.tag != "tag:yaml.org,2002:merge":
                continue
            for source in item.value if isinstance(item, yaml.SequenceNode) else [item]:
                if not isinstance(source, yaml.MappingNode) or id(source) in self._open:
                    self._refuse(key, path, "<< takes a mapping", "write *name after it")
                    continue
                self._open.add(id(source))
                yield from self._pairs(source, path)
                self._open.discard(id(source))

    def _refuse(self, node: yaml.Node, path: KeyPath, message: str, hint: str) -> None:
        line = node.start_mark.line + 1
        place = f"{self.name}:{line}"
        where = f"{place}: {key_path(path)}" if path else place
        self.problems.append(Problem(message, where, hint))


def _short(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def _written(node: yaml.Node) -> str:
    return json.dumps(node.value) if isinstance(node, yaml.ScalarNode) else "in brackets"
