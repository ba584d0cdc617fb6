"""The OpenAPI document that the server answers with: Cog's, and what ours does beyond it.

Pure. Names, inputs and outputs are those of ``cogsmith.signature.openapi``, so that what reads
Cog's documents reads ours; what is added is meant to be true to the letter, for those who make
clients or tests from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from cogsmith.runtime.server.document_openai import openai_components, openai_paths
from cogsmith.runtime.server.inputs import SCHEMES
from cogsmith.runtime.server.requests import EVENTS, MAX_ID
from cogsmith.signature import InputField, Kind, Signature, openapi

__all__ = ["document"]

Schema = dict[str, Any]

# JSON schema's names for bounds that hold for the items of a list.
_ITEM_RULES = ("minimum", "maximum", "minLength", "maxLength", "pattern")
_URL = f"^({'|'.join(reversed(SCHEMES))})"
_ID = "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$"
_NOUNS = {"prediction": "", "training": "Training"}


def document(
    signature: Signature,
    *,
    train: Signature | None = None,
    title: str,
    version: str,
    openai: bool = False,
) -> Schema:
    """The whole document; ``openai`` says whether ``/v1`` is answered.

    ``title`` is the model's name, for OpenAI's clients too.
    """
    told: Schema = deepcopy(openapi(signature, train=train, title=title, version=version))
    schemas, paths = told["components"]["schemas"], told["paths"]
    schemas |= deepcopy(COMPONENTS)
    for noun, mode in (("prediction", signature), ("training", train)):
        if mode is not None:
            _complete_schemas(schemas, mode, noun)
            _complete_paths(paths, mode, noun)
    paths |= deepcopy(PATHS)
    if openai:
        schemas |= openai_components(title)
        paths |= openai_paths()
    told["components"]["securitySchemes"] = {"key": {"scheme": "bearer", "type": "http"}}
    return told


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _answer(
    description: str, *, headers: Mapping[str, Schema] | None = None, **kinds: Any
) -> Schema:
    """An answer with its bodies: ``json``, ``text``, ``html``, ``events``, ``metrics``."""
    content = {_KINDS[kind]: {"schema": schema} for kind, schema in kinds.items()}
    found: Schema = {"description": description}
    if content:
        found["content"] = content
    return found | ({"headers": dict(headers)} if headers else {})


_KINDS = {
    "json": "application/json",
    "text": "text/plain",
    "html": "text/html",
    "events": "text/event-stream",
    "metrics": "application/openmetrics-text",
}
_TEXT: Schema = {"type": "string"}
_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}

COMPONENTS: Schema = {
    "Failure": {
        "description": "A request that did not become a prediction.",
        "properties": {"error": _TEXT, "status": {"enum": ["failed"], "type": "string"}},
        "required": ["error"],
        "title": "Failure",
        "type": "object",
    },
    "Health": {
        "properties": {
            "setup": {
                "properties": {
                    "completed_at": {"format": "date-time", "type": "string"},
                    "logs": _TEXT,
                    "started_at": {"format": "date-time", "type": "string"},
                    "status": {"enum": ["starting", "succeeded", "failed"], "type": "string"},
                },
                "type": "object",
            },
            "status": {
                "enum": ["UNKNOWN", "STARTING", "READY", "BUSY", "SETUP_FAILED", "DEFUNCT",
                         "UNHEALTHY"],
                "type": "string",
            },
            "user_healthcheck_error": _TEXT,
            "version": {"type": "object"},
        },
        "required": ["status", "version"],
        "title": "Health",
        "type": "object",
    },
}  # fmt: skip


# --- schemas


def _complete_schemas(schemas: Schema, mode: Signature, noun: str) -> None:
    name = noun.capitalize()
    for field in mode.inputs:
        _complete_input(schemas[f"{_NOUNS[noun]}Input"]["properties"][field.name], field)
    request = schemas[f"{name}Request"]
    _complete_request(request["properties"])
    if any(field.required for field in mode.inputs):
        request["required"] = ["input"]
    schemas[f"{name}PutRequest"] = _without_id(request, f"{name}PutRequest")
    schemas[f"{name}State"] = _state(schemas[f"{name}Response"], mode, f"{name}State")


def _complete_input(schema: Schema, field: InputField) -> None:
    """What the gate asks of an input, and Cog's document does not say."""
    if field.type.is_file:
        (schema["items"] if field.type.many else schema)["pattern"] = _URL
    elif field.type.many and "items" in schema:
        schema["items"] |= {rule: schema[rule] for rule in _ITEM_RULES if rule in schema}


