"""Files of a project, read as Python would."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogsmith.errors import SignatureError
from cogsmith.signature import load

SOURCE = "# é\nclass Predictor:\n    def predict(self, a: str = 'é') -> str: ...\n"


def test_a_project_on_disk(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "llama.py").write_text(SOURCE, "utf-8")
    found = load(tmp_path, "models/llama.py:Predictor")
    assert found.reference == "models/llama.py:Predictor"
    assert found.inputs[0].default == "é"


@pytest.mark.parametrize(
    "content",
    [
        SOURCE.encode("utf-8-sig"),
        f"# -*- coding: latin-1 -*-\n{SOURCE}".encode("latin-1"),
        SOURCE.replace("\n", "\r\n").encode(),
    ],
)
def test_encodings(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "predict.py").write_bytes(content)
    assert load(tmp_path, "predict.py:Predictor").inputs[0].default == "é"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"# coding: nothing-like-it\nx = 1\n"])
def test_files_that_are_no_text_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "predict.py").write_bytes(content)
    with pytest.raises(SignatureError) as caught:
        load(tmp_path, "predict.py:Predictor")
    assert caught.value.where == "predict.py:1"


@pytest.mark.parametrize(
    "reference", ["nothing.py:X", "../outside.py:X", "models:X", ":X", "", "\0"]
)
def test_what_is_not_in_the_project_is_not_found(tmp_path: Path, reference: str) -> None:
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (tmp_path / "outside.py").write_text(SOURCE, "utf-8")
    with pytest.raises(SignatureError, match="not found"):
        load(project, reference)


def test_the_authors_code_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "predict.py").write_text(f"raise SystemExit\n{SOURCE}", "utf-8")
    assert load(tmp_path, "predict.py:Predictor").class_name == "Predictor"
