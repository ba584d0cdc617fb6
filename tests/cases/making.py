"""Cases and answers in a line."""

from __future__ import annotations

from typing import Any

from cogsmith.cases import Answer, Case, Entry, Verdict
from cogsmith.cases.judgment import judge
from cogsmith.signature import Kind, OutputType, Shape

TEXT = OutputType(kind=Kind.STRING)
ANY = OutputType()
STREAM = OutputType(shape=Shape.CONCATENATED, items=TEXT)
FILE = OutputType(kind=Kind.PATH)


def case(expect: Any = None, **more: Any) -> Case:
    told = {"name": "a", **more}
    inputs = told.pop("input", {})
    if expect is not None:
        told["expect"] = expect
    return Case(entry=Entry.model_validate(told), where="tests/a.yaml:1", input=inputs)


def answer(output: Any = "Hello", **more: Any) -> Answer:
    return Answer(**{"ok": True, "output": output, "total": 1.0, "first": 0.5, **more})


def judged(expect: Any, output: Any, kind: OutputType = ANY, **more: Any) -> Verdict:
    return judge(case(expect), [answer(output, **more)], kind)


def said(verdict: Verdict) -> list[str]:
    return [difference.message for difference in verdict.differences]
