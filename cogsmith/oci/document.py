"""JSON documents: read with care, complained about by path, written in one form.

A document is named by the digest of its bytes, so a value that was read keeps them and is
written as it came. What we make ourselves is written as canonical JSON (what the image spec
advises): keys sorted by code point, no spaces, UTF-8 as it is, no newline at the end.

What is read may come from anybody. Everything that two programs could understand in two ways is
refused: keys that come twice, or differ from a known one in upper and lower case alone
(programs in Go take the one for the other), text that is no Unicode, numbers outside of 64 bits.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, TypeVar

from cogsmith.errors import InvalidDigest, InvalidDocument, Problem
from cogsmith.oci.digest import Digest
from cogsmith.values import dataclass

__all__ = ["MAX_DOCUMENT", "Document", "Fields", "canonical", "load"]

MAX_DOCUMENT = 4 * 1024 * 1024  # bytes; registries take no larger manifest
MAX_DEPTH = 64
MAX_INTEGER = (1 << 63) - 1
MAX_PROBLEMS = 50  # of one document; a hostile one could have millions

NOTHING = Digest("sha256", "0" * 64)  # stands where a digest could not be read

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_TYPES = {
    dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number",
    float: "a number with a point", type(None): "null",
}  # fmt: skip

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Document:
    """What all documents have: the bytes that they are, and the name of these bytes.

    Two documents are equal when their bytes are, since only then are their names.
    ``dataclasses.replace`` makes a new document, which no longer has the bytes of the old one.
    """

    _raw: bytes = field(init=False, default=b"", repr=False)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.render() == other.render()

    def __hash__(self) -> int:
        return hash(self.render())

    def document(self) -> dict[str, Any]:
        """What stands in the document, as JSON has it."""
        raise NotImplementedError

    def render(self) -> bytes:
        """The bytes: those that were read, else canonical JSON."""
        return self._raw or canonical(self.document())

    @property
    def digest(self) -> Digest:
        """The name of these bytes."""
        return Digest.of(self.render())

    def _keep(self, data: bytes) -> None:
        object.__setattr__(self, "_raw", bytes(data))


def canonical(value: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """Write canonical JSON. Raises InvalidDocument for what JSON cannot say."""
    try:
        text = json.dumps(
            value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        return text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidDocument(f"cannot be written as JSON: {error}") from error


class _Object(dict[str, Any]):
    """An object of JSON that remembers the keys which came more than once."""

    repeated: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    made = _Object(pairs)
    if len(made) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        made.repeated = tuple(sorted(name for name, count in counts.items() if count > 1))
    return made


def _constant(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:20]} is too large")
    return number


def _integer(text: str) -> int:
    if len(text) > 20:
        raise ValueError(f"{text[:20]}... has more than 64 bits")
    return int(text)


def load(data: bytes, *, where: str) -> Fields:
    """Read an object of JSON. Raises InvalidDocument for bytes that are none.

    ``where`` is what people call the document, for what there is to complain about.
    """
    if len(data) > MAX_DOCUMENT:
        message = f"has {len(data)} bytes, of {MAX_DOCUMENT} allowed"
        raise InvalidDocument(message, where=where)
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant,
            parse_float=_float, parse_int=_integer,
        )  # fmt: skip
    except UnicodeDecodeError as error:
        raise InvalidDocument(f"is not UTF-8: {error.reason}", where=where) from error
    except RecursionError as error:
        raise InvalidDocument("is nested too deep", where=where) from error
    except ValueError as error:
        raise InvalidDocument(f"is not JSON: {error}", where=where) from error
    if not isinstance(value, _Object):
        raise InvalidDocument(f"is {_TYPES[type(value)]}, not an object", where=where)
    fields = Fields(value, Complaints(where))
    fields.complaints.look_through(value, "", MAX_DEPTH)
    return fields


class Complaints:
    """Problems of one document, gathered."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.problems: list[Problem] = []

    @property
    def enough(self) -> bool:
        """Whether so much is wrong that there is no use in looking for more."""
        return len(self.problems) >= MAX_PROBLEMS

    def add(self, path: str, message: str, hint: str = "") -> None:
        """Note one more; ``path`` is where in the document, "" for all of it."""
        if not self.enough:
            place = f"{self.where}: {path}" if path else self.where
            self.problems.append(Problem(message, place, hint))

    def look_through(self, value: object, path: str, room: int) -> None:
        """What no object and no text in a document may be, wherever it stands."""
        if self.enough:
            return
        if isinstance(value, str):
            if not _is_unicode(value):
                self.add(path, "is no Unicode: it has half of a pair of surrogates")
        elif not isinstance(value, dict | list):
            return
        elif not room:
            self.add(path, f"is nested deeper than {MAX_DEPTH}")
        elif isinstance(value, list):
            for number, item in enumerate(value):
                self.look_through(item, f"{path}[{number}]", room - 1)
        else:
            for name in getattr(value, "repeated", ()):
                self.add(_join(path, name), "stands there more than once")
            for name, item in value.items():
                self.look_through(name, _join(path, name), room)
                self.look_through(item, _join(path, name), room - 1)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)


