"""``cogsmith ci``: a pipeline for the platform that a repository lies on."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import get_args

import click

from cogsmith import __version__
from cogsmith.cases import available as cases_of
from cogsmith.cli.console import Console
from cogsmith.config import Loaded, available, load
from cogsmith.deploy import parse
from cogsmith.environment import lock_path
from cogsmith.errors import CogsmithError, ConfigError, InvalidReference, Problem, UsageError
from cogsmith.oci import Reference
from cogsmith.pipeline import Pipeline, Rollout, Setting, Step, Target, github, gitlab

PLATFORMS = {"github": github, "gitlab": gitlab}


@click.group("ci")
def command() -> None:
    """Write the pipeline that tests, builds, pushes and deploys models at each push."""


@command.command("init")
@click.argument("platform", type=click.Choice(sorted(PLATFORMS)))
@click.option(
    "--image", metavar="REPOSITORY", default="",
    help="Where images go: registry.example.com/you/name.  [default: the platform's registry]",
)  # fmt: skip
@click.option(
    "--branch", metavar="NAME", default="main", show_default=True,
    help="The branch whose pushes are deployed.",
)  # fmt: skip
@click.option("--stdout", "--dry-run", "show", is_flag=True, help="Print it, and write nothing.")
@click.option("--force", is_flag=True, help="Write over a pipeline that is there.")
def init(platform: str, image: str, branch: str, show: bool, force: bool) -> None:
    """Write a pipeline for GitHub Actions or GitLab CI, to go on with by hand.

    It fits the repository as it is now: each cog.yaml and cog.NAME.yaml is a model; locks are
    kept to where there are; a model with a deploy.yaml (deploy.NAME.yaml) is deployed at each
    push to the branch, and promoted when somebody says so, by deploy.production.yaml if there
    is one. Images go to the platform's own registry, several models under names of their own.

    What has to be set at the platform is told at the end. A file that is there is left as it
    is, unless --force is given.

    \b
    Examples:
      cogsmith ci init github
      cogsmith ci init gitlab --stdout
    """  # noqa: D301 - the one escape is meant: click keeps the lines after it
    console = Console.of_terminal()
    written = PLATFORMS[platform](_pipeline(Path.cwd(), image, branch))
    if show:
        sys.stdout.write(written.text)
        _tell(console, written.settings)
        return
    path = Path(written.path)
    if path.exists() and not force:
        hint = "cogsmith ci init --stdout shows the new one; --force writes over it"
        raise UsageError(f"{path} is already there", hint=hint)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(written.text, "utf-8")
    console.done(f"made {path}")
    _tell(console, written.settings)


def _pipeline(folder: Path, image: str, branch: str) -> Pipeline:
    """The pipeline of the repository in a folder. Raises ConfigError, UsageError."""
    loaded = _models(folder)
    if not re.fullmatch(r"[A-Za-z0-9][\w./-]*", branch, re.ASCII):
        raise UsageError(f"--branch {branch!r}: write the name of one branch")
    return Pipeline(
        models=tuple(_step(one, several=len(loaded) > 1) for one in loaded),
        version=__version__,
        image=_repository(image),
        branch=branch,
        locked=all(lock_path(one.path).is_file() for one in loaded),
        cases=all(cases_of(one.path.parent, one.name) for one in loaded),
    )


def _models(folder: Path) -> list[Loaded]:
    """The configs of a folder. Raises ConfigError for all that are wrong."""
    paths = available(folder)
    if not paths:
        hint = "cogsmith init makes a first model"
        raise ConfigError(f"there is no cog.yaml in {folder}", hint=hint)
    found: list[Loaded] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            found.append(load(path))
        except CogsmithError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return found


def _step(loaded: Loaded, *, several: bool) -> Step:
    name = loaded.name
    return Step(
        name=name or loaded.path.name,
        path=f"/{_plain(name)}" if several and name else "",
        weights=bool(loaded.config.weights),
        rollout=_rollout(loaded.path.parent, name),
    )


def _plain(name: str) -> str:
    """What a repository's name may hold of a model's."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _rollout(folder: Path, model: str) -> Rollout | None:
    """How a model is deployed; None without a deploy.yaml. Raises DeploymentInvalid."""
    stem = f"deploy.{model}" if model else "deploy"
    staging, production = f"{stem}.yaml", f"{stem}.production.yaml"
    if not (folder / staging).is_file():
        return None
    found = (folder / production).is_file()
    return Rollout(
        target=_target(folder / staging),
        staging=staging,
        production=production if found else staging,
    )


def _target(path: Path) -> Target:
    """Where a deploy.yaml deploys to; of several targets the first. Raises DeploymentInvalid."""
    targets = parse(path.read_text("utf-8"), where=path.name).targets
    there = [name for name in get_args(Target) if getattr(targets, name) is not None]
    return there[0]  # type: ignore[no-any-return]


def _repository(image: str) -> str:
    """``--image``, checked. Raises UsageError."""
    if not image:
        return ""
    try:
        reference = Reference.parse(image)
    except InvalidReference as error:
        raise UsageError(f"--image: {error.message}", hint=error.hint) from None
    if reference.digest or ":" in image.rpartition("/")[2]:
        hint = f"write the repository alone: {reference.name}"
        raise UsageError(f"--image {image}: tags are made by the pipeline", hint=hint)
    return reference.name


def _tell(console: Console, settings: tuple[Setting, ...]) -> None:
    """Say what is left to do: what a person sets at the platform."""
    if settings:
        console.note("To set at the platform:")
        width = max(len(one.name) for one in settings)
        for one in settings:
            console.line(f"  {one.kind:<11}  {one.name:<{width}}  {one.meaning}")
