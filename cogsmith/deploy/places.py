"""What is special about each target: the keys under ``targets`` of deploy.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic import StrictBool as Flag

from cogsmith.deploy.fields import Count, Folder, Host, Line, Name

__all__ = ["Cache", "Compose", "Ingress", "KServe", "Kubernetes", "Swarm", "Toleration"]


def _list(value: object) -> object:
    return () if value is None else value


Lines = Annotated[
    tuple[Line, ...], BeforeValidator(_list, json_schema_input_type=list[Line] | None)
]


class Place(BaseModel):
    """What all of them share."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Cache(Place):
    """A folder that outlives a replica, such as for downloaded weights."""

    path: Folder = Field(description="The folder in the container.")
    volume: Line = Field(description="The volume; on Kubernetes a PersistentVolumeClaim.")


class Compose(Place):
    """Docker Compose."""

    context: Line | None = Field(default=None, description="The docker context of the machine.")
    address: Line = Field(
        default="127.0.0.1", description="The address that the port is published at."
    )
    caches: tuple[Cache, ...] = Field(default=(), description="Volumes for caches.")


class Swarm(Place):
    """Docker Swarm."""

    context: Line | None = Field(default=None, description="The docker context of a manager.")
    publish: Literal["ingress", "host", "none"] = Field(
        default="ingress",
        description="How the port is published: on every node, with Swarm's own balancing; on "
        "the nodes that have a replica, a free port for each; or inside of the network alone.",
    )
    network: Name | None = Field(
        default=None, description="An overlay network that is there already. Left out: an own one."
    )
    constraints: Lines = Field(default=(), description='Which nodes: "node.labels.gpu == true".')
    most_per_node: Count = Field(default=0, description="Replicas on one node; 0 is no limit.")
    gpu_resource: Line = Field(
        default="NVIDIA-GPU", description="What the nodes' engines call a GPU (node-generic-"
        "resources in daemon.json).",
    )  # fmt: skip
    caches: tuple[Cache, ...] = Field(default=(), description="Volumes for caches.")


class Toleration(Place):
    """A taint of nodes that does not keep the model away."""

    key: Line | None = Field(default=None, description="The taint. Left out: all.")
    operator: Literal["Exists", "Equal"] = Field(
        default="Exists", description="Whether its value counts."
    )
    value: Line | None = Field(default=None, description="Its value, with Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="Which of its effects. Left out: all."
    )


class Ingress(Place):
    """How the cluster's outer world reaches the service."""

    host: Host = Field(description="The host name.")
    ingress_class: Name | None = Field(
        default=None, description="Whose ingress. Left out: the default."
    )
    tls_secret: Name | None = Field(default=None, description="The secret with the certificate.")
    annotations: dict[Line, Line] = Field(
        default_factory=dict, description="Settings of the ingress controller."
    )


class Pods(Place):
    """What Kubernetes and KServe share."""

    context: Line | None = Field(default=None, description="kubectl's context.")
    namespace: Name = Field(default="default", description="The namespace.")
    user: Annotated[Count, Field(ge=1)] = Field(
        default=1000, description="The number of the user that the model runs as; never root."
    )
    node_selector: dict[Line, Line] = Field(
        default_factory=dict, description="Labels that a node must have."
    )
    tolerations: Annotated[
        tuple[Toleration, ...],
        BeforeValidator(_list, json_schema_input_type=list[Toleration] | None),
    ] = Field(default=(), description="Taints that do not keep the model away.")
    runtime_class: Name | None = Field(default=None, description='As "nvidia", where it must be.')
    service_account: Name | None = Field(default=None, description="The pods' service account.")
    pull_secret: Name | None = Field(default=None, description="The secret to pull the image with.")
    caches: tuple[Cache, ...] = Field(default=(), description="Claims of volumes for caches.")


class Kubernetes(Pods):
    """Kubernetes."""

    ingress: Ingress | None = Field(default=None, description="How it is reached from outside.")
    service_monitor: Flag = Field(
        default=False, description="Whether Prometheus' operator is told to collect the metrics."
    )
    gpu_resource: Line = Field(
        default="nvidia.com/gpu", description="What the device plugin calls a GPU, or a part of it."
    )


class KServe(Pods):
    """KServe."""

    mode: Literal["raw", "serverless"] = Field(
        default="raw", description="Plain Kubernetes, or Knative, which scales to zero."
    )
    gpu_resource: Line = Field(
        default="nvidia.com/gpu", description="What the device plugin calls a GPU, or a part of it."
    )
