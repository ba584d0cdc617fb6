"""OpenAI's parameters, and which inputs of a model they are.

A parameter goes to the model's input of the same name, or of an older name for the same thing.
What the model has no input for is refused, by name, unless its value asks for nothing
(``frequency_penalty: 0``) or it has no part in the answer (``user``). Nothing is dropped that
would have changed the text.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from cogsmith.runtime.openai.body import Body
from cogsmith.runtime.openai.draft import Draft
from cogsmith.runtime.openai.errors import ApiError
from cogsmith.signature import InputField, Kind

__all__ = [
    "IGNORED",
    "LIMITS",
    "NEUTRAL",
    "STOPS",
    "alternatives",
    "known_limit",
    "others",
    "place_limit",
    "seeds",
    "stop_text",
    "stops",
    "unsupported",
]

LIMITS = (
    "max_tokens",
    "max_new_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_length",
)
STOPS = ("stop_sequences", "stop")
MOST_STOPS = 64

NEUTRAL: Mapping[str, tuple[object, ...]] = MappingProxyType(
    {
        "audio": (),
        "best_of": (),
        "frequency_penalty": (0,),
        "function_call": ("none", "auto"),
        "functions": ([],),
        "logit_bias": ({},),
        "logprobs": (),
        "modalities": (["text"],),
        "moderation": (),
        "presence_penalty": (0,),
        "reasoning_effort": ("none",),
        "response_format": ({"type": "text"},),
        "seed": (),
        "suffix": ("",),
        "temperature": (1,),
        "tool_choice": ("none", "auto"),
        "tools": ([],),
        "top_p": (1,),
        "verbosity": ("medium",),
        "web_search_options": (),
    }
)
"""Parameters that change the answer, with the values that don't."""

IGNORED = frozenset(
    {
        "metadata", "parallel_tool_calls", "prediction", "prompt_cache_key",
        "prompt_cache_options", "prompt_cache_retention", "safety_identifier", "service_tier",
        "store", "user",
    }
)  # fmt: skip
"""Parameters that have no part in the text: labels, bills and hints for speed."""

# Never passed on: the answer to them is no text, or the translation itself sets them.
RESERVED = frozenset(
    {"audio", "function_call", "functions", "messages", "modalities", "n", "prompt", "stream",
     "tool_choice", "tools"}
)  # fmt: skip


def others(draft: Draft, body: Body) -> None:
    """Every parameter that is left: the model's own inputs by their names, and OpenAI's.

    Raises ApiError for one that changes the answer and that this model has no input for.
    """
    _greedy(draft, body)
    for name, value in body.rest.items():
        if name not in RESERVED and draft.signature.input(name) is not None:
            draft.put(name, value, param=name)
        elif name in NEUTRAL:
            if value not in NEUTRAL[name]:
                raise unsupported(name)
        elif name not in IGNORED:
            raise _unknown(name, draft)


def _greedy(draft: Draft, body: Body) -> None:
    """A temperature of 0 where the model's begins above it: the likeliest token all the same."""
    field = draft.signature.input("temperature")
    wanted = body.rest.get("temperature")
    if field is None or isinstance(wanted, bool) or wanted != 0 or not (field.minimum or 0) > 0:
        return
    body.rest["temperature"] = field.minimum
    if draft.signature.input("top_k") is not None:
        body.rest.setdefault("top_k", 1)


def place_limit(draft: Draft, body: Body, names: Iterable[str]) -> None:
    """Set the most tokens to answer with, which may be asked for by several names."""
    for param in names:
        value = body.whole(param)
        if value is None:
            continue
        field = draft.place(LIMITS)
        if field is None:
            raise unsupported(param)
        draft.put(field.name, value, param=param)


def known_limit(draft: Draft) -> int | None:
    """The limit that holds, the model's own default included; None where it is not known."""
    fields = [field for field in draft.signature.inputs if field.name in LIMITS]
    given = [draft.inputs[field.name] for field in fields if field.name in draft.inputs]
    known = [*given, *(field.default for field in fields)]
    return next((value for value in known if isinstance(value, int)), None)


def stops(draft: Draft, value: object) -> None:
    """Set the texts that end the answer, in the form that the model's input takes."""
    if value is None or value == []:
        return
    given = value if isinstance(value, list) else [value]
    texts = [text for text in given if isinstance(text, str) and text]
    if len(texts) < len(given) or len(texts) > MOST_STOPS:
        raise ApiError(
            f"must be a text or a list of up to {MOST_STOPS} texts, none of them empty",
            where="stop", code="invalid_value",
        )  # fmt: skip
    field = draft.place(STOPS)
    if field is None:
        raise unsupported("stop")
    draft.put(field.name, texts if _takes_lists(field) else stop_text(texts), param="stop")


def _takes_lists(field: InputField) -> bool:
    kinds = field.type.variants or (field.type,)
    return any(kind.many and kind.kind in (Kind.STRING, Kind.ANY) for kind in kinds)


def stop_text(texts: list[str]) -> str:
    r"""Stop sequences as one text: with commas between, as all models read them.

    What cannot be said so (a comma in a text, a backslash that would be an escape) is a JSON
    array, which our engine reads too.

    >>> stop_text(["###", "[INST]"]), stop_text(["a,b"])
    ('###,[INST]', '["a,b"]')
    """
    joined = ",".join(texts)
    if any("," in text or "\\" in text for text in texts) or _is_json_list(joined):
        return json.dumps(texts, ensure_ascii=False)
    return joined


def _is_json_list(text: str) -> bool:
    try:
        return isinstance(json.loads(text), list)
    except (ValueError, RecursionError):
        return False


def seeds(draft: Draft, count: int) -> list[dict[str, object]]:
    """One seed after the other, so that the answers to one prompt differ; none if none is given."""
    first = draft.inputs.get("seed")
    field = draft.signature.input("seed")
    if isinstance(first, float) and first.is_integer():
        first = int(first)
    if field is None or isinstance(first, bool) or not isinstance(first, int):
        return [{} for _ in range(count)]
    values = range(first, first + count)
    if field.maximum is not None and values[-1] > field.maximum:  # begin again at the least one
        least = int(field.minimum or 0)
        span = int(field.maximum) - least + 1
        return [{"seed": least + (value - least) % span} for value in values]
    return [{"seed": value} for value in values]


def alternatives(draft: Draft, count: int | None, *, param: str) -> bool:
    """Ask for log probabilities, with so many other tokens each; whether they were asked for."""
    if count is None:
        return False
    if draft.signature.input("logprobs") is None:
        raise unsupported("logprobs")
    draft.put("logprobs", count, param=param)
    return True


def unsupported(name: str) -> ApiError:
    """For a parameter that changes the answer and has no input here."""
    return ApiError(
        "this model does not support it", where=name, hint="leave it out",
        code="unsupported_parameter",
    )  # fmt: skip


def _unknown(name: str, draft: Draft) -> ApiError:
    known = {*NEUTRAL, *IGNORED, *(field.name for field in draft.signature.inputs)} - RESERVED
    close = difflib.get_close_matches(name, sorted(known), 1)
    return ApiError(
        "unknown parameter", where=name, code="unknown_parameter",
        hint=f"did you mean {close[0]}?" if close else "",
    )  # fmt: skip
