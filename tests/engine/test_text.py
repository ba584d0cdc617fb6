from __future__ import annotations

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.engine.engine import Capabilities
from cogsmith.engine.logprobs import LogprobLedger
from cogsmith.engine.sampling import Sampling
from cogsmith.engine.scripted import ByteTokenizer, ScriptedEngine, scripted_model
from cogsmith.engine.text import LanguageModel, Stream, TextRequest
from cogsmith.engine.tokenizer import Message
from cogsmith.errors import EngineError, PromptTooLong


async def read(stream: Stream) -> list[str]:
    return [text async for text in stream]


def model_of(engine: ScriptedEngine) -> LanguageModel:
    return LanguageModel(engine, ByteTokenizer())


def test_text_comes_in_pieces_and_a_report_at_the_end() -> None:
    async def story() -> None:
        recorded: dict[str, object] = {}
        stream = scripted_model("né").stream(
            TextRequest(prompt="hi", seed=0), record=recorded.__setitem__
        )
        assert await read(stream) == ["n", "é"]
        assert recorded == stream.report.metrics()
        assert recorded["input_token_count"] == 3
        assert recorded["output_token_count"] == 3
        assert recorded["finish_reason"] == "stop"
        assert stream.report.seed == 0

    asyncio.run(story())


@given(st.text("ab€", max_size=20), st.lists(st.text("ab€", min_size=1, max_size=3), max_size=2))
def test_the_answer_ends_before_the_first_stop(reply: str, stops: list[str]) -> None:
    model = scripted_model(reply)
    said = asyncio.run(model.complete(TextRequest(prompt="hi", stop=tuple(stops))))
    ends = [(reply.index(s) + len(s), reply.index(s)) for s in stops if s in reply]
    assert said == (reply[: min(ends)[1]] if ends else reply)


def test_a_stop_cancels_the_engine() -> None:
    async def story() -> None:
        engine = ScriptedEngine(["one. two. three."])
        stream = model_of(engine).stream(TextRequest(prompt="count", stop=(". ",), id="a"))
        assert "".join(await read(stream)) == "one"
        assert stream.report.finish_reason == "stop"
        assert engine.cancelled == ["a"]
        assert engine.stats().running == 0

    asyncio.run(story())


def test_no_stop_before_min_tokens() -> None:
    request = TextRequest(prompt="x", stop=("b",), sampling=Sampling(min_tokens=3))
    assert asyncio.run(scripted_model("abcabc").complete(request)) == "abca"


def test_max_tokens_ends_with_length_and_flushes_what_waited() -> None:
    async def story() -> None:
        stream = scripted_model("ab€").stream(
            TextRequest(prompt="x", max_tokens=4, stop=("bX", "\N{REPLACEMENT CHARACTER}Y"))
        )
        assert "".join(await read(stream)) == "ab\N{REPLACEMENT CHARACTER}"
        assert stream.report.finish_reason == "length"

    asyncio.run(story())


def test_cancel_ends_the_stream() -> None:
    async def story() -> None:
        engine = ScriptedEngine(["endless" * 99], delay=0.001)
        model = model_of(engine)
        stream = model.stream(TextRequest(prompt="x"))
        assert await anext(stream) == "e"
        await model.cancel(stream.id)
        await model.cancel(stream.id)
        await model.cancel("nobody")
        assert len(await read(stream)) <= 1
        assert stream.report.finish_reason == "cancelled"
        assert engine.cancelled == [stream.id]

    asyncio.run(story())


def test_cancelling_the_reader_cancels_the_request() -> None:
    async def story() -> None:
        engine = ScriptedEngine(["endless" * 99], delay=0.001)
        recorded: dict[str, object] = {}
        stream = model_of(engine).stream(TextRequest(prompt="x"), record=recorded.__setitem__)
        reader = asyncio.create_task(read(stream))
        await asyncio.sleep(0.01)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert engine.cancelled == [stream.id]
        assert recorded["finish_reason"] == "cancelled"

    asyncio.run(story())


def test_closing_the_stream_cancels_the_request() -> None:
    async def story() -> None:
        engine = ScriptedEngine(["endless" * 99])
        stream = model_of(engine).stream(TextRequest(prompt="x"))
        await anext(stream)
        await stream.aclose()
        assert engine.cancelled == [stream.id]

    asyncio.run(story())


def test_an_engine_that_fails() -> None:
    async def story() -> None:
        stream = scripted_model(EngineError("out of memory", code="E1200")).stream(
            TextRequest(prompt="x")
        )
        with pytest.raises(EngineError, match="out of memory"):
            await read(stream)
        assert stream.report.finish_reason == "error"

    asyncio.run(story())


def test_max_tokens_is_lowered_to_what_the_context_has_left() -> None:
    engine = ScriptedEngine(["abcdefghi"], capabilities=Capabilities(max_context=8))
    assert asyncio.run(model_of(engine).complete(TextRequest(prompt="1234"))) == "abc"


