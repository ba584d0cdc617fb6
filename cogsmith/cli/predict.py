"""``cogsmith predict``: one prediction, with a model of this repository or with an image."""

from __future__ import annotations

import click

from cogsmith.cli import image_word, options
from cogsmith.cli.console import Console
from cogsmith.cli.job import Asking, of_model
from cogsmith.cli.local import choose, signature_of
from cogsmith.cli.output import destination
from cogsmith.cli.settings import replicate_token, variables
from cogsmith.cli.timings import Timings


@click.command("predict")
@options.model_or_image
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
@image_word.for_containers
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
    """Run a prediction: without Docker, or with an image.

    MODEL is a name of this repository (cogsmith models lists them) or the path of a config
    file; without it, the cog.yaml here or above is used. It runs on this machine. A name with
    one of / : @ in it is an image's, ours or one that Cog has built; it runs in a container that
    is gone afterwards (docs/how-to/images-as-models.md).

    Text streams to standard output as it arrives; everything else goes to standard error.

    \b
    Examples:
      cogsmith predict -i prompt="Once upon a time" -i seed=0
      cogsmith predict flan-t5 -i prompt="Translate to German: Good morning."
      cogsmith predict registry.example.com/me/model:1 -i prompt="Hello"
      cogsmith predict llava -i image=@photo.jpg -i prompt="What is this?"
      echo '{"prompt": "Hello"}' | cogsmith predict --json @-
    """  # noqa: D301 - the one escape is meant: click keeps the lines after it
    timings = Timings.since_start()
    asking = Asking(
        words=words, document=document, environment=variables(env), setup_timeout=setup_timeout,
        context={"replicate_api_token": replicate_token()} if use_replicate_token else {},
        target=destination(output, "output.json" if document is not None else "output"),
        console=console, timings=timings,
    )  # fmt: skip
    image = image_word.image_named(model, file)
    try:
        if image:
            from cogsmith.cli.containers import of_image  # engines, stores: for images alone

            image_word.without_effect(console, image=True)
            of_image(image, asking)
        else:
            image_word.without_effect(console)
            with timings.phase("config and signature"):
                loaded = choose(model, file)
                signature = signature_of(loaded, console)
            of_model(loaded, signature, asking, locked=locked)
    finally:
        if show_timings:
            console.lines(timings.lines())
