"""Every predictor keeps the same promises, whatever its family."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path
from types import ModuleType

import pytest

from cogsmith.engine import scripted_model
from cogsmith.errors import EngineError
from cogsmith.signature import load as load_signature
from predictors import flan_t5
from tests.predictors.conversation import PREDICTORS, Conversation, declarations

ROOT = Path(__file__).parents[2]
each = pytest.mark.parametrize("module", PREDICTORS, ids=lambda module: module.__name__)


@pytest.fixture
def given(tmp_path: Path) -> dict[str, object]:
    """What no answer is had without."""
    image = tmp_path / "picture.png"
    image.write_bytes(b"\x89PNG")
    return {"prompt": "Hello", "image": image}


def fitting(module: ModuleType, given: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in given.items() if name in declarations(module)}


@each
def test_streams_the_answer(module: ModuleType, given: dict[str, object]) -> None:
    async def pieces() -> list[str]:
        talk = Conversation(module, scripted_model("Grüße"))
        return [text async for text in talk.stream(**fitting(module, given))]

    assert asyncio.run(pieces()) == ["G", "r", "ü", "ß", "e"]


@each
def test_records_what_an_answer_cost(module: ModuleType, given: dict[str, object]) -> None:
    talk = Conversation(module, scripted_model("four"))
    talk.ask(**fitting(module, given))
    assert set(talk.metrics) >= {
        "input_token_count", "output_token_count", "time_to_first_token", "tokens_per_second",
    }  # fmt: skip
    assert talk.metrics["output_token_count"] == 4


@each
def test_passes_every_parameter_on(module: ModuleType, given: dict[str, object]) -> None:
    wanted = {
        "temperature": 0.3, "top_p": 0.8, "top_k": 7, "repetition_penalty": 1.2,
        "presence_penalty": 0.5, "frequency_penalty": -0.5, "min_tokens": 3,
    }  # fmt: skip
    talk = Conversation(module)
    talk.ask(**fitting(module, given), **wanted, max_tokens=20)
    sampling = talk.request.sampling
    assert {name: getattr(sampling, name) for name in wanted} == wanted
    assert talk.request.max_tokens == 20


@each
def test_the_older_name_of_a_limit_counts(module: ModuleType, given: dict[str, object]) -> None:
    talk = Conversation(module, scripted_model("a long answer"))
    assert talk.ask(**fitting(module, given), max_new_tokens=6) == "a long"
    assert talk.metrics["finish_reason"] == "length"


@each
def test_zero_is_a_seed(
    module: ModuleType, given: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    talk = Conversation(module)
    talk.ask(**fitting(module, given), seed=0)
    assert talk.request.seed == 0
    assert ", seed: 0\n" in capsys.readouterr().out


@each
def test_a_drawn_seed_is_told(
    module: ModuleType, given: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    talk = Conversation(module)
    talk.ask(**fitting(module, given))
    assert f", seed: {talk.request.seed}\n" in capsys.readouterr().out


@each
def test_the_log_keeps_the_prompt_to_itself(
    module: ModuleType, given: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    Conversation(module).ask(**fitting(module, given))
    logged = capsys.readouterr()
    assert "Hello" not in logged.out + logged.err


@each
def test_stop_sequences_end_the_answer(module: ModuleType, given: dict[str, object]) -> None:
    talk = Conversation(module, scripted_model("one\n\ntwo END three"))
    assert talk.ask(**fitting(module, given), stop_sequences="END,\\n\\n") == "one"
    assert talk.metrics["finish_reason"] == "stop"


@each
def test_a_template_of_the_request(module: ModuleType, given: dict[str, object]) -> None:
    talk = Conversation(module)
    talk.ask(**fitting(module, given), prompt_template="Q: {prompt} A:")
    assert talk.prompt.strip() in {"Q: Hello A:", "Q: \nHello A:"}


@each
@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"prompt_template": "no place"}, "E1003"),
        ({"prompt_template": '{"json": {prompt}}'}, "E1004"),
        ({"max_tokens": 10, "max_new_tokens": 20}, "E1101"),
        ({"top_p": 2.0}, "E1000"),
    ],
)
def test_what_cannot_be_done_has_a_code(
    module: ModuleType, given: dict[str, object], asked: dict[str, object], code: str
) -> None:
    with pytest.raises(EngineError) as caught:
        Conversation(module).ask(**fitting(module, given), **asked)
    assert caught.value.code == code


@each
def test_taken_back_half_way(module: ModuleType, given: dict[str, object]) -> None:
    talk = Conversation(module, scripted_model("a very long answer", delay=0.001))

    async def first() -> str:
        async with aclosing(talk.stream(**fitting(module, given))) as texts:
            return await anext(texts)

    assert asyncio.run(first()) == "a"
    assert talk.model.engine.cancelled == [talk.request.id]
    assert talk.metrics["finish_reason"] == "cancelled"


@each
def test_several_at_once(module: ModuleType, given: dict[str, object]) -> None:
    talk = Conversation(module, scripted_model("one", "two"))

    async def both() -> list[str]:
        async def whole() -> str:
            texts = talk.stream(**fitting(module, given))
            return "".join([text async for text in texts])

        return await asyncio.gather(whole(), whole())

    assert asyncio.run(both()) == ["one", "two"]


@each
def test_log_probabilities_go_with_the_tokens(module: ModuleType, given: dict[str, object]) -> None:
    talk = Conversation(module, scripted_model("one. two"))
    talk.ask(**fitting(module, given), logprobs=2, stop_sequences=". ")
    told = talk.metrics["logprobs"]
    assert isinstance(told, list)
    assert [one["token"] for one in told] == ["o", "n", "e"]
    assert [len(one["top"]) for one in told] == [2, 2, 2]


@each
def test_a_conversation_instead_of_a_prompt(module: ModuleType, given: dict[str, object]) -> None:
    if "messages" not in declarations(module):
        assert module is flan_t5  # made for tasks, not for talk
        return
    talk = Conversation(module)
    said = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "Who?"},
    ]
    others = {name: value for name, value in fitting(module, given).items() if name != "prompt"}
    talk.ask(**others, messages=said)
    assert "User: Hi\n\nAssistant: Hello.\n\nUser:" in talk.prompt
    assert talk.prompt.endswith("Who?\n\nAssistant:")


@each
def test_neither_prompt_nor_messages(module: ModuleType, given: dict[str, object]) -> None:
    others = {name: value for name, value in fitting(module, given).items() if name != "prompt"}
    if "image" in others:
        return  # a picture is something to speak of
    with pytest.raises(EngineError, match="prompt required") as caught:
        Conversation(module).ask(**others, prompt="")
    assert caught.value.code == "E1001"


@each
def test_every_input_says_what_it_is(module: ModuleType) -> None:
    for name, field in declarations(module).items():
        assert field.description, name
        assert field.description.endswith("."), name


@each
def test_every_number_has_bounds_that_hold_its_default(module: ModuleType) -> None:
    parameters = module.Predictor.predict.__annotations__
    for name, field in declarations(module).items():
        if parameters[name].startswith(("int", "float")):
            assert field.ge is not None, name
            assert field.le is not None, name
            assert field.default is None or field.ge <= field.default <= field.le, name


@each
def test_the_signature_is_read_from_source(module: ModuleType) -> None:
    name = module.__name__.replace(".", "/")
    signature = load_signature(ROOT, f"{name}.py:Predictor")
    declared = {name: field.description for name, field in declarations(module).items()}
    assert {field.name: field.description for field in signature.inputs} == declared
    assert signature.streaming
    assert signature.concurrency > 1
    assert signature.setup.takes_weights
    assert not signature.warnings


def test_no_predictor_imports_the_engine_room_s_heavy_packages() -> None:
    names = [f"predictors.{path.stem}" for path in sorted((ROOT / "predictors").glob("*.py"))]
    blocked = "import sys; sys.modules.update(dict.fromkeys(['torch', 'transformers', 'PIL']));"
    source = f"{blocked} import {', '.join(names)}"
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
