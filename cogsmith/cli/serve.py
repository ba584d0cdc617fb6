"""``cogsmith serve``: the HTTP server that an image starts: on this machine, or in a container."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import click

from cogsmith.cli import image_word, options
from cogsmith.cli.console import RED, Console
from cogsmith.cli.environment import prepared
from cogsmith.cli.local import choose, signature_of
from cogsmith.cli.local_weights import weights_in_place
from cogsmith.cli.settings import variables
from cogsmith.config import Loaded
from cogsmith.environment import Environment
from cogsmith.errors import Problem
from cogsmith.runtime import Offer, Settings, Site, WorkerSpec, is_language_model, serve
from cogsmith.signature import load as load_signature

PORT = 8393  # Cog's
HERE = {"127.0.0.1", "::1", "localhost"}
EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 - they are compared with
READY = "ready after"  # how the pool's note begins when a worker has run setup()


def _address(_context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value and not value.lower().startswith(("http://", "https://")):
        raise click.BadParameter(f"{value!r} is not the address of a server", param=option)
    return value


@click.command("serve")
@options.model_or_image
@click.option(
    "-p", "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True,
    help="The port to listen at; 0 takes a free one.",
)  # fmt: skip
@click.option(
    "--host", default="127.0.0.1", show_default=True,
    help="The address to listen at; 0.0.0.0 lets other machines in.",
)  # fmt: skip
@click.option(
    "--upload-url", metavar="URL", callback=_address,
    help="Where output files are put; without it they are data URIs in the answer.",
)  # fmt: skip
@click.option(
    "--workers", type=click.IntRange(1), default=None, metavar="N",
    help="Processes for a sync predictor, each with a model (and a GPU) of its own.  [default: 1]",
)  # fmt: skip
@click.option(
    "--setup-timeout", type=click.FloatRange(min=0), default=None, metavar="SECONDS",
    help="How long setup() may take; 0 is no limit.  [default: no limit]",
)  # fmt: skip
@click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False),
    metavar="FOLDER",
    help="For an image: run the code of this folder in place of the image's.",
)
@options.env
@options.locked
@options.progress
@image_word.for_containers
def command(
    model: str | None, file: str | None, port: int, host: str, upload_url: str | None,
    workers: int | None, setup_timeout: float | None, project: str | None, env: tuple[str, ...],
    locked: bool, console: Console,
) -> None:  # fmt: skip
    """Serve a model over HTTP: without Docker, or an image's.

    MODEL is a name of this repository (cogsmith models lists them) or the path of a config
    file; without it, the cog.yaml here or above is used. An IMAGE's own server runs in a
    container that is gone afterwards (docs/how-to/images-as-models.md).

    Speaks Cog's HTTP API, and OpenAI's when the model is a language model; browsers get a
    playground. Ctrl-C ends it when what is underway has ended; Ctrl-C again ends it at once.

    \b
    Examples:
      cogsmith serve
      curl localhost:8393/predictions -H 'Content-Type: application/json' \\
        -d '{"input": {"prompt": "Once upon a time"}}'
      cogsmith serve flan-t5 -p 8000
      cogsmith serve registry.example.com/me/model:1 --gpus all

    Limits, queue, keys and the like are environment variables: docs/reference/serve.md.
    """  # noqa: D301 - the escapes are meant: click keeps the lines after the first
    given = variables(env)
    image = image_word.image_named(model, file)
    if image:
        from cogsmith.cli.serve_image import Serving, serve_image  # engines: for images alone

        image_word.without_effect(console, image=True)
        asked = Serving(
            port=port, host=host, environment=given, gpus=image_word.gpus(), workers=workers,
            upload_url=upload_url, setup_timeout=setup_timeout or None, project=project,
        )  # fmt: skip
        sys.exit(serve_image(image, asked, console))
    image_word.without_effect(console)
    if project:
        console.note("--project has no effect: a model of this repository runs its own folder")
    loaded = choose(model, file)
    environ = {**os.environ, **loaded.config.variables(), **given}
    environ.pop("PORT", None)  # whoever set it meant another server: here it is --port
    settings = Settings.parse(environ)
    settings = replace(
        settings, host=host, port=port, upload_url=upload_url or settings.upload_url,
        workers=workers or settings.workers,
    )  # fmt: skip
    if setup_timeout is not None:
        settings = replace(settings, setup_timeout=setup_timeout or None)
    signature = signature_of(loaded, console)
    home = prepared(loaded, console, locked=locked)
    spec = _spec(loaded, home, given)
    concurrency = loaded.config.concurrency
    wanted = settings.concurrency or (concurrency.max if concurrency else None)
    site = Site(
        name=loaded.name or loaded.path.parent.name or "model",
        predict=Offer.of(spec, signature, wanted),
        train=_train(loaded, spec),
    )
    told = Told(console, site.name, is_language_model(signature))
    if host not in HERE and not settings.keys:
        console.warning(OPEN)
    _hear_the_server(told, settings)
    try:
        with weights_in_place(loaded):
            ended_by = serve(site, settings, listening=told.listening)
    finally:
        _drop_what_nobody_reads()
    if ended_by == signal.SIGINT:
        sys.exit(130)


def _drop_what_nobody_reads() -> None:
    """Let what a closed pipe did not take go nowhere: Python would make exit code 120 of it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _spec(loaded: Loaded, home: Environment, given: Mapping[str, str]) -> WorkerSpec:
    return WorkerSpec(
        python=home.python,
        project=loaded.path.parent,
        reference="",
        environment={**home.variables, **loaded.config.variables(), **given},
        weights=given.get("COG_WEIGHTS") or os.environ.get("COG_WEIGHTS"),
    )


def _train(loaded: Loaded, spec: WorkerSpec) -> Offer | None:
    train = loaded.config.train
    if not train:
        return None
    return Offer.of(spec, load_signature(loaded.path.parent, train, train=True))


OPEN = Problem(
    "whoever reaches this machine can use the model",
    hint="COGSMITH_API_KEY=... lets in only those who have the key",
)


@dataclass
class Told:
    """What a person is told of a server: where it is, and when its model is there."""

    console: Console
    name: str
    language_model: bool
    address: str = ""

    def listening(self, host: str, port: int) -> None:
        """Connections are taken; the model loads."""
        if host in HERE | EVERYWHERE:
            host = "localhost"
        self.address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        self.console.note(f"Listening at {self.address}; the model loads")

    def record(self, level: int, text: str) -> None:
        """Something that the server says."""
        if level >= logging.ERROR:
            self.console.line(f"{self.console.paint('error:', RED)} {text}")
        elif level >= logging.WARNING:
            self.console.warning(Problem(text))
        elif text.startswith(READY):
            where = f"{self.address} has a page for browsers; Ctrl-C ends it"
            self.console.done(f"{text.capitalize()}: {where}")
            if self.language_model:
                self.console.note(
                    f'OpenAI\'s clients: base_url="{self.address}/v1", model="{self.name}"'
                )
        else:
            self.console.note(text)


def _hear_the_server(told: Told, settings: Settings) -> None:
    """What the server says goes where our notes go."""

    class ToConsole(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            with suppress(OSError, ValueError):  # nobody reads any more; the server goes on
                told.record(record.levelno, self.format(record))

    handler = ToConsole()
    for name in ("cogsmith.server", "cogsmith.prediction"):
        log = logging.getLogger(name)
        log.setLevel(settings.level)
        log.addHandler(handler)
