"""A case and its answers → a verdict."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterator, Sequence

from cogsmith.cases.case import Answer, Case, Difference, Measures, Outcome, Verdict
from cogsmith.cases.entry import Budget, Chunks
from cogsmith.cases.json_path import JsonPath
from cogsmith.cases.match import differences
from cogsmith.cases.outputs import misfits, whole
from cogsmith.signature import OutputType

__all__ = ["judge", "measures_of", "skipped", "wrong"]

MOST_LOG_LINES = 20
MOST_MISFITS = 3


def judge(case: Case, answers: Sequence[Answer], output: OutputType) -> Verdict:
    """The verdict on a case that ran; of several answers each must be right."""
    found: list[Difference] = []
    for number, answer in enumerate(answers, 1):
        found = list(wrong(case, answer, output))
        if found:
            found = _numbered(found, number, len(answers))
            break
    measures = measures_of(answers)
    over, notes = _over(case.entry.budget, measures)
    found += over
    return Verdict(
        name=case.name,
        where=case.where,
        outcome=Outcome.FAILED if found else Outcome.PASSED,
        differences=tuple(found),
        measures=measures,
        runs=len(answers),
        tags=case.entry.tags,
        note="; ".join(notes),
        logs=_tail(answers) if found else "",
    )


def skipped(case: Case, reason: str) -> Verdict:
    """The verdict on a case that did not run."""
    return Verdict(
        name=case.name, where=case.where, outcome=Outcome.SKIPPED, tags=case.entry.tags,
        note=reason,
    )  # fmt: skip


def wrong(case: Case, answer: Answer, output: OutputType) -> Iterator[Difference]:
    """All that is not as expected of one answer, its cost left out."""
    expect = case.entry.expect
    if expect.error is not None:
        yield from _failing(expect.error, answer)
        return
    if not answer.ok:
        lines = answer.error.strip().splitlines() or ["without a word"]
        yield Difference(f"the prediction failed: {lines[0]}", tuple(lines[1:]))
        return
    for said in list(misfits(output, answer.output))[:MOST_MISFITS]:
        yield Difference(said)
    value = whole(output, answer.output)
    yield from differences(expect, value)
    for path, matcher in expect.at.items():
        places = list(JsonPath.parse(path).find(value))
        if not places:
            yield Difference(f"there is nothing at {path}")
        for place, inner in places:
            yield from differences(matcher, inner, place)
    if expect.chunks is not None:
        yield from _chunks(expect.chunks, answer)
    yield from _files(expect.sha256, answer)
    if answer.judged:
        first, *rest = answer.judged.splitlines()
        yield Difference(f"the judge says no: {first}", tuple(rest))


def _failing(pattern: str, answer: Answer) -> Iterator[Difference]:
    if answer.ok:
        yield Difference("the prediction succeeded, and an error was expected")
    elif answer.crashed:
        yield Difference(f"the model's process ended: {answer.error}")
    elif not re.search(pattern, answer.error):
        lines = tuple(f"+ {line}" for line in answer.error.splitlines())
        yield Difference(f"the error does not match /{pattern}/", lines)


def _chunks(wanted: Chunks, answer: Answer) -> Iterator[Difference]:
    most = wanted.max
    if answer.chunks < wanted.min or (most is not None and answer.chunks > most):
        least = wanted.min
        words = f"{least}" if least == most else f"{least} to {'any' if most is None else most}"
        yield Difference(f"the output came in {answer.chunks} pieces, not in {words}")


def _files(wanted: tuple[str, ...], answer: Answer) -> Iterator[Difference]:
    if wanted and wanted != answer.digests:
        detail = (*(f"- {digest}" for digest in wanted), *(f"+ {d}" for d in answer.digests))
        yield Difference("the SHA-256 is another", detail)


def _numbered(found: list[Difference], number: int, of: int) -> list[Difference]:
    if of == 1:
        return found
    first = Difference(f"run {number} of {of}: {found[0].message}", found[0].detail)
    return [first, *found[1:]]


def measures_of(answers: Sequence[Answer]) -> Measures:
    """Medians of what each answer cost, as far as it is known; the peak of memory."""
    return Measures(
        first_token=_median(answers, lambda answer: answer.first),
        total=_median(answers, lambda answer: answer.total),
        tokens_per_second=_median(answers, lambda answer: answer.tokens_per_second),
        memory=max((a.memory for a in answers if a.memory is not None), default=None),
    )


def _median(answers: Sequence[Answer], of: Callable[[Answer], float | None]) -> float | None:
    known = [value for value in map(of, answers) if value is not None]
    return statistics.median(known) if known else None


def _over(budget: Budget, measures: Measures) -> tuple[list[Difference], list[str]]:
    """What cost too much, and what has a budget and could not be measured."""
    over, notes = [], []
    for name, words, unit in (
        ("first_token", "the first piece", "s"), ("total", "the whole", "s"),
        ("tokens_per_second", "the pace", "tokens/s"), ("memory", "memory", "bytes"),
    ):  # fmt: skip
        limit, value = getattr(budget, name), getattr(measures, name)
        if limit is None:
            continue
        if value is None:
            notes.append(f"{name} could not be measured")
        elif (value < limit) if name == "tokens_per_second" else (value > limit):
            bound = "at least" if name == "tokens_per_second" else "at most"
            over.append(
                Difference(f"{words}: {value:.4g} {unit}, and {bound} {limit:.4g} {unit} was set")
            )
    return over, notes


def _tail(answers: Sequence[Answer]) -> str:
    """The last lines that the model wrote."""
    lines = [line for answer in answers for line in answer.logs.splitlines()]
    return "\n".join(lines[-MOST_LOG_LINES:])
