"""Deployment → manifests for Kubernetes, from 1.30 on (the pause before SIGTERM is the kubelet's).

A pod that is to go is taken out of its Service and told to end at the same moment, and the first
takes a while to be heard everywhere. So it waits before SIGTERM, then drains, then ends:
``terminationGracePeriodSeconds`` is the sum.
"""

from __future__ import annotations

from cogsmith.deploy.deployment import Deployment
from cogsmith.deploy.manifests import Manifest, given
from cogsmith.deploy.places import Ingress, KServe, Kubernetes
from cogsmith.deploy.pods import LEAVING, NAME, asked, container, labels, pod, port
from cogsmith.deploy.scaling import scaler

__all__ = ["CANARY", "kubernetes", "kubernetes_trial"]

SERVES = "run.cogsmith.deploy.serves"  # a pod with it gets the Service's requests
CANARY = "canary"


def kubernetes(deployment: Deployment) -> list[Manifest]:
    """All documents: what runs, how it is reached, how it is scaled, what protects it."""
    place = deployment.targets.kubernetes or Kubernetes()
    documents = [_deployment(deployment, place), _service(deployment), _budget(deployment)]
    if deployment.autoscaling:
        documents.append(scaler(deployment, place.namespace))
    if place.ingress:
        documents.append(_ingress(deployment, place.ingress))
    if place.service_monitor:
        documents.append(_monitor(deployment))
    return [_placed(document, place.namespace) for document in documents]


def kubernetes_trial(
    deployment: Deployment, settings: Kubernetes | KServe, *, serves: bool, replicas: int
) -> list[Manifest]:
    """A second Deployment of the new version: a trial without requests, or a canary with some."""
    place = Kubernetes.model_validate(settings.model_dump(include=set(Kubernetes.model_fields)))
    document = _deployment(deployment, place)
    own = {NAME: f"{deployment.name}-{CANARY}", SERVES: deployment.name if serves else "nothing"}
    document["metadata"] = {**document["metadata"], "name": f"{deployment.name}-{CANARY}"}
    document["spec"]["replicas"] = replicas
    document["spec"]["selector"] = {"matchLabels": {NAME: own[NAME]}}
    document["spec"]["template"]["metadata"]["labels"].update(own)
    return [_placed(document, place.namespace)]


def _placed(document: Manifest, namespace: str) -> Manifest:
    metadata = document["metadata"]
    placed = {"name": metadata["name"], "namespace": namespace, **metadata}
    return {**document, "metadata": placed}


def _deployment(deployment: Deployment, place: Kubernetes) -> Manifest:
    rollout, own = deployment.rollout, labels(deployment)
    fixed = None if deployment.autoscaling else deployment.replicas
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": deployment.name, "labels": own},
        "spec": given(
            replicas=fixed,
            revisionHistoryLimit=5,
            progressDeadlineSeconds=rollout.timeout,
            minReadySeconds=rollout.watch,
            strategy={
                "type": "RollingUpdate",
                "rollingUpdate": {
                    "maxSurge": rollout.max_surge, "maxUnavailable": rollout.max_unavailable
                },
            },
            selector={"matchLabels": {NAME: deployment.name}},
            template={
                "metadata": {"labels": {**own, SERVES: deployment.name}},
                "spec": _pod(deployment, place),
            },
        ),
    }  # fmt: skip


def _pod(deployment: Deployment, place: Kubernetes) -> Manifest:
    probes = deployment.probes
    model = {
        "name": "model",
        **container(deployment, place),
        "ports": [port()],
        "startupProbe": asked(probes.startup),
        "readinessProbe": asked(probes.readiness),
        "livenessProbe": asked(probes.liveness),
        "lifecycle": {"preStop": {"sleep": {"seconds": LEAVING}}},
    }
    made = pod(deployment, place, model)
    return {"terminationGracePeriodSeconds": LEAVING + deployment.grace, **made}


def _service(deployment: Deployment) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": deployment.name, "labels": labels(deployment)},
        "spec": {
            "selector": {SERVES: deployment.name},
            "ports": [{"name": "http", "port": deployment.port, "targetPort": "http"}],
        },
    }


def _budget(deployment: Deployment) -> Manifest:
    """Nodes are emptied one replica at a time; a single one may still be moved."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": deployment.name, "labels": labels(deployment)},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {NAME: deployment.name}}},
    }


def _ingress(deployment: Deployment, ingress: Ingress) -> Manifest:
    service = {"service": {"name": deployment.name, "port": {"name": "http"}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": service}]
    tls = [{"hosts": [ingress.host], "secretName": ingress.tls_secret}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": given(
            name=deployment.name,
            labels=labels(deployment),
            annotations=dict(sorted(ingress.annotations.items())),
        ),
        "spec": given(
            ingressClassName=ingress.ingress_class,
            tls=tls if ingress.tls_secret else [],
            rules=[{"host": ingress.host, "http": {"paths": paths}}],
        ),
    }


def _monitor(deployment: Deployment) -> Manifest:
    """For Prometheus' operator. With keys, ``/metrics`` is closed, and it gets one."""
    key = deployment.secrets.get("COGSMITH_API_KEY")
    credentials = key and {"name": key.secret, "key": key.key or "COGSMITH_API_KEY"}
    if key and not key.secret:
        credentials = {"name": f"{deployment.name}-secrets", "key": "COGSMITH_API_KEY"}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": deployment.name, "labels": labels(deployment)},
        "spec": {
            "selector": {"matchLabels": {NAME: deployment.name}},
            "endpoints": [
                given(
                    port="http",
                    path="/metrics",
                    authorization={"credentials": credentials} if credentials else None,
                )
            ],
        },
    }
