"""Parameters: which of the model's inputs they become, and what is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.engine import parse_stops
from cogsmith.runtime.openai import ApiError
from cogsmith.runtime.openai.parameters import stop_text
from cogsmith.signature import Signature, check
from tests.signature.sources import signature

from .models import BARE, OLDER, OURS, SEEING, dialect, refused, user

BIG = 4294967295
FROM_0_TO_5 = "this model takes 0 to 5"


def inputs(model: Signature = OURS, **parameters: object) -> dict[str, object]:
    """What a chat's parameters become, beside its prompt."""
    (found,) = dialect(model).chat(user("hi", **parameters), id="1").inputs
    assert check(model, found) == ()
    return {name: value for name, value in found.items() if name not in ("prompt", "messages")}


def raw(prompt: object, model: Signature = OURS, **parameters: object) -> list[dict[str, object]]:
    """What a completion's choices get."""
    asked = dialect(model).completion({"prompt": prompt, **parameters}, id="1")
    assert all(check(model, one) == () for one in asked.inputs)
    return [dict(one) for one in asked.inputs]


# --- Sampling ----------------------------------------------------------------------------------


def test_sampling_goes_to_the_inputs_of_the_same_name() -> None:
    wanted = {
        "temperature": 0.3, "top_p": 0.8, "presence_penalty": 0.5, "frequency_penalty": -0.5,
    }  # fmt: skip
    assert inputs(**wanted) == wanted


def test_what_is_not_asked_for_is_the_models_own_business() -> None:
    assert inputs(temperature=None, max_tokens=None, stop=None, tools=None) == {}


def test_the_models_own_inputs_may_be_given_by_their_names() -> None:
    """As ``extra_body`` of the official client does."""
    assert inputs(top_k=7, min_tokens=3) == {"top_k": 7, "min_tokens": 3}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"temperature": 9}, f"temperature: must be at maximum 5, got 9; {FROM_0_TO_5}"),
        ({"top_p": 0}, "top_p: must be at minimum 0.01, got 0; this model takes 0.01 to 1"),
        ({"temperature": "hot"}, f"temperature: expected number, got string; {FROM_0_TO_5}"),
        ({"max_tokens": 0}, "max_tokens: must be at minimum 1, got 0; this model takes 1 to 32768"),
        ({"seed": -1}, f"seed: must be at minimum 0, got -1; this model takes 0 to {BIG}"),
        ({"prompt_template": ["x"]}, "prompt_template: expected string, got array"),
    ],
)  # fmt: skip
def test_what_the_model_cannot_take_is_told_with_its_bounds(
    parameters: dict[str, object], message: str
) -> None:
    error = refused(user("hi", **parameters))
    assert (error.words, error.status, error.code) == (message, 400, "invalid_value")


def test_a_bound_on_one_side_is_told_too() -> None:
    assert refused(user("hi", max_tokens=0), OLDER).hint == "this model takes 1 and more"
    model = signature("prompt: str, temperature: float = Input(default=1, le=2)")
    assert refused(user("hi", temperature=3), model).hint == "this model takes at most 2"


def test_zero_is_greedy_where_the_models_temperature_begins_above_it() -> None:
    assert inputs(temperature=0) == {"temperature": 0}
    assert inputs(OLDER, temperature=0) == {"temperature": 0.01, "top_k": 1}
    assert inputs(OLDER, temperature=0.0, top_k=3) == {"temperature": 0.01, "top_k": 3}


# --- Limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_limit_has_many_names(name: str) -> None:
    assert inputs(OURS, **{name: 9}) == {"max_tokens": 9}
    assert inputs(OLDER, **{name: 9}) == {"max_new_tokens": 9}
    assert inputs(BARE, **{name: 9}) == {"max_length": 9}


def test_two_names_may_agree_and_not_differ() -> None:
    assert inputs(max_tokens=9, max_completion_tokens=9) == {"max_tokens": 9}
    error = refused(user("hi", max_tokens=9, max_completion_tokens=8))
    assert error.where == "max_tokens"
    assert error.message == "sets the model's max_tokens, and so does max_completion_tokens"


