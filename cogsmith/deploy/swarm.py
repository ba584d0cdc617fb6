"""Deployment → a stack file for Docker Swarm (Compose file format 3.8, as its engine reads it)."""

from __future__ import annotations

from collections.abc import Mapping

from cogsmith.deploy.compose import SERVICE
from cogsmith.deploy.delivery import escaped, wrapped
from cogsmith.deploy.deployment import INSIDE, Deployment
from cogsmith.deploy.fields import bytes_of
from cogsmith.deploy.health import cpus, healthcheck, size
from cogsmith.deploy.labels import MANAGED
from cogsmith.deploy.manifests import Manifest, given
from cogsmith.deploy.places import Swarm
from cogsmith.oci import Digest

__all__ = ["secret_name", "swarm", "swarm_trial"]

NETWORK = "inside"


def swarm(deployment: Deployment, names: Mapping[str, str] | None = None) -> list[Manifest]:
    """The one document of a stack.

    ``names`` says what the target calls the secrets that we make there: Swarm's secrets never
    change, so each value has a name of its own, which is not known before it is.
    """
    place = deployment.targets.swarm or Swarm()
    return [_stack(deployment, place, _service(deployment, place), names or {})]


def swarm_trial(deployment: Deployment, names: Mapping[str, str] | None = None) -> list[Manifest]:
    """The same with one replica, on a free port of its node, that no request reaches."""
    place = (deployment.targets.swarm or Swarm()).model_copy(update={"publish": "host"})
    service = _service(deployment, place)
    service["networks"] = {NETWORK: {}}
    service["labels"] = {}
    # Swarm tells a port only of what is healthy. We ask the server ourselves, and hear sooner
    # that its setup() has failed.
    service["healthcheck"] = {"disable": True}
    service["deploy"] = {
        **service["deploy"],
        "replicas": 1,
        "labels": {},
        # One try: what does not hold here is told, not started again.
        "restart_policy": {"condition": "none"},
    }
    return [_stack(deployment, place, service, names or {})]


def secret_name(deployment: Deployment, variable: str, value: str | None = None) -> str:
    """What Swarm calls a secret: its own name there, or ours, which follows from its value."""
    entry = deployment.secrets[variable]
    if entry.secret:
        return entry.secret
    ours = f"{deployment.name}_{variable}"
    return ours if value is None else f"{ours}_{Digest.of(value.encode()).short}"


def _stack(
    deployment: Deployment, place: Swarm, service: Manifest, names: Mapping[str, str]
) -> Manifest:
    own = {"driver": "overlay"}
    there = {"external": True, "name": place.network}
    return given(
        version="3.8",
        services={SERVICE: service},
        networks={NETWORK: there if place.network else own},
        secrets={
            name: {"external": True, "name": names.get(name) or secret_name(deployment, name)}
            for name in sorted(deployment.secrets)
        },
        volumes={cache.volume: {} for cache in place.caches},
    )


def _service(deployment: Deployment, place: Swarm) -> Manifest:
    return given(
        image=deployment.model,
        **wrapped(deployment.command, deployment.secrets),
        environment={name: escaped(value) for name, value in deployment.variables.items()},
        secrets=[{"source": name, "target": name} for name in sorted(deployment.secrets)],
        ports=_ports(deployment, place),
        networks={NETWORK: {"aliases": [deployment.name]}},
        healthcheck=healthcheck(deployment),
        stop_grace_period=f"{deployment.grace}s",
        volumes=[*_shared_memory(deployment), *_caches(place)],
        labels={MANAGED: deployment.name},
        deploy=_deploy(deployment, place),
    )


def _ports(deployment: Deployment, place: Swarm) -> list[Manifest]:
    if place.publish == "none":
        return []
    # With "host" each replica has a free port of its node: several fit on one.
    published = {"published": deployment.port} if place.publish == "ingress" else {}
    return [{"target": INSIDE, **published, "protocol": "tcp", "mode": place.publish}]


def _deploy(deployment: Deployment, place: Swarm) -> Manifest:
    rollout = deployment.rollout
    first = "start-first" if rollout.max_surge else "stop-first"
    update = {
        "parallelism": max(rollout.max_surge, rollout.max_unavailable, 1),
        "order": first,
        "failure_action": "rollback",
        "monitor": f"{rollout.watch}s",
        "max_failure_ratio": 0,
    }
    return given(
        mode="replicated",
        replicas=deployment.replicas,
        # Without Swarm's own balancing a name leads to the replicas themselves.
        endpoint_mode="vip" if place.publish == "ingress" else "dnsrr",
        update_config=update,
        rollback_config={**update, "failure_action": "pause"},
        restart_policy={"condition": "any", "delay": "5s"},
        placement=given(
            constraints=list(place.constraints), max_replicas_per_node=place.most_per_node
        ),
        resources=_resources(deployment, place),
        labels={MANAGED: deployment.name},
    )


def _resources(deployment: Deployment, place: Swarm) -> Manifest:
    """Limits, and what a node must have to spare."""
    gpus = {"discrete_resource_spec": {"kind": place.gpu_resource, "value": deployment.gpus}}
    wanted = given(cpus=cpus(deployment.cpu), memory=size(deployment.memory))
    return given(
        limits=wanted,
        reservations=given(**wanted, generic_resources=[gpus] if deployment.gpus else []),
    )


def _shared_memory(deployment: Deployment) -> list[Manifest]:
    """Swarm has no shm_size; a file system in memory at its place does the same."""
    from_size = deployment.shared_memory
    if not from_size:
        return []
    return [{"type": "tmpfs", "target": "/dev/shm", "tmpfs": {"size": bytes_of(from_size)}}]  # noqa: S108 - in the container


def _caches(place: Swarm) -> list[Manifest]:
    return [
        {"type": "volume", "source": cache.volume, "target": cache.path} for cache in place.caches
    ]
