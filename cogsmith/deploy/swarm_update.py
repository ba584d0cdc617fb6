"""How far Swarm is with an update, read from what ``docker service inspect`` and ``ps`` say.

A service's ``UpdateStatus`` is that of its latest update, and is not there before the first. A
task is called running when its health check is good (moby/swarmkit, "task model").
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cogsmith.deploy.state import Replica
from cogsmith.errors import DeployError, RolledBack

__all__ = ["ENDED", "Update", "begun_at", "parse_tasks", "replica_of"]

ENDED = {"failed", "rejected", "complete", "shutdown", "orphaned", "remove"}
BACK = {"rollback_completed"}
STUCK = {"paused", "rollback_paused"}
MOST_FAILURES = 3  # of tasks of a first start; Swarm would start them for ever
SETTLED = 5  # looks after which an update that is needed has begun


def parse_tasks(text: str) -> list[dict[str, str]]:
    """What ``docker service ps --format json`` says, one task a line, the newest first."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def replica_of(task: Mapping[str, str], host: str = "") -> Replica:
    """One task in our words; ``host`` is its node, for an address."""
    state = task["CurrentState"].split(" ", 1)[0].lower()
    port = _port_of(task.get("Ports", ""))
    return Replica(
        name=task["Name"],
        state=state,
        ready=state == "running",
        image=task["Image"],
        node=task["Node"],
        address=f"http://{host}:{port}" if host and port else "",
        note=task.get("Error", "").strip('"'),
    )


def _port_of(ports: str) -> str:
    """``*:32768->5000/tcp`` is port 32768 of the node."""
    first = ports.split(",")[0]
    return first.partition("->")[0].rpartition(":")[2] if "->" in first else ""


def begun_at(service: Mapping[str, Any] | None) -> str:
    """When a service's latest update began; "" when there was none."""
    return str(_status(service).get("StartedAt", ""))


def _status(service: Mapping[str, Any] | None) -> dict[str, Any]:
    found: dict[str, Any] = (service or {}).get("UpdateStatus") or {}
    return found


@dataclass
class Update:
    """An update under way; ``begun`` is when the one before it began, ``first`` a first start."""

    name: str
    begun: str
    first: bool
    looks: int = 0

    def over(self, service: Mapping[str, Any] | None, tasks: Sequence[Mapping[str, str]]) -> bool:
        """Whether all replicas are new and ready.

        Raises RolledBack when Swarm went back, DeployError when it stands still, when the
        service is gone, and when a first start fails again and again.
        """
        self.looks += 1
        if service is None:
            raise DeployError(f"{self.name} is gone")
        if begun_at(service) != self.begun:
            return self._updated(_status(service), tasks)
        if self.first:
            self._look_at_failures(tasks)
        return self.looks > (1 if self.first else SETTLED) and _all_ready(service, tasks)

    def _updated(self, status: Mapping[str, Any], tasks: Sequence[Mapping[str, str]]) -> bool:
        state, said = str(status.get("State", "")), str(status.get("Message", ""))
        if state in BACK:
            raise RolledBack(
                f"Swarm brought back the version before: {_reason(tasks) or said}",
                where=self.name, hint="what ran before still runs",
            )  # fmt: skip
        if state in STUCK:
            raise DeployError(f"the update stands still: {said}", where=self.name)
        return state == "completed"

    def _look_at_failures(self, tasks: Sequence[Mapping[str, str]]) -> None:
        failed = [one for one in map(replica_of, tasks) if one.state in ENDED]
        if len(failed) >= MOST_FAILURES:
            raise DeployError(_reason(tasks) or "its replicas end", where=self.name)


def _reason(tasks: Sequence[Mapping[str, str]]) -> str:
    """What the newest task that did not hold says."""
    return next((one.note for one in map(replica_of, tasks) if one.note), "")


def _all_ready(service: Mapping[str, Any], tasks: Sequence[Mapping[str, str]]) -> bool:
    spec = service["Spec"]
    image = spec["TaskTemplate"]["ContainerSpec"]["Image"]
    wanted: int = spec["Mode"]["Replicated"]["Replicas"]
    running = [task for task in tasks if task["DesiredState"] == "Running"]
    found = [one for one in map(replica_of, running) if one.ready and one.image == image]
    return len(found) >= wanted
