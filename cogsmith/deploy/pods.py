"""What Kubernetes and KServe share: a container of the model, and its pod."""

from __future__ import annotations

from cogsmith.deploy.deployment import INSIDE, Deployment, Probe, Secret
from cogsmith.deploy.labels import MANAGED
from cogsmith.deploy.manifests import Manifest, given
from cogsmith.deploy.places import KServe, Kubernetes

__all__ = ["LEAVING", "NAME", "container", "labels", "pod", "secret_of"]

NAME = "app.kubernetes.io/name"
LEAVING = 5  # seconds before SIGTERM in which all proxies hear that the pod takes no more
SHARED = "shared-memory"

Place = Kubernetes | KServe


def labels(deployment: Deployment) -> dict[str, str]:
    """Kubernetes' recommended labels, as far as we know what to write there."""
    return {
        NAME: deployment.name,
        "app.kubernetes.io/managed-by": "cogsmith",
        MANAGED: deployment.name,
    }


def secret_of(deployment: Deployment) -> str:
    """The Secret that is made of files and variables of whoever deploys."""
    return f"{deployment.name}-secrets"


def container(deployment: Deployment, place: Place) -> Manifest:
    """The model's container, without what its surroundings decide (ports, probes, endings)."""
    return given(
        image=deployment.model,
        args=list(deployment.command),
        env=[*_plain(deployment), *_secret(deployment)],
        resources=_resources(deployment, place),
        securityContext={
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": place.user,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        volumeMounts=_mounts(deployment, place),
    )


def pod(deployment: Deployment, place: Place, model: Manifest) -> Manifest:
    """A pod of this container: where it may run, and what is mounted."""
    return given(
        automountServiceAccountToken=None if place.service_account else False,
        serviceAccountName=place.service_account,
        runtimeClassName=place.runtime_class,
        nodeSelector=dict(sorted(place.node_selector.items())),
        tolerations=[one.model_dump(exclude_none=True) for one in place.tolerations],
        imagePullSecrets=[{"name": place.pull_secret}] if place.pull_secret else [],
        securityContext={"fsGroup": place.user},
        containers=[model],
        volumes=_volumes(deployment, place),
    )


def asked(probe: Probe) -> Manifest:
    """A question of the kubelet."""
    return {
        "httpGet": {"path": probe.path, "port": "http"},
        "periodSeconds": probe.period,
        "timeoutSeconds": probe.timeout,
        "failureThreshold": probe.failures,
    }


def port(name: str = "http") -> Manifest:
    """Where the server listens."""
    return {"name": name, "containerPort": INSIDE, "protocol": "TCP"}


def _plain(deployment: Deployment) -> list[Manifest]:
    return [{"name": name, "value": value} for name, value in deployment.variables.items()]


def _secret(deployment: Deployment) -> list[Manifest]:
    return [
        {"name": name, "valueFrom": {"secretKeyRef": _key(deployment, name, entry)}}
        for name, entry in sorted(deployment.secrets.items())
    ]


def _key(deployment: Deployment, name: str, entry: Secret) -> Manifest:
    return {"name": entry.secret or secret_of(deployment), "key": entry.key or name}


def _resources(deployment: Deployment, place: Place) -> Manifest:
    """What is asked for is the limit, too, but for CPUs: a limit there only slows a model down."""
    gpus = {place.gpu_resource: deployment.gpus} if deployment.gpus else {}
    memory = given(memory=deployment.memory)
    return given(requests={**given(cpu=_cpu(deployment.cpu)), **memory, **gpus},
                 limits={**memory, **gpus})  # fmt: skip


def _cpu(number: float | None) -> str | None:
    """CPUs as the API server writes them itself: whole ones, or thousandths."""
    if number is None:
        return None
    return f"{number:g}" if number == int(number) else f"{round(number * 1000)}m"


def _mounts(deployment: Deployment, place: Place) -> list[Manifest]:
    shared = [{"name": SHARED, "mountPath": "/dev/shm"}] if deployment.shared_memory else []  # noqa: S108 - in the container
    return [*shared, *({"name": one.volume, "mountPath": one.path} for one in place.caches)]


def _volumes(deployment: Deployment, place: Place) -> list[Manifest]:
    memory = {"medium": "Memory", "sizeLimit": deployment.shared_memory}
    shared = [{"name": SHARED, "emptyDir": memory}] if deployment.shared_memory else []
    claims = (
        {"name": one.volume, "persistentVolumeClaim": {"claimName": one.volume}}
        for one in place.caches
    )
    return [*shared, *claims]
