"""Autoscaling → a HorizontalPodAutoscaler, or KEDA's ScaledObject over our metrics."""

from __future__ import annotations

from cogsmith.deploy.deployment import Autoscaling, Deployment
from cogsmith.deploy.manifests import Manifest
from cogsmith.deploy.pods import labels

__all__ = ["scaler"]

# docs/reference/metrics.md
RUNNING, WAITING = "cogsmith_slots_busy", "cogsmith_queue_length"
SETTLING = 300  # seconds of less to do until a replica goes: loading a model again costs more


def scaler(deployment: Deployment, namespace: str) -> Manifest:
    """The document of whoever scales."""
    scaling = deployment.autoscaling
    assert scaling
    if scaling.by == "hpa":
        return _hpa(deployment, scaling)
    return _keda(deployment, scaling, namespace)


def _hpa(deployment: Deployment, scaling: Autoscaling) -> Manifest:
    metrics = [_per_pod(name, scaling.target) for name in _metrics(scaling)]
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": deployment.name, "labels": labels(deployment)},
        "spec": {
            "scaleTargetRef": _reference(deployment),
            "minReplicas": scaling.min,
            "maxReplicas": scaling.max,
            "metrics": metrics,
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": SETTLING}},
        },
    }


def _per_pod(name: str, target: int) -> Manifest:
    """The highest number that any metric asks for wins, so each may be looked at alone."""
    value = {"type": "AverageValue", "averageValue": str(target)}
    return {"type": "Pods", "pods": {"metric": {"name": name}, "target": value}}


def _keda(deployment: Deployment, scaling: Autoscaling, namespace: str) -> Manifest:
    where = f'{{namespace="{namespace}",service="{deployment.name}"}}'
    query = " + ".join(f"sum({name}{where})" for name in _metrics(scaling))
    trigger = {
        "type": "prometheus",
        "metricType": "AverageValue",
        "metadata": {
            "serverAddress": scaling.prometheus,
            "query": query,
            "threshold": str(scaling.target),
        },
    }
    behavior = {"scaleDown": {"stabilizationWindowSeconds": SETTLING}}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": deployment.name, "labels": labels(deployment)},
        "spec": {
            "scaleTargetRef": _reference(deployment),
            "minReplicaCount": scaling.min,
            "maxReplicaCount": scaling.max,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": behavior}},
            "triggers": [trigger],
        },
    }


def _metrics(scaling: Autoscaling) -> tuple[str, ...]:
    return (WAITING,) if scaling.metric == "queue" else (RUNNING, WAITING)


def _reference(deployment: Deployment) -> Manifest:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment.name}
