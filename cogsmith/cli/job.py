"""One prediction or training: what it needs, who runs it, and where its outcome goes."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import field
from pathlib import Path
from typing import Any

from cogsmith.cli.console import Console
from cogsmith.cli.environment import prepared
from cogsmith.cli.inputs import gather
from cogsmith.cli.local_weights import weights_in_place
from cogsmith.cli.output import Files, Printer, saved, write_document
from cogsmith.cli.timings import Timings
from cogsmith.config import Loaded
from cogsmith.errors import Canceled, CogsmithError, PredictionFailed
from cogsmith.prediction import Event, Log, Output, Prediction, Status, advance, render
from cogsmith.runtime import Worker, WorkerSpec
from cogsmith.signature import Kind, Signature
from cogsmith.values import dataclass

__all__ = ["Asking", "Following", "Job", "Run", "Take", "deliver", "of_model", "write_log"]

Take = Callable[[Output], None]


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that one prediction needs, checked before anything starts.

    ``inputs`` are complete.
    """

    signature: Signature
    inputs: Mapping[str, Any]
    console: Console
    timings: Timings
    context: Mapping[str, str] = field(default_factory=dict)
    stem: str = "output"

    @property
    def noun(self) -> str:
        """What it is: a prediction or a training."""
        return "training" if self.signature.is_train else "prediction"

    def begun(self) -> Prediction:
        """The prediction before its first event; its secrets are stars."""
        secret = {one.name for one in self.signature.inputs if one.type.kind is Kind.SECRET}
        shown = {
            name: "**********" if name in secret and value else value
            for name, value in self.inputs.items()
        }
        return Prediction(
            id=f"local-{uuid.uuid4().hex[:12]}", input=shown, created_at=time.time(),
            iterator=self.signature.output.is_iterator,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What the command line asks for, besides the model: inputs, variables, where it goes.

    ``stem`` is how files are called when ``target`` says nothing.
    """

    words: tuple[str, ...]
    document: str | None
    target: Path | None
    stem: str = "output"
    environment: Mapping[str, str]
    setup_timeout: float
    console: Console
    timings: Timings
    context: Mapping[str, str] = field(default_factory=dict)

    def job(self, signature: Signature) -> Job:
        """The job for a model of this signature. Raises UsageError and InvalidInput."""
        with self.timings.phase("inputs"):
            inputs = gather(signature, self.words, self.document)
        return Job(
            signature=signature, inputs=inputs, context=self.context, console=self.console,
            timings=self.timings, stem=self.stem,
        )  # fmt: skip

    @property
    def as_document(self) -> bool:
        """Whether the whole prediction is shown, as JSON."""
        return self.document is not None


Run = Callable[[Job, Take], Prediction]
"""Runs a job from the start of whoever runs it to the end; outputs are taken as they come."""


def write_log(console: Console, log: Log) -> None:
    """What the author's code writes goes to standard error as it comes."""
    console.stream.write(log.text)
    console.stream.flush()


def deliver(job: Job, run: Run, target: Path | None, *, document: bool) -> None:
    """Run a job, and bring its outcome to the terminal or to files.

    Raises PredictionFailed and Canceled for one that did not succeed.
    """
    if document:
        _as_document(job, run, target)
    else:
        _as_output(job, run, target)


def _as_document(job: Job, run: Run, target: Path | None) -> None:
    """Print or save the whole prediction as JSON; raise when it failed."""
    stem = (target or Path(job.stem)).with_suffix("")
    files = Files(stem, "", job.console)
    named: set[str] = set()
    prediction = run(job, lambda output: named.update(output.files))
    rendered = render(prediction)
    rendered["output"] = files.replaced(rendered.get("output"), frozenset(named))
    write_document(rendered, target, job.console)
    if prediction.status is not Status.SUCCEEDED:
        raise PredictionFailed(())  # the document has said it: only the exit code is missing


def _as_output(job: Job, run: Run, target: Path | None) -> None:
    """Stream the output to the terminal or a file; raise, and keep no file, when it failed."""
    output = job.signature.output
    with ExitStack() as stack:
        into_file = target is not None and not output.has_files
        stream = stack.enter_context(saved(target)) if target and into_file else sys.stdout
        files = Files(
            stem=(target or Path(job.stem)).with_suffix(""),
            suffix=target.suffix if target else "", console=job.console,
        )  # fmt: skip
        text = output.kind is Kind.STRING or output.is_concatenated
        printer = Printer(stream, files, output.is_concatenated, output.is_iterator, text)
        prediction = run(job, printer.take)
        something = printer.finish()
        if prediction.status is not Status.SUCCEEDED:
            raise _failure(prediction, job.noun)
    if not something:
        job.console.note("No output generated")
    elif target and into_file:
        job.console.note(f"Written output to: {target}")


def _failure(prediction: Prediction, noun: str) -> CogsmithError:
    if prediction.status is Status.CANCELED:
        return Canceled(f"the {noun} was canceled")
    return PredictionFailed(prediction.error or f"the {noun} failed without a word")


class Following:
    """A prediction that moves on with each event, and the time that it takes."""

    def __init__(self, job: Job, take: Take) -> None:
        self.prediction = job.begun()
        self._timings, self._take = job.timings, take
        self._begun = time.perf_counter()

    def step(self, event: Event) -> None:
        """One more event; outputs are taken."""
        self.prediction = advance(self.prediction, event)
        if isinstance(event, Output):
            if event.index == 0:
                self._timings.add("predict: first output", time.perf_counter() - self._begun)
                self._begun = time.perf_counter()
            self._take(event)

    def end(self) -> Prediction:
        """Nothing more comes."""
        self._timings.add("predict: the rest", time.perf_counter() - self._begun)
        return self.prediction


def in_worker(spec: WorkerSpec) -> Run:
    """Run jobs on this machine, each in a worker of its own."""
    return lambda job, take: asyncio.run(_in_worker(spec, job, take))


async def _in_worker(spec: WorkerSpec, job: Job, take: Take) -> Prediction:
    """One prediction from the start of the worker to its end."""
    worker = await _started(spec, job)
    try:
        following = Following(job, take)
        events = worker.predict(following.prediction.id, job.inputs, context=job.context)
        async for event in events:
            following.step(event)
            if isinstance(event, Log):
                write_log(job.console, event)
        return following.end()
    finally:
        await worker.close()


async def _started(spec: WorkerSpec, job: Job) -> Worker:
    job.console.note("Starting the worker and running setup()")
    begun = time.perf_counter()
    worker = await Worker.start(spec, on_log=lambda log: write_log(job.console, log))
    for phase, seconds in worker.timings.items():
        job.timings.add(f"worker: {phase}", seconds)
    rest = time.perf_counter() - begun - sum(worker.timings.values())
    job.timings.add("worker: start and hand-over", max(0.0, rest))
    return worker


def of_model(loaded: Loaded, signature: Signature, asking: Asking, *, locked: bool) -> None:
    """Run what is asked for with a model of this repository, in an environment of its lock.

    Inputs are checked before anything is installed or started.
    """
    job = asking.job(signature)
    with asking.timings.phase("lock and environment"):
        home = prepared(loaded, asking.console, locked=locked)
    spec = WorkerSpec(
        python=home.python,
        project=loaded.path.parent,
        reference=signature.reference,
        environment={**home.variables, **loaded.config.variables(), **asking.environment},
        weights=os.environ.get("COG_WEIGHTS"),
        setup_timeout=asking.setup_timeout,
    )
    with weights_in_place(loaded):
        deliver(job, in_worker(spec.calling(signature)), asking.target, document=asking.as_document)
