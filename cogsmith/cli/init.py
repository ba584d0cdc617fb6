"""``cogsmith init``: a new model project in a folder, ready to run."""

from __future__ import annotations

import sys
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import click

from cogsmith.cli.console import Console
from cogsmith.errors import Problem, UsageError

TEMPLATES = "templates"
NEWER = (
    ("predict: predict.py:Predictor", 'run: "run.py:Runner"'),
    ("predict.py", "run.py"),
    ("BasePredictor", "BaseRunner"),
    ("Predictor", "Runner"),
    ("cogsmith predict", "cogsmith run"),
    ("def predict(", "def run("),
    ("`predict`", "`run`"),
)
OLDEST, NEWEST = (3, 10), (3, 14)  # the Pythons that cog.yaml may name


@click.command("init")
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--model", metavar="ORG/NAME",
    help="A language model from the hub (or a local folder): no code to write.",
)  # fmt: skip
@click.option(
    "--runner", is_flag=True,
    help="With Cog's newer words: run.py with a Runner, where else there is predict.py.",
)  # fmt: skip
def command(folder: Path, model: str | None, runner: bool) -> None:
    """Start a new model project in FOLDER (here when it is not given).

    Files that are already there are never changed.
    """
    console = Console.of_terminal()
    kind = "llm" if model else "new"
    texts = {
        name: _filled(text, _source(model or ""))
        for name, text in _texts(files("cogsmith.cli") / TEMPLATES / kind)
    }
    if runner:
        texts = {_in_newer_words(name): _in_newer_words(text) for name, text in texts.items()}
    taken = [name for name in texts if (folder / name).exists()]
    if taken:
        raise UsageError(
            [
                Problem(f"{folder / name} is already there", hint="choose another folder")
                for name in taken
            ]
        )
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
        console.done(f"made {folder / name}")
    here = "" if folder == Path() else f"cd {folder} && "
    verb = "run" if runner else "predict"
    console.note(f'Next:  {here}cogsmith {verb} -i prompt="Once upon a time"')


def _in_newer_words(text: str) -> str:
    """A template in the words that Cog has from 0.22 on.

    >>> _in_newer_words("predict: predict.py:Predictor")
    'run: "run.py:Runner"'
    """
    for word, newer in NEWER:
        text = text.replace(word, newer)
    return text


def _texts(folder: Traversable) -> list[tuple[str, str]]:
    """Name and text of each template; a leading ``dot-`` stands for a dot."""
    return [
        (entry.name.replace("dot-", ".", 1), entry.read_text("utf-8"))
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.is_file()
    ]


def _source(model: str) -> str:
    """A local folder by its whole path, since the project lies elsewhere; a hub id as it is."""
    folder = Path(model).expanduser()
    return str(folder.resolve()) if model and folder.is_dir() else model


def _filled(text: str, model: str) -> str:
    """A template with its placeholders replaced; the Python is the one that runs us."""
    minor = min(max(sys.version_info[:2], OLDEST), NEWEST)
    return text.replace("{{model}}", model).replace("{{python}}", ".".join(map(str, minor)))
