"""Case files of a project: which they are, and that what they name is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogsmith.cases import available, load, select
from cogsmith.errors import CasesError
from cogsmith.signature import FileInput, parse

SOURCE = """
from cog import BasePredictor, Input, Path, Secret

class Predictor(BasePredictor):
    def predict(
        self, prompt: str, steps: int = Input(default=1, ge=1, le=9), image: Path | None = None,
        images: list[Path] | None = None, token: Secret | None = None,
    ) -> str:
        return prompt
"""
SIGNATURE = parse("predict.py:Predictor", lambda _: SOURCE)


def project(folder: Path, **files: str) -> Path:
    (folder / "tests" / "files").mkdir(parents=True)
    (folder / "tests" / "files" / "photo.jpg").write_bytes(b"jpg")
    (folder / "tests" / "words.txt").write_text("So many words", "utf-8")
    for name, text in files.items():
        (folder / "tests" / f"{name}.yaml").write_text(text, "utf-8")
    return folder


def test_files_of_a_model_and_of_one_with_a_name(tmp_path: Path) -> None:
    project(tmp_path, b="- name: b", a="- name: a")
    (tmp_path / "tests" / "llava").mkdir()
    (tmp_path / "tests" / "llava" / "c.yml").write_text("- name: c")
    assert [path.name for path in available(tmp_path)] == ["a.yaml", "b.yaml"]
    assert [path.name for path in available(tmp_path, "llava")] == ["c.yml"]
    assert available(tmp_path, "nobody") == ()


def test_files_are_named_from_where_one_is_and_come_in_order(tmp_path: Path) -> None:
    root = project(
        tmp_path, b="- name: two\n  input: {prompt: x}", a="- name: one\n  input: {prompt: x}"
    )
    cases = load([root / "tests"], SIGNATURE, root)
    assert [(case.name, case.where) for case in cases] == [
        ("one", "tests/a.yaml:1"), ("two", "tests/b.yaml:1"),
    ]  # fmt: skip
    assert load([root / "tests" / "a.yaml"], SIGNATURE, Path("/nowhere"))[0].where.startswith("/")


def test_files_are_relative_to_the_case_file(tmp_path: Path) -> None:
    text = """
- name: files
  input:
    prompt: "@words.txt"
    image: "@files/photo.jpg"
    images: [files/photo.jpg, "https://example.com/a.png"]
- name: a text that begins with @
  input: {prompt: "@@home"}
"""
    root = project(tmp_path, a=text)
    files, literal = load(available(root), SIGNATURE, root)
    photo = FileInput(str((root / "tests" / "files" / "photo.jpg").resolve()))
    assert files.input == {
        "prompt": "So many words", "image": photo,
        "images": [photo, "https://example.com/a.png"],
    }  # fmt: skip
    assert literal.input == {"prompt": "@home"}


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    bad = """
- name: wrong inputs
  input: {prompt: 7, stesp: 1}
- name: out of bounds
  input:
    prompt: a
    steps: 10
- name: no file
  input: {prompt: "@nowhere.txt", image: files}
- name: missing
- name: on purpose
  input: {steps: 10}
  expect: {error: maximum}
"""
    root = project(tmp_path, a=bad, b="- nmae: a")
    with pytest.raises(CasesError) as caught:
        load(available(root), SIGNATURE, root)
    told = [str(problem) for problem in caught.value.problems]
    assert [one.split(": ")[0] for one in told] == [
        "tests/a.yaml:3", "tests/a.yaml:3", "tests/a.yaml:7", "tests/a.yaml:9", "tests/a.yaml:9",
        "tests/a.yaml:10", "tests/b.yaml:1", "tests/b.yaml:1",
    ]  # fmt: skip
    assert 'invalid input "steps": must be at maximum 9, got 10' in told[2]
    assert "files is a folder" in "".join(told)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "tests" / "a.yaml").write_bytes(b"- name: \xff")
    with pytest.raises(CasesError, match="not UTF-8"):
        load(available(root), SIGNATURE, root)
    with pytest.raises(CasesError, match="No such file"):
        load([root / "tests" / "zzz.yaml"], SIGNATURE, root)


def test_cases_are_chosen_by_name_tag_and_only(tmp_path: Path) -> None:
    text = """
- {name: says hello, input: {prompt: a}, tags: [fast]}
- {name: says more, input: {prompt: a}, tags: [slow]}
- {name: alone, input: {prompt: a}, only: true}
"""
    cases = load(available(project(tmp_path, a=text)), SIGNATURE, tmp_path)

    def names(*args: list[str]) -> list[str]:
        return [case.name for case in select(cases, *args)]

    assert names() == ["alone"]
    assert names(["says*"]) == ["says hello", "says more"]
    assert names(["*"]) == ["says hello", "says more", "alone"]
    assert names([], ["slow"]) == ["says more"]
    assert names(["*hello", "alone"], ["fast"]) == ["says hello"]
