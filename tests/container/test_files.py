"""Files travel as data URIs, and come out as they went in."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cogsmith.container import packed, unpacked
from cogsmith.signature import (
    InputField,
    InputType,
    Kind,
    OutputField,
    OutputType,
    Shape,
    Signature,
)

PATH = OutputType(kind=Kind.PATH)


def signature(**types: InputType) -> Signature:
    fields = tuple(InputField(name=n, order=i, type=t) for i, (n, t) in enumerate(types.items()))
    return Signature(reference="", method="predict", inputs=fields, output=PATH)


@given(st.binary())
def test_there_and_back(data: bytes) -> None:
    inputs = packed(
        signature(image=InputType(kind=Kind.PATH)), {"image": "file:///a.png"}, lambda _: data
    )
    assert inputs["image"].startswith("data:image/png;base64,")
    kept: list[tuple[bytes, str]] = []

    def keep(data: bytes, suffix: str) -> str:
        kept.append((data, suffix))
        return "file:///kept"

    assert unpacked(PATH, inputs["image"], keep) == ("file:///kept", ("file:///kept",))
    assert kept == [(data, ".png")]


def test_only_files_are_packed_and_nothing_that_was_not_given() -> None:
    declared = signature(
        text=InputType(kind=Kind.STRING), images=InputType(kind=Kind.PATH, many=True),
        page=InputType(kind=Kind.PATH), left_out=InputType(kind=Kind.STRING, optional=True),
    )  # fmt: skip
    given = {
        "text": "file:///etc/passwd", "images": ["file:///a", "https://example.com/b"],
        "page": "https://example.com/c", "left_out": None,
    }  # fmt: skip
    assert packed(declared, given, lambda url: url.encode()) == {
        "text": "file:///etc/passwd",
        "images": [
            "data:application/octet-stream;base64,ZmlsZTovLy9h", "https://example.com/b",
        ],
        "page": "https://example.com/c",
    }  # fmt: skip


def test_files_at_every_depth_and_nothing_else() -> None:
    nested = OutputType(
        shape=Shape.OBJECT,
        fields=(
            OutputField(name="image", type=PATH, required=True),
            OutputField(name="note", type=OutputType(kind=Kind.STRING), required=True),
            OutputField(name="more", type=OutputType(shape=Shape.DICT, items=PATH), required=False),
        ),
    )
    value: Any = {
        "image": "data:,a",
        "note": "data:,b",
        "more": {"x": "data:text/plain;base64,Yw=="},
    }
    found, files = unpacked(
        OutputType(shape=Shape.LIST, items=nested),
        [value],
        lambda data, suffix: f"{data!r}{suffix}",
    )
    expected = {"image": "b'a'.txt", "note": "data:,b", "more": {"x": "b'c'.txt"}}
    assert (found, files) == ([expected], ("b'a'.txt", "b'c'.txt"))


def test_addresses_and_what_is_no_data_stay_as_they_are() -> None:
    for value in ("https://example.com/a.png", "data:image/png;base64,a", None):
        assert unpacked(PATH, value, lambda *_: "kept") == (value, ())
