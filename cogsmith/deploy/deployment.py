"""The document: every key of deploy.yaml, typed and frozen.

The descriptions travel to the JSON schema, where editors show them. What one key may hold is in
``fields``; what two keys may not hold together is in ``rules``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic import StrictBool as Flag

from cogsmith.deploy.fields import Count, Cpu, Image, Line, Name, Port, Seconds, Size, Variable
from cogsmith.deploy.places import Compose, KServe, Kubernetes, Swarm
from cogsmith.oci import Digest, Reference

__all__ = [
    "INSIDE",
    "Autoscaling",
    "Canary",
    "Deployment",
    "Probe",
    "Probes",
    "Rollout",
    "Secret",
    "Targets",
]

INSIDE = 5000  # where the server listens in its container
ENDING = 15  # seconds beyond the drain: webhooks are sent, the worker gets ten to end


def _list(value: object) -> object:
    """A key with nothing behind its colon is an empty list."""
    return () if value is None else value


class Part(BaseModel):
    """What all levels share: frozen, and no key beyond those that are written here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Secret(Part):
    """Where the value of a secret variable is. It stands in no rendered file."""

    secret: Line | None = Field(
        default=None, description="A secret that the target has already, by its name."
    )
    key: Line | None = Field(
        default=None, description="Which entry of it (Kubernetes). Left out: the variable's name."
    )
    env: Line | None = Field(
        default=None, description="A variable of whoever deploys, whose value becomes a secret."
    )
    file: Line | None = Field(
        default=None, description="A file beside deploy.yaml, whose text becomes a secret."
    )


class Probe(Part):
    """How an endpoint is asked."""

    path: Annotated[Line, Field(pattern="^/")] = Field(description="The endpoint; 200 is good.")
    period: Annotated[Seconds, Field(ge=1)] = Field(
        default=5, description="Seconds from one question to the next."
    )
    timeout: Annotated[Seconds, Field(ge=1)] = Field(
        default=5, description="Seconds to wait for the answer."
    )
    failures: Annotated[Count, Field(ge=1)] = Field(
        default=3, description="Bad answers in a row until it counts."
    )


class Probes(Part):
    """Whether a replica has started, takes predictions, or needs a new start."""

    startup: Probe = Field(
        default=Probe(path="/readyz", failures=240),
        description="Asked until the model is loaded: 20 minutes, unless said otherwise.",
    )
    readiness: Probe = Field(
        default=Probe(path="/readyz"), description="Whether requests are sent to the replica."
    )
    liveness: Probe = Field(
        default=Probe(path="/livez", period=10), description="Whether it is started anew."
    )
    command: Annotated[
        tuple[Line, ...], BeforeValidator(_list, json_schema_input_type=list[Line] | None)
    ] = Field(
        default=(),
        description="Docker's health check, in words. Left out: the image's own, as ours have one.",
    )

    @property
    def start(self) -> int:
        """Seconds that a model may take to load."""
        return self.startup.period * self.startup.failures


class Canary(Part):
    """A share of the requests goes to the new version first."""

    percent: Annotated[Count, Field(ge=1, le=99)] = Field(
        default=10, description="The share: of the replicas (Kubernetes) or requests (KServe)."
    )
    seconds: Annotated[Seconds, Field(ge=1)] = Field(
        default=300, description="How long it must hold until the rest follows."
    )


class Rollout(Part):
    """How a new version takes the place of the old one."""

    max_unavailable: Count = Field(default=0, description="Replicas that may be missing meanwhile.")
    max_surge: Count = Field(default=1, description="Replicas beyond the wanted ones meanwhile.")
    timeout: Annotated[Seconds, Field(ge=1)] = Field(
        default=1800, description="Seconds for all of it; then the old version comes back."
    )
    watch: Seconds = Field(
        default=15, description="Seconds that a new replica must hold until the next one's turn."
    )
    tests: Line | None = Field(
        default=None,
        description="Cases for cogsmith test, beside deploy.yaml: the new version must pass them.",
    )
    trial: Flag = Field(
        default=True,
        description="Whether one replica of the new version is started beside the old ones "
        "first, without requests, to see it load and pass its tests.",
    )
    canary: Canary | None = Field(
        default=None, description="A share of the requests for the new version, for a while."
    )