def _join(path: str, name: str) -> str:
    if _PLAIN_KEY.fullmatch(name):
        return f"{path}.{name}" if path else name
    return f"{path}[{json.dumps(name[:80])}]"


class Fields:
    """An object that is being read: each field is taken by name, what is wrong is noted.

    What is wrong reads as its empty value, so that reading goes on to the next problem;
    ``finish`` then raises. null reads as absent, as programs in Go write it.
    """

    def __init__(self, value: dict[str, Any], complaints: Complaints, path: str = "") -> None:
        self.value = value
        self.complaints = complaints
        self.path = path
        self._taken: set[str] = set()

    def complain(self, name: str, message: str, hint: str = "") -> None:
        """Note what is wrong with a field ("": with the object)."""
        self.complaints.add(_join(self.path, name) if name else self.path, message, hint)

    def finish(self) -> None:
        """Raise InvalidDocument with all that was noted, if anything was."""
        if self.complaints.problems:
            raise InvalidDocument(self.complaints.problems)

    def rest(self) -> dict[str, Any]:
        """The fields that nobody took, for the way back."""
        known = {name.casefold(): name for name in self._taken}
        rest = {name: item for name, item in self.value.items() if name not in self._taken}
        for name in rest:
            if twin := known.get(name.casefold()):
                hint = "programs differ in which of the two they read"
                self.complain(name, f"differs from {twin} in capital letters alone", hint)
        return rest

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        return self.value.get(name) is not None

    def _take(self, name: str, kind: type[Value], required: bool = False) -> Value | None:
        self._taken.add(name)
        value = self.value.get(name)
        if value is None:
            if required:
                self.complain(name, "is missing")
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.complain(name, f"must be {_TYPES[kind]}, not {_TYPES[_plain(value)]}")
            return None
        return value

    def text(self, name: str, *, required: bool = False) -> str:
        """A text, "" where there is none."""
        value = self._take(name, str, required) or ""
        if required and not value and self.value.get(name) == "":
            self.complain(name, "is empty")
        return value

    def true(self, name: str) -> bool:
        """Whether the field is true; absent is false."""
        return bool(self._take(name, bool))

    def integer(self, name: str, *, required: bool = False, least: int = 0) -> int:
        """A whole number of 64 bits, 0 where there is none."""
        value = self._take(name, int, required)
        if value is None:
            return 0
        if not least <= value <= MAX_INTEGER:
            self.complain(name, f"must be a number from {least} to 2^63-1, not {value}")
            return 0
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(text for _, text in self._items(name, str))

    def words(self, name: str) -> tuple[str, ...] | None:
        """A list of texts, None where there is none: not the same as an empty one."""
        self._taken.add(name)
        return self.texts(name) if self.has(name) else None

    def mapping(self, name: str) -> dict[str, str]:
        """An object whose values are texts, sorted by key."""
        value = self._take(name, dict) or {}
        for key, item in value.items():
            if not isinstance(item, str):
                place = _join(_join(self.path, name), key)
                self.complaints.add(place, f"must be a text, not {_TYPES[_plain(item)]}")
        return {key: item for key, item in sorted(value.items()) if isinstance(item, str)}

    def keys(self, name: str) -> tuple[str, ...]:
        """The keys of an object that is used as a set, sorted."""
        return tuple(sorted(self._take(name, dict) or {}))

    def object(self, name: str, *, required: bool = False) -> Fields | None:
        """An object, to be read in its turn."""
        value = self._take(name, dict, required)
        if value is None:
            return None
        return Fields(value, self.complaints, _join(self.path, name))

    def objects(self, name: str, *, required: bool = False) -> Iterator[Fields]:
        """A list of objects, to be read in their turn."""
        for number, item in self._items(name, dict, required):
            yield Fields(item, self.complaints, f"{_join(self.path, name)}[{number}]")

    def digest(self, name: str) -> Digest:
        """A digest, which must be there."""
        text = self.text(name, required=True)
        return self._read(Digest.parse, name, text) if text else NOTHING

    def digests(self, name: str, *, required: bool = False) -> tuple[Digest, ...]:
        """A list of digests."""
        texts = self._items(name, str, required)
        return tuple(self._read(Digest.parse, f"{name}[{i}]", text) for i, text in texts)

    def _read(self, parse: Callable[[str], Digest], name: str, text: str) -> Digest:
        try:
            return parse(text)
        except InvalidDigest as error:
            place = f"{self.path}.{name}" if self.path else name
            self.complaints.add(place, error.message, error.hint)
            return NOTHING

    def _items(
        self, name: str, kind: type[Value], required: bool = False
    ) -> Iterator[tuple[int, Value]]:
        """A list's items of the right kind with their places; others are complained about."""
        for number, item in enumerate(self._take(name, list, required) or []):
            if self.complaints.enough:
                return
            if isinstance(item, kind):
                yield number, item
            else:
                place = f"{_join(self.path, name)}[{number}]"
                message = f"must be {_TYPES[kind]}, not {_TYPES[_plain(item)]}"
                self.complaints.add(place, message)


def _plain(value: object) -> type:
    return dict if isinstance(value, dict) else type(value)
