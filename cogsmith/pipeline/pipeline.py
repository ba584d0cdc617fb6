"""The pipeline of a repository as a value: which models, where to, and how they are deployed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Pipeline", "Rollout", "Setting", "Stage", "Step", "Target", "Written"]

Target = Literal["compose", "swarm", "kubernetes", "kserve"]
# What the runner has to reach: an engine of Docker's, by ssh, or a cluster.
REACHES: dict[Target, str] = {
    "compose": "docker", "swarm": "docker", "kubernetes": "kubernetes", "kserve": "kubernetes",
}  # fmt: skip
Stage = Literal["staging", "production"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """How a model is deployed: where, and by which deploy.yaml, for a trial and then for all.

    ``staging`` is applied at each push to the branch, ``production`` when somebody says so. Both
    may be the same file: the platforms keep other secrets for each environment.
    """

    target: Target
    staging: str
    production: str

    def file(self, stage: Stage) -> str:
        """The deploy.yaml of a stage."""
        return self.staging if stage == "staging" else self.production


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A model on its way: ``name`` as ``cogsmith models -q`` prints it.

    ``path`` is what its image's name has behind the repository's: nothing, or "/flan-t5".
    ``weights``: it has managed weights, which are pulled before it is tested.
    """

    name: str
    path: str = ""
    weights: bool = False
    rollout: Rollout | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """All that differs from one repository's pipeline to another's.

    ``image`` is the repository of the images, without tag; "" is the platform's own registry.
    ``version`` is the Cogsmith that CI installs, ``branch`` the one that is deployed. ``locked``:
    every model has a lock that CI has to keep to. ``cases``: every model has test cases; inputs are
    made up otherwise.
    """

    models: tuple[Step, ...]
    version: str
    image: str = ""
    branch: str = "main"
    locked: bool = False
    cases: bool = False

    def __post_init__(self) -> None:
        assert self.models, "a pipeline has a model"

    @property
    def several(self) -> bool:
        """Whether there is more than one model."""
        return len(self.models) > 1

    @property
    def deployed(self) -> tuple[Step, ...]:
        """The models that have a deploy.yaml."""
        return tuple(step for step in self.models if step.rollout)

    @property
    def reaches(self) -> frozenset[str]:
        """What the deployments have to reach."""
        return frozenset(REACHES[step.rollout.target] for step in self.models if step.rollout)

    @property
    def facts(self) -> frozenset[str]:
        """What is so, in the words of the templates."""
        return self.reaches | {
            word for word, holds in {
                "several": self.several, "deployed": self.deployed, "own": not self.image,
                "locked": self.locked, "cases": self.cases,
                "weights": any(step.weights for step in self.models),
            }.items() if holds
        }  # fmt: skip

    @property
    def registry(self) -> str:
        """The registry's host, "" for the platform's own."""
        return self.image.partition("/")[0]


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that a person sets at the platform: its name, and what it is."""

    kind: Literal["secret", "variable", "environment"]
    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Written:
    """A pipeline as a platform reads it: the file's path in the repository, and its text."""

    path: str
    text: str
    settings: tuple[Setting, ...] = ()