class Autoscaling(Part):
    """How many replicas, by what they have to do."""

    min: Count = Field(default=1, description="The fewest replicas.")
    max: Annotated[Count, Field(ge=1)] = Field(description="The most replicas.")
    metric: Literal["concurrency", "queue"] = Field(
        default="concurrency",
        description="What is counted for each replica: predictions that run or wait, or those "
        "that wait alone.",
    )
    target: Annotated[Count, Field(ge=1)] = Field(
        default=1, description="How many of them one replica should have."
    )
    by: Literal["hpa", "keda"] = Field(
        default="keda",
        description="Who scales on Kubernetes: KEDA asks Prometheus; a HorizontalPodAutoscaler "
        "needs an adapter that serves our metrics.",
    )
    prometheus: Line | None = Field(
        default=None, description="Prometheus' address, which KEDA asks."
    )


class Targets(Part):
    """Where the deployment can be made."""

    compose: Compose | None = Field(default=None, description="Docker Compose, on one machine.")
    swarm: Swarm | None = Field(default=None, description="Docker Swarm, on several.")
    kubernetes: Kubernetes | None = Field(default=None, description="Kubernetes.")
    kserve: KServe | None = Field(default=None, description="KServe, on Kubernetes.")


class Deployment(Part):
    """A model that runs somewhere: which, how many, on what, and how it is replaced."""

    name: Name = Field(description="What it is called in the target.")
    model: Image = Field(description="The model's image. It is rolled out by its digest.")
    replicas: Annotated[Count, Field(ge=1)] = Field(default=1, description="How many.")
    gpus: Count = Field(default=0, description="GPUs of NVIDIA for each replica.")
    cpu: Cpu | None = Field(default=None, description="CPUs for each replica.")
    memory: Size | None = Field(default=None, description='Memory for each replica: "16Gi".')
    shared_memory: Size | None = Field(
        default=None, description="The most that /dev/shm may hold, which torch's processes share."
    )
    port: Port = Field(default=5000, description="Where the service is reached.")
    environment: dict[Variable, str] = Field(
        default_factory=dict, description="Variables of the server and the model, by name."
    )
    secrets: dict[Variable, Secret] = Field(
        default_factory=dict, description="Variables whose values are secret, by name."
    )
    command: Annotated[
        tuple[Line, ...], BeforeValidator(_list, json_schema_input_type=list[Line] | None)
    ] = Field(default=(), description="What is run, in words. Left out: what the image says.")
    drain: Seconds = Field(
        default=30, description="Seconds that a replica waits, when it is to end, for what runs."
    )
    probes: Probes = Field(default_factory=Probes, description="Questions to a replica.")
    rollout: Rollout = Field(
        default_factory=Rollout, description="How a new version takes the old one's place."
    )
    autoscaling: Autoscaling | None = Field(
        default=None, description="How many replicas, by what there is to do. Excludes replicas."
    )
    targets: Targets = Field(description="Where it can be deployed, with what is special there.")

    @property
    def reference(self) -> Reference:
        """The model's image."""
        return Reference.parse(self.model)

    @property
    def grace(self) -> int:
        """Seconds from SIGTERM until a replica may be killed: the drain, and its own end."""
        return self.drain + ENDING

    @property
    def variables(self) -> dict[str, str]:
        """The environment as it is rendered, with what the document decides; sorted by name."""
        decided = {"COGSMITH_DRAIN": str(self.drain), "PORT": str(INSIDE)}
        return dict(sorted({**self.environment, **decided}.items()))

    def pinned(self, digest: Digest) -> Deployment:
        """The same with this very image.

        The tag goes: Compose's specification, podman and older CRI-O take one of the two alone.
        """
        return self.model_copy(update={"model": f"{self.reference.name}@{digest}"})

    def running(self, command: tuple[str, ...]) -> Deployment:
        """The same with the image's own command written out, unless one was asked for."""
        return self if self.command else self.model_copy(update={"command": command})
