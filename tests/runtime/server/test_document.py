"""The served OpenAPI document: valid, Cog's where Cog speaks, and true of the gate."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from cogsmith.runtime.server.document import document
from cogsmith.runtime.server.inputs import Gate
from cogsmith.signature import Signature, load, openapi
from tests.signature.sources import signature

from .test_inputs import ARGUMENTS, cases

CORPUS = Path(__file__).parents[2] / "signature" / "corpus"
FILES = sorted([*CORPUS.glob("*.py"), CORPUS / "across" / "predict.py"])
STREAM = """
from cog import BasePredictor, streaming
from typing import Iterator
class Predictor(BasePredictor):
    @streaming
    def predict(self, prompt: str) -> Iterator[str]: ...
"""


def of_corpus(path: Path) -> Signature:
    names = re.findall(
        r"^(?:class|def|async def) (Runner|Predictor|predict|train)\b",
        path.read_text(),
        re.MULTILINE,
    )
    name = names[0]
    return load(path.parent, f"{path.name}:{name}", train=name == "train")


def told(predict: Signature, **changes: Any) -> dict[str, Any]:
    return document(predict, title="model", version="1.2", **changes)


def within(part: Any, whole: Any) -> bool:
    """Whether all of a document is in another; lists are the same."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            key in whole and within(value, whole[key]) for key, value in part.items()
        )
    return bool(part == whole)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_predictor_gets_a_valid_document_that_has_cogs_in_it(path: Path) -> None:
    model = of_corpus(path)
    made = told(model, train=model, openai=True)
    validate(made)
    cogs: Any = openapi(model, train=model, title="model", version="1.2")
    assert within(cogs["components"], made["components"])
    assert within(cogs["info"], made["info"])
    assert cogs["paths"].keys() <= made["paths"].keys()
    for name in ("/predictions", "/trainings"):
        theirs, ours = cogs["paths"][name]["post"], made["paths"][name]["post"]
        assert theirs["responses"].keys() <= ours["responses"].keys()
        del theirs["responses"]
        assert within(theirs, ours)


def test_operations_have_names_of_their_own() -> None:
    made = told(signature("a: str"), train=signature("b: str"), openai=True)
    names = [one["operationId"] for path in made["paths"].values() for one in path.values()]
    assert len(names) == len(set(names))


def test_making_one_leaves_the_next_as_it_was() -> None:
    model = signature("images: list[Path] = [], a: list[int] = Input(ge=1, default=[])")
    before = deepcopy(openapi(model, train=model))
    first = told(model, train=model, openai=True)
    first["components"]["schemas"]["Failure"].clear()
    first["components"]["schemas"]["HTTPValidationError"].clear()
    first["paths"]["/livez"].clear()
    assert openapi(model, train=model) == before
    assert "properties" in told(model)["components"]["schemas"]["Failure"]
    assert "get" in told(model)["paths"]["/livez"]


def kinds(made: dict[str, Any], path: str, method: str, status: str) -> set[str]:
    return set(made["paths"][path][method]["responses"][status].get("content", {}))


@pytest.mark.parametrize(
    ("method", "path"), [("post", "/predictions"), ("put", "/predictions/{prediction_id}")]
)
def test_only_a_model_that_streams_answers_with_events(
    method: str, path: str, tmp_path: Path
) -> None:
    (tmp_path / "predict.py").write_text(STREAM)
    streams = told(load(tmp_path, "predict.py:Predictor"))
    waits = told(signature())
    assert kinds(streams, path, method, "200") == {"application/json", "text/event-stream"}
    assert "406" not in streams["paths"][path][method]["responses"]
    assert streams["paths"][path][method]["x-cog-streaming"] is True
    assert kinds(waits, path, method, "200") == {"application/json"}
    assert kinds(waits, path, method, "406") == {"application/json"}