def _complete_request(properties: Schema) -> None:
    properties["id"] |= {"maxLength": MAX_ID, "minLength": 1, "nullable": True, "pattern": _ID}
    properties |= {
        "context": {
            "additionalProperties": {"type": "string"},
            "description": "Texts for the model's current_scope().context.",
            "title": "Context",
            "type": "object",
        },
        "output_file_prefix": {
            "description": "A URL to upload output files to; ignored unless it is a text.",
            "title": "Output File Prefix",
        },
        "webhook": {
            "description": "A URL that is told of the events in webhook_events_filter.",
            "nullable": True,
            "title": "Webhook",
            "type": "string",
        },
        "webhook_events_filter": {
            "default": sorted(EVENTS),
            "items": {"enum": sorted(EVENTS), "type": "string"},
            "title": "Webhook Events Filter",
            "type": "array",
        },
    }


def _without_id(request: Schema, title: str) -> Schema:
    """The request where the URL has the id; one in the body may only repeat it."""
    properties = {name: one for name, one in request["properties"].items() if name != "id"}
    return request | {"properties": properties, "title": title}


def _state(response: Schema, mode: Signature, title: str) -> Schema:
    """A prediction as it stands: like the response, but its output may be yet to come.

    Secrets come back as stars, and a default may be a path: such an input is not quite the
    one that was asked for, so it is only called an object.
    """
    properties = dict(response["properties"])
    properties["output"] = {"allOf": [properties["output"]], "nullable": True}
    if any(field.type.kind in (Kind.SECRET, Kind.PATH, Kind.FILE) for field in mode.inputs):
        properties["input"] = {"title": "Input", "type": "object"}
    return {"properties": properties, "title": title, "type": "object"}


# --- paths


def _complete_paths(paths: Schema, mode: Signature, noun: str) -> None:
    start = paths[f"/{noun}s"]["post"]
    parameter = {
        "in": "path",
        "name": f"{noun}_id",
        "required": True,
        "schema": {
            "maxLength": MAX_ID, "minLength": 1, "pattern": _ID, "title": f"{noun.title()} Id",
            "type": "string",
        },
    }  # fmt: skip
    start["responses"] |= _started(noun, streams=mode.streaming and noun == "prediction")
    start["parameters"] = [_PREFER]
    start["callbacks"] = {"webhook": {"{$request.body#/webhook}": {"post": _webhook(noun)}}}
    start["requestBody"]["required"] = any(field.required for field in mode.inputs)
    again = deepcopy(start) | {
        "description": f"Run a single {noun} on the model, once for all requests with this id",
        "operationId": start["operationId"].replace("s_post", f"s__{noun}_id__put"),
        "parameters": [parameter, _PREFER],
        "summary": f"{start['summary']} once",
    }
    body = again["requestBody"]["content"]["application/json"]
    body["schema"] = _ref(f"{noun.capitalize()}PutRequest")
    paths[f"/{noun}s/{{{noun}_id}}"] = {"get": _look(noun, parameter), "put": again}
    _complete_cancel(paths[f"/{noun}s/{{{noun}_id}}/cancel"]["post"], parameter)


_PREFER: Schema = {
    "description": "respond-async: do not wait for the end.",
    "in": "header",
    "name": "Prefer",
    "required": False,
    "schema": {"example": "respond-async", "type": "string"},
}
_UNAUTHORIZED = _answer("The server wants a key", json=_ref("Failure"))
_UNKNOWN = _answer("No such id", json={"type": "object"})


