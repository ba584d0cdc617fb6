"""The files that `cogsmith init` writes are a whole model, as they stand."""

from __future__ import annotations

import asyncio
import runpy
from pathlib import Path
from typing import Any

import pytest

import cogsmith.cli
from cogsmith.config import load
from cogsmith.engine import scripted_model
from cogsmith.signature import load as load_signature

TEMPLATES = Path(cogsmith.cli.__file__).parent / "templates"
KINDS = ("llm", "new")


@pytest.fixture(params=KINDS)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A template's files, as `init` writes them."""
    return written(request.param, tmp_path)


def written(kind: str, folder: Path) -> Path:
    for path in (TEMPLATES / kind).iterdir():
        if path.is_file():
            text = path.read_text("utf-8").replace("{{model}}", "org/name")
            text = text.replace("{{python}}", "3.11")
            (folder / path.name.replace("dot-", ".", 1)).write_text(text, "utf-8")
    return folder


def predictor(project: Path) -> Any:
    return runpy.run_path(str(project / "predict.py"))["Predictor"]()


def test_every_file_is_there(project: Path) -> None:
    assert sorted(path.name for path in project.iterdir()) == [
        ".dockerignore", ".gitignore", "README.md", "cog.yaml", "predict.py", "requirements.txt",
    ]  # fmt: skip


def test_no_placeholder_is_left(project: Path) -> None:
    assert not [path for path in project.iterdir() if "{{" in path.read_text("utf-8")]


def test_the_config_and_the_signature_can_be_read(project: Path) -> None:
    config = load(project / "cog.yaml").config
    assert config.predictor
    signature = load_signature(project, config.predictor)
    assert signature.streaming
    assert not signature.warnings
    assert all(field.description for field in signature.inputs)
    assert signature.inputs[0].name == "prompt"


def test_the_model_of_the_hub_is_data(tmp_path: Path) -> None:
    assert load(written("llm", tmp_path) / "cog.yaml").config.variables() == {
        "MODEL_ID": "org/name"
    }


def test_the_first_model_goes_on_with_a_prompt(tmp_path: Path) -> None:
    model = predictor(written("new", tmp_path))
    model.setup()
    first, again, other = ("".join(model.predict("The old", 12, seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert first.startswith("The old ")
    assert len(first.split()) == 14


def test_the_model_of_the_hub_streams(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = predictor(written("llm", tmp_path))
    model.model = scripted_model("one, two END three")

    async def pieces() -> list[str]:
        asked: dict[str, Any] = {
            "prompt": "Count", "system_prompt": None, "max_tokens": 64, "temperature": 0.7,
            "top_p": 0.9, "top_k": 5, "stop_sequences": " END", "seed": 0,
        }  # fmt: skip
        return [text async for text in model.predict(**asked)]

    assert "".join(asyncio.run(pieces())) == "one, two"
    assert capsys.readouterr().out == "seed: 0\n"
    assert model.model.engine.requests[0].sampling.top_k == 5
