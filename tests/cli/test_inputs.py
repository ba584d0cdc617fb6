"""Words of a person → checked inputs; the corners that the stories leave out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from cogsmith.cli.inputs import gather
from cogsmith.errors import InvalidInput, UsageError
from cogsmith.signature import Signature, parse

SOURCE = """
from cog import BasePredictor, Path
class Predictor(BasePredictor):
    def predict(
        self,
        prompt: str = "none",
        images: list[Path] = [],
        table: dict = {},
        seed: int = 0,
    ) -> str: ...
"""


@pytest.fixture
def signature() -> Signature:
    return parse("predict.py:Predictor", {"predict.py": SOURCE}.get)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "poem.txt").write_text("roses = red\n")
    (tmp_path / "a folder").mkdir()
    return tmp_path


def test_defaults_are_filled_in(signature: Signature) -> None:
    assert gather(signature, [], None) == {"prompt": "none", "images": [], "table": {}, "seed": 0}


def test_the_first_equals_sign_divides(signature: Signature) -> None:
    assert gather(signature, ["prompt=a=b", "seed=1"], None)["prompt"] == "a=b"
    assert gather(signature, ["prompt="], None)["prompt"] == ""


def test_a_text_takes_the_words_of_a_file(signature: Signature) -> None:
    assert gather(signature, ["prompt=@poem.txt"], None)["prompt"] == "roses = red\n"
    assert gather(signature, ["prompt=@"], None)["prompt"] == "@"


def test_a_file_input_becomes_an_address(signature: Signature, here: Path) -> None:
    found = gather(signature, ["images=@poem.txt", "images=https://x/y.png"], None)
    assert found["images"] == [(here / "poem.txt").as_uri(), "https://x/y.png"]


def test_a_binary_file_is_no_text(signature: Signature, here: Path) -> None:
    (here / "b.bin").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput, match=r"input prompt: b.bin cannot be read: .*not UTF-8"):
        gather(signature, ["prompt=@b.bin"], None)


@pytest.mark.parametrize(
    ("word", "message", "hint"),
    [
        ("@no.png", "there is no file no.png", "paths are relative to {here}"),
        ("@no/no.png", "there is no file no/no.png", "the folder no is not there either"),
        ("@a folder", "a folder is a folder, not a file", "name a file in it: @a folder/..."),
    ],
)
def test_a_file_that_is_none(
    word: str, message: str, hint: str, signature: Signature, here: Path
) -> None:
    with pytest.raises(InvalidInput) as caught:
        gather(signature, [f"images={word}"], None)
    (problem,) = caught.value.problems
    assert str(problem) == f"input images: {message}"
    assert problem.hint == hint.format(here=here)


def test_everything_is_told_at_once(signature: Signature) -> None:
    with pytest.raises(InvalidInput) as caught:
        gather(signature, ["images=@no.png", "seed=x", "promt=y"], None)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("document", ["@in.json", "@-", "-"])
def test_a_document_from_elsewhere(
    document: str, signature: Signature, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '{"prompt": "hi", "images": ["@poem.txt"], "table": {"a": "@"}}'
    (here / "in.json").write_text(text)
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    found = gather(signature, [], document)
    assert found["prompt"] == "hi"
    assert found["images"] == [(here / "poem.txt").as_uri()]
    assert found["table"] == {"a": "@"}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("@no.json", "--json @no.json: No such file or directory"),
        ("@a folder", "--json @a folder: Is a directory"),
        ("{", "--json is not JSON"),
        ("", "--json is not JSON"),
        ("[]", "--json must be an object, not an array"),
        ('"hi"', "--json must be an object, not a string"),
        ("null", "--json must be an object, not null"),
    ],
)
def test_what_is_no_document(document: str, message: str, signature: Signature) -> None:
    with pytest.raises(UsageError, match=message):
        gather(signature, [], document)


@pytest.mark.parametrize("word", ["seed", "=1", ""])
def test_what_is_no_input(word: str, signature: Signature) -> None:
    with pytest.raises(UsageError, match="is not an input"):
        gather(signature, [word], None)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_a_number_that_json_does_not_have(value: Any, signature: Signature) -> None:
    with pytest.raises((UsageError, InvalidInput)):
        gather(signature, [], f'{{"seed": {value}}}')
