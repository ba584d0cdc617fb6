"""A case, an answer, and what came of the two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from cogsmith.cases.entry import Entry

__all__ = ["Answer", "Case", "Difference", "Measures", "Outcome", "Report", "Verdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An entry of a case file, checked: ``input`` holds a FileInput where a file is named."""

    entry: Entry
    where: str = ""
    folder: str = "."
    input: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.entry.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model gave for one input, and how long it took; times are in seconds.

    ``output`` is a list for a stream, its pieces not joined. ``first`` is None without output.
    ``memory`` is the peak so far of the model's processes in bytes, None where it runs
    elsewhere. ``crashed``: its process has ended. ``refused``: predict() was never called.
    ``digests`` and ``judged`` ("" for a pass) are added for the cases that ask for them.
    """

    ok: bool
    output: Any = None
    error: str = ""
    chunks: int = 0
    first: float | None = None
    total: float = 0.0
    memory: int | None = None
    logs: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    crashed: bool = False
    refused: bool = False
    digests: tuple[str, ...] = ()
    judged: str | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """As the model recorded it, else by its count of tokens, else by the pieces of a stream."""
        told = self.metrics.get("tokens_per_second")
        if isinstance(told, int | float) and told > 0:
            return float(told)
        count = self.metrics.get("output_token_count")
        if isinstance(count, int | float) and self.total > 0:
            return count / self.total
        if self.first is None or self.chunks < 2 or self.total <= self.first:
            return None
        return (self.chunks - 1) / (self.total - self.first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What answers cost; of several, the median, and the peak of memory."""

    first_token: float | None = None
    total: float | None = None
    tokens_per_second: float | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as expected: in a line, and in as many more as it takes."""

    message: str
    detail: tuple[str, ...] = ()


class Outcome(str, Enum):
    """What came of a case."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of one case. ``note`` is the reason of a skip, or what could not be measured."""

    name: str
    where: str
    outcome: Outcome
    differences: tuple[Difference, ...] = ()
    measures: Measures = Measures()
    runs: int = 0
    tags: tuple[str, ...] = ()
    note: str = ""
    logs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All verdicts, in the order of the cases, and what they are about."""

    target: str
    verdicts: tuple[Verdict, ...]
    setup: float | None = None
    seed: int | None = None

    def count(self, outcome: Outcome) -> int:
        """How many cases ended so."""
        return sum(verdict.outcome is outcome for verdict in self.verdicts)

    @property
    def good(self) -> bool:
        """Whether none has failed."""
        return not self.count(Outcome.FAILED)
