"""A project of Docker Compose, made and watched through ``docker compose``.

One port has one container here: a new version takes over when the old one has drained, and for
the time that the model loads nothing answers. A trial beside it says before whether it will.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cogsmith.deploy.apply.ask import is_ready, until
from cogsmith.deploy.apply.docker import LAST_WORDS, DockerTarget, said_by, with_last_words
from cogsmith.deploy.apply.files import brief
from cogsmith.deploy.commands import Docker
from cogsmith.deploy.compose import SERVICE, compose, compose_trial
from cogsmith.deploy.delivery import escaped
from cogsmith.deploy.deployment import INSIDE, Deployment
from cogsmith.deploy.labels import DIGEST, MANAGED, PREVIOUS, SPEC, mark_of
from cogsmith.deploy.manifests import Manifest, write
from cogsmith.deploy.places import Compose
from cogsmith.deploy.roll_out import Release
from cogsmith.deploy.state import Replica, Running, Spec
from cogsmith.errors import CommandFailed, DeployError
from cogsmith.process import run

__all__ = ["ComposeTarget"]

PROJECT = "com.docker.compose.project"
ENDED = {"exited", "dead"}


@dataclass(frozen=True, kw_only=True)
class ComposeTarget(DockerTarget):
    """The project of a deployment; the files that it names lie in ``folder``.

    ``values`` holds the secrets that come from here, by variable, to see when one changes.
    """

    deployment: Deployment
    folder: Path
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    project: str = ""

    @property
    def place(self) -> Compose:
        """The target's settings."""
        return self.deployment.targets.compose or Compose()

    @property
    def docker(self) -> Docker:
        """The words for its engine."""
        return Docker(self.place.context)

    @property
    def name(self) -> str:
        """The project's name."""
        return self.project or self.deployment.name

    def release(self) -> Release:
        """The deployment as this target gets it."""
        (manifest,) = compose(self.deployment)
        manifest["services"][SERVICE]["labels"].update(mark_of(self.values))
        return Release(deployment=self.deployment, spec=Spec.of([manifest]))

    def running(self) -> Running | None:
        """What runs under the project's name. Raises DeployError where it is not ours."""
        found = self._containers()
        if not found:
            return None
        labels = found[0]["Config"]["Labels"]
        if MANAGED not in labels:
            hint = "give the deployment another name, or take that project down"
            raise DeployError(f"the project {self.name} is there, and not ours", hint=hint)
        return Running(
            name=self.name,
            image=found[0]["Config"]["Image"],
            wanted=1,
            replicas=tuple(replica_of(one, self._host()) for one in found),
            spec=Spec(labels.get(SPEC, "")),
            previous=Spec(labels.get(PREVIOUS, "")),
        )

    def put(self, spec: Spec, previous: Spec) -> None:
        """Make it so and wait until it takes predictions. Raises DeployError."""
        self._up(labelled(spec, previous), self.name)
        seconds = self.deployment.rollout.timeout
        try:
            until(self._ready, seconds=seconds, missed="it does not take predictions")
        except DeployError as error:
            raise with_last_words(error, self._last_words()) from error

    @contextmanager
    def trial(self, release: Release) -> Iterator[str]:
        """The new version in a project of its own, at a free port."""
        name = f"{self.deployment.name}-trial"
        other = ComposeTarget(deployment=release.deployment, folder=self.folder, project=name)
        try:
            other._up(compose_trial(release.deployment)[0], name)
            seconds = release.deployment.rollout.timeout
            until(other._ready, seconds=seconds, missed="it does not take predictions")
            yield other.address()
        except DeployError as error:
            raise with_last_words(error, other._last_words()) from error
        finally:
            other.remove()

    def address(self) -> str:
        """Where the port is published."""
        ports = [replica_of(one, self._host()).address for one in self._containers()]
        return next(filter(None, ports), "")

    def remove(self) -> None:
        """End the project; volumes stay."""
        said_by(self.docker.project(self.name, "down", "--remove-orphans"))

    def logs(self, tell: Callable[[str], None], *, follow: bool, tail: int) -> None:
        """Hear what it writes."""
        more = ("--follow",) if follow else ()
        words = ("logs", "--no-color", *more, "--tail", str(tail))
        run(self.docker.project(self.name, *words), on_line=tell)

    def _up(self, manifest: Manifest, project: str) -> None:
        """Start it; Compose waits for nothing, as we hear more than whether it is healthy."""
        with brief(write([{**manifest, "name": project}])) as file:
            said_by(self.docker.compose_up(project, file, str(self.folder)))

    def _containers(self) -> list[dict[str, Any]]:
        ids = said_by(self.docker.containers(f"{PROJECT}={self.name}")).split()
        found: list[dict[str, Any]] = json.loads(said_by(self.docker.inspect(*ids))) if ids else []
        return found

    def _ready(self) -> bool:
        for one in self._containers():
            state = one["State"]
            if state["Status"] in ENDED or one.get("RestartCount", 0):
                raise DeployError(f"it ends with exit code {state['ExitCode']}", where=self.name)
        address = self.address()
        return bool(address) and is_ready(address)

    def _host(self) -> str:
        """The machine whose engine we speak to."""
        address = said_by(self.docker.inspect_context()).strip()
        return urlsplit(address).hostname or "127.0.0.1"

    def _last_words(self) -> str:
        heard: list[str] = []
        with suppress(CommandFailed):
            self.logs(heard.append, follow=False, tail=LAST_WORDS)
        return "\n".join(line.partition("| ")[2] or line for line in heard)


def replica_of(container: Mapping[str, Any], host: str) -> Replica:
    """A container in our words, from what ``docker inspect`` says."""
    state = container["State"]
    health = (state.get("Health") or {}).get("Status", "")
    bound = (container["NetworkSettings"].get("Ports") or {}).get(f"{INSIDE}/tcp") or []
    port = bound[0]["HostPort"] if bound else ""
    return Replica(
        name=container["Name"].lstrip("/"),
        state=health if health and state["Status"] == "running" else state["Status"],
        ready=state["Status"] == "running" and health in ("", "healthy"),
        image=container["Config"]["Image"],
        address=f"http://{host}:{port}" if port else "",
        note=state.get("Error", ""),
    )


def labelled(spec: Spec, previous: Spec) -> Manifest:
    """The project with what it is written on its container, to compare with and return to."""
    (manifest,) = spec.manifests
    service = manifest["services"][SERVICE]
    digest = service["image"].partition("@")[2]
    notes = {DIGEST: digest, SPEC: escaped(spec.text), PREVIOUS: escaped(previous.text)}
    service["labels"] = {**service["labels"], **notes}
    return manifest
