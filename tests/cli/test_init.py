"""``cogsmith init --runner``: the same files in Cog's newer words."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogsmith.cli.main import main
from cogsmith.config import load
from cogsmith.signature import load as load_signature


@pytest.mark.parametrize("model", [(), ("--model", "org/name")])
def test_cogs_newer_words(model: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["init", str(tmp_path), "--runner", *model])
    assert ended.value.code == 0
    assert not (tmp_path / "predict.py").exists()
    assert 'run: "run.py:Runner"' in (tmp_path / "cog.yaml").read_text()
    text = (tmp_path / "run.py").read_text()
    assert "BaseRunner" in text
    assert "def run(" in text
    assert "BasePredictor" not in text
    assert "def predict" not in text
    loaded = load(tmp_path / "cog.yaml")
    assert not [one for one in loaded.warnings if "deprecated" in one.message]
    assert load_signature(tmp_path, "run.py:Runner").method == "run"


def test_it_is_the_same_model(tmp_path: Path) -> None:
    for name, words in (("one", ()), ("two", ("--runner",))):
        with pytest.raises(SystemExit):
            main(["init", str(tmp_path / name), *words])
    one = load_signature(tmp_path / "one", "predict.py:Predictor")
    two = load_signature(tmp_path / "two", "run.py:Runner")
    assert (one.inputs, one.output, one.streaming) == (two.inputs, two.output, two.streaming)