def test_a_prompt_that_fills_the_context_is_too_long() -> None:
    engine = ScriptedEngine(capabilities=Capabilities(max_context=8))
    with pytest.raises(PromptTooLong, match="has 8 tokens; the model's context holds 8") as caught:
        model_of(engine).stream(TextRequest(prompt="1234567"))
    assert caught.value.code == "E1002"


def test_two_streams_at_once_do_not_mix() -> None:
    async def story() -> None:
        model = scripted_model("first", "second", delay=0.001)
        streams = [model.stream(TextRequest(prompt="x")) for _ in range(2)]
        texts = await asyncio.gather(*map(read, streams))
        assert ["".join(text) for text in texts] == ["first", "second"]

    asyncio.run(story())


def test_a_seed_is_drawn_where_none_is_given() -> None:
    model = scripted_model("a")
    seeds = {model.stream(TextRequest(prompt="x")).report.seed for _ in range(5)}
    assert len(seeds) == 5


def test_notes_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "cogsmith.engine"):
        scripted_model("a").stream(TextRequest(prompt="x", system_prompt="be brief"))
    assert caplog.messages == ["system prompt ignored: the model has no chat template"]


def test_a_conversation_is_asked_as_one() -> None:
    async def story() -> None:
        engine = ScriptedEngine(["ok"])
        messages: tuple[Message, ...] = (
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": "Who?"},
        )
        stream = model_of(engine).stream(TextRequest(messages=messages))
        await read(stream)
        asked = ByteTokenizer().decode(engine.requests[0].token_ids)
        assert asked == "User: Hi\n\nAssistant: Hello.\n\nUser: Who?\n\nAssistant:"

    asyncio.run(story())


# Log probabilities.


class Recorder:
    """Keeps metrics in the order of their coming, texts of the answer between them."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.tokens: list[dict[str, object]] = []

    def __call__(self, name: str, value: object, mode: str = "replace", /) -> None:
        if name == "logprobs":
            assert mode == "append"
            assert isinstance(value, dict)
            self.tokens.append(value)
            self.told.append(value["token"])
        else:
            assert mode == "replace"

    async def read(self, reply: str, request: TextRequest) -> str:
        stream = scripted_model(reply).stream(request, record=self)
        texts = []
        async for text in stream:
            self.told.append(f"> {text}")
            texts.append(text)
        return "".join(texts)

    @property
    def bytes(self) -> bytes:
        return b"".join(bytes(token["bytes"]) for token in self.tokens)  # type: ignore[call-overload]


def test_a_token_is_told_before_its_text() -> None:
    record = Recorder()
    asyncio.run(record.read("né", TextRequest(prompt="x", logprobs=2)))
    bad = "\N{REPLACEMENT CHARACTER}"
    assert record.told == ["n", "> n", bad, bad, "> é"]
    assert record.tokens[0] == {
        "token": "n",
        "logprob": -0.5,
        "bytes": [110],
        "top": [
            {"token": "n", "logprob": -0.5, "bytes": [110]},
            {"token": "o", "logprob": -1.5, "bytes": [111]},
        ],
    }
    assert record.bytes.decode() == "né"


@pytest.mark.parametrize("count", [0, 1, 5])
def test_as_many_alternatives_as_were_asked_for(count: int) -> None:
    record = Recorder()
    asyncio.run(record.read("ab", TextRequest(prompt="x", logprobs=count)))
    assert [len(token["top"]) for token in record.tokens] == [count, count]  # type: ignore[arg-type]


def test_nobody_is_told_who_did_not_ask() -> None:
    record = Recorder()
    asyncio.run(record.read("ab", TextRequest(prompt="x")))
    assert record.tokens == []


@given(
    st.text("ab€", max_size=20),
    st.lists(st.text("ab€", min_size=1, max_size=3), max_size=2),
    st.integers(1, 30),
)
def test_the_tokens_told_are_those_of_the_text(reply: str, stops: list[str], most: int) -> None:
    record = Recorder()
    request = TextRequest(prompt="x", stop=tuple(stops), logprobs=0, max_tokens=most)
    said = asyncio.run(record.read(reply, request))
    assert record.bytes.decode(errors="replace") == said


def test_a_token_that_a_stop_cuts_in_two_is_told() -> None:
    class Pairs(ByteTokenizer):
        """Each id is a letter, twice."""

        def decode(self, ids: object) -> str:
            return "".join(2 * chr(id_) for id_ in ids if id_ < 256)  # type: ignore[attr-defined]

    async def story() -> None:
        record = Recorder()
        model = LanguageModel(ScriptedEngine(["abc"]), Pairs())
        request = TextRequest(prompt="x", stop=("bcc",), logprobs=0)
        assert "".join(await read(model.stream(request, record=record))) == "aab"
        assert record.told == ["a", "b"]

    asyncio.run(story())


def test_the_impossible_is_a_number_too() -> None:
    ledger = LogprobLedger(ByteTokenizer(), 2)
    ledger.add(0, 97, {97: 0.0, 257: float("-inf")})
    [told] = ledger.due(None)
    assert told["top"] == [
        {"token": "a", "logprob": 0.0, "bytes": [97]},
        {"token": "</s>", "logprob": -9999.0, "bytes": None},
    ]
