"""What a CI system does at each push: a pipeline as a value, and as the file that it reads.

In: the models of a repository, where their images go, how they are deployed. Out: a workflow of
GitHub or the file of GitLab CI, and what has to be set there. Touches nothing.
"""

from __future__ import annotations

from cogsmith.pipeline.github import github
from cogsmith.pipeline.gitlab import gitlab
from cogsmith.pipeline.pipeline import (
    Pipeline,
    Rollout,
    Setting,
    Stage,
    Step,
    Target,
    Written,
)

__all__ = [
    "Pipeline",
    "Rollout",
    "Setting",
    "Stage",
    "Step",
    "Target",
    "Written",
    "github",
    "gitlab",
]
