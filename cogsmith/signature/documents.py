"""The whole OpenAPI document of a model: paths, envelopes, inputs and output."""

from __future__ import annotations

from cogsmith import __version__
from cogsmith.signature.schemas import (
    Schema,
    choices_schema,
    input_schema,
    output_schema,
    schema,
    title,
)
from cogsmith.signature.types import Signature

__all__ = ["openapi"]


def openapi(
    signature: Signature | None,
    *,
    train: Signature | None = None,
    title: str = "Cog",
    version: str = __version__,
) -> dict[str, object]:
    """The OpenAPI 3.0.2 document of a model that predicts, trains, or both."""
    modes = [
        _Mode(one, is_train)
        for one, is_train in ((signature, False), (train, True))
        if one is not None
    ]
    paths: Schema = {"/": _plain("Root", "root__get"), "/health-check": _plain(*HEALTH)}
    components: Schema = {}
    for mode in modes:
        paths |= mode.paths()
        components |= mode.components(components)
    return {
        "components": {"schemas": components | COMMON},
        "info": {"title": title, "version": version},
        "openapi": "3.0.2",
        "paths": paths,
    }


HEALTH = ("Healthcheck", "healthcheck_health_check_get")


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(description: str, of: Schema) -> Schema:
    return {"content": {"application/json": {"schema": of}}, "description": description}


def _text(name: str, **more: object) -> Schema:
    return schema(title=title(name), type="string", **more)


def _plain(summary: str, operation: str) -> Schema:
    done = {"200": _answer("Successful Response", {})}
    return {"get": {"operationId": operation, "responses": done, "summary": summary}}


INVALID = _answer("Validation Error", _reference("HTTPValidationError"))

COMMON: Schema = {
    "Status": {
        "description": "An enumeration.",
        "enum": ["starting", "processing", "succeeded", "canceled", "failed"],
        "title": "Status",
        "type": "string",
    },
    "HTTPValidationError": {
        "properties": {
            "detail": {"items": _reference("ValidationError"), "title": "Detail", "type": "array"}
        },
        "title": "HTTPValidationError",
        "type": "object",
    },
    "ValidationError": {
        "properties": {
            "loc": {
                "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "title": "Location",
                "type": "array",
            },
            "msg": {"title": "Message", "type": "string"},
            "type": {"title": "Error Type", "type": "string"},
        },
        "required": ["loc", "msg", "type"],
        "title": "ValidationError",
        "type": "object",
    },
}


class _Mode:
    """What differs between predicting and training: names, and little else."""

    def __init__(self, signature: Signature, is_train: bool) -> None:
        self.signature, self.is_train = signature, is_train
        self.noun = "training" if is_train else "prediction"
        self.verb = "train" if is_train else "predict"
        self.prefix = "Training" if is_train else ""

    @property
    def envelope(self) -> str:
        return self.noun.capitalize()

    def components(self, taken: Schema) -> Schema:
        """Inputs, output, choices and the two envelopes; names that are taken get a prefix."""
        enums: dict[str, str] = {}
        lists: Schema = {}
        for field in self.signature.inputs:
            if field.choices:
                clash = taken.get(field.name, choices_schema(field, field.name))
                same = clash == choices_schema(field, field.name)
                name = field.name if same else f"{self.prefix}_{field.name}"
                enums[field.name] = name
                lists[name] = choices_schema(field, name)
        inputs, output = f"{self.prefix}Input", f"{self.prefix}Output"
        return {
            inputs: input_schema(self.signature, inputs, enums),
            output: output_schema(self.signature.output),
            **lists,
            **self.envelopes(inputs, output),
        }

    def envelopes(self, inputs: str, output: str) -> Schema:
        request, response = f"{self.envelope}Request", f"{self.envelope}Response"
        moment = {"format": "date-time"}
        return {
            request: {
                "properties": {"id": _text("id"), "input": _reference(inputs)},
                "title": request,
                "type": "object",
            },
            response: {
                "properties": {
                    "completed_at": _text("completed_at", **moment),
                    "created_at": _text("created_at", **moment),
                    "error": _text("error"),
                    "id": _text("id"),
                    "input": _reference(inputs),
                    "logs": _text("logs"),
                    "metrics": {"title": "Metrics", "type": "object"},
                    "output": _reference(output),
                    "started_at": _text("started_at", **moment),
                    "status": _text("status"),
                    "version": _text("version"),
                },
                "title": response,
                "type": "object",
            },
        }

    def paths(self) -> Schema:
        parameter = f"{self.noun}_id"
        return {
            f"/{self.noun}s": {"post": self.start()},
            f"/{self.noun}s/{{{parameter}}}/cancel": {"post": self.cancel(parameter)},
        }

    def start(self) -> Schema:
        request, response = f"{self.envelope}Request", f"{self.envelope}Response"
        body = {"content": {"application/json": {"schema": _reference(request)}}}
        streaming: Schema = {}
        if self.signature.streaming and not self.is_train:
            streaming = {"x-cog-streaming": True}
        return {
            "description": f"Run a single {self.noun} on the model",
            "operationId": f"{self.verb}_{self.noun}s_post",
            "requestBody": body,
            "responses": {
                "200": _answer("Successful Response", _reference(response)),
                "422": INVALID,
            },
            "summary": self.verb.capitalize(),
            **streaming,
        }

    def cancel(self, parameter: str) -> Schema:
        return {
            "operationId": f"cancel_{self.noun}s__{parameter}__cancel_post",
            "parameters": [
                {"in": "path", "name": parameter, "required": True, "schema": _text(parameter)}
            ],
            "responses": {"200": _answer("Successful Response", {}), "422": INVALID},
            "summary": "Cancel",
        }
