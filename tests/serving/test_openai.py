"""The official client of OpenAI, unmodified, at the real server with a language model."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.serving.conftest import Serve
from tests.serving.server import Server, until

openai = pytest.importorskip("openai", reason="the openai package is not installed")

MODEL = "scripted"
SAYS = "Hello, world."
ASKS: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
def server(serve: Serve) -> Server:
    return serve("language_model", COGSMITH_MODEL=MODEL)


@pytest.fixture
def client() -> Iterator[Callable[..., Any]]:
    """A client of a server."""
    with ExitStack() as stack:

        def made(server: Server, **options: Any) -> Any:
            options = {"api_key": "none", "max_retries": 0, **options}
            return stack.enter_context(openai.OpenAI(base_url=f"{server.url}/v1", **options))

        yield made


@pytest.fixture
def ours(server: Server, client: Callable[..., Any]) -> Any:
    return client(server)


def test_a_chat(ours: Any) -> None:
    answer = ours.chat.completions.create(**ASKS)
    (choice,) = answer.choices
    assert (choice.message.content, choice.finish_reason) == (SAYS, "stop")
    assert (answer.model, answer.object) == (MODEL, "chat.completion")
    assert answer.usage.completion_tokens == len(SAYS)
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + len(SAYS)


def test_a_chat_as_a_stream(ours: Any) -> None:
    chunks = list(
        ours.chat.completions.create(**ASKS, stream=True, stream_options={"include_usage": True})
    )
    said = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(said) == SAYS
    assert len([text for text in said if text]) > 1
    assert [c.finish_reason for chunk in chunks for c in chunk.choices][-1] == "stop"
    assert chunks[-1].usage.completion_tokens == len(SAYS)


def test_several_choices(ours: Any) -> None:
    answer = ours.chat.completions.create(**ASKS, n=2)
    assert [choice.message.content for choice in answer.choices] == [SAYS, SAYS]
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.usage.completion_tokens == 2 * len(SAYS)


def test_several_choices_as_a_stream(ours: Any) -> None:
    said = {0: "", 1: ""}
    for chunk in ours.chat.completions.create(**ASKS, n=2, stream=True):
        for choice in chunk.choices:
            said[choice.index] += choice.delta.content or ""
    assert said == {0: SAYS, 1: SAYS}


def test_completions(ours: Any) -> None:
    answer = ours.completions.create(model=MODEL, prompt=["a", "b"])
    assert [choice.text for choice in answer.choices] == [SAYS, SAYS]
    stream = ours.completions.create(model=MODEL, prompt="a", stream=True)
    assert "".join(chunk.choices[0].text for chunk in stream) == SAYS


def test_an_answer_ends_at_its_limit_or_at_a_stop(ours: Any) -> None:
    short = ours.chat.completions.create(**ASKS, max_tokens=5).choices[0]
    assert (short.message.content, short.finish_reason) == ("Hello", "length")
    stopped = ours.chat.completions.create(**ASKS, stop=[", "]).choices[0]
    assert (stopped.message.content, stopped.finish_reason) == ("Hello", "stop")


def test_log_probabilities(ours: Any) -> None:
    answer = ours.chat.completions.create(**ASKS, logprobs=True, top_logprobs=2, max_tokens=2)
    tokens = answer.choices[0].logprobs.content
    assert [token.token for token in tokens] == ["H", "e"]
    assert [token.logprob for token in tokens] == [-0.5, -0.5]
    assert [top.token for top in tokens[0].top_logprobs] == ["H", "I"]


def test_models(ours: Any) -> None:
    assert [model.id for model in ours.models.list()] == [MODEL]
    assert ours.models.retrieve(MODEL).object == "model"


def test_another_model_is_not_found(ours: Any) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        ours.chat.completions.create(**{**ASKS, "model": "gpt-9"})
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_what_the_model_does_not_take_is_refused(ours: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ours.chat.completions.create(**ASKS, temperature=9)
    assert caught.value.param == "temperature"


def test_a_client_tries_again_when_the_server_is_full(
    fresh: Serve, client: Callable[..., Any]
) -> None:
    slots = {"COG_MAX_CONCURRENCY": "1", "COGSMITH_QUEUE": "0", "PACE": "0.02"}
    server = fresh("language_model", COGSMITH_MODEL=MODEL, **slots)
    first = client(server).chat.completions.create(**ASKS, stream=True)
    next(iter(first))
    with pytest.raises(openai.InternalServerError) as caught:
        client(server).chat.completions.create(**ASKS)
    assert caught.value.status_code == 503
    assert caught.value.response.headers["retry-after"] == "1"
    answer = client(server, max_retries=10).chat.completions.create(**ASKS)
    assert answer.choices[0].message.content == SAYS
    first.close()


def test_a_client_that_leaves_ends_its_answers(fresh: Serve, client: Callable[..., Any]) -> None:
    server = fresh("language_model", COGSMITH_MODEL=MODEL, SAYS="x" * 4096, PACE="0.1")
    stream = client(server).chat.completions.create(**ASKS, n=2, max_tokens=4096, stream=True)
    next(iter(stream))
    assert busy(server) == 2
    stream.close()
    until(lambda: busy(server) == 0)


def busy(server: Server) -> int:
    """How many predictions run, as Prometheus is told."""
    found = re.search(rb"^cogsmith_slots_busy (\d+)", server.get("/metrics").body, re.MULTILINE)
    assert found
    return int(found[1])


def test_both_dialects_share_slots_and_predictor(server: Server, ours: Any) -> None:
    ours.chat.completions.create(**ASKS)
    assert server.predict(prompt="Hi")["output"][0] == "H"
    assert "".join(server.predict(prompt="Hi")["output"]) == SAYS


def test_a_key_is_asked_for_where_one_is_set(fresh: Serve, client: Callable[..., Any]) -> None:
    server = fresh("language_model", COGSMITH_MODEL=MODEL, COGSMITH_API_KEY="one, two")
    with pytest.raises(openai.AuthenticationError):
        client(server).models.list()
    assert [model.id for model in client(server, api_key="two").models.list()] == [MODEL]
    assert server.post("/predictions", {"input": {}}).status == 401
    assert server.health()["status"] == "READY"


def test_a_model_that_speaks_no_language_has_no_such_routes(serve: Serve) -> None:
    assert serve("echo").post("/v1/chat/completions", ASKS).status == 404
