"""Cases, played on a target: some at once, told as they end, reported in their order."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from cogsmith.cases.case import Answer, Case, Difference, Outcome, Verdict
from cogsmith.cases.fuzz import generate, inputs_line, simpler
from cogsmith.cases.judgment import judge, measures_of, skipped
from cogsmith.cases.outputs import misfits
from cogsmith.cases.run.evidence import gather, tidy
from cogsmith.cases.run.target import Target
from cogsmith.signature import Signature

__all__ = ["Fuzzing", "Manner", "play", "play_fuzz"]

NOT_RUN = "not run: another case had failed"
MOST_FAULTS = 5  # of different kinds; then there is enough to do
MOST_TRIES = 40  # to make a failing input smaller
FUZZ_TIMEOUT = 600.0  # seconds for one input

Tell = Callable[[Verdict], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """``at_once`` cases run at the same time; with ``stop`` none begins after one has failed."""

    at_once: int = 1
    stop: bool = False


async def play(
    cases: Sequence[Case], target: Target, signature: Signature, tell: Tell,
    manner: Manner = Manner(),
) -> tuple[Verdict, ...]:  # fmt: skip
    """The verdicts, in the order of the cases; ``tell`` hears of each in that order, too.

    It hears as early as can be: of a case once it and all before it have ended.
    """
    room = asyncio.Semaphore(manner.at_once)
    ended: dict[int, Verdict] = {}
    told = 0

    async def one(index: int, case: Case) -> None:
        nonlocal told
        async with room:
            failed = any(verdict.outcome is Outcome.FAILED for verdict in ended.values())
            reason = case.entry.skip or (failed and manner.stop and NOT_RUN)
            if reason:
                ended[index] = skipped(case, "" if reason is True else reason)
            else:
                ended[index] = await _played(case, target, signature)
        while told in ended:
            tell(ended[told])
            told += 1

    tasks = [asyncio.ensure_future(one(index, case)) for index, case in enumerate(cases)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
    return tuple(ended[index] for index in range(len(cases)))


async def _played(case: Case, target: Target, signature: Signature) -> Verdict:
    answers: list[Answer] = []
    for _ in range(case.entry.repeat):
        begun = time.time()
        answer = await target.predict(case.input, case.entry.timeout)
        answers.append(await gather(case, answer, signature.output))
        tidy(answer, signature.output, begun)
    return judge(case, answers, signature.output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzing:
    """How many inputs are made, from which seed, and which errors (by expression) are fine."""

    count: int
    seed: int = 0
    allowed: tuple[str, ...] = ()


async def play_fuzz(
    target: Target, signature: Signature, fuzzing: Fuzzing, tell: Tell,
    corpus: Sequence[dict[str, Any]] = (),
) -> tuple[Verdict, ...]:  # fmt: skip
    """Made inputs on a target, one after the other: a verdict for each kind of fault.

    Without faults there is one verdict, a pass.
    """
    player = _Fuzzer(target, signature, fuzzing)
    made = generate(signature, fuzzing.seed, corpus=corpus)
    found: dict[str, Verdict] = {}
    count = 0
    for inputs in islice(made, fuzzing.count):
        count += 1
        fault, answer = await player.tried(inputs)
        if fault and fault not in found:
            found[fault] = verdict = await player.verdict(count, inputs, fault, answer)
            tell(verdict)
        if len(found) == MOST_FAULTS:
            break
    if not found:
        note = f"{count} inputs, seed {fuzzing.seed}"
        found[""] = verdict = Verdict(
            name="fuzz", where="", outcome=Outcome.PASSED, runs=count, note=note
        )
        tell(verdict)
    return tuple(found.values())


class _Fuzzer:
    """Tries inputs, and makes those that fail smaller."""

    def __init__(self, target: Target, signature: Signature, fuzzing: Fuzzing) -> None:
        self._target, self._signature, self._fuzzing = target, signature, fuzzing

    async def tried(self, inputs: dict[str, Any]) -> tuple[str, Answer]:
        """What is wrong with the answer, in words that are the same for the same fault."""
        begun = time.time()
        answer = await self._target.predict(inputs, FUZZ_TIMEOUT)
        tidy(answer, self._signature.output, begun)
        return next(self._faults(answer), ""), answer

    def _faults(self, answer: Answer) -> Iterator[str]:
        said = (answer.error.strip().splitlines() or ["without a word"])[0]
        if answer.crashed:
            yield f"the model's process ended: {said}"
        elif answer.refused:
            yield f"an input that fits the signature was refused: {said}"
        elif not answer.ok:
            if not any(re.search(pattern, answer.error) for pattern in self._fuzzing.allowed):
                yield f"predict() failed: {said}"
        else:
            yield from misfits(self._signature.output, answer.output)

    async def verdict(
        self, number: int, inputs: dict[str, Any], fault: str, answer: Answer
    ) -> Verdict:
        """A fault, with the smallest input found that still shows it."""
        small = await self._smallest(inputs, fault)
        line = f"cogsmith predict {inputs_line(small)}".rstrip()
        return Verdict(
            name=f"fuzz {number}",
            where="",
            outcome=Outcome.FAILED,
            differences=(Difference(fault, (line,)),),
            measures=measures_of([answer]),
            runs=1,
            note=f"seed {self._fuzzing.seed}",
            logs="\n".join(answer.logs.splitlines()[-20:]),
        )

    async def _smallest(self, inputs: dict[str, Any], fault: str) -> dict[str, Any]:
        tries = MOST_TRIES
        smaller = True
        while smaller:
            smaller = False
            for candidate in simpler(self._signature, inputs):
                if not tries:
                    return inputs
                tries -= 1
                if (await self.tried(candidate))[0] == fault:
                    inputs, smaller = candidate, True
                    break
        return inputs
