"""A contract says what the document says, and the document what the signature says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from cogsmith.contract import Contract, read
from cogsmith.errors import ContractError
from cogsmith.runtime.server.document import document as server_document
from cogsmith.signature import InputType, Kind, OutputType, Shape, Signature, openapi, parse
from tests.contract.drawn import signatures

SOURCE = """
from cog import BasePredictor, ConcatenateIterator, Input, Path, Secret, streaming

class Predictor(BasePredictor):
    @streaming
    def predict(
        self,
        prompt: str = Input(description="What to go on from", max_length=80),
        mode: str = Input(default="fast", choices=["fast", "good"]),
        steps: int = Input(default=4, ge=1, le=9, deprecated=True),
        image: Path | None = Input(default=None, accept="image/*"),
        stops: list[str] = Input(default=["a"]),
        key: Secret = Input(default=None),
        seed: int | None = None,
    ) -> ConcatenateIterator[str]:
        yield prompt
"""
TRAIN = "from cog import Path\n\ndef train(data: Path, epochs: int = 1) -> Path:\n    return data\n"


def source() -> tuple[Signature, Signature]:
    return (
        parse("predict.py:Predictor", lambda _: SOURCE),
        parse("train.py:train", lambda _: TRAIN, train=True),
    )


@given(signatures())
def test_a_document_made_of_a_contract_is_the_document_that_it_was_read_from(
    signature: Signature,
) -> None:
    document = openapi(signature)
    again = openapi(read(document).predict)
    assert again == document


@given(signatures())
def test_a_signature_comes_back_from_its_document(signature: Signature) -> None:
    assert read(openapi(signature)).predict == signature


def test_all_that_an_author_can_say_is_read() -> None:
    predict, train = source()
    contract = read(openapi(predict, train=train))
    assert contract.predict
    by_name = {field.name: field for field in contract.predict.inputs}
    assert by_name["prompt"].required
    assert (by_name["prompt"].description, by_name["prompt"].max_length) == (
        "What to go on from", 80,
    )  # fmt: skip
    assert by_name["mode"].choices == ("fast", "good")
    assert (by_name["steps"].minimum, by_name["steps"].maximum) == (1, 9)
    assert by_name["steps"].deprecated
    assert by_name["image"].type == InputType(kind=Kind.PATH, optional=True)
    assert by_name["image"].accept == "image/*"
    assert by_name["stops"].type == InputType(kind=Kind.STRING, many=True)
    assert by_name["key"].type.kind is Kind.SECRET
    assert not by_name["seed"].required
    assert contract.predict.streaming
    assert contract.predict.output.is_concatenated
    assert contract.train
    assert [field.name for field in contract.train.inputs] == ["data", "epochs"]
    assert contract.train.output == OutputType(kind=Kind.PATH)


def test_what_our_server_says_is_read_as_what_our_image_says() -> None:
    predict, _ = source()
    of_image = read(openapi(predict)).predict
    of_server = read(server_document(predict, title="llama", version="1", openai=True)).predict
    assert of_image
    assert of_server
    # The server tells which URLs it takes, too.
    assert [f.name for f in of_server.inputs if f.regex] == ["image"]
    assert of_server.output == of_image.output
    assert [f.type for f in of_server.inputs] == [f.type for f in of_image.inputs]


def test_documents_of_pydantic_are_read_too() -> None:
    """Cog before 0.10 wrote what FastAPI wrote: choices by reference, null as a type."""
    document = {
        "components": {
            "schemas": {
                "Input": {
                    "properties": {
                        "size": {"$ref": "#/components/schemas/size", "default": 1},
                        "negative": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    }
                },
                "size": {"enum": [1, 2], "type": "integer"},
                "Output": {"$ref": "#/components/schemas/Tree"},
                "Tree": {
                    "properties": {
                        "name": {"type": "string"},
                        "next": {"$ref": "#/components/schemas/Tree"},
                    },
                    "required": ["name"],
                },
            }
        }
    }
    predict = read(document).predict
    assert predict
    size, negative = predict.inputs
    assert (size.choices, size.default, size.type.kind) == ((1, 2), 1, Kind.INTEGER)
    assert negative.type == InputType(kind=Kind.STRING, optional=True)
    assert predict.output.shape is Shape.OBJECT
    assert [field.name for field in predict.output.fields] == ["name", "next"]


@pytest.mark.parametrize(
    "document", [None, [], {}, {"components": 1}, {"components": {"schemas": {}}}, "text"]
)
def test_what_is_no_document_of_a_model_is_refused_by_name(document: Any) -> None:
    with pytest.raises(ContractError, match="OpenAPI document of a model") as caught:
        read(document, where="old.json")
    assert caught.value.where == "old.json"


@pytest.mark.parametrize(
    "schema",
    [
        None, 7, {"type": ["string", "null"]}, {"allOf": []}, {"$ref": 3}, {"enum": "ab"},
        {"type": "array"}, {"properties": []}, {"x-order": "a"},
    ],
)  # fmt: skip
def test_odd_schemas_are_opaque_and_no_error(schema: Any) -> None:
    schemas = {"Input": {"properties": {"a": schema}, "required": ["a"]}, "Output": schema}
    assert isinstance(read({"components": {"schemas": schemas}}), Contract)


def test_a_document_that_only_trains_is_a_contract() -> None:
    _, train = source()
    contract = read(openapi(None, train=train))
    assert contract.predict is None
    assert contract.train


def test_bounds_that_are_no_numbers_are_refused() -> None:
    schemas = {"Input": {"properties": {"a": {"type": "integer", "minimum": "1"}}}}
    with pytest.raises(ContractError, match="bounds of input a are not numbers"):
        read({"components": {"schemas": schemas}}, where="old.json")
