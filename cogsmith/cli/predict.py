"""``cogsmith predict``: one prediction on this machine, in an environment made from a lock."""

from __future__ import annotations

import asyncio
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from cogsmith.cli import options
from cogsmith.cli.console import Console
from cogsmith.cli.environment import prepared
from cogsmith.cli.inputs import gather
from cogsmith.cli.local import choose, signature_of
from cogsmith.cli.output import Files, Printer, destination, saved, write_document
from cogsmith.cli.settings import replicate_token, variables
from cogsmith.cli.timings import Timings
from cogsmith.config import Loaded
from cogsmith.environment import Environment
from cogsmith.errors import Canceled, CogsmithError, PredictionFailed
from cogsmith.prediction import Log, Output, Prediction, Status, advance, render
from cogsmith.runtime import Worker, WorkerSpec
from cogsmith.signature import Kind, Signature


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that one prediction needs, checked before anything starts."""

    spec: WorkerSpec
    inputs: Mapping[str, Any]
    shown: Mapping[str, Any]
    context: Mapping[str, str]
    console: Console
    timings: Timings

    def log(self, log: Log) -> None:
        """What the author's code writes goes to standard error as it comes."""
        self.console.stream.write(log.text)
        self.console.stream.flush()


@click.command("predict")
@options.model
@click.option(
    "-i",
    "--input",
    "words",
    multiple=True,
    metavar="NAME=VALUE",
    help="An input; NAME=@PATH names a file; give a list by repeating NAME.",
)
@click.option(
    "--json",
    "document",
    metavar="JSON",
    help="All inputs as a JSON object, @file or @- (standard input); prints the whole "
    "prediction as JSON.",
)
@click.option("-o", "--output", metavar="PATH", help="Write the output there.")
@options.env
@click.option(
    "--setup-timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How long setup() may take.",
)
@click.option(
    "--use-replicate-token",
    is_flag=True,
    help="Pass REPLICATE_API_TOKEN into the prediction's context.",
)
@click.option("--timings", "show_timings", is_flag=True, help="Show where the time goes.")
@options.locked
@options.progress
@options.of_images
def command(
    model: str | None,
    file: str | None,
    words: tuple[str, ...],
    document: str | None,
    output: str | None,
    env: tuple[str, ...],
    setup_timeout: float,
    use_replicate_token: bool,
    show_timings: bool,
    locked: bool,
    console: Console,
) -> None:
    """Run a prediction, on this machine, without Docker.

    MODEL is a name of this repository (cogsmith models lists them) or the path of a config
    file; without it, the cog.yaml here or above is used. Text streams to standard output as
    it arrives; everything else goes to standard error.

    \b
    Examples:
      cogsmith predict -i prompt="Once upon a time" -i seed=0
      cogsmith predict flan-t5 -i prompt="Translate to German: Good morning."
      cogsmith predict llava -i image=@photo.jpg -i prompt="What is this?"
      echo '{"prompt": "Hello"}' | cogsmith predict --json @-
    """  # noqa: D301 - the one escape is meant: click keeps the lines after it
    timings = Timings.since_start()
    given = variables(env)
    context = {"replicate_api_token": replicate_token()} if use_replicate_token else {}
    target = destination(output, "output.json" if document is not None else "output")
    with timings.phase("config and signature"):
        loaded = choose(model, file)
        signature = signature_of(loaded, console)
    with timings.phase("inputs"):
        inputs = gather(signature, words, document)
    with timings.phase("lock and environment"):
        home = prepared(loaded, console, locked=locked)
    spec = _spec(loaded, signature, home)
    spec = replace(spec, setup_timeout=setup_timeout, environment={**spec.environment, **given})
    job = Job(
        spec=spec, inputs=inputs, shown=_starred(signature, inputs), context=context,
        console=console, timings=timings,
    )  # fmt: skip
    try:
        if document is not None:
            _as_document(job, target)
        else:
            _as_output(job, signature, target)
    finally:
        if show_timings:
            console.lines(timings.lines())


