"""The official client, unmodified, against the dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from cogsmith.prediction import Event, Status
from cogsmith.runtime.openai import Asked

from .front import Script, serving
from .models import chunk, counted, dialect, end, run, token

TEXTS = ["Gr", "ü", "ße, ", "👋", "\n"]
TEXT = "".join(TEXTS)


def each(*events: Event) -> Script:
    """Every choice does the same, one after the other."""

    def script(asked: Asked) -> Iterable[tuple[int, Event]]:
        return [(index, event) for index in range(len(asked.inputs)) for event in events]

    return script


@contextmanager
def client(*events: Event, script: Script | None = None) -> Iterator[OpenAI]:
    with (
        serving(dialect(), script or each(*events)) as url,
        OpenAI(base_url=url, api_key="none", max_retries=0) as found,
    ):
        yield found


SAYS = run(*TEXTS, metrics=counted(7, 5, "length"))
ASKING: dict[str, object] = {"model": "stories", "messages": [{"role": "user", "content": "Hi"}]}


def test_a_chat() -> None:
    with client(*SAYS) as ours:
        answer = ours.chat.completions.create(**ASKING, max_tokens=5, temperature=0)
    (choice,) = answer.choices
    assert (choice.message.content, choice.message.role) == (TEXT, "assistant")
    assert choice.finish_reason == "length"
    assert answer.usage
    assert answer.usage.total_tokens == 12


def test_a_streamed_chat() -> None:
    with (
        client(*SAYS) as ours,
        ours.chat.completions.create(
            **ASKING, stream=True, stream_options={"include_usage": True}
        ) as stream,
    ):
        found = list(stream)
    assert [one.choices[0].delta.content for one in found[1:-2]] == TEXTS
    assert found[0].choices[0].delta.role == "assistant"
    assert found[-2].choices[0].finish_reason == "length"
    assert found[-1].usage
    assert found[-1].usage.completion_tokens == 5


def test_the_clients_own_accumulation_of_a_stream() -> None:
    says = run(*TEXTS, metrics=counted(7, 5, "stop"))  # with "length" this helper raises
    with client(*says) as ours, ours.chat.completions.stream(**ASKING, n=2) as stream:
        final = stream.get_final_completion()
    assert [one.message.content for one in final.choices] == [TEXT, TEXT]
    assert [one.finish_reason for one in final.choices] == ["stop", "stop"]


def test_log_probabilities() -> None:
    says = [token("a", -0.25, a=-0.25, b=-1.5), chunk("a"), *counted(1, 1), end()]
    with client(*says) as ours:
        answer = ours.chat.completions.create(**ASKING, logprobs=True, top_logprobs=2)
        with ours.chat.completions.stream(**ASKING, logprobs=True, top_logprobs=2) as stream:
            final = stream.get_final_completion()
    for told in (answer.choices[0].logprobs, final.choices[0].logprobs):
        assert told
        assert told.content
        assert [one.token for one in told.content[0].top_logprobs] == ["a", "b"]


def test_completions_of_several_prompts() -> None:
    with client(*SAYS) as ours:
        answer = ours.completions.create(model="stories", prompt=["a", "b"], n=2, echo=True)
    assert [one.text for one in answer.choices] == [f"{p}{TEXT}" for p in ("a", "a", "b", "b")]
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (14, 20)


def test_a_streamed_completion() -> None:
    parameters = {"model": "stories", "prompt": "a", "stream": True}
    with client(*SAYS) as ours, ours.completions.create(**parameters) as stream:
        found = list(stream)
    assert "".join(one.choices[0].text for one in found) == TEXT
    assert found[-1].choices[0].finish_reason == "length"


def test_the_asynchronous_client() -> None:
    async def ask() -> str:
        with serving(dialect(), each(*SAYS)) as url:
            async with AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as ours:
                stream = await ours.chat.completions.create(**ASKING, stream=True)
                return "".join([one.choices[0].delta.content or "" async for one in stream])

    assert asyncio.run(ask()) == TEXT


def test_models() -> None:
    with client() as ours:
        assert [model.id for model in ours.models.list()] == ["stories"]
        assert ours.models.retrieve("stories").owned_by == "cogsmith"
        with pytest.raises(openai.NotFoundError) as caught:
            ours.models.retrieve("org/other")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("parameters", "kind", "param"),
    [
        ({"model": "gpt-4o"}, openai.NotFoundError, "model"),
        ({"temperature": 9}, openai.BadRequestError, "temperature"),
        ({"tools": [{"type": "function"}]}, openai.BadRequestError, "tools"),
        ({"extra_body": {"top_q": 1}}, openai.BadRequestError, "top_q"),
    ],
)
def test_a_request_that_is_wrong(
    parameters: dict[str, object], kind: type[openai.APIStatusError], param: str
) -> None:
    with client(*SAYS) as ours, pytest.raises(kind) as caught:
        ours.chat.completions.create(**{**ASKING, **parameters})
    assert (caught.value.param, caught.value.type) == (param, "invalid_request_error")
    assert param in str(caught.value)


def test_extra_inputs_reach_the_model() -> None:
    asked: list[Asked] = []

    def script(request: Asked) -> Iterable[tuple[int, Event]]:
        asked.append(request)
        return each(*SAYS)(request)

    with client(script=script) as ours:
        ours.chat.completions.create(**ASKING, extra_body={"top_k": 3}, user="me", seed=8)
    ((inputs,),) = [one.inputs for one in asked]
    assert (inputs["top_k"], inputs["seed"]) == (3, 8)


FAILURES: list[tuple[Event, type[openai.APIStatusError], str]] = [
    (end(Status.FAILED, "E1002: too long"), openai.BadRequestError, "context_length_exceeded"),
    (end(Status.FAILED, "ValueError: boom"), openai.InternalServerError, "prediction_failed"),
    (end(Status.CANCELED), openai.APIStatusError, "canceled"),
]


@pytest.mark.parametrize(("event", "kind", "code"), FAILURES)
@pytest.mark.parametrize("stream", [True, False])
def test_a_prediction_that_fails_at_once(
    event: Event, kind: type[openai.APIStatusError], code: str, stream: bool
) -> None:
    with client(event) as ours, pytest.raises(kind) as caught:
        ours.chat.completions.create(**ASKING, stream=stream)
    assert caught.value.code == code


Ask = Callable[[OpenAI], Iterable[object]]


@pytest.mark.parametrize(("event", "code"), [(event, code) for event, _, code in FAILURES])
@pytest.mark.parametrize(
    "ask",
    [
        lambda ours: ours.chat.completions.create(**ASKING, stream=True),
        lambda ours: ours.completions.create(model="stories", prompt="a", stream=True),
    ],
    ids=["chat", "completion"],
)
def test_a_prediction_that_fails_in_the_middle(event: Event, code: str, ask: Ask) -> None:
    with client(chunk("a"), event) as ours, ask(ours) as stream:  # type: ignore[attr-defined]
        first = next(iter(stream))
        assert first.choices
        with pytest.raises(openai.APIError) as caught:
            list(stream)
    assert caught.value.code == code
