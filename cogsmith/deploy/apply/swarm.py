"""A stack of Docker Swarm, made and watched through the ``docker`` command.

Swarm replaces one task after the other by itself: the new one starts first, and counts when its
health check is good (``start-first``); what does not hold brings the old version back
(``failure_action: rollback``). We say what to do, and watch (docs.docker.com, "docker service
update"; tasks and their states: moby/swarmkit).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cogsmith.deploy.apply.ask import is_ready, until
from cogsmith.deploy.apply.docker import LAST_WORDS, DockerTarget, refused, said_by, with_last_words
from cogsmith.deploy.apply.files import brief
from cogsmith.deploy.commands import Docker
from cogsmith.deploy.compose import SERVICE
from cogsmith.deploy.delivery import escaped
from cogsmith.deploy.deployment import Deployment
from cogsmith.deploy.labels import DIGEST, MANAGED, PREVIOUS, SPEC
from cogsmith.deploy.manifests import Manifest, write
from cogsmith.deploy.places import Swarm
from cogsmith.deploy.roll_out import Release
from cogsmith.deploy.state import Replica, Running, Spec
from cogsmith.deploy.swarm import secret_name, swarm, swarm_trial
from cogsmith.deploy.swarm_update import ENDED, Update, begun_at, parse_tasks, replica_of
from cogsmith.errors import CommandFailed, DeployError
from cogsmith.process import run

__all__ = ["SwarmTarget"]

NOWHERE = ("", "0.0.0.0", "127.0.0.1")  # noqa: S104 - addresses are compared with them


@dataclass(frozen=True, kw_only=True)
class SwarmTarget(DockerTarget):
    """The stack of a deployment. ``values`` holds the secrets that come from here, by variable."""

    deployment: Deployment
    values: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def place(self) -> Swarm:
        """The target's settings."""
        return self.deployment.targets.swarm or Swarm()

    @property
    def docker(self) -> Docker:
        """The words for its engine."""
        return Docker(self.place.context)

    @property
    def service(self) -> str:
        """The service's name: the stack's, and that of what it holds."""
        return f"{self.deployment.name}_{SERVICE}"

    def release(self) -> Release:
        """The deployment as this target gets it, with the names of its secrets."""
        return Release(
            deployment=self.deployment, spec=Spec.of(swarm(self.deployment, self._names()))
        )

    def running(self) -> Running | None:
        """What runs under the stack's name. Raises DeployError where it is not ours."""
        said = self._service()
        if said is None:
            return None
        spec = said["Spec"]
        labels = spec.get("Labels") or {}
        if MANAGED not in labels:
            hint = "give the deployment another name, or remove that service"
            raise DeployError(f"{self.service} is there, and not ours", hint=hint)
        return Running(
            name=self.deployment.name,
            image=spec["TaskTemplate"]["ContainerSpec"]["Image"],
            wanted=spec["Mode"]["Replicated"]["Replicas"],
            replicas=tuple(self._replicas()),
            spec=Spec(labels.get(SPEC, "")),
            previous=Spec(labels.get(PREVIOUS, "")),
            progress=(said.get("UpdateStatus") or {}).get("State", ""),
        )

    def put(self, spec: Spec, previous: Spec) -> None:
        """Make it so and wait. Raises RolledBack when Swarm went back, else DeployError."""
        self._make_secrets()
        before = self._service()
        self._deploy(self.deployment.name, labelled(spec, previous))
        update = Update(self.service, begun_at(before), first=before is None)
        until(
            lambda: update.over(self._service(), self._tasks()),
            seconds=self.deployment.rollout.timeout,
            missed=f"{self.service} is not new",
        )

    @contextmanager
    def trial(self, release: Release) -> Iterator[str]:
        """One task in a stack of its own, at a free port of its node."""
        trial = f"{self.deployment.name}-trial"
        other = SwarmTarget(deployment=release.deployment.model_copy(update={"name": trial}))
        self._make_secrets()
        (manifest,) = swarm_trial(release.deployment, self._names())
        try:
            self._deploy(trial, manifest)
            seconds = release.deployment.rollout.timeout
            until(other._started, seconds=seconds, missed="no replica of it is ready")
            yield other.address()
        except DeployError as error:
            raise with_last_words(error, other._last_words()) from error
        finally:
            other.remove()

    def address(self) -> str:
        """The first replica that is ready, or the port of all."""
        said = self._service()
        if said is None:
            return ""
        published = (said.get("Endpoint") or {}).get("Ports") or []
        if any(port.get("PublishMode") == "ingress" for port in published):
            return f"http://{self._manager()}:{self.deployment.port}"
        ready = [one for one in self._replicas() if one.ready and one.address]
        return ready[0].address if ready else ""

    def remove(self) -> None:
        """End the stack, and wait until its tasks are gone."""
        said_by(self.docker.stack_remove(self.deployment.name))
        until(lambda: self._service() is None, seconds=60, missed="it is not gone")

    def logs(self, tell: Callable[[str], None], *, follow: bool, tail: int) -> None:
        """Hear what all replicas write."""
        run(self.docker.service_logs(self.service, follow=follow, tail=tail), on_line=tell)

    # Asking

    def _service(self) -> dict[str, Any] | None:
        try:
            found = run(self.docker.service(self.service))
        except CommandFailed as error:
            if "no such service" in error.tail.lower():
                return None
            raise refused(error) from error
        said: dict[str, Any] = json.loads(found.output)[0]
        return said

    def _tasks(self) -> list[dict[str, str]]:
        with suppress(CommandFailed):  # it has just gone
            return parse_tasks(run(self.docker.tasks(self.service)).output)
        return []

    def _replicas(self) -> Iterator[Replica]:
        """Those that should run, and where each is reached if it has a port of its own."""
        wanted = [task for task in self._tasks() if task["DesiredState"] == "Running"]
        addresses = self._addresses({task["Node"] for task in wanted if task.get("Ports")})
        for task in wanted:
            yield replica_of(task, addresses.get(task["Node"], ""))

    def _addresses(self, nodes: set[str]) -> dict[str, str]:
        if not nodes:
            return {}
        said = json.loads(run(self.docker.nodes(*sorted(nodes))).output)
        return {
            node["Description"]["Hostname"]: self._seen(node["Status"].get("Addr", ""))
            for node in said
        }

    def _seen(self, address: str) -> str:
        """A manager may know itself by no address that others could use."""
        return self._manager() if address in NOWHERE else address

    def _manager(self) -> str:
        """The host of the engine that we speak to."""
        context = run(self.docker.inspect_context()).output.strip()
        return urlsplit(context).hostname or "127.0.0.1"

    def _started(self) -> bool:
        """Whether the trial's one replica is ready. Raises DeployError when it has ended."""
        for task in self._tasks():
            found = replica_of(task)
            if found.state in ENDED:
                raise DeployError(found.note or f"it is {found.state}", where=found.name)
        address = self.address()
        return bool(address) and is_ready(address)

    def _last_words(self) -> str:
        """The end of what its replicas have written."""
        heard: list[str] = []
        with suppress(CommandFailed):
            self.logs(heard.append, follow=False, tail=LAST_WORDS)
        return "\n".join(line.partition("| ")[2] or line for line in heard)

    # Acting

    def _deploy(self, name: str, manifest: Manifest) -> None:
        with brief(write([manifest])) as file:
            said_by(self.docker.stack_deploy(name, file))

    def _names(self) -> dict[str, str]:
        return {
            variable: secret_name(self.deployment, variable, value)
            for variable, value in self.values.items()
        }

    def _make_secrets(self) -> None:
        names = self._names()
        if not names:
            return
        there = set(said_by(self.docker.secrets()).splitlines())
        for variable, name in names.items():
            if name in there:
                continue
            label = f"{MANAGED}={self.deployment.name}"
            with brief(self.values[variable], ".secret") as file:
                said_by(self.docker.secret_create(name, file, label))


def labelled(spec: Spec, previous: Spec) -> Manifest:
    """The stack with what it is written on it, to compare with and to return to."""
    (manifest,) = spec.manifests
    service = manifest["services"][SERVICE]
    digest = service["image"].partition("@")[2]
    notes = {DIGEST: digest, SPEC: escaped(spec.text), PREVIOUS: escaped(previous.text)}
    service["deploy"]["labels"] = {**service["deploy"]["labels"], **notes}
    return manifest
