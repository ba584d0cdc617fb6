"""Models to translate for, and what they say."""

from __future__ import annotations

import json
from collections.abc import Iterable

from pydantic import BaseModel

from cogsmith.prediction import Event, Finished, Metric, Output, Started, Status
from cogsmith.runtime.openai import ApiError, Asked, Dialect
from tests.signature.sources import signature

OURS = signature(
    """
    prompt: str,
    messages: list[dict] | None = None,
    system_prompt: str | None = None,
    max_tokens: int | None = Input(default=None, ge=1, le=32768),
    max_new_tokens: int | None = Input(default=None, ge=1, le=32768),
    min_tokens: int = Input(default=0, ge=-1, le=32768),
    temperature: float = Input(default=0.7, ge=0.0, le=5.0),
    top_p: float = Input(default=0.95, ge=0.01, le=1.0),
    top_k: int = Input(default=50, ge=-1, le=1000),
    presence_penalty: float = Input(default=0.0, ge=-2.0, le=2.0),
    frequency_penalty: float = Input(default=0.0, ge=-2.0, le=2.0),
    stop_sequences: str | None = None,
    seed: int | None = Input(default=None, ge=0, le=4294967295),
    logprobs: int | None = Input(default=None, ge=0, le=5),
    prompt_template: str | None = None,
    """,
    output="AsyncConcatenateIterator[str]",
)
OLDER = signature(  # as Llama 2 is on Replicate
    """
    prompt: str,
    system_prompt: str = "You are a helpful assistant.",
    max_new_tokens: int = Input(default=128, ge=1),
    temperature: float = Input(default=0.75, ge=0.01, le=5),
    top_p: float = 0.9,
    top_k: int = -1,
    stop_sequences: str | None = None,
    seed: int | None = Input(default=None, ge=0, le=9),
    """,
    output="ConcatenateIterator[str]",
)
BARE = signature("prompt: str = Input(min_length=1), max_length: int = 50")
SEEING = signature(
    "image: Path, prompt: str, max_tokens: int = 512", output="ConcatenateIterator[str]"
)


def dialect(model: object = OURS) -> Dialect:
    found = Dialect.of(model, model="stories", created=1_700_000_000)  # type: ignore[arg-type]
    assert found is not None
    return found


def user(text: str, **others: object) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": text}], **others}


def refused(body: object, model: object = OURS, *, completion: bool = False) -> ApiError:
    """The error of a request that is wrong."""
    try:
        (dialect(model).completion if completion else dialect(model).chat)(body, id="1")
    except ApiError as error:
        return error
    raise AssertionError(f"{body} was taken")


def chunk(text: str) -> Output:
    return Output(json=json.dumps(text, ensure_ascii=not _is_text(text)).encode())


def _is_text(text: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def end(status: Status = Status.SUCCEEDED, error: str = "") -> Finished:
    return Finished(at=2.0, status=status, error=error, predict_time=1.0)


def counted(asked: int, said: int, reason: str = "") -> list[Event]:
    told = {"input_token_count": asked, "output_token_count": said}
    metrics = [Metric(name=name, value=value) for name, value in told.items()]
    return [*metrics, Metric(name="finish_reason", value=reason)] if reason else [*metrics]


def token(text: str, logprob: float = -0.5, **top: float) -> Metric:
    others = [{"token": t, "logprob": p, "bytes": [*t.encode()]} for t, p in top.items()]
    value = {"token": text, "logprob": logprob, "bytes": [*text.encode()], "top": others}
    return Metric(name="logprobs", value=value, mode="append")


def run(*texts: str, metrics: Iterable[Event] = ()) -> list[Event]:
    """A prediction that says these texts and succeeds."""
    return [Started(at=1.0), *map(chunk, texts), *metrics, end()]


def strict(kind: type[BaseModel], told: object) -> BaseModel:
    """The official type of an answer, which has no field that it doesn't know."""
    found = kind.model_validate_json(json.dumps(told), strict=True)
    assert json.loads(found.model_dump_json(exclude_unset=True)) == told
    assert not list(_unknown(found)), list(_unknown(found))
    return found


def _unknown(value: object) -> Iterable[str]:
    if isinstance(value, BaseModel):
        yield from value.model_extra or ()
        for name in type(value).model_fields:
            yield from _unknown(getattr(value, name))
    elif isinstance(value, list):
        for one in value:
            yield from _unknown(one)


__all__ = [
    "BARE", "OLDER", "OURS", "SEEING", "Asked", "chunk", "counted", "dialect", "end", "refused",
    "run", "strict", "token", "user",
]  # fmt: skip