def _spec(loaded: Loaded, signature: Signature, home: Environment) -> WorkerSpec:
    """The worker for a model of this repository."""
    spec = WorkerSpec(
        python=home.python,
        project=loaded.path.parent,
        reference=signature.reference,
        environment={**home.variables, **loaded.config.variables()},
        weights=os.environ.get("COG_WEIGHTS"),
    )
    return spec.calling(signature)


def _starred(signature: Signature, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as they may be shown: secrets as stars."""
    secret = {field.name for field in signature.inputs if field.type.kind is Kind.SECRET}
    return {name: "**********" if name in secret and value else value
            for name, value in inputs.items()}  # fmt: skip


def _as_document(job: Job, target: Path | None) -> None:
    """Print or save the whole prediction as JSON; raise when it failed."""
    stem = (target or Path("output")).with_suffix("")
    files = Files(stem, "", job.console)
    named: set[str] = set()
    prediction = asyncio.run(_run(job, lambda output: named.update(output.files)))
    rendered = render(prediction)
    rendered["output"] = files.replaced(rendered.get("output"), frozenset(named))
    write_document(rendered, target, job.console)
    if prediction.status is not Status.SUCCEEDED:
        raise PredictionFailed(())  # the document has said it: only the exit code is missing


def _as_output(job: Job, signature: Signature, target: Path | None) -> None:
    """Stream the output to the terminal or a file; raise, and keep no file, when it failed."""
    output = signature.output
    with ExitStack() as stack:
        into_file = target is not None and not output.has_files
        stream = stack.enter_context(saved(target)) if target and into_file else sys.stdout
        files = Files(
            stem=(target or Path("output")).with_suffix(""),
            suffix=target.suffix if target else "", console=job.console,
        )  # fmt: skip
        text = output.kind is Kind.STRING or output.is_concatenated
        printer = Printer(stream, files, output.is_concatenated, output.is_iterator, text)
        prediction = asyncio.run(_run(job, printer.take))
        something = printer.finish()
        if prediction.status is not Status.SUCCEEDED:
            raise _failure(prediction)
    if not something:
        job.console.note("No output generated")
    elif target and into_file:
        job.console.note(f"Written output to: {target}")


async def _run(job: Job, take: Callable[[Output], None]) -> Prediction:
    """One prediction from the start of the worker to its end; outputs go to ``take``."""
    worker = await _started(job)
    try:
        return await _predicted(worker, job, take)
    finally:
        await worker.close()


async def _started(job: Job) -> Worker:
    job.console.note("Starting the worker and running setup()")
    begun = time.perf_counter()
    worker = await Worker.start(job.spec, on_log=job.log)
    for phase, seconds in worker.timings.items():
        job.timings.add(f"worker: {phase}", seconds)
    rest = time.perf_counter() - begun - sum(worker.timings.values())
    job.timings.add("worker: start and hand-over", max(0.0, rest))
    return worker


async def _predicted(worker: Worker, job: Job, take: Callable[[Output], None]) -> Prediction:
    prediction = Prediction(
        id=f"local-{uuid.uuid4().hex[:12]}",
        input=job.shown,
        iterator=job.spec.iterator,
        created_at=time.time(),
    )
    begun = time.perf_counter()
    async for event in worker.predict(prediction.id, job.inputs, context=job.context):
        prediction = advance(prediction, event)
        if isinstance(event, Log):
            job.log(event)
        elif isinstance(event, Output):
            if event.index == 0:
                job.timings.add("predict: first output", time.perf_counter() - begun)
                begun = time.perf_counter()
            take(event)
    job.timings.add("predict: the rest", time.perf_counter() - begun)
    return prediction


def _failure(prediction: Prediction) -> CogsmithError:
    if prediction.status is Status.CANCELED:
        return Canceled("the prediction was canceled")
    return PredictionFailed(prediction.error or "the prediction failed without a word")