def _started(noun: str, *, streams: bool) -> Schema:
    name = noun.capitalize()
    response, invalid = _ref(f"{name}Response"), _ref("HTTPValidationError")
    events: Schema = {"events": _TEXT} if streams else {}
    links = {"links": {"ask": _link(f"get_{noun}s__{noun}_id__get", noun)}}
    found = {
        "200": _answer("It has ended; status says how", json=response, **events) | links,
        "202": _answer("It is underway", json=_ref(f"{name}State")) | links,
        "400": _answer("The body is no JSON", text=_TEXT),
        "401": _UNAUTHORIZED,
        "406": _answer("It does not stream", json=_ref("Failure")),
        "409": _answer("No slot is free", json=_ref("Failure"), headers=_RETRY),
        "413": _answer("The body is too large", text=_TEXT),
        "415": _answer("The body is not called JSON", text=_TEXT),
        "422": _answer("Validation Error", json=invalid, text=_TEXT),
        "503": _answer("Not ready, or closing", json=_ref("Failure"), headers=_RETRY),
    }
    if streams:
        del found["406"]
    return found


def _link(operation: str, noun: str) -> Schema:
    return {"operationId": operation, "parameters": {f"{noun}_id": "$response.body#/id"}}


def _webhook(noun: str) -> Schema:
    """What the server sends to the client's webhook."""
    content = {"application/json": {"schema": _ref(f"{noun.capitalize()}State")}}
    return {
        "operationId": f"{noun}_webhook",
        "requestBody": {"content": content, "required": True},
        "responses": {"2XX": {"description": "Heard"}},
        "summary": f"A {noun} as it stands",
    }


def _look(noun: str, parameter: Schema) -> Schema:
    state = _ref(f"{noun.capitalize()}State")
    return {
        "description": f"A {noun} as it stands, also for a while after its end",
        "operationId": f"get_{noun}s__{noun}_id__get",
        "parameters": [parameter],
        "responses": {
            "200": _answer("Known", json=state), "401": _UNAUTHORIZED, "404": _UNKNOWN,
        },
        "summary": "Get",
    }  # fmt: skip


def _complete_cancel(cancel: Schema, parameter: Schema) -> None:
    cancel["parameters"] = [parameter]
    cancel["responses"] = {
        "200": _answer("It is being canceled", json={"type": "object"}),
        "401": _UNAUTHORIZED,
        "404": _UNKNOWN,
    }


def _get(summary: str, name: str, **answers: Schema) -> Schema:
    """A path that is only read; ``answers`` by status, ``_200`` for 200."""
    responses = {status[1:]: answer for status, answer in answers.items()}
    return {"get": {"operationId": name, "responses": responses, "summary": summary}}


PATHS: Schema = {
    "/": _get("Root", "root__get", _200=_answer("What there is", json={}, html=_TEXT)),
    "/docs": _get("Docs", "docs_get", _200=_answer("A page for people", html=_TEXT)),
    "/health-check": _get(
        "Healthcheck",
        "healthcheck_health_check_get",
        _200=_answer("Status is in the body", json=_ref("Health")),
    ),
    "/livez": _get(
        "Alive",
        "livez_get",
        _200=_answer("Alive", text=_TEXT),
        _503=_answer("Only a new start helps", text=_TEXT),
    ),
    "/metrics": _get(
        "Metrics",
        "metrics_get",
        _200=_answer("For Prometheus", text=_TEXT, metrics=_TEXT),
        _401=_UNAUTHORIZED,
    ),
    "/openapi.json": _get(
        "This document",
        "openapi_get",
        _200=_answer("This document", json={"type": "object"}),
        _401=_UNAUTHORIZED,
    ),
    "/readyz": _get(
        "Ready",
        "readyz_get",
        _200=_answer("Predictions are taken", text=_TEXT),
        _503=_answer("Not now", text=_TEXT),
    ),
    "/shutdown": {
        "post": {
            "description": "Take no further prediction, and end when all have ended.",
            "operationId": "shutdown_shutdown_post",
            "responses": {
                "200": _answer("It will end", json={"type": "object"}),
                "401": _UNAUTHORIZED,
                "403": _answer("Asked for by a page of another origin", json=_ref("Failure")),
            },
            "summary": "Shutdown",
            "tags": ["shutdown"],  # schemathesis --exclude-tag shutdown
        }
    },
}