def test_the_limit_that_holds_is_known() -> None:
    def limit(model: Signature, **parameters: object) -> int | None:
        return dialect(model).chat(user("hi", **parameters), id="1").limit

    assert limit(OLDER, max_tokens=9) == 9
    assert limit(OLDER) == 128
    assert limit(OURS) is None
    assert limit(OURS, max_new_tokens=9) == 9
    assert limit(signature("prompt: str, top_k: int = 3")) is None


def test_a_model_without_a_limit_refuses_one() -> None:
    error = refused(user("hi", max_tokens=9), signature("prompt: str, top_k: int = 3"))
    assert (error.where, error.code) == ("max_tokens", "unsupported_parameter")


# --- Stops -------------------------------------------------------------------------------------


def test_stops_are_written_as_the_field_does() -> None:
    assert inputs(stop="###") == {"stop_sequences": "###"}
    assert inputs(stop=["###", "\n\n", "a b"]) == {"stop_sequences": "###,\n\n,a b"}
    assert inputs(stop="[INST]") == {"stop_sequences": "[INST]"}
    assert inputs(stop=[]) == {}


@pytest.mark.parametrize("stops", [["a,b"], [", ", "."], ["\\n"], ["[]"], [' ["x"]'], ["[1]"]])
def test_stops_that_commas_cannot_part_are_json(stops: list[str]) -> None:
    assert json.loads(str(inputs(stop=stops)["stop_sequences"])) == stops


