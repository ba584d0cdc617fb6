"""Where a model runs: deploy.yaml as a value, and the manifests of four targets made of it.

In: the text of a deploy.yaml, an image's digest.
Out: documents for Compose, Swarm, Kubernetes, KServe; a rollout that holds, or goes back.
Touches: processes (docker, kubectl) and the replicas' probes, in ``apply`` alone.
"""

from __future__ import annotations

from cogsmith.deploy.apply.compose import ComposeTarget
from cogsmith.deploy.apply.kubernetes import KubernetesTarget
from cogsmith.deploy.apply.swarm import SwarmTarget
from cogsmith.deploy.compose import compose
from cogsmith.deploy.deployment import Deployment
from cogsmith.deploy.kserve import kserve
from cogsmith.deploy.kubernetes import kubernetes
from cogsmith.deploy.manifests import Manifest, write
from cogsmith.deploy.parse import parse
from cogsmith.deploy.roll_out import Release, Target, roll_back, roll_out
from cogsmith.deploy.schema import json_schema
from cogsmith.deploy.state import Replica, Running, Spec
from cogsmith.deploy.swarm import swarm

__all__ = [
    "ComposeTarget",
    "Deployment",
    "KubernetesTarget",
    "Manifest",
    "Release",
    "Replica",
    "Running",
    "Spec",
    "SwarmTarget",
    "Target",
    "compose",
    "json_schema",
    "kserve",
    "kubernetes",
    "parse",
    "roll_back",
    "roll_out",
    "swarm",
    "write",
]
