"""``cogsmith test``: a model's test cases, on this machine, on a server, or in an image."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from cogsmith.cases import (
    Case,
    Fuzzing,
    Manner,
    Outcome,
    Report,
    Target,
    Verdict,
    available,
    document,
    junit,
    load,
    play,
    play_fuzz,
    select,
)
from cogsmith.cli import amounts, image_word, options
from cogsmith.cli.console import BOLD, DIM, GREEN, RED, YELLOW, Console
from cogsmith.cli.output import destination, saved
from cogsmith.cli.settings import variables
from cogsmith.cli.tested import Subject, Wanted, subject
from cogsmith.errors import UsageError
from cogsmith.signature import Signature
from cogsmith.values import dataclass

WORDS = {Outcome.PASSED: "pass", Outcome.FAILED: "FAIL", Outcome.SKIPPED: "skip"}
COLORS = {Outcome.PASSED: GREEN, Outcome.FAILED: RED, Outcome.SKIPPED: YELLOW}
WIDEST = 48  # columns that names may take
INDENT = " " * 6


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asks for, checked."""

    cases: tuple[Case, ...]
    signature: Signature
    manner: Manner
    fuzzing: Fuzzing | None
    corpus: tuple[dict[str, Any], ...]


def _expressions(
    _context: click.Context, option: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    for text in texts:
        try:
            re.compile(text)
        except re.error as error:
            said = f"{text!r} is not a regular expression: {error}"
            raise click.BadParameter(said, param=option) from None
    return texts


@click.command("test")
@click.argument("what", required=False, metavar="[MODEL|IMAGE|URL]")
@click.option(
    "-f", "--file", "file", metavar="PATH",
    help="The config file; works from any folder.  [default: cog.yaml here or above]",
)  # fmt: skip
@click.option(
    "--target",
    metavar="URL",
    help="Run the model's cases on the server at URL, not on this machine.",
)
@click.option(
    "--cases", "paths", multiple=True, metavar="PATH", type=click.Path(exists=True),
    help="A case file, or a folder of them.  [default: tests/*.yaml beside the config]",
)  # fmt: skip
@click.option(
    "--case", "names", multiple=True, metavar="GLOB", help="Run the cases with such a name alone."
)
@click.option(
    "--tag", "tags", multiple=True, metavar="TAG", help="Run the cases with this tag alone."
)
@click.option("-x", "--fail-fast", "stop", is_flag=True, help="Begin no case after one has failed.")
@click.option(
    "-j", "--workers", type=click.IntRange(1), default=1, show_default=True, metavar="N",
    help="Run so many cases at once: in one process if predict() is async, else in N.",
)  # fmt: skip
@click.option(
    "--fuzz", type=click.IntRange(1), metavar="N",
    help="Also try N inputs made from the signature, corners first.",
)  # fmt: skip
@click.option(
    "--seed", type=int, default=0, show_default=True, help="What fuzzed inputs come from."
)
@click.option(
    "--allow-error", "allowed", multiple=True, metavar="REGEX", callback=_expressions,
    help="Fuzzed inputs may fail with such an error: the model refuses them on purpose.",
)  # fmt: skip
@click.option("--junit", "junit_path", metavar="FILE", help="Write the report as JUnit's XML.")
@click.option("--json", "json_path", metavar="FILE", help="Write the report as JSON; - prints it.")
@options.env
@click.option(
    "--setup-timeout", type=click.FloatRange(min=0, min_open=True), default=600.0,
    show_default=True, metavar="SECONDS", help="How long the model may take to be ready.",
)  # fmt: skip
@options.locked
@options.progress
@image_word.for_containers
def command(
    what: str | None, file: str | None, target: str | None, paths: tuple[str, ...],
    names: tuple[str, ...], tags: tuple[str, ...], stop: bool, workers: int, fuzz: int | None,
    seed: int, allowed: tuple[str, ...], junit_path: str | None, json_path: str | None,
    env: tuple[str, ...], setup_timeout: float, locked: bool, console: Console,
) -> None:  # fmt: skip
    """Run a model's test cases: tests/*.yaml beside its cog.yaml.

    Without an argument, or with a MODEL, the model runs on this machine, as for cogsmith
    predict; it is set up once. An IMAGE runs in a container. A URL is a server that speaks
    Cog's HTTP API; COGSMITH_API_KEY is sent as its key. Cases are those of the model, or of the
    cog.yaml here; a model with a name, cog.NAME.yaml, has them in tests/NAME/*.yaml.

    Exit code 0: all have passed. Exit code 1: a case has failed, or something else.

    \b
    Examples:
      cogsmith test
      cogsmith test llava --case 'describes*' -x
      cogsmith test --fuzz 200 --junit report.xml
      cogsmith test https://llama.example --json -
    """  # noqa: D301 - the one escape is meant: click keeps the lines after it
    outputs = {
        "junit": destination(junit_path, "report.xml"),
        "json": destination(None if json_path == "-" else json_path, "report.json"),
    }
    wanted = Wanted(
        console=console, environment=variables(env), patience=setup_timeout, at_once=workers,
        locked=locked,
    )  # fmt: skip
    with subject(what, file, target, wanted, project=not paths) as model:
        cases = _cases(model, paths)
        asked = Asked(
            cases=select(cases, names, tags), signature=model.signature,
            manner=Manner(at_once=workers, stop=stop),
            fuzzing=Fuzzing(count=fuzz, seed=seed, allowed=allowed) if fuzz else None,
            corpus=tuple(dict(case.input) for case in cases if case.entry.expect.error is None),
        )  # fmt: skip
        _something(asked, cases, names)
        table = Table(console, into_stdout=json_path != "-")
        table.expect(asked)
        report = model.run(lambda target: _played(asked, target, table))
    table.end(report)
    _write(report, outputs, printed=json_path == "-")
    sys.exit(0 if report.good else 1)


def _cases(model: Subject, paths: tuple[str, ...]) -> tuple[Case, ...]:
    found = tuple(map(Path, paths))
    if not found and model.loaded:
        found = available(model.loaded.path.parent, model.loaded.name)
    return load(found, model.signature, Path.cwd())


def _something(asked: Asked, cases: Sequence[Case], names: Sequence[str]) -> None:
    """Nothing to do is a mistake of whoever asks, not a success. Raises UsageError."""
    if asked.cases or asked.fuzzing:
        return
    if not cases:
        raise UsageError(
            "there are no test cases",
            hint="write some in tests/*.yaml (docs/how-to/test-a-model.md), or try --fuzz 100",
        )
    there = ", ".join(case.name for case in cases)
    raise UsageError(
        f"no case matches {', '.join(names) or 'the tags'}", hint=f"there are: {there}"
    )


async def _played(asked: Asked, target: Target, table: Table) -> Report:
    verdicts = await play(asked.cases, target, asked.signature, table.tell, asked.manner)
    stopped = asked.manner.stop and any(v.outcome is Outcome.FAILED for v in verdicts)
    seed = None
    if asked.fuzzing and not stopped:
        seed = asked.fuzzing.seed
        verdicts += await play_fuzz(
            target, asked.signature, asked.fuzzing, table.tell, asked.corpus
        )
    return Report(target=target.where, verdicts=verdicts, setup=target.setup, seed=seed)


def _write(report: Report, outputs: dict[str, Path | None], *, printed: bool) -> None:
    as_json = json.dumps(document(report), indent=2, ensure_ascii=False) + "\n"
    if printed:
        sys.stdout.write(as_json)
    for path, text in ((outputs["json"], as_json), (outputs["junit"], junit(report))):
        if path:
            with saved(path) as stream:
                stream.write(text)


# --- what people see


@dataclass
class Table:
    """Verdicts as lines, each when it is there; on standard error where the output is JSON."""

    console: Console
    into_stdout: bool
    width: int = 0

    def expect(self, asked: Asked) -> None:
        """Make room for the names that will come."""
        longest = max((len(case.name) for case in asked.cases), default=8)
        self.width = min(longest, WIDEST)

    def tell(self, verdict: Verdict) -> None:
        """One verdict, and what differed."""
        if self.console.json:
            event = document(Report(target="", verdicts=(verdict,)))["cases"][0]
            self.console.event("case", **event)
        if self.console.json and not self.into_stdout:
            return
        word = self._paint(WORDS[verdict.outcome], COLORS[verdict.outcome])
        facts = "  ".join(_facts(verdict))
        self._line(f"{word}  {verdict.name:<{self.width}}  {self._paint(facts, DIM)}".rstrip())
        for line in self._details(verdict):
            self._line(f"{INDENT}{line}")

    def _details(self, verdict: Verdict) -> Iterator[str]:
        if verdict.outcome is not Outcome.FAILED:
            return
        if verdict.where:
            yield self._paint(verdict.where, DIM)
        for one in verdict.differences:
            yield one.message
            for line in one.detail:
                color = {"-": RED, "+": GREEN}.get(line[:1], DIM)
                yield f"  {self._paint(line, color)}"
        if verdict.logs:
            yield self._paint("what the model wrote:", DIM)
            yield from (f"  {line}" for line in verdict.logs.splitlines())

    def end(self, report: Report) -> None:
        """The last line: how many passed, failed and were skipped."""
        counts = ", ".join(
            f"{count} {outcome.value}" for outcome in Outcome if (count := report.count(outcome))
        )
        setup = f" (setup {amounts.seconds(report.setup)})" if report.setup is not None else ""
        self._line(self._paint(f"{counts or 'nothing ran'} on {report.target}{setup}", BOLD))

    def _line(self, text: str) -> None:
        if self.into_stdout:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        elif not self.console.json:
            self.console.line(text)

    def _paint(self, text: str, color: str) -> str:
        return self.console.paint(text, color) if text and self._colored else text

    @property
    def _colored(self) -> bool:
        return sys.stdout.isatty() if self.into_stdout else True


def _facts(verdict: Verdict) -> Iterator[str]:
    """What a case cost, on its line."""
    measures = verdict.measures
    if measures.total is not None:
        yield amounts.seconds(measures.total)
    first, total = measures.first_token, measures.total
    if first is not None and total is not None and first < 0.9 * total:  # else it came as a whole
        yield f"first {amounts.seconds(first)}"
    if measures.tokens_per_second is not None:
        pace = measures.tokens_per_second
        yield f"{pace:.1f} tokens/s" if pace < 100 else f"{pace:.0f} tokens/s"
    if measures.memory is not None:
        yield amounts.size(measures.memory)
    if verdict.runs > 1 and verdict.name != "fuzz":
        yield f"{verdict.runs} runs"
    if verdict.note:
        yield f"({verdict.note})"
