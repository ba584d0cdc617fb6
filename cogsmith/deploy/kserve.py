"""Deployment → KServe's InferenceService, with our server as its own kind of predictor.

Knative starts and ends pods in its own way: it refuses a pod's own pause before SIGTERM and its
grace period, so these are for the raw mode alone.
"""

from __future__ import annotations

from cogsmith.deploy.deployment import Autoscaling, Deployment, Probe
from cogsmith.deploy.manifests import Manifest
from cogsmith.deploy.places import KServe
from cogsmith.deploy.pods import LEAVING, asked, container, labels, pod, port

__all__ = ["kserve", "kserve_canary"]

MODE = "serving.kserve.io/deploymentMode"
MODES = {"raw": "RawDeployment", "serverless": "Serverless"}


def kserve(deployment: Deployment) -> list[Manifest]:
    """The one document."""
    place = deployment.targets.kserve or KServe()
    metadata = {
        "name": deployment.name,
        "namespace": place.namespace,
        "labels": labels(deployment),
        "annotations": {MODE: MODES[place.mode]},
    }
    return [
        {
            "apiVersion": "serving.kserve.io/v1beta1",
            "kind": "InferenceService",
            "metadata": metadata,
            "spec": {"predictor": _predictor(deployment, place)},
        }
    ]


def kserve_canary(deployment: Deployment) -> list[Manifest]:
    """The same with a share of the requests for this version, and the rest for the one before."""
    canary = deployment.rollout.canary
    assert canary
    (document,) = kserve(deployment)
    predictor = {**document["spec"]["predictor"], "canaryTrafficPercent": canary.percent}
    return [{**document, "spec": {"predictor": predictor}}]


def _predictor(deployment: Deployment, place: KServe) -> Manifest:
    raw = place.mode == "raw"
    scaling = deployment.autoscaling
    bounds = (scaling.min, scaling.max) if scaling else (deployment.replicas, deployment.replicas)
    ending = {"terminationGracePeriodSeconds": LEAVING + deployment.grace} if raw else {}
    return {
        "minReplicas": bounds[0],
        "maxReplicas": bounds[1],
        **_scaling(scaling),
        **ending,
        **pod(deployment, place, _model(deployment, place)),
    }


def _model(deployment: Deployment, place: KServe) -> Manifest:
    """KServe knows the model's container by its name, Knative a port of HTTP/1 by its name."""
    probes, raw = deployment.probes, place.mode == "raw"
    return {
        "name": "kserve-container",
        **_without_port(container(deployment, place), raw=raw),
        "ports": [port("http" if raw else "http1")],
        "startupProbe": _asked(probes.startup, raw=raw),
        "readinessProbe": _asked(probes.readiness, raw=raw),
        "livenessProbe": _asked(probes.liveness, raw=raw),
        **({"lifecycle": {"preStop": {"sleep": {"seconds": LEAVING}}}} if raw else {}),
    }


def _asked(probe: Probe, *, raw: bool) -> Manifest:
    made = asked(probe)
    if not raw:
        made["httpGet"]["port"] = "http1"
    return made


def _without_port(made: Manifest, *, raw: bool) -> Manifest:
    """Knative sets PORT itself, and refuses a container that does."""
    if raw:
        return made
    return {**made, "env": [entry for entry in made["env"] if entry["name"] != "PORT"]}


def _scaling(scaling: Autoscaling | None) -> Manifest:
    """Knative's own measure; raw mode scales on CPUs alone, so nothing is said there."""
    if scaling is None or scaling.metric != "concurrency":
        return {}
    return {"scaleMetric": "concurrency", "scaleTarget": scaling.target}
