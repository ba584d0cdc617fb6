"""OpenAI's routes in the OpenAPI document: what every language model here takes and gives.

Pure. Parameters that depend on the model's inputs are allowed and not listed; the server refuses
by name those that the model has no input for.
"""

from __future__ import annotations

from typing import Any

__all__ = ["openai_components", "openai_paths"]

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}


def openai_components(model: str) -> Schema:
    """Requests, answers and errors; ``model`` is the one name that is served."""
    shared: Schema = {
        "model": {"enum": [model], "type": "string"},
        "n": {"default": 1, "minimum": 1, "nullable": True, "type": "integer"},
        "stop": {
            "anyOf": [_TEXT, {"items": _TEXT, "type": "array"}],
            "nullable": True,
        },
        "stream": {"default": False, "nullable": True, "type": "boolean"},
        "stream_options": {
            "nullable": True,
            "properties": {"include_usage": {"type": "boolean"}},
            "type": "object",
        },
    }
    return {
        "ChatCompletionRequest": _object(
            {**shared, "messages": {"items": _MESSAGE, "minItems": 1, "type": "array"}},
            "messages",
        ),
        "CompletionRequest": _object({**shared, "prompt": _PROMPT}, "prompt"),
        "Completion": _object(
            {
                "choices": {"items": {"type": "object"}, "type": "array"},
                "created": {"type": "integer"},
                "id": _TEXT,
                "model": _TEXT,
                "object": {"enum": ["chat.completion", "text_completion"], "type": "string"},
                "usage": {"type": "object"},
            },
            "choices", "created", "id", "model", "object",
        ),
        "OpenAIError": _object({"error": _ERROR}, "error"),
        "OpenAIModel": _object(
            {
                "created": {"type": "integer"},
                "id": _TEXT,
                "object": {"enum": ["model"], "type": "string"},
                "owned_by": _TEXT,
            },
            "created", "id", "object", "owned_by",
        ),
    }  # fmt: skip


def openai_paths() -> Schema:
    """``/v1`` and below."""
    model = _ref("OpenAIModel")
    models = _object(
        {
            "data": {"items": model, "type": "array"},
            "object": {"enum": ["list"], "type": "string"},
        },
        "data", "object",
    )  # fmt: skip
    name = {"in": "path", "name": "model", "required": True, "schema": _TEXT}
    return {
        "/v1/chat/completions": _create("ChatCompletionRequest", "chat_completions"),
        "/v1/completions": _create("CompletionRequest", "completions"),
        "/v1/models": {
            "get": {
                "operationId": "models_v1_models_get",
                "responses": {"200": _answer("The one model", models), "401": _error("No key")},
                "summary": "Models",
            }
        },
        "/v1/models/{model}": {
            "get": {
                "operationId": "model_v1_models__model__get",
                "parameters": [name],
                "responses": {
                    "200": _answer("The model", model),
                    "401": _error("No key"),
                    "404": _error("Another model's name"),
                },
                "summary": "Model",
            }
        },
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema, *required: str) -> Schema:
    return {"properties": properties, "required": list(required), "type": "object"}


_PARTS: Schema = {
    "items": {
        "properties": {"text": _TEXT, "type": {"enum": ["text", "image_url"], "type": "string"}},
        "required": ["type"],
        "type": "object",
    },
    "minItems": 1,
    "type": "array",
}
_MESSAGE = _object(
    {
        "content": {"anyOf": [_TEXT, _PARTS]},
        "role": {"enum": ["system", "developer", "user", "assistant"], "type": "string"},
    },
    "role", "content",
)  # fmt: skip
_PROMPT: Schema = {"anyOf": [_TEXT, {"items": _TEXT, "minItems": 1, "type": "array"}]}
_ERROR = _object(
    {
        "code": {"nullable": True, "type": "string"},
        "message": _TEXT,
        "param": {"nullable": True, "type": "string"},
        "type": _TEXT,
    },
    "message", "type",
)  # fmt: skip


def _answer(description: str, schema: Schema) -> Schema:
    return {"content": {"application/json": {"schema": schema}}, "description": description}


def _error(description: str) -> Schema:
    return _answer(description, _ref("OpenAIError"))


def _create(request: str, name: str) -> Schema:
    done = _answer("Whole, or a stream when stream is true", _ref("Completion"))
    done["content"]["text/event-stream"] = {"schema": _TEXT}
    body = {"content": {"application/json": {"schema": _ref(request)}}, "required": True}
    told = {
        "400": "The request is wrong",
        "401": "No key",
        "404": "Another model's name",
        "409": "No slot is free",
        "413": "The body is too large",
        "415": "The body is not called JSON",
        "422": "An input does not fit",
        "429": "No slot is free",
        "499": "The prediction was canceled",
        "500": "The prediction failed",
        "503": "Not ready, or no slot is free",
    }
    return {
        "post": {
            "operationId": f"{name}_v1_post",
            "requestBody": body,
            "responses": {"200": done, **{code: _error(text) for code, text in told.items()}},
            "summary": name.replace("_", " ").capitalize(),
        }
    }
