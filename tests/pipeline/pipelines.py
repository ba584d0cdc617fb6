"""Pipelines to render: one of each kind, by name."""

from __future__ import annotations

from cogsmith.pipeline import Pipeline, Rollout, Step


def rollout(target: str = "swarm", stem: str = "deploy") -> Rollout:
    return Rollout(
        target=target,  # type: ignore[arg-type]
        staging=f"{stem}.yaml",
        production=f"{stem}.production.yaml",
    )


ONE = Pipeline(models=(Step(name="cog.yaml"),), version="1.2.3")
DEPLOYED = Pipeline(
    models=(Step(name="cog.yaml", rollout=rollout(), weights=True),),
    version="1.2.3", locked=True, cases=True, branch="trunk",
)  # fmt: skip
SEVERAL = Pipeline(
    models=(Step(name="cog.yaml"), Step(name="Llava-1.5", path="/llava-1-5")), version="1.2.3"
)
ALL = Pipeline(
    models=(
        Step(name="cog.yaml", rollout=rollout("kubernetes")),
        Step(
            name="flan-t5", path="/flan-t5", weights=True,
            rollout=rollout("compose", "deploy.flan-t5"),
        ),
        Step(name="llava", path="/llava"),
    ),
    version="1.2.3", image="registry.example.com/ada/models", locked=True, cases=True,
)  # fmt: skip
KINDS = {"one": ONE, "deployed": DEPLOYED, "several": SEVERAL, "all": ALL}
