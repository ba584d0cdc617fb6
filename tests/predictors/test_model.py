"""Which checkpoint is meant, from a config file's variables."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cogsmith.errors import CheckpointError
from predictors import model
from predictors.model import Model, Settings


def test_a_variant_is_data() -> None:
    variables = {
        "MODEL_ID": "org/name@main", "MODEL_DEVICE": "cpu", "MODEL_DTYPE": "float16",
        "MODEL_CONTEXT": "4096", "MODEL_ENGINE": "vllm",
        "MODEL_ENGINE_OPTIONS": '{"enforce_eager": true}',
        "MODEL_BATCH": "16", "MODEL_CACHE": "65536",
        "PROMPT_TEMPLATE": "chatml",
    }  # fmt: skip
    assert Settings.parse(variables) == Settings(
        source="org/name", revision="main", device="cpu", dtype="float16", context=4096,
        engine="vllm", engine_options={"enforce_eager": True}, batch=16, cache=65536,
        template="chatml",
    )  # fmt: skip


def test_weights_given_at_start_win() -> None:
    assert Settings.parse({"MODEL_ID": "org/name"}, "/src/weights").source == "/src/weights"


def test_a_path_has_no_revision() -> None:
    assert Settings.parse({"MODEL_ID": "/models/@mine"}) == Settings(source="/models/@mine")


def test_empty_variables_are_left_out() -> None:
    empty = dict.fromkeys(
        (
            "MODEL_DEVICE",
            "MODEL_DTYPE",
            "MODEL_CONTEXT",
            "MODEL_ENGINE",
            "MODEL_ENGINE_OPTIONS",
            "MODEL_BATCH",
            "MODEL_CACHE",
            "PROMPT_TEMPLATE",
        ),
        "",
    )
    assert Settings.parse({"MODEL_ID": "org/name", **empty}) == Settings(source="org/name")


@pytest.mark.parametrize(
    ("variables", "where"),
    [
        ({}, "MODEL_ID"),
        ({"MODEL_ID": "org/name", "MODEL_CONTEXT": "4k"}, "MODEL_CONTEXT"),
        ({"MODEL_ID": "org/name", "MODEL_ENGINE_OPTIONS": "[1]"}, "MODEL_ENGINE_OPTIONS"),
        ({"MODEL_ID": "org/name", "MODEL_ENGINE_OPTIONS": "{"}, "MODEL_ENGINE_OPTIONS"),
        ({"MODEL_ID": "org/name", "MODEL_BATCH": "0"}, "MODEL_BATCH"),
        ({"MODEL_ID": "org/name", "MODEL_CACHE": "-1"}, "MODEL_CACHE"),
    ],
)
def test_settings_that_say_nothing(variables: dict[str, str], where: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        Settings.parse(variables)
    assert (caught.value.where, caught.value.code) == (where, "E1202")
    assert caught.value.hint


def test_a_checkpoint_not_made_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_ID", "weights/none-such")
    with pytest.raises(CheckpointError, match="weights/none-such") as caught:
        asyncio.run(Model.load())
    assert "scripts/make_checkpoints.py" in caught.value.hint


def test_a_checkpoint_of_the_repository_that_is_gone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(model, "ROOT", tmp_path)
    monkeypatch.setenv("MODEL_ID", "weights/stories-llama")
    with pytest.raises(CheckpointError, match="weights/stories-llama") as caught:
        asyncio.run(Model.load())
    assert caught.value.hint.endswith("git checkout weights/stories-llama")
