"""Answers: what the official parser makes of them, whatever the pieces that they come in."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openai._streaming import SSEDecoder
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import ValidationError

from cogsmith.prediction import Event, Log, Metric, Output, Started, Status
from cogsmith.runtime.openai import Answer, ApiError, Asked, Dialect

from .models import OURS, chunk, counted, dialect, end, run, strict, token, user

NOW = 1_800_000_000
STREAM = {"stream": True}


def chat(**parameters: object) -> Asked:
    return dialect().chat(user("hi", **parameters), id="1")


def completion(prompt: object = "hi", **parameters: object) -> Asked:
    return dialect().completion({"prompt": prompt, **parameters}, id="1")


def sent(asked: Asked, *choices: Sequence[Event]) -> bytes:
    """What is sent for these predictions, which take turns."""
    answer = Answer(asked, created=NOW)
    waiting = [list(events) for events in choices]
    data = b""
    while any(waiting):
        for index, events in enumerate(waiting):
            data += answer.take(index, events.pop(0)) if events else b""
    assert answer.done
    return data if asked.stream else answer.body()


def chunks(data: bytes) -> list[dict[str, object]]:
    """The objects of a stream, read as the official client reads them; the stream must be whole."""
    events = [event.data for event in SSEDecoder().iter_bytes(iter([data]))]
    assert events.pop() == "[DONE]"
    return [json.loads(event) for event in events]


def streamed(asked: Asked, *choices: Sequence[Event]) -> list[ChatCompletionChunk]:
    found = [strict(ChatCompletionChunk, one) for one in chunks(sent(asked, *choices))]
    return [one for one in found if isinstance(one, ChatCompletionChunk)]


def whole(asked: Asked, *choices: Sequence[Event]) -> ChatCompletion:
    found = strict(ChatCompletion, json.loads(sent(asked, *choices)))
    assert isinstance(found, ChatCompletion)
    return found


def texts(found: Iterable[ChatCompletionChunk], index: int = 0) -> str:
    said = [one for chunk in found for one in chunk.choices if one.index == index]
    return "".join(one.delta.content or "" for one in said)


# --- Chats -------------------------------------------------------------------------------------


def test_a_stream_is_a_role_then_a_chunk_for_each_output_then_the_end() -> None:
    found = streamed(chat(**STREAM), run("Hel", "lo"))
    assert [one.choices[0].model_dump(exclude_unset=True) for one in found] == [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None,
         "finish_reason": None},
        {"index": 0, "delta": {"content": "Hel"}, "logprobs": None, "finish_reason": None},
        {"index": 0, "delta": {"content": "lo"}, "logprobs": None, "finish_reason": None},
        {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"},
    ]  # fmt: skip
    assert {(one.id, one.model, one.created, one.object) for one in found} == {
        ("chatcmpl-1", "stories", NOW, "chat.completion.chunk")
    }


def test_a_whole_answer_is_one_object() -> None:
    found = whole(chat(), run("Hel", "lo", metrics=counted(3, 2)))
    assert found.model_dump(exclude_unset=True) == {
        "id": "chatcmpl-1",
        "created": NOW,
        "model": "stories",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def test_nothing_is_sent_before_the_first_output() -> None:
    answer = Answer(chat(**STREAM), created=NOW)
    waiting = [Started(at=1.0), Log(source="stdout", text="seed: 3"), *counted(3, 0)]
    assert [answer.take(0, event) for event in waiting] == [b""] * 4
    assert answer.take(0, chunk("a")).startswith(b"data: ")


def test_each_output_is_sent_at_once() -> None:
    answer = Answer(chat(**STREAM), created=NOW)
    answer.take(0, chunk("a"))
    for text in ("b", "\n", "ü", "%s", '"'):
        (found,) = chunks(answer.take(0, chunk(text)) + b"data: [DONE]\n\n")
        assert found["choices"][0]["delta"] == {"content": text}  # type: ignore[index]


def test_an_answer_without_a_word_is_one_all_the_same() -> None:
    found = streamed(chat(**STREAM), run())
    assert [one.choices[0].finish_reason for one in found] == [None, "stop"]
    assert texts(found) == ""
    assert whole(chat(), run()).choices[0].message.content == ""


def test_choices_keep_apart_and_end_together() -> None:
    first, second = run("a", "b", metrics=counted(3, 2)), run("c", metrics=counted(3, 1))
    found = streamed(chat(n=2, **STREAM, stream_options={"include_usage": True}), first, second)
    assert (texts(found, 0), texts(found, 1)) == ("ab", "c")
    usage = found[-1].usage
    assert usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (3, 3, 6)
    said = whole(chat(n=2), first, second)
    assert [one.message.content for one in said.choices] == ["ab", "c"]
    assert said.usage == usage


def test_usage_is_told_last_where_it_is_asked_for_and_known() -> None:
    asked = chat(**STREAM, stream_options={"include_usage": True})
    objects = chunks(sent(asked, run("a", metrics=counted(3, 1))))
    assert [one["usage"] for one in objects[:-1]] == [None] * 3
    assert objects[-1]["choices"] == []
    assert "usage" not in chunks(sent(chat(**STREAM), run("a", metrics=counted(3, 1))))[-1]
    assert [one["usage"] for one in chunks(sent(asked, run("a")))] == [None] * 3
    assert whole(chat(), run("a")).usage is None
    assert whole(chat(n=2), run("a", metrics=counted(3, 1)), run("a")).usage is None


@pytest.mark.parametrize(
    ("parameters", "metrics", "reason"),
    [
        ({}, counted(3, 2, "stop"), "stop"),
        ({}, counted(3, 2, "length"), "length"),
        ({"max_tokens": 2}, counted(3, 2, "stop"), "stop"),
        ({"max_tokens": 2}, counted(3, 2), "length"),
        ({"max_tokens": 3}, counted(3, 2), "stop"),
        ({}, counted(3, 2), "stop"),
        ({}, counted(3, 2, "cancelled"), "stop"),
        ({}, [Metric(name="finish_reason", value={"why": 3})], "stop"),
    ],
)
def test_why_it_ended(parameters: dict[str, object], metrics: list[Event], reason: str) -> None:
    events = run("a", "b", metrics=metrics)
    assert whole(chat(**parameters), events).choices[0].finish_reason == reason
    assert streamed(chat(**STREAM, **parameters), events)[-1].choices[0].finish_reason == reason


def test_a_count_may_be_recorded_step_by_step() -> None:
    one = Metric(name="output_token_count", value=1.0, mode="increment")
    events = run("a", metrics=[Metric(name="input_token_count", value=3), one, one])
    usage = whole(chat(), events).usage
    assert usage
    assert usage.completion_tokens == 2


# --- Log probabilities -------------------------------------------------------------------------


def test_log_probabilities_stand_beside_the_text_of_their_tokens() -> None:
    events = [token("He", -0.1, He=-0.1, Ha=-2.5), token("l", -0.2), chunk("Hel"), token("lo"),
              chunk("lo"), token("cut off"), end()]  # fmt: skip
    found = streamed(chat(logprobs=True, top_logprobs=2, **STREAM), events)
    told = [one.choices[0].logprobs for one in found]
    assert [[t.token for t in one.content or ()] if one else None for one in told] == [
        None, ["He", "l"], ["lo"], None,
    ]  # fmt: skip
    (choice,) = whole(chat(logprobs=True, top_logprobs=2), events).choices
    assert choice.logprobs
    (he, el, lo) = choice.logprobs.content or ()
    assert (he.token, he.logprob, he.bytes) == ("He", -0.1, [72, 101])
    assert [(one.token, one.logprob, one.bytes) for one in he.top_logprobs] == [
        ("He", -0.1, [72, 101]),
        ("Ha", -2.5, [72, 97]),
    ]
    assert (el.top_logprobs, lo.token) == ([], "lo")


def test_log_probabilities_that_nobody_asked_for_are_not_told() -> None:
    assert whole(chat(), [token("a"), *run("a")]).choices[0].logprobs is None
    assert streamed(chat(**STREAM), [token("a"), *run("a")])[1].choices[0].logprobs is None


@pytest.mark.parametrize("value", [None, 3, {}, {"token": 3}, [{"token": "a"}]])
def test_a_metric_of_another_shape_is_no_log_probability(value: object) -> None:
    events = [Metric(name="logprobs", value=value), *run("a")]
    told = whole(chat(logprobs=True), events).choices[0].logprobs
    assert told
    assert told.content == []


def test_a_token_that_could_not_be_is_very_unlikely() -> None:
    told = whole(chat(logprobs=True), [token("a", float("-inf")), *run("a")]).choices[0].logprobs
    assert told
    assert told.content
    assert told.content[0].logprob == -9999.0


# --- Completions -------------------------------------------------------------------------------


def test_a_completions_stream() -> None:
    found = chunks(sent(completion(**STREAM), run("Hel", "lo")))
    assert [one["choices"] for one in found] == [
        [{"index": 0, "text": "Hel", "logprobs": None, "finish_reason": None}],
        [{"index": 0, "text": "lo", "logprobs": None, "finish_reason": None}],
        [{"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"}],
    ]
    for one in found[:-1]:  # the type knows no null, which OpenAI sends all the same
        with pytest.raises(ValidationError, match="finish_reason"):
            strict(Completion, one)
    last = strict(Completion, found[-1])
    assert isinstance(last, Completion)
    assert (last.id, last.created, last.object) == ("cmpl-1", NOW, "text_completion")


def test_a_whole_completion() -> None:
    found = strict(Completion, json.loads(sent(completion(), run("a", metrics=counted(3, 1)))))
    assert isinstance(found, Completion)
    assert found.choices[0].text == "a"
    assert found.usage
    assert found.usage.total_tokens == 4


def test_each_prompt_is_counted_once() -> None:
    asked = completion(["a", "b"], n=2)
    events = [run("x", metrics=counted(size, 1)) for size in (3, 3, 5, 5)]
    found = strict(Completion, json.loads(sent(asked, *events)))
    assert isinstance(found, Completion)
    assert [one.index for one in found.choices] == [0, 1, 2, 3]
    assert found.usage
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (8, 4)


@pytest.mark.parametrize("prompt", ["Once ", "", 'say "hi"\n', "90% ü"])
def test_an_echo_begins_with_the_prompt(prompt: str) -> None:
    events = [*run("upon", " a")]
    found = strict(Completion, json.loads(sent(completion(prompt, echo=True), events)))
    assert isinstance(found, Completion)
    assert found.choices[0].text == f"{prompt}upon a"
    objects = chunks(sent(completion(prompt, echo=True, **STREAM), events))
    said = [one["choices"][0]["text"] for one in objects]  # type: ignore[index]
    assert "".join(said) == f"{prompt}upon a"
    silent = chunks(sent(completion(prompt, echo=True, **STREAM), run()))
    assert "".join(one["choices"][0]["text"] for one in silent) == prompt  # type: ignore[index]


def test_a_completions_log_probabilities() -> None:
    events = [token("Hé", -0.1, Ha=-2.5), token("l", -0.2), chunk("Hél"), token("lo", l=-3.0),
              chunk("lo"), end()]  # fmt: skip
    whole = {
        "tokens": ["Hé", "l", "lo"],
        "token_logprobs": [-0.1, -0.2, -0.5],
        "top_logprobs": [{"Ha": -2.5, "Hé": -0.1}, {"l": -0.2}, {"l": -3.0, "lo": -0.5}],
        "text_offset": [0, 2, 3],
    }
    found = strict(Completion, json.loads(sent(completion(logprobs=1), events)))
    assert isinstance(found, Completion)
    assert found.choices[0].logprobs
    assert found.choices[0].logprobs.model_dump() == whole
    objects = chunks(sent(completion(logprobs=1, **STREAM), events))
    told = [one["choices"][0]["logprobs"] for one in objects]  # type: ignore[index]
    assert told.pop() is None
    assert {name: [x for one in told for x in one[name]] for name in whole} == whole


# --- Failures ----------------------------------------------------------------------------------

TOO_LONG = "E1002: prompt: the prompt has 9 tokens; the model's context holds 8\nhint: shorten it"


@pytest.mark.parametrize(
    ("status", "error", "http", "code", "param", "message"),
    [
        (Status.FAILED, TOO_LONG, 400, "context_length_exceeded", "messages",
         "messages: the prompt has 9 tokens; the model's context holds 8; shorten it"),
        (Status.FAILED, "UserError: E1002: too long", 400, "context_length_exceeded", "messages",
         "messages: too long"),
        (Status.FAILED, "E1001: prompt required", 400, "invalid_value", None, "prompt required"),
        (Status.FAILED, "E1101: two names", 400, "invalid_value", None, "two names"),
        (Status.FAILED, "E1200: the engine failed", 500, "prediction_failed", None,
         "E1200: the engine failed"),
        (Status.FAILED, "ValueError: boom", 500, "prediction_failed", None, "ValueError: boom"),
        (Status.FAILED, "", 500, "prediction_failed", None, "the prediction failed"),
        (Status.CANCELED, "", 499, "canceled", None, "the prediction was canceled"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [True, False])
def test_a_failure_before_the_first_word_has_a_status(
    status: Status, error: str, http: int, code: str, param: str | None, message: str, stream: bool
) -> None:
    answer = Answer(chat(stream=stream), created=NOW)
    with pytest.raises(ApiError) as caught:
        answer.take(0, end(status, error))
    assert answer.done
    assert caught.value.status == http
    told = json.loads(caught.value.body())["error"]
    kind = "server_error" if http == 500 else "invalid_request_error"
    assert told == {"message": message, "type": kind, "param": param, "code": code}


def test_a_completions_prompt_that_is_too_long_is_its_prompt() -> None:
    with pytest.raises(ApiError) as caught:
        Answer(completion(), created=NOW).take(0, end(Status.FAILED, TOO_LONG))
    assert caught.value.where == "prompt"


def test_a_failure_later_is_told_in_the_stream_which_ends() -> None:
    answer = Answer(chat(n=2, **STREAM), created=NOW)
    answer.take(0, chunk("a"))
    data = answer.take(1, end(Status.FAILED, "WorkerCrashed: gone"))
    (event,) = SSEDecoder().iter_bytes(iter([data]))
    assert event.json()["error"]["message"] == "WorkerCrashed: gone"
    assert answer.done
    assert answer.take(0, chunk("b")) == answer.take(0, end()) == b""


def test_a_whole_answer_can_fail_to_its_end() -> None:
    answer = Answer(chat(n=2), created=NOW)
    for event in run("a"):
        assert answer.take(0, event) == b""
    with pytest.raises(ApiError):
        answer.take(1, end(Status.FAILED, "boom"))
    assert answer.done


# --- Whatever the pieces -----------------------------------------------------------------------

words = st.text(max_size=12) | st.sampled_from(
    ["\u2028\u2029\x85", "\x1c\r\n\x00", '"\\ud83d"', "%b%%", "😀", "data: [DONE]", "👨‍👩‍👧"]
)


def parted(text: str, places: Iterable[int]) -> list[str]:
    """A text in pieces, cut between UTF-16 units: a piece may end in half a character."""
    units = text.encode("utf-16-le")
    cuts = sorted({0, len(units) // 2, *(place % (len(units) // 2 + 1) for place in places)})
    parts = [units[2 * start : 2 * end] for start, end in itertools.pairwise(cuts)]
    return [part.decode("utf-16-le", "surrogatepass") for part in parts]


@given(st.lists(words, max_size=6).map("".join), st.lists(st.integers(0, 99), max_size=8))
@example("😀", [1])
def test_any_pieces_of_a_text_are_that_text(text: str, places: list[int]) -> None:
    events = run(*parted(text, places))
    assert texts(streamed(chat(**STREAM), events)) == text
    assert whole(chat(), events).choices[0].message.content == text
    echoed = json.loads(sent(completion("Say: ", echo=True), events))
    assert echoed["choices"][0]["text"] == f"Say: {text}"


@given(st.lists(words, min_size=1))
def test_a_chunk_is_one_line_to_every_client(said: list[str]) -> None:
    """Some part lines wherever Unicode can."""
    lines = sent(chat(**STREAM), run(*said)).decode().splitlines()
    assert {line[:6] for line in lines[::2]} == {"data: "}
    assert set(lines[1::2]) == {""}


@pytest.mark.parametrize(
    ("pieces", "text"),
    [(["a\ud83d"], "a�"), (["\ude00b"], "�b"), (["\ud83d", "b"], "�b"), (["\ud83d\ud83d"], "��")],
)
def test_half_a_character_alone_is_shown_as_such(pieces: list[str], text: str) -> None:
    assert texts(streamed(chat(**STREAM), run(*pieces))) == text
    assert whole(chat(), run(*pieces)).choices[0].message.content == text


@pytest.mark.parametrize(
    ("output", "text"), [(b"null", ""), (b"3", "3"), (b'{"a":"\xc3\xbc"}', '{"a":"ü"}')]
)
def test_an_output_that_is_no_text_is_shown_as_one(output: bytes, text: str) -> None:
    events = [Output(json=output), end()]
    assert texts(streamed(chat(**STREAM), events)) == text
    assert whole(chat(), events).choices[0].message.content == text


def test_a_models_name_may_hold_anything() -> None:
    name = '50% "ü"\u2028'
    found = Dialect.of(OURS, model=name, created=1)
    assert found
    events = run("a", "b")
    assert {one.model for one in streamed(found.chat(user("hi", **STREAM), id="%b"), events)} == {
        name
    }
