"""``cogsmith train``: one training, with a model of this repository or with an image."""

from __future__ import annotations

import click

from cogsmith.cli import image_word, options
from cogsmith.cli.console import Console
from cogsmith.cli.job import Asking, of_model
from cogsmith.cli.local import choose
from cogsmith.cli.output import destination
from cogsmith.cli.settings import variables
from cogsmith.cli.timings import Timings
from cogsmith.config import Loaded
from cogsmith.errors import ConfigError
from cogsmith.signature import Signature
from cogsmith.signature import load as load_signature

OUTPUT = "weights"
DEPRECATED = (
    'Command "train" is deprecated: it will be removed in a future version of Cog, and stays here'
)


@click.command("train")
@options.model_or_image
@click.option(
    "-i", "--input", "words", multiple=True, metavar="NAME=VALUE",
    help="An input; NAME=@PATH names a file; give a list by repeating NAME.",
)  # fmt: skip
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help=f"Where files go; text goes there only if this is given.  [default: {OUTPUT}]",
)
@options.env
@click.option(
    "--setup-timeout", type=click.FloatRange(min=0, min_open=True), default=300.0,
    show_default=True, metavar="SECONDS", help="How long setup() may take.",
)  # fmt: skip
@options.locked
@options.progress
@image_word.for_containers
def command(
    model: str | None, file: str | None, words: tuple[str, ...], output: str | None,
    env: tuple[str, ...], setup_timeout: float, locked: bool, console: Console,
) -> None:  # fmt: skip
    """Run a training: without Docker, or with an image.

    MODEL is a name of this repository (cogsmith models lists them) or the path of a config
    file; without it, the cog.yaml here or above is used: its train names what is called. An
    IMAGE, ours or one that Cog has built, trains in a container that is gone afterwards.

    \b
    Examples:
      cogsmith train -i train_data=@data.zip
      cogsmith train registry.example.com/me/model:1 -i steps=100 -o weights.tar
    """  # noqa: D301 - the one escape is meant: click keeps the lines after it
    console.note(DEPRECATED)
    asking = Asking(
        words=words, document=None, environment=variables(env), setup_timeout=setup_timeout,
        target=destination(output, OUTPUT), console=console, timings=Timings(), stem=OUTPUT,
    )  # fmt: skip
    image = image_word.image_named(model, file)
    if image:
        from cogsmith.cli.containers import of_image  # engines, stores: for images alone

        image_word.without_effect(console, image=True)
        of_image(image, asking, train=True)
    else:
        image_word.without_effect(console)
        loaded = choose(model, file)
        of_model(loaded, _signature(loaded, console), asking, locked=locked)


def _signature(loaded: Loaded, console: Console) -> Signature:
    """What ``train`` in the config names. Raises ConfigError and SignatureError."""
    if not loaded.config.train:
        hint = 'add   train: "train.py:train"'
        raise ConfigError("no trainer is named", where=loaded.path.name, hint=hint)
    signature = load_signature(loaded.path.parent, loaded.config.train, train=True)
    for warning in (*loaded.spoken, *signature.warnings):
        console.warning(warning)
    return signature
