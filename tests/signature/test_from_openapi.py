"""A document of a model tells its callers all that its source does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from cogsmith.errors import SignatureError
from cogsmith.signature import (
    Kind,
    OutputType,
    Shape,
    Signature,
    check,
    coerce,
    from_openapi,
    load,
    openapi,
)

from .sources import signature
from .test_laws import signatures_with_values

CORPUS = Path(__file__).parent / "corpus"
FILES = [
    path for path in sorted(CORPUS.glob("*.py")) if "class Predictor" in path.read_text("utf-8")
]


@given(signatures_with_values())
def test_a_document_is_read_back_as_itself(given: tuple[Signature, dict[str, Any]]) -> None:
    document = openapi(given[0])
    assert openapi(from_openapi(document)) == document


@given(signatures_with_values())
def test_values_that_fit_a_source_fit_its_document(
    given: tuple[Signature, dict[str, Any]],
) -> None:
    found, values = given
    assert check(from_openapi(openapi(found)), values) == check(found, values)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_documents_of_the_corpus(path: Path) -> None:
    found = load(CORPUS, f"{path.name}:Predictor")
    document = openapi(found)
    again = from_openapi(document)
    assert openapi(again) == document
    for trait in ("shape", "has_files", "is_iterator", "is_concatenated", "nullable"):
        assert getattr(again.output, trait) == getattr(found.output, trait)
    assert again.streaming == found.streaming


ARGUMENTS = """
    text: str = Input(description="What to say", min_length=1, max_length=9, regex="^[a-z]+$"),
    size: str = Input(choices=["small", "large"], default="small"),
    count: int = Input(ge=1, le=5, default=2, deprecated=True),
    image: Path = Input(accept="image/*"),
    images: list[Path] = Input(default=[]),
    token: Secret = Input(default=None),
    many: list[str] = Input(choices=["a", "b"], default=["a"]),
    maybe: Optional[int] = None,
    either: str | float = 1,
"""


def test_all_that_an_input_may_say() -> None:
    found = signature(ARGUMENTS, output="ConcatenateIterator[str]")
    again = from_openapi(openapi(found))
    for mine, theirs in zip(again.inputs, found.inputs, strict=True):
        optional = theirs.nullable  # a Secret that may be left out
        assert mine == replace(theirs, type=replace(theirs.type, optional=optional))
    assert again.output.is_concatenated


def test_words_are_read_as_with_the_source() -> None:
    found = signature(ARGUMENTS)
    words = [("count", "3"), ("images", "@a.png"), ("images", "@b.png"), ("either", "1.5")]
    assert coerce(from_openapi(openapi(found)), words) == coerce(found, words)


def test_messages_are_those_of_cog() -> None:
    again = from_openapi(openapi(signature(ARGUMENTS)))
    told = [problem.message for problem in check(again, {"count": "x", "size": "huge", "no": 1})]
    assert told == [
        'unknown input "no"',
        'missing required input "text"',
        'invalid input "size": must be one of: small, large',
        'invalid input "count": expected integer, got string',
        'missing required input "image"',
    ]


def test_a_training_is_read_apart() -> None:
    document = openapi(signature("a: int"), train=replace(signature("b: str"), is_train=True))
    assert [field.name for field in from_openapi(document).inputs] == ["a"]
    train = from_openapi(document, train=True)
    assert ([field.name for field in train.inputs], train.is_train) == (["b"], True)
    with pytest.raises(SignatureError, match="no inputs of a training"):
        from_openapi(openapi(signature("a: int")), train=True)


def old(inputs: dict[str, Any], output: dict[str, Any], **more: Any) -> Signature:
    """A document as servers before Cog 0.17 wrote it, by pydantic."""
    declared = {"properties": inputs, "title": "Input", "type": "object", "required": ["text"]}
    return from_openapi({"components": {"schemas": {"Input": declared, "Output": output, **more}}})


def test_documents_of_older_servers() -> None:
    found = old(
        {
            "seed": {"title": "Seed", "type": "integer", "x-order": 1},
            "text": {"title": "Text", "type": "string", "x-order": 0},
            "maybe": {"anyOf": [{"type": "number"}, {"type": "null"}], "x-order": 2},
            "size": {"allOf": [{"$ref": "#/components/schemas/size"}], "default": "s"},
        },
        {"$ref": "#/components/schemas/Result"},
        size={"enum": ["s", "m"], "type": "string", "title": "size", "description": "An enum."},
        Result={"type": "array", "items": {"type": "string", "format": "uri"}},
    )
    assert [field.name for field in found.inputs] == ["text", "seed", "maybe", "size"]
    assert [field.required for field in found.inputs] == [True, False, False, False]
    assert found.inputs[2].type.kind is Kind.FLOAT
    assert (found.inputs[3].choices, found.inputs[3].description) == (("s", "m"), None)
    assert found.output == OutputType(shape=Shape.LIST, items=OutputType(kind=Kind.PATH))


def test_an_input_of_no_type_takes_everything() -> None:
    found = old({"text": {"title": "Text"}}, {})
    for value in ("a", 1, 1.5, True, {"a": 1}, ["a", "b"], [1.5]):
        assert check(found, {"text": value}) == ()


def test_a_document_that_names_itself_ends() -> None:
    node = {"properties": {"next": {"$ref": "#/components/schemas/Node"}}, "type": "object"}
    found = old({"text": {"type": "string"}}, {"$ref": "#/components/schemas/Node"}, Node=node)
    assert found.output.shape is Shape.OBJECT
    loop = {"$ref": "#/components/schemas/Loop"}
    assert old({"text": {"type": "string"}}, loop, Loop=loop).output.kind is Kind.ANY


def test_a_pattern_of_another_language_is_left_to_the_server() -> None:
    found = old({"text": {"type": "string", "pattern": "(?<name>x)"}}, {})
    assert check(found, {"text": "y"}) == ()


@pytest.mark.parametrize("document", [{}, {"components": []}, {"components": {"schemas": 1}}])
def test_what_is_no_document_of_a_model(document: dict[str, Any]) -> None:
    with pytest.raises(SignatureError, match="no inputs"):
        from_openapi(document)
