"""Which models speak the dialect, and who they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from openai.types import Model

from cogsmith.runtime.openai import ApiError, Dialect
from cogsmith.signature import check, load
from tests.signature.sources import signature

from .models import OURS, dialect, refused, strict, user

ROOT = Path(__file__).parents[3]
PREDICTORS = ["llama", "mistral", "flan_t5", "llava"]


@pytest.mark.parametrize("name", PREDICTORS)
def test_every_predictor_of_ours_speaks_it(name: str) -> None:
    model = load(ROOT, f"predictors/{name}.py:Predictor")
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
    parts = [{"type": "text", "text": "hi"}, *([picture] if model.input("image") else [])]
    sampling = {"temperature": 0, "top_p": 0.9, "max_tokens": 5, "seed": 3, "stop": ["a", "b"]}
    body = {"messages": [{"role": "user", "content": parts}], **sampling}
    (inputs,) = dialect(model).chat(body, id="1").inputs
    assert check(model, inputs) == ()
    assert inputs["prompt"] == "hi"


@pytest.mark.parametrize("output", ["str", "Iterator[str]", "ConcatenateIterator[str]"])
def test_text_in_and_text_out_with_an_input_of_llms_is_one(output: str) -> None:
    model = signature("prompt: str, temperature: float = 1.0", output)
    assert Dialect.of(model, model="m", created=1)


@pytest.mark.parametrize(
    ("inputs", "output"),
    [
        ("prompt: str, temperature: float = 1.0", "Path"),  # images have prompts, too
        ("prompt: str, temperature: float = 1.0", "Iterator[Path]"),
        ("prompt: str, temperature: float = 1.0", "list[str]"),
        ("prompt: str, shout: bool = False", "str"),
        ("text: str, temperature: float = 1.0", "str"),
        ("prompt: list[str], temperature: float = 1.0", "str"),
    ],
)
def test_anything_else_is_none(inputs: str, output: str) -> None:
    assert Dialect.of(signature(inputs, output), model="m", created=1) is None


def test_the_list_of_models_has_the_one() -> None:
    told = json.loads(dialect().models())
    assert told["object"] == "list"
    (model,) = told["data"]
    assert strict(Model, model) == Model(
        id="stories", created=1_700_000_000, object="model", owned_by="cogsmith"
    )
    assert json.loads(dialect().describe("stories")) == model


def test_another_models_name_is_not_found() -> None:
    with pytest.raises(ApiError) as caught:
        dialect().describe("gpt-4o")
    told = refused(user("hi", model="gpt-4o"))
    assert told.body() == caught.value.body()
    assert json.loads(told.body())["error"] == {
        "message": "model: there is no 'gpt-4o' here; this server has 'stories'",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }
    assert told.status == 404


@pytest.mark.parametrize("name", ["stories", None, ""])
def test_no_name_means_the_only_model(name: object) -> None:
    assert dialect(OURS).chat(user("hi", model=name), id="1").model == "stories"


@pytest.mark.parametrize("body", [None, [], "hi", 3, True])
def test_a_body_is_an_object(body: object) -> None:
    assert "must be a JSON object" in refused(body).message


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (429, "rate_limit_error"), (503, "server_error")],
)
def test_an_errors_type_tells_whose_fault_it_is(status: int, kind: str) -> None:
    told = json.loads(ApiError("full", status=status).body())["error"]
    assert told == {"message": "full", "type": kind, "param": None, "code": None}
