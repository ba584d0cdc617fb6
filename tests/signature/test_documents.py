"""The OpenAPI document, where Cog's builder says more than its inspector, and as a whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cogsmith.signature import load, openapi, parse

from .sources import signature

CORPUS = Path(__file__).parent / "corpus"


def schemas(document: dict[str, object]) -> dict[str, Any]:
    found: Any = document["components"]
    return found["schemas"]


def inputs(arguments: str, before: str = "") -> str:
    made = schemas(openapi(signature(arguments, before=before)))["Input"]
    return json.dumps(made, separators=(",", ":"))


def output(written: str, before: str = "") -> str:
    made = schemas(openapi(signature(output=written, before=before)))["Output"]
    return json.dumps(made, separators=(",", ":"))


def test_fragments_that_programs_look_for() -> None:
    """The compact texts of facts/cog-messages §3."""
    before = "class Third: ...\nSPEED = ['fast', 'balanced', 'quality']"
    opaque = inputs("data: Annotated[Third, Opaque], items: Annotated[list[Third], Opaque]", before)
    assert '"data":{"title":"Data","type":"object","x-order":0}' in opaque
    assert (
        '"items":{"items":{"type":"object"},"title":"Items","type":"array","x-order":1}' in opaque
    )
    optional = inputs("data: dict, items: Annotated[list[Third] | None, Opaque] = None", before)
    assert (
        '"items":{"default":null,"items":{"type":"object"},"nullable":true,"title":"Items",'
        '"type":"array","x-order":1}' in optional
    )
    plain = inputs(
        "text: str, path: Path = Input(accept='image/*'), n: float = Input(5.0, ge=0, le=2e1)"
    )
    assert '"required":["text","path"]' in plain
    assert '"format":"uri"' in plain
    assert '"x-cog-accept":"image/*"' in plain
    assert '"default":5,' in plain
    assert '"maximum":20,"minimum":0,' in plain
    assert '"title":"Input"' in plain
    secret = inputs("token: Secret = Input(default=None), seed: int = Input(default=None)")
    assert '"format":"password"' in secret
    assert '"x-cog-secret":true' in secret
    assert '"required":["seed"]' in secret
    made = openapi(signature("speed: str = Input(choices=SPEED)", before=before))
    assert '"enum":["fast","balanced","quality"]' in json.dumps(made, separators=(",", ":"))


def test_fragments_of_outputs() -> None:
    before = """
    class Third: ...
    class Output(BaseModel):
        result: Annotated[Third, Opaque]
        results: Annotated[list[Third], Opaque]
        maybe: Annotated[list[Third] | None, Opaque]
    """
    found = output("Output", before)
    assert '"result":{"title":"Result","type":"object"}' in found
    assert '"results":{"items":{"type":"object"},"title":"Results","type":"array"}' in found
    assert '"required":["result","results"]' in found


def test_values_of_dicts_are_typed() -> None:
    assert output("dict[str, list[dict[str, int]]]") == (
        '{"additionalProperties":{"items":{"additionalProperties":{"type":"integer"},'
        '"type":"object"},"type":"array"},"title":"Output","type":"object"}'
    )


def test_any_is_an_object() -> None:
    assert output("Any") == '{"title":"Output","type":"object"}'


def test_objects_nest_and_circles_end() -> None:
    found = schemas(openapi(load(CORPUS, "out_nested.py:Predictor")))["Output"]
    assert found["x-cog-array-type"] == "iterator"
    fields = found["items"]["properties"]
    assert fields["inner"] == {
        "properties": {
            "value": {"title": "Value", "type": "integer"},
            "image": {"format": "uri", "title": "Image", "type": "string"},
        },
        "required": ["value", "image"],
        "title": "Inner",
        "type": "object",
    }
    assert fields["child"] == {"nullable": True, "title": "Child", "type": "object"}
    assert found["items"]["required"] == ["inner", "many", "by_name"]


def test_typed_dicts_have_fields() -> None:
    found = schemas(openapi(load(CORPUS, "out_typed_dict.py:Predictor")))["Output"]
    assert found["required"] == ["inner"]
    assert found["properties"]["inner"]["required"] == ["name", "score"]
    assert list(found["properties"]["inner"]["properties"]) == ["name", "count", "score"]


def test_class_variables_are_no_fields() -> None:
    before = "class Output(BaseModel):\n    kind: ClassVar[str] = 'x'\n    text: str"
    assert '"kind"' not in output("Output", before)


def test_a_list_of_choices_stays_a_list() -> None:
    found = schemas(openapi(signature("x: list[str] = Input(choices=['a', 'b'])")))
    assert found["Input"]["properties"]["x"]["items"] == {
        "allOf": [{"$ref": "#/components/schemas/x"}]
    }


def test_titles_keep_their_letters() -> None:
    assert '"title":"Max URL Length"' in inputs("max_URL_length: int")


def test_paths_of_a_model_that_predicts() -> None:
    document: Any = openapi(load(CORPUS, "decorated.py:Predictor"), version="1.2.3")
    assert document["openapi"] == "3.0.2"
    assert document["info"] == {"title": "Cog", "version": "1.2.3"}
    assert list(document["paths"]) == [
        "/",
        "/health-check",
        "/predictions",
        "/predictions/{prediction_id}/cancel",
    ]
    post = document["paths"]["/predictions"]["post"]
    assert post["x-cog-streaming"] is True
    assert post["operationId"] == "predict_predictions_post"
    assert list(document["components"]["schemas"]) == [
        "Input",
        "Output",
        "PredictionRequest",
        "PredictionResponse",
        "Status",
        "HTTPValidationError",
        "ValidationError",
    ]


def test_a_model_that_does_not_stream_does_not_say_so() -> None:
    document: Any = openapi(signature())
    assert "x-cog-streaming" not in document["paths"]["/predictions"]["post"]


def test_predicting_and_training_in_one_document() -> None:
    source = {"train.py": (CORPUS / "train.py").read_text("utf-8")}
    train = parse("train.py:train", source.get, train=True)
    document: Any = openapi(signature("size: str = Input(choices=['s', 'l'])"), train=train)
    assert "/trainings/{training_id}/cancel" in document["paths"]
    assert document["paths"]["/trainings"]["post"]["operationId"] == "train_trainings_post"
    found = schemas(document)
    assert found["TrainingInput"]["title"] == "TrainingInput"
    assert found["TrainingOutput"]["title"] == "Output"
    assert found["size"]["enum"] == ["s", "l"]
    assert found["Training_size"]["enum"] == ["small", "large"]
    assert found["TrainingInput"]["properties"]["size"]["allOf"] == [
        {"$ref": "#/components/schemas/Training_size"}
    ]


def test_training_alone() -> None:
    train = load(CORPUS, "train.py:Trainer", train=True)
    document: Any = openapi(None, train=train)
    assert "/predictions" not in document["paths"]
    assert "Input" not in schemas(document)


def test_every_reference_leads_somewhere() -> None:
    for path in sorted(CORPUS.glob("*.py")):
        text = path.read_text("utf-8")
        words = ("class Runner", "class Predictor", "def predict(", "def train(")
        name = next(word.split()[1].strip("(") for word in words if word in text)
        document = openapi(load(CORPUS, f"{path.name}:{name}", train=name == "train"))
        text = json.dumps(document)
        for reference in text.split('"#/components/schemas/')[1:]:
            assert reference.split('"')[0] in schemas(document), path
