"""Which adapter a request means: a name of the server's, a file of its own, or none."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from cogsmith.errors import AdapterError
from predictors import llama, mistral
from predictors.model import Adapters, Model, Settings
from tests.engine.lora import matrices, packed, write
from tests.predictors.conversation import Conversation

LAYERS = {"model.layers.0.self_attn.q_proj": (4, 4)}
each = pytest.mark.parametrize("module", [llama, mistral], ids=lambda module: module.__name__)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A folder with two adapters, and something else."""
    robot = write(tmp_path / "adapters" / "robot", matrices(LAYERS))
    packed(robot, "pirate.tar")
    (tmp_path / "adapters" / "notes.txt").write_text("none")
    return tmp_path / "adapters"


def asked(module: ModuleType, adapters: Adapters, **given: object) -> str | None:
    talk = Conversation(module)
    talk.predictor.model = Model(talk.model, adapters=adapters)
    talk.ask(prompt="Hello", **given)
    return talk.request.adapter


@each
def test_by_name(module: ModuleType, shelf: Path) -> None:
    assert asked(module, Adapters(shelf), adapter="robot") == str(shelf / "robot")
    assert asked(module, Adapters(shelf), adapter="pirate") == str(shelf / "pirate.tar")


@each
def test_a_file_of_the_request_s_own(module: ModuleType, shelf: Path) -> None:
    file = shelf / "pirate.tar"
    assert asked(module, Adapters(), adapter_file=file) == str(file)


@each
def test_none_is_the_one_given_at_start(module: ModuleType, shelf: Path) -> None:
    started = Adapters(shelf, default="/weights/adapter.tar")
    assert asked(module, started) == "/weights/adapter.tar"
    assert asked(module, started, adapter="base") is None
    assert asked(module, Adapters(shelf)) is None


def test_one_of_the_two(shelf: Path) -> None:
    with pytest.raises(AdapterError, match="both given"):
        asked(llama, Adapters(shelf), adapter="robot", adapter_file=shelf / "pirate.tar")


@pytest.mark.parametrize("name", ["dragon", "notes.txt", "../adapters/robot", "/etc", "robot/"])
def test_names_alone_are_taken(shelf: Path, name: str) -> None:
    with pytest.raises(AdapterError, match="no adapter of that name") as caught:
        asked(llama, Adapters(shelf), adapter=name)
    assert caught.value.hint == "there are: base, pirate, robot"
    assert caught.value.code == "E1203"


def test_a_server_without_any() -> None:
    with pytest.raises(AdapterError) as caught:
        asked(llama, Adapters(), adapter="robot")
    assert "ADAPTERS_DIR" in caught.value.hint


def test_weights_that_are_an_adapter_go_on_top(shelf: Path) -> None:
    tar = str(shelf / "pirate.tar")
    found = Settings.parse({"MODEL_ID": "org/name", "ADAPTERS_DIR": "a"}, tar)
    assert (found.source, found.adapter, found.folder) == ("org/name", tar, "a")
    assert Settings.parse({"MODEL_ID": "org/name"}, "/src/weights").adapter is None
