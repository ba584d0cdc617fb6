"""Inputs made from a signature: corners first, then by chance, the same for the same seed.

Law: everything made here passes the signature's own check. So whatever the model then does
with it, other than answer, is a fault of the model or of what its signature says.
"""

from __future__ import annotations

import base64
import json
import math
import random
import shlex
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from cogsmith.signature import FileInput, InputField, InputType, Kind, OutputType, Signature, check

__all__ = ["generate", "inputs_line", "simpler"]

MISSES = 1000  # in a row: then there is hardly another input that fits
LONG = 300  # characters of a long text; of more no model should make another kind of trouble
FAR = 2**31  # a number that is large, where there is no bound
TEXTS = (
    "", " ", "a", "Hello", "\n", "0", "null", "{}", "%s", "'\"\\", "naïve café", "日本語",
    "🦙👩‍👩‍👧", "\u202eright to left", "e\u0301", "tab\there", "<|endoftext|>", "</s>[INST]",
)  # fmt: skip
# One white pixel, and a hundredth of a second of silence.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAsTDRbQAAAABJRU5ErkJggg=="
WAV = base64.b64encode(
    b"RIFF" + (36 + 160).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    + (1).to_bytes(2, "little") * 2 + (8000).to_bytes(4, "little") + (16000).to_bytes(4, "little")
    + (2).to_bytes(2, "little") + (16).to_bytes(2, "little") + b"data"
    + (160).to_bytes(4, "little") + bytes(160)
).decode()  # fmt: skip
FILES = {
    "image": f"data:image/png;base64,{PNG}",
    "audio": f"data:audio/wav;base64,{WAV}",
    "": "data:text/plain;base64,SGVsbG8=",
}

Inputs = Mapping[str, Any]
_NOTHING = OutputType()


def generate(
    signature: Signature, seed: int, *, corpus: Sequence[Inputs] = ()
) -> Iterator[dict[str, Any]]:
    """Inputs, none of them twice, without end unless there are no others.

    ``corpus`` are inputs known to be good, as those of the cases: their values are used too,
    and files are taken from there alone if there are any.
    """
    makers = [_Maker(field, corpus) for field in signature.inputs]
    chance = random.Random(seed)  # noqa: S311 - not for secrets, and the same for a seed
    seen: set[str] = set()
    misses = 0
    for made in _made(makers, chance):
        key = repr(sorted(made.items()))
        if key in seen or check(signature, made):
            misses += 1
            if misses > MISSES:
                return
        else:
            misses = 0
            seen.add(key)
            yield made


def _made(makers: list[_Maker], chance: random.Random) -> Iterator[dict[str, Any]]:
    """First the least that may be given, then each corner alone, then all by chance."""
    plain = {maker.name: maker.plain() for maker in makers if maker.field.required}
    yield dict(plain)
    for depth in range(max((len(maker.corners) for maker in makers), default=0)):
        for maker in makers:
            if depth < len(maker.corners):
                yield {**plain, maker.name: maker.corners[depth]}
    while True:
        yield {
            maker.name: maker.any(chance)
            for maker in makers
            if maker.field.required or chance.random() < 0.5
        }


