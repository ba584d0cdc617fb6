"""docs/reference/types.md says what is so: every row is read, and made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cogsmith.signature import openapi

from .sources import signature

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "types.md"
BEFORE = """
class Other: ...
class Settings(TypedDict):
    name: str
class Answer(BaseModel):
    text: str
    score: float | None
"""


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of a section's table, without its head."""
    section = PAGE.read_text("utf-8").split(f"\n{heading}\n")[1].split("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    for line in lines:
        cells = line.replace("\\|", "\0").strip("|").split("|")
        yield [cell.replace("\0", "|").strip() for cell in cells]


def code(cell: str) -> str:
    return cell.split("`")[1]


def schemas(arguments: str, output: str = "str") -> Any:
    document: Any = openapi(signature(arguments, output, BEFORE))
    return document["components"]["schemas"]


@pytest.mark.parametrize("row", list(rows("## Inputs")), ids=lambda row: code(row[0]))
def test_inputs(row: list[str]) -> None:
    made = schemas(f"x: {code(row[0])}")["Input"]["properties"]["x"]
    assert made.pop("title") == "X"
    assert made.pop("x-order") == 0
    assert made == json.loads(code(row[1]))


@pytest.mark.parametrize("row", list(rows("### Input(...)")), ids=lambda row: code(row[0]))
def test_arguments(row: list[str]) -> None:
    kind = code(row[1]) if "`" in row[1] else "int"
    made = schemas(f"x: {kind} = Input({code(row[0])})")["Input"]["properties"]["x"]
    assert json.loads(code(row[2])).items() <= made.items()


@pytest.mark.parametrize("row", list(rows("## Outputs")), ids=lambda row: code(row[0]))
def test_outputs(row: list[str]) -> None:
    made = schemas("", code(row[0]))["Output"]
    assert made.pop("title") == "Output"
    assert made == json.loads(code(row[1]))