def test_trainings_are_there_when_the_model_trains_and_never_stream(tmp_path: Path) -> None:
    (tmp_path / "predict.py").write_text(STREAM)
    streams = load(tmp_path, "predict.py:Predictor")
    assert not any(path.startswith("/trainings") for path in told(streams)["paths"])
    made = told(streams, train=streams)
    assert kinds(made, "/trainings", "post", "200") == {"application/json"}
    assert kinds(made, "/trainings/{training_id}", "put", "406") == {"application/json"}
    assert set(made["paths"]["/trainings/{training_id}"]) == {"get", "put"}


def test_openais_routes_are_there_when_they_are_answered() -> None:
    model = signature("prompt: str")
    assert not any(path.startswith("/v1") for path in told(model)["paths"])
    made = told(model, openai=True)
    assert {"/v1/chat/completions", "/v1/completions", "/v1/models"} <= made["paths"].keys()
    request = made["components"]["schemas"]["ChatCompletionRequest"]["properties"]
    assert request["model"]["enum"] == ["model"]


def test_a_fuzzer_can_leave_out_what_ends_the_server() -> None:
    made = told(signature())
    tagged = [path for path, one in made["paths"].items() if one.get("post", {}).get("tags")]
    assert tagged == ["/shutdown"]


def test_an_input_is_asked_for_only_where_the_model_needs_one() -> None:
    for model, needed in ((signature("a: str"), True), (signature("a: str = ''"), False)):
        made = told(model)
        assert made["paths"]["/predictions"]["post"]["requestBody"]["required"] is needed
        for name in ("PredictionRequest", "PredictionPutRequest"):
            assert ("required" in made["components"]["schemas"][name]) is needed


# --- what the document says holds


def draft(schema: Any) -> Any:
    """A schema of OpenAPI 3.0 as one of JSON schema: ``nullable`` is a choice of types there."""
    if isinstance(schema, list):
        return [draft(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: draft(value) for key, value in schema.items() if key != "nullable"}
    return {"anyOf": [inner, {"type": "null"}]} if schema.get("nullable") is True else inner


def validator(made: dict[str, Any], name: str) -> Draft202012Validator:
    whole = {"$ref": f"#/components/schemas/{name}", "components": draft(made["components"])}
    return Draft202012Validator(whole)


@settings(deadline=None, max_examples=150)
@given(cases())
def test_the_gate_admits_what_the_document_allows(case: tuple[Signature, dict[str, Any]]) -> None:
    model, values = case
    inputs = validator(told(model), "Input")
    admitted = isinstance(Gate.of(model).admit(json.dumps(values).encode()), bytes)
    assert admitted == inputs.is_valid(values)


@pytest.mark.parametrize(
    ("body", "fits"),
    [
        ({"input": {"count": 1}}, True),
        ({"input": {"count": 1}, "id": "a/b", "webhook": None, "context": {"a": "b"}}, True),
        ({"input": {"count": 1}, "webhook_events_filter": [], "stranger": 1, "id": None}, True),
        ({}, False),
        ({"input": {}}, False),
        ({"input": {"count": 1}, "id": ""}, False),
        ({"input": {"count": 1}, "id": "x" * 257}, False),
        ({"input": {"count": 1}, "id": "a\nb"}, False),
        ({"input": {"count": 1}, "context": {"a": 1}}, False),
        ({"input": {"count": 1}, "webhook_events_filter": ["bogus"]}, False),
    ],
)
def test_requests_as_the_document_has_them(body: dict[str, Any], fits: bool) -> None:
    made = told(signature(ARGUMENTS))
    assert validator(made, "PredictionRequest").is_valid(body) is fits
    if "id" not in body:
        assert validator(made, "PredictionPutRequest").is_valid(body) is fits


def test_a_prediction_that_has_only_begun_fits_its_schema() -> None:
    state = {"id": "a", "input": {"token": "**********"}, "logs": "", "metrics": {}, "output": None}
    made = told(signature(ARGUMENTS, output="Iterator[str]"))
    states = validator(made, "PredictionState")
    assert states.is_valid({**state, "status": "processing"})
    assert states.is_valid({**state, "status": "succeeded", "output": ["a"]})
    assert not states.is_valid({**state, "output": "a"})
    assert not validator(made, "PredictionResponse").is_valid(state)