class _Maker:
    """Makes values of one input."""

    def __init__(self, field: InputField, corpus: Sequence[Inputs]) -> None:
        self.field, self.name = field, field.name
        self.known = [inputs[field.name] for inputs in corpus if field.name in inputs]
        self.corners = self._unique(self._corners())

    def plain(self) -> Any:
        """The most usual value that fits."""
        fitting = self.known or self.corners
        return fitting[0] if fitting else self.any(random.Random(0))  # noqa: S311

    def any(self, chance: random.Random) -> Any:
        """A value by chance."""
        candidates = [*self.known, *self.corners]
        if candidates and (self.field.choices or self.field.regex or chance.random() < 0.3):
            return chance.choice(candidates)
        return self._value(self.field.type, chance)

    def _unique(self, values: Iterator[Any]) -> list[Any]:
        """Those that fit, each once."""
        found: dict[str, Any] = {}
        for value in values:
            if self._fits(value):
                found.setdefault(f"{type(value).__name__} {value!r}", value)
        return list(found.values())

    def _fits(self, value: Any) -> bool:
        alone = Signature(reference="", method="", inputs=(self.field,), output=_NOTHING)
        return not check(alone, {self.name: value})

    def _corners(self) -> Iterator[Any]:
        field = self.field
        if field.default is not None:
            yield field.default
        if field.type.many:
            one = [[item] for item in self._singles(InputType(kind=field.type.kind))]
            yield from (*one[:3], [])
        else:
            yield from self._singles(field.type)

    def _singles(self, kind: InputType) -> Iterator[Any]:
        """Corners of a value, or of an item of a list."""
        if self.field.choices:
            yield from self.field.choices
            return
        for variant in kind.variants:
            inner = self._singles(InputType(kind=variant.kind))
            yield from ([[item] for item in islice(inner, 2)] if variant.many else inner)
        if kind.variants:
            return
        if kind.kind is Kind.BOOLEAN:
            yield from (True, False)
        elif kind.kind in (Kind.INTEGER, Kind.FLOAT):
            yield from self._numbers(kind.kind)
        elif kind.kind in (Kind.STRING, Kind.SECRET):
            yield from self._texts()
        elif kind.kind in (Kind.PATH, Kind.FILE):
            yield from self._files()
        else:
            yield from ({}, {"a": 1}, {"a": {"b": [None, "c"]}})

    def _numbers(self, kind: Kind) -> Iterator[Any]:
        low, high = self._range()
        whole = kind is Kind.INTEGER
        yield from ((math.ceil(low), math.floor(high)) if whole else (low, high))
        yield from (0, 1, -1, 2)
        middle = (low + high) / 2
        yield math.floor(middle) if whole else middle
        if not whole:
            yield from (0.1, 1e-9)

    def _range(self) -> tuple[float, float]:
        low, high = self.field.minimum, self.field.maximum
        if low is None:
            low = -FAR if high is None or high > -FAR else high - FAR
        return low, max(low, FAR if low < FAR else low + FAR) if high is None else high

    def _texts(self) -> Iterator[str]:
        least, most = self.field.min_length or 0, self.field.max_length
        yield from ("Hello", *TEXTS)
        yield "a" * least
        yield "a" * (LONG if most is None else most)
        if least:
            yield from (text.ljust(least, "é") for text in TEXTS)

    def _files(self) -> Iterator[Any]:
        """A small file of the kind that is asked for; none of ours where cases name some."""
        if self.known:
            yield from (
                v for known in self.known for v in (known if isinstance(known, list) else [known])
            )
            return
        yield FILES.get((self.field.accept or "").partition("/")[0], FILES[""])

    def _value(self, kind: InputType, chance: random.Random) -> Any:
        if kind.variants:
            return self._value(chance.choice(kind.variants), chance)
        if kind.many:
            one = InputType(kind=kind.kind)
            return [self._value(one, chance) for _ in range(chance.randrange(4))]
        if kind.kind is Kind.INTEGER:
            low, high = self._range()
            return chance.randint(math.ceil(low), max(math.ceil(low), math.floor(high)))
        if kind.kind is Kind.FLOAT:
            return chance.uniform(*self._range())
        if kind.kind in (Kind.STRING, Kind.SECRET):
            return self._text(chance)
        return chance.choice(list(self._singles(InputType(kind=kind.kind))))

    def _text(self, chance: random.Random) -> str:
        least = self.field.min_length or 0
        most = LONG if self.field.max_length is None else self.field.max_length
        size = chance.randint(least, max(least, min(most, least + LONG)))
        alphabet = "ab c,.\n" if chance.random() < 0.5 else "aé日🦙\u200b\t\"'\\{}%0"
        return "".join(chance.choice(alphabet) for _ in range(size))


def simpler(signature: Signature, inputs: Inputs) -> Iterator[dict[str, Any]]:
    """Inputs that say less than these and still fit, the simplest first."""
    for name in inputs:
        field = signature.input(name)
        if field and not field.required:
            yield {other: value for other, value in inputs.items() if other != name}
    for name, value in inputs.items():
        for less in _less(value):
            made = {**inputs, name: less}
            if not check(signature, made):
                yield made


def _less(value: Any) -> Iterator[Any]:
    if isinstance(value, str) and value and not value.startswith("data:"):
        half = len(value) // 2
        yield from dict.fromkeys(("", "a", value[:half], value[half:], value[:1], value[:-1]))
    elif isinstance(value, list) and value:
        yield from ([], value[:1], value[: len(value) // 2], value[:-1])
    elif isinstance(value, int | float) and not isinstance(value, bool):
        near = int(value / 2)
        yield from (less for less in dict.fromkeys((0, 1, near)) if abs(less) < abs(value))


def inputs_line(inputs: Inputs) -> str:
    """Inputs as the ready words of a command line.

    >>> inputs_line({"prompt": "Hello, you", "steps": 3})
    "-i 'prompt=Hello, you' -i steps=3"
    """
    plain = all(isinstance(value, str | int | float | FileInput) for value in inputs.values())
    if plain and not any(_taken_for_a_file(value) for value in inputs.values()):
        words = [f"{name}={_word(value)}" for name, value in inputs.items()]
        return " ".join(f"-i {shlex.quote(word)}" for word in words)
    shown = {name: f"@{v.path}" if isinstance(v, FileInput) else v for name, v in inputs.items()}
    return f"--json {shlex.quote(json.dumps(shown, ensure_ascii=False))}"


def _taken_for_a_file(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("@")


def _word(value: Any) -> str:
    if isinstance(value, FileInput):
        return f"@{value.path}"
    return value if isinstance(value, str) else json.dumps(value)
