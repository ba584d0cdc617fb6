"""``cogsmith deploy``: a model on Compose, Swarm, Kubernetes or KServe, by its deploy.yaml."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from cogsmith.cli import options
from cogsmith.cli.console import Console
from cogsmith.cli.images import table
from cogsmith.cli.transfers import client
from cogsmith.deploy import (
    ComposeTarget,
    Deployment,
    KubernetesTarget,
    Running,
    Spec,
    SwarmTarget,
    parse,
    roll_back,
    roll_out,
    write,
)
from cogsmith.errors import (
    CommandFailed,
    DeployError,
    DeploymentInvalid,
    InvalidReference,
    Problem,
    UsageError,
)
from cogsmith.oci import Platform, Reference
from cogsmith.process import run
from cogsmith.values import dataclass

FILE = "deploy.yaml"
TARGETS = ("compose", "swarm", "kubernetes", "kserve")
KEY = "COGSMITH_API_KEY"
AnyTarget = ComposeTarget | SwarmTarget | KubernetesTarget


@click.group("deploy")
def command() -> None:
    """Run a model on Compose, Swarm, Kubernetes or KServe, and replace it safely.

    deploy.yaml says which image, how many replicas, on what, and how a new version takes over:
    docs/reference/deploy-yaml.md. A version is rolled out by its digest, one replica at a time,
    each of which must be ready; what does not start, or fails its tests, changes nothing.

    \b
    Examples:
      cogsmith deploy render -t kubernetes > llama.yaml
      cogsmith deploy apply -t swarm --model registry.example.com/ada/llama:2
      cogsmith deploy rollback
    """  # noqa: D301 - the one escape is meant: click keeps the lines after it


def _target(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "-t", "--target", type=click.Choice(TARGETS),
        help="Which target.  [default: the one that deploy.yaml has]",
    )(function)  # fmt: skip


_file = click.option(
    "-f", "--file", "file", metavar="PATH", default=FILE, show_default=True,
    help="What is deployed, and where.",
)  # fmt: skip
_long_file = click.option(
    "--file", "file", metavar="PATH", default=FILE, show_default=True,
    help="What is deployed, and where.",
)  # fmt: skip
_model = click.option(
    "--model", metavar="IMAGE", help="Another image than that of deploy.yaml, such as a new one."
)


@command.command("render")
@_file
@_target
@_model
@click.option("--no-resolve", is_flag=True, help="Leave the tag as it is; ask no registry.")
def render(file: str, target: str | None, model: str | None, no_resolve: bool) -> None:
    """Print a target's own manifests, for its own tools or a look.

    The image stands there by its digest, which its registry is asked for.
    """
    asked = Asked.of(file, target, model)
    if not no_resolve:
        asked = asked.resolved()
    sys.stdout.write(write(asked.place(secret=False).release().spec.manifests))


@command.command("diff")
@_file
@_target
@_model
@click.option("--exit-code", is_flag=True, help="Exit with 1 when there are differences.")
def diff(file: str, target: str | None, model: str | None, exit_code: bool) -> None:
    """Show what apply would change of what runs.

    Compose and Swarm: of what was applied last. Kubernetes: what kubectl diff says.
    """
    asked = Asked.of(file, target, model).resolved()
    place = asked.place()
    running = place.running()
    wanted = place.release().spec
    if running and isinstance(place, KubernetesTarget):
        lines = place.differences(wanted, running)
    else:
        lines = list((running.spec if running else Spec("")).differences(wanted, asked.target))
    sys.stdout.writelines(f"{line}\n" for line in lines)
    if running and running.ready < running.wanted:
        said = f"{running.ready} of {running.wanted} replicas are ready"
        Console.of_terminal().note(said)
    if lines and exit_code:
        raise click.exceptions.Exit(1)


@command.command("apply")
@_file
@_target
@_model
@click.option("--tests", metavar="PATH", help="Cases that the new version must pass.")
@click.option("--no-tests", is_flag=True, help="Leave out the tests of deploy.yaml.")
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@options.progress
def apply(
    file: str, target: str | None, model: str | None, tests: str | None, no_tests: bool,
    dry_run: bool, console: Console,
) -> None:  # fmt: skip
    """Make it run as deploy.yaml says; a new version replaces the old one without a gap.

    One replica of it is started beside the others first, gets no requests, and must be ready
    and pass its tests (rollout.tests, as cogsmith test reads them). Then the replicas are
    replaced, one after the other, each when the new one is ready. What does not hold brings the
    old version back, and the exit code is 1.
    """
    asked = Asked.of(file, target, model).resolved()
    cases = None if no_tests else tests or asked.cases
    if cases and not Path(cases).exists():
        raise DeploymentInvalid("there are no such tests", where=cases)
    place = asked.place()
    release = place.release()
    image = release.deployment.model
    if dry_run:
        _dry_run(asked, place, cases, console)
        return
    hook = partial(_tested, cases, asked.environment(), console) if cases else None
    if roll_out(place, release, hook, console.note):
        console.done(f"{asked.deployment.name} runs {image}")
    else:
        console.note(f"{asked.deployment.name} runs {image} already: nothing to do")
    running = place.running()
    print(running.image.partition("@")[2] if running else "")


@command.command("status")
@_file
@_target
@click.option("--json", "as_json", is_flag=True, help="Print JSON; the exit code is then 0.")
def status(file: str, target: str | None, as_json: bool) -> None:
    """Show what runs: replicas, images, health. The exit code is 1 unless all are ready."""
    asked = Asked.of(file, target, None)
    running = asked.place(secret=False).running()
    if as_json:
        document = running.document() if running else None
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return
    if running is None:
        raise DeployError(
            f"{asked.deployment.name} does not run on {asked.target}",
            hint="cogsmith deploy apply starts it",
        )
    sys.stdout.writelines(f"{line}\n" for line in _page(running))
    if running.ready < running.wanted:
        raise click.exceptions.Exit(1)


@command.command("logs")
@_long_file
@_target
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option(
    "-n", "--tail", type=click.IntRange(0), default=100, show_default=True, help="Lines of each."
)
def logs(file: str, target: str | None, follow: bool, tail: int) -> None:
    """Print what the replicas write, each line with whose it is."""
    place = Asked.of(file, target, None).place(secret=False)
    place.logs(partial(print, flush=True), follow=follow, tail=tail)


@command.command("rollback")
@_file
@_target
@options.progress
def rollback(file: str, target: str | None, console: Console) -> None:
    """Return to what ran before the last apply; a second time, there again.

    Everything returns: the image, its variables, the number of replicas.
    """
    asked = Asked.of(file, target, None)
    running = roll_back(asked.place(secret=False), console.note)
    console.done(f"{running.name} runs {running.image}")
    print(running.image.partition("@")[2])


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A deployment, and for which of its targets."""

    path: Path
    deployment: Deployment
    target: str

    @classmethod
    def of(cls, file: str, target: str | None, model: str | None) -> Asked:
        """What the command line means. Raises DeploymentInvalid, UsageError."""
        path = Path(file)
        deployment = parse(_text(path), where=path.name)
        if model:
            deployment = deployment.model_copy(update={"model": _checked(model)})
        return cls(path=path, deployment=deployment, target=_chosen(deployment, target))

    @property
    def cases(self) -> str | None:
        """The tests that deploy.yaml names, as a path from here."""
        named = self.deployment.rollout.tests
        return str(self.path.parent / named) if named else None

    def resolved(self) -> Asked:
        """The same with the image's digest, and with its command where that must be known."""
        reference = self.deployment.reference
        with client() as registry:
            digest = reference.digest or registry.fetch(reference).digest
            pinned = self.deployment.pinned(digest)
            if self._reads_files() and not pinned.command:
                image = registry.image(pinned.reference, Platform.parse("linux/amd64"))
                config = image.config.config
                pinned = pinned.running((*(config.entrypoint or ()), *(config.cmd or ())))
        return Asked(path=self.path, deployment=pinned, target=self.target)

    def _reads_files(self) -> bool:
        """Whether secrets come as files, which something must read before the model starts."""
        entries = self.deployment.secrets.values()
        if self.target == "swarm":
            return bool(entries)
        return self.target == "compose" and any(entry.file for entry in entries)

    def place(self, *, secret: bool = True) -> AnyTarget:
        """The target; with the values of secrets that come from here, unless it needs none."""
        values = dict(self._values()) if secret else {}
        if self.target == "compose":
            folder = self.path.parent.resolve()
            return ComposeTarget(deployment=self.deployment, folder=folder, values=values)
        if self.target == "swarm":
            return SwarmTarget(deployment=self.deployment, values=values)
        return KubernetesTarget(deployment=self.deployment, values=values, target=self.target)

    def environment(self) -> dict[str, str]:
        """For the tests: ours, with the server's key where that is known here."""
        known = {name: value for name, value in self._values() if name == KEY}
        first = {name: value.replace(",", " ").split()[0] for name, value in known.items()}
        return {**os.environ, **first}

    def _values(self) -> Iterator[tuple[str, str]]:
        """Raises DeployError with all that are missing."""
        missing = []
        for name, entry in sorted(self.deployment.secrets.items()):
            where = f"{self.path.name}: secrets.{name}"
            if entry.env and entry.env not in os.environ:
                missing.append(Problem(f"{entry.env} is not set", where, f"export {entry.env}=..."))
            elif entry.env:
                yield name, os.environ[entry.env]
            elif entry.file:
                yield name, _text(self.path.parent / entry.file).rstrip("\n")
        if missing:
            raise DeployError(missing)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        hint = "docs/how-to/deploy.md shows one" if path.name == FILE else ""
        raise DeploymentInvalid("no such file", where=str(path), hint=hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DeploymentInvalid(f"cannot be read: {error}", where=str(path)) from None


def _checked(model: str) -> str:
    try:
        return str(Reference.parse(model).familiar)
    except InvalidReference as error:
        raise UsageError(error.message, where="--model", hint=error.hint) from None


def _chosen(deployment: Deployment, target: str | None) -> str:
    there = [name for name in TARGETS if getattr(deployment.targets, name) is not None]
    if target is None and len(there) == 1:
        return there[0]
    if target is None:
        raise UsageError(f"which target? there are {', '.join(there)}", hint=f"-t {there[0]}")
    if target not in there:
        hint = f'add "  {target}: {{}}" under targets'
        raise UsageError(f"deploy.yaml has no target {target}", hint=hint)
    return target


def _tested(cases: str, environment: dict[str, str], console: Console, address: str) -> bool:
    """Whether the server at an address passes: ``cogsmith test``, as a process of its own."""
    program = "from cogsmith.cli.main import main; main()"
    words = ("test", "--target", address, "--cases", cases)
    try:
        run((sys.executable, "-c", program, *words), env=environment, on_line=console.line)
    except CommandFailed as error:
        if error.exit_code == 1:
            return False
        raise DeployError(f"its tests could not be run: {error.message}") from error
    return True


def _dry_run(asked: Asked, place: AnyTarget, cases: str | None, console: Console) -> None:
    running, release = place.running(), place.release()
    rollout = release.deployment.rollout
    if running and running.spec == release.spec:
        console.note("nothing to do")
        return
    steps = [f"start {asked.deployment.name} on {asked.target}"]
    if running:
        trial = ["try one replica of it, without requests"] if rollout.trial else []
        canary = ["give it a share of the requests"] if rollout.canary and place.shares else []
        steps = [*trial, *canary, f"replace {running.wanted} replica(s), one after the other"]
    if cases:
        steps.insert(1, f"run the cases of {cases} on it")
    for number, step in enumerate(steps, 1):
        console.note(f"{number}. {step}")
    before = running.spec if running else Spec("")
    sys.stdout.writelines(f"{line}\n" for line in before.differences(release.spec, asked.target))


def _page(running: Running) -> Iterator[str]:
    """The page for people."""
    yield from table(
        [
            ("Name", running.name),
            ("Image", running.image),
            ("Ready", f"{running.ready} of {running.wanted}"),
            *([("Update", running.progress)] if running.progress else []),
        ]
    )
    if running.replicas:
        yield ""
        rows = [
            (one.name, one.state, one.digest[7:19] or one.image, one.node, one.address or one.note)
            for one in running.replicas
        ]
        yield from table([("REPLICA", "STATE", "DIGEST", "NODE", ""), *rows])