def read(text: str) -> list[str]:
    """As our engine does: a JSON list of texts, else texts between commas."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, list) else list(parse_stops(text))


@given(st.lists(st.text(min_size=1) | st.text('[]",\\nt', min_size=1), min_size=1))
def test_stops_are_never_told_wrong(stops: list[str]) -> None:
    assert read(stop_text(stops)) == stops


def test_a_list_is_a_list_for_a_model_that_takes_one() -> None:
    model = signature("prompt: str, stop: list[str] = []")
    assert inputs(model, stop="###") == {"stop": ["###"]}
    assert inputs(model, stop=["a,b", "c"]) == {"stop": ["a,b", "c"]}


@pytest.mark.parametrize("stop", ["", ["a", ""], 3, [3], {"a": 1}, ["x"] * 65])
def test_stops_that_are_none_are_refused(stop: object) -> None:
    assert refused(user("hi", stop=stop)).where == "stop"


def test_stops_are_refused_where_the_model_has_no_input_for_them() -> None:
    assert refused(user("hi", stop="x"), BARE).code == "unsupported_parameter"


# --- Choices and seeds -------------------------------------------------------------------------


def seeds(model: Signature = OURS, **parameters: object) -> list[object]:
    asked = dialect(model).chat(user("hi", **parameters), id="1")
    assert all(check(model, one) == () for one in asked.inputs)
    return [one.get("seed") for one in asked.inputs]


def test_each_choice_has_a_seed_of_its_own() -> None:
    assert seeds(n=3, seed=0) == [0, 1, 2]
    assert seeds(n=3) == [None, None, None]
    assert seeds(n=2, seed=3.0) == [3, 4]
    assert seeds(n=3, seed=BIG) == [BIG, 0, 1]
    assert seeds(OLDER, n=3, seed=8) == [8, 9, 0]


@given(st.integers(0, 9), st.integers(1, 10))
def test_seeds_differ_and_stay_within_the_models_bounds(seed: int, n: int) -> None:
    assert len(set(seeds(OLDER, n=n, seed=seed))) == n


@pytest.mark.parametrize("n", [0, -1, 129, 10**400, 1.5, "2", True])
def test_choices_are_a_number_and_not_too_many(n: object) -> None:
    assert refused(user("hi", n=n)).where == "n"


def test_a_model_without_seeds_refuses_one() -> None:
    assert refused(user("hi", seed=1), BARE).code == "unsupported_parameter"


# --- Log probabilities -------------------------------------------------------------------------


def test_log_probabilities_ask_for_that_many_alternatives() -> None:
    assert inputs(logprobs=True, top_logprobs=3) == {"logprobs": 3}
    assert inputs(logprobs=True) == {"logprobs": 0}
    assert inputs(logprobs=False, top_logprobs=0) == {}
    assert raw("hi", logprobs=2)[0]["logprobs"] == 2
    assert raw("hi", logprobs=0)[0]["logprobs"] == 0
    assert "logprobs" not in raw("hi")[0]


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 6}, "top_logprobs"),  # the model's own bound
        ({"logprobs": 2}, "logprobs"),
    ],
)
def test_log_probabilities_that_cannot_be(parameters: dict[str, object], where: str) -> None:
    assert refused(user("hi", **parameters)).where == where


def test_a_model_without_log_probabilities_refuses_them() -> None:
    for error in (
        refused(user("hi", logprobs=True), BARE),
        refused({"prompt": "hi", "logprobs": 1}, BARE, completion=True),
    ):
        assert (error.where, error.code) == ("logprobs", "unsupported_parameter")


# --- What the model has no input for -----------------------------------------------------------


def test_what_asks_for_nothing_is_passed_over() -> None:
    assert inputs(BARE, temperature=1.0, top_p=1, frequency_penalty=0, presence_penalty=0.0) == {}


@pytest.mark.parametrize("name", ["temperature", "top_p", "frequency_penalty", "presence_penalty"])
def test_what_would_change_the_answer_is_refused(name: str) -> None:
    error = refused(user("hi", **{name: 0.5}), BARE)
    assert (error.where, error.code) == (name, "unsupported_parameter")


def test_an_input_of_the_models_own_makes_a_parameter_supported() -> None:
    model = signature("prompt: str, top_k: int = 1, reasoning_effort: str = 'low'")
    assert inputs(model, reasoning_effort="high") == {"reasoning_effort": "high"}
    model = signature("prompt: str, top_k: int = 1, tools: list[dict] | None = None")
    assert refused(user("hi", tools=[{"type": "function"}]), model).where == "tools"


def test_an_unknown_parameter_is_refused_with_the_nearest() -> None:
    error = refused(user("hi", temprature=1))
    assert (error.words, error.code) == (
        "temprature: unknown parameter; did you mean temperature?",
        "unknown_parameter",
    )
    assert refused(user("hi", echo=True)).code == "unknown_parameter"
    assert refused(user("hi", zzz=True)).hint == ""


@pytest.mark.parametrize("name", ["prompt", "n", "stream"])
def test_inputs_that_the_translation_sets_are_not_given_by_name(name: str) -> None:
    model = signature("prompt: str, top_k: int = 1, n: int = 1, stream: bool = False")
    asked = dialect(model).chat(user("hi", n=1, stream=True), id="1")
    assert asked.inputs == ({"prompt": "hi"},)
    if name == "prompt":
        assert refused(user("hi", prompt="ho"), model).code == "unknown_parameter"


def test_an_input_and_a_parameter_for_it_may_not_differ() -> None:
    error = refused(user("hi", stop="a", stop_sequences="b"))
    assert error.words == (
        "stop_sequences: sets the model's stop_sequences, and so does stop; give one of the two"
    )


# --- Streams -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "stream", "usage"),
    [
        ({}, False, False),
        ({"stream": False}, False, False),
        ({"stream": True}, True, False),
        ({"stream": True, "stream_options": {}}, True, False),
        ({"stream": True, "stream_options": {"include_usage": True}}, True, True),
        ({"stream_options": {"include_usage": True}}, False, False),
    ],
)
def test_streams(parameters: dict[str, object], stream: bool, usage: bool) -> None:
    asked = dialect().chat(user("hi", **parameters), id="1")
    assert (asked.stream, asked.include_usage) == (stream, usage)


@pytest.mark.parametrize(("name", "value"), [("stream", "yes"), ("stream_options", True)])
def test_streams_that_are_mistyped(name: str, value: object) -> None:
    error = refused(user("hi", **{name: value}))
    assert (error.where, error.code) == (name, "invalid_type")


# --- Completions -------------------------------------------------------------------------------


def test_a_raw_prompt_gets_past_every_template() -> None:
    assert raw("Once upon") == [{"prompt": "Once upon", "prompt_template": "{prompt}"}]
    assert raw("Once upon", BARE) == [{"prompt": "Once upon"}]
    forms = "prompt: str, prompt_template: str = Input(default='a', choices=['a', 'b'])"
    assert raw("Once upon", signature(forms)) == [{"prompt": "Once upon"}]
    assert raw("Hi", prompt_template="Q: {prompt} A:")[0]["prompt_template"] == "Q: {prompt} A:"


def test_several_prompts_have_choices_of_their_own() -> None:
    found = raw(["a", "b"], OLDER, n=2, seed=3)
    assert [(one["prompt"], one["seed"]) for one in found] == [
        ("a", 3),
        ("a", 4),
        ("b", 3),
        ("b", 4),
    ]
    assert dialect(OLDER).completion({"prompt": ["a", "b"], "n": 2}, id="1").per_prompt == 2


def test_completions_take_chats_parameters() -> None:
    found = raw("hi", OLDER, max_tokens=5, temperature=0, stop=["x"], user="me", best_of=1)
    assert found == [
        {
            "prompt": "hi",
            "max_new_tokens": 5,
            "temperature": 0.01,
            "top_k": 1,
            "stop_sequences": "x",
        }
    ]


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        ({}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [1, 2, 3]}, "prompt"),
        ({"prompt": [[1, 2], [3]]}, "prompt"),
        ({"prompt": ["a", 1]}, "prompt"),
        ({"prompt": {"a": 1}}, "prompt"),
        ({"prompt": ["a"] * 65, "n": 2}, "prompt"),
        ({"prompt": "a", "best_of": 2}, "best_of"),
        ({"prompt": "a", "n": 2, "best_of": 3}, "best_of"),
        ({"prompt": "a", "suffix": "b"}, "suffix"),
        ({"prompt": "a", "echo": True, "logprobs": 1}, "echo"),
        ({"prompt": "a", "logit_bias": {"50256": -100}}, "logit_bias"),
        ({"prompt": "a", "top_logprobs": 1}, "top_logprobs"),
        ({"prompt": "a", "messages": []}, "messages"),
    ],
)
def test_completions_that_cannot_be(parameters: dict[str, object], where: str) -> None:
    assert refused(parameters, completion=True).where == where


def test_token_ids_are_refused_in_words() -> None:
    error = refused({"prompt": [1, 2]}, completion=True)
    assert error.words == (
        "prompt: must be a text or a list of texts, not of numbers; token ids are not taken"
    )


def test_every_prompt_of_a_list_is_checked() -> None:
    assert refused({"prompt": ["a", ""]}, BARE, completion=True).where == "prompt"


def test_an_input_that_the_model_needs_is_asked_for() -> None:
    model = signature("prompt: str, top_k: int, style: str = Input(description='How to sound.')")
    error = refused({"prompt": "a", "top_k": 1}, model, completion=True)
    assert (error.words, error.code) == (
        "style: this model needs it; How to sound.",
        "missing_required_parameter",
    )
    assert raw("a", model, top_k=1, style="dry")[0]["style"] == "dry"


def test_a_picture_can_only_be_shown_in_a_chat() -> None:
    assert refused({"prompt": "What is this?"}, SEEING, completion=True).where == "image"


# --- Whatever comes ----------------------------------------------------------------------------

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
NAMES = [
    "model", "messages", "prompt", "stream", "stream_options", "n", "seed", "stop", "max_tokens",
    "max_completion_tokens", "logprobs", "top_logprobs", "echo", "best_of", "suffix", "temperature",
    "top_p", "tools", "user", "response_format", "logit_bias",
]  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(NAMES), values), st.booleans(), st.sampled_from([OURS, BARE])
)
def test_every_body_is_understood_or_refused(
    body: dict[str, object], completion: bool, model: Signature
) -> None:
    """And what is understood fits the model."""
    body = {"prompt": "hi", **body} if completion else user("hi") | body
    try:
        asked = (dialect(model).completion if completion else dialect(model).chat)(body, id="1")
    except ApiError as error:
        told = json.loads(error.body())["error"]
    else:
        told = {"message": "", "param": None}
        assert all(check(model, one) == () for one in asked.inputs)
    assert bool(told["message"]) == (told["param"] is not None)


def test_inputs_are_not_shared_between_choices() -> None:
    first, second = dialect().chat(user("hi", n=2), id="1").inputs
    assert first is not second
