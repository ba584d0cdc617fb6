"""What two keys of deploy.yaml may not say together.

They look at the plain values, before these are typed, so that a file with a wrong type in one
place still gets all its other problems told. A value of the wrong type is passed over here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cogsmith.config import KeyPath

__all__ = ["Finding", "findings"]

SOURCES = ("secret", "env", "file")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at one place of a document."""

    path: KeyPath
    message: str
    hint: str = ""


def findings(value: dict[str, object]) -> Iterator[Finding]:
    """Everything that is wrong between keys, in the order of the rules below."""
    targets = _mapping(value.get("targets"))
    if "targets" in value and not targets:
        yield Finding(("targets",), "names no target", 'write "  swarm: {}" below it, for one')
    yield from _secrets(value)
    yield from _scaling(value, targets)
    yield from _compose(value, targets)
    yield from _swarm(value, targets)
    yield from _rollout(_mapping(value.get("rollout")))


def _secrets(value: dict[str, object]) -> Iterator[Finding]:
    plain = _mapping(value.get("environment"))
    for name, entry in _mapping(value.get("secrets")).items():
        path: KeyPath = ("secrets", name)
        if name in plain:
            said = f"{name} stands under environment, too"
            yield Finding(path, said, "keep one of them")
        if not isinstance(entry, dict):
            continue
        given = [source for source in SOURCES if source in entry]
        if len(given) != 1:
            said = " and ".join(given) or "no source"
            hint = f"one of {', '.join(SOURCES)} says where the value is"
            yield Finding(path, f"{said} cannot all be given" if given else "has no source", hint)
        if "key" in entry and "secret" not in entry:
            yield Finding((*path, "key"), "belongs to a secret of the target", "leave it out")


def _scaling(value: dict[str, object], targets: dict[str, object]) -> Iterator[Finding]:
    scaling = _mapping(value.get("autoscaling"))
    if not scaling:
        return
    least, most = scaling.get("min", 1), scaling.get("max")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield Finding(("autoscaling", "min"), f"min {least} is more than max {most}")
    if "replicas" in value:
        said = "replicas and autoscaling cannot both be set"
        yield Finding(
            ("replicas",), said, "leave replicas out; min says how many there are at least"
        )
    if least == 0 and set(targets) - {"kserve"}:
        said = "min 0: a model that does not run counts no requests, so nobody would start it"
        yield Finding(("autoscaling", "min"), said, "1 is the least, but for serverless KServe")
    if (
        "kubernetes" in targets
        and scaling.get("by", "keda") == "keda"
        and "prometheus" not in scaling
    ):
        hint = "prometheus: http://prometheus-operated.monitoring:9090, for one"
        yield Finding(("autoscaling",), "KEDA must know where Prometheus is", hint)


def _compose(value: dict[str, object], targets: dict[str, object]) -> Iterator[Finding]:
    if "compose" not in targets:
        return
    replicas = value.get("replicas", 1)
    if isinstance(replicas, int) and replicas > 1:
        said = f"replicas {replicas}: Compose has one behind a port"
        hint = "COGSMITH_WORKERS under environment starts several processes; or take swarm"
        yield Finding(("replicas",), said, hint)
    for name, entry in _mapping(value.get("secrets")).items():
        if "secret" in _mapping(entry):
            said = "Compose keeps no secrets of its own"
            yield Finding(("secrets", name, "secret"), said, "take env or file")


def _swarm(value: dict[str, object], targets: dict[str, object]) -> Iterator[Finding]:
    if "swarm" in targets and "autoscaling" in value:
        yield Finding(("autoscaling",), "Swarm scales nothing by itself", "set replicas")
    if "compose" in targets and "autoscaling" in value:
        yield Finding(("autoscaling",), "Compose scales nothing by itself", "leave it out")


def _rollout(rollout: dict[str, object]) -> Iterator[Finding]:
    if rollout.get("max_unavailable", 0) == 0 and rollout.get("max_surge", 1) == 0:
        said = "max_surge 0 and max_unavailable 0: no replica could be replaced"
        yield Finding(("rollout", "max_surge"), said, "set one of them to 1")
    watch, timeout = rollout.get("watch", 15), rollout.get("timeout", 1800)
    if isinstance(watch, int) and isinstance(timeout, int) and watch >= timeout:
        said = f"watch {watch} is not less than timeout {timeout}: no replica could hold that long"
        yield Finding(("rollout", "watch"), said, "raise timeout")


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}
