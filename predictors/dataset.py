"""What a model is to learn, one JSON object a line: pure, and all that is wrong with it at once.

A line has ``prompt`` and ``completion``, or ``text``, or ``messages`` whose last is the
assistant's. Answers are learned, prompts are only read; of a text every word is learned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cogsmith.errors import DatasetError, Problem

__all__ = ["Example", "parse"]

FORMS = "prompt and completion, or text, or messages"
TOLD = 20  # problems that are told one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One line: a prompt or a conversation with its answer, or a text alone."""

    line: int
    prompt: str = ""
    messages: tuple[dict[str, Any], ...] = ()
    answer: str = ""
    text: str = ""


def parse(lines: Iterable[str], where: str = "dataset") -> list[Example]:
    """The examples of a file; empty lines say nothing.

    Raises DatasetError (E1301) naming every line that is none, or when there is nothing in it.

    >>> parse(['{"prompt": "Hi", "completion": " there"}'])
    [Example(line=1, prompt='Hi', messages=(), answer=' there', text='')]
    """
    found: list[Example] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(_example(number, json.loads(line)))
        except ValueError as problem:  # JSON's own error is one
            problems.append(Problem(str(problem), f"{where}:{number}", f"write {FORMS}"))
    if not found and not problems:
        problems.append(Problem("there is nothing in it", where, f"write {FORMS}, one a line"))
    refuse(problems)
    return found


def refuse(problems: list[Problem]) -> None:
    """Raise DatasetError if there are any; many are counted."""
    if len(problems) > TOLD:
        more = Problem(f"and {len(problems) - TOLD} more lines")
        raise DatasetError([*problems[:TOLD], more])
    if problems:
        raise DatasetError(problems)


def _example(number: int, said: object) -> Example:
    """One line's object. Raises ValueError with what is wrong with it."""
    if not isinstance(said, dict):
        raise ValueError("is not a JSON object")
    kinds = [name for name in ("messages", "text", "completion") if name in said]
    if "prompt" in said and "completion" not in kinds:
        kinds.append("prompt")
    if kinds == ["completion"]:
        return Example(
            line=number, prompt=_words(said, "prompt"), answer=_words(said, "completion")
        )
    if kinds == ["text"]:
        return Example(line=number, text=_words(said, "text"))
    if kinds == ["messages"]:
        return _conversation(number, said["messages"])
    if kinds == ["prompt"]:
        raise ValueError("has a prompt and no completion")
    raise ValueError(f"has {' and '.join(sorted(kinds))}" if kinds else "has nothing to learn")


def _conversation(number: int, messages: object) -> Example:
    whole = isinstance(messages, list) and all(isinstance(one, dict) for one in messages)
    if not whole or not isinstance(messages, list) or len(messages) < 2:
        raise ValueError("messages is not a list of two objects or more")
    last = messages[-1]
    if last.get("role") != "assistant":
        raise ValueError("the last of the messages is not the assistant's")
    answer = _words(last, "content")
    return Example(line=number, messages=tuple(messages[:-1]), answer=answer)


def _words(said: dict[str, Any], name: str) -> str:
    words = said.get(name)
    if words is None:
        raise ValueError(f"has no {name}")
    if not isinstance(words, str):
        raise ValueError(f"{name} is not a text")
    if not words.strip():
        raise ValueError(f"{name} is empty")
    return words
