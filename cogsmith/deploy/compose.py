"""Deployment → a Compose file (compose-spec) for one machine."""

from __future__ import annotations

from cogsmith.deploy.delivery import escaped, wrapped
from cogsmith.deploy.deployment import INSIDE, Deployment
from cogsmith.deploy.health import cpus, healthcheck, size
from cogsmith.deploy.labels import MANAGED
from cogsmith.deploy.manifests import Manifest, given
from cogsmith.deploy.places import Compose

__all__ = ["SERVICE", "compose", "compose_trial"]

SERVICE = "model"


def compose(deployment: Deployment) -> list[Manifest]:
    """The one document of a Compose project."""
    place = deployment.targets.compose or Compose()
    files = {name: entry.file for name, entry in deployment.secrets.items() if entry.file}
    service = given(
        image=deployment.model,
        **wrapped(deployment.command, files),
        environment=_environment(deployment),
        secrets=sorted(files),
        ports=[_port(deployment, place)],
        healthcheck=healthcheck(deployment),
        restart="unless-stopped",
        stop_grace_period=f"{deployment.grace}s",
        shm_size=size(deployment.shared_memory),
        volumes=[f"{cache.volume}:{cache.path}" for cache in place.caches],
        security_opt=["no-new-privileges:true"],
        labels={MANAGED: deployment.name},
        deploy=given(resources=_resources(deployment)),
    )
    return [
        given(
            name=deployment.name,
            services={SERVICE: service},
            secrets={name: {"file": path} for name, path in sorted(files.items())},
            volumes={cache.volume: {} for cache in place.caches},
        )
    ]


def compose_trial(deployment: Deployment) -> list[Manifest]:
    """The same at a free port, under a name of its own, and not started twice."""
    (document,) = compose(deployment)
    document["name"] = f"{deployment.name}-trial"
    service = document["services"][SERVICE]
    service.update({"restart": "no", "labels": {}, "healthcheck": {"disable": True}})
    service["ports"] = [{**service["ports"][0], "published": "0"}]
    return [document]


def _environment(deployment: Deployment) -> dict[str, str]:
    """Variables; those of whoever deploys are asked for when it is applied."""
    plain = {name: escaped(value) for name, value in deployment.variables.items()}
    told = {
        name: f"${{{entry.env}:?set {entry.env}, which {name} is taken from}}"
        for name, entry in deployment.secrets.items()
        if entry.env
    }
    return dict(sorted({**plain, **told}.items()))


def _port(deployment: Deployment, place: Compose) -> Manifest:
    return {
        "target": INSIDE, "published": str(deployment.port), "host_ip": place.address,
        "protocol": "tcp", "mode": "host",
    }  # fmt: skip


def _resources(deployment: Deployment) -> Manifest:
    gpu = {"driver": "nvidia", "count": deployment.gpus, "capabilities": ["gpu"]}
    return given(
        limits=given(cpus=cpus(deployment.cpu), memory=size(deployment.memory)),
        reservations=given(devices=[gpu] if deployment.gpus else []),
    )
