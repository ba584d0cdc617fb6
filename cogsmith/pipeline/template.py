"""Templates that are YAML themselves: a comment ``#?`` says when, or for what, a line is there.

``#? several`` keeps a line where there are several models, ``#? !several`` where there are not;
``#? model`` repeats it for each. What stands between ``<`` and ``>`` is filled in.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from cogsmith.pipeline.pipeline import Pipeline, Stage

__all__ = ["filled", "rendered", "whole"]

_MARK = re.compile(r"\s*#\? (.+)$")

Words = Mapping[str, str]


def whole(
    templates: tuple[str, str], pipeline: Pipeline, words: Words, *, promoted_after: str
) -> str:
    """A pipeline's text: what is always done, then its rollouts, where models are deployed.

    ``templates`` are of these two; ``promoted_after`` names the jobs that production waits for.
    """
    first, rollout = templates
    text = rendered(first, pipeline, words)
    jobs: tuple[tuple[Stage, str, str], ...] = (
        ("staging", "deploy", "model"), ("production", "promote", promoted_after),
    )  # fmt: skip
    for stage, job, needs in jobs if pipeline.deployed else ():
        asked = {**words, "job": job, "needs": needs, "environment": stage}
        text += rendered(rollout, pipeline, asked, stage)
    return text


def rendered(template: str, pipeline: Pipeline, words: Words, stage: Stage | None = None) -> str:
    """A part of a pipeline: all of it (``model`` is each model), or the rollout of one stage.

    There ``rollout`` is each model that is deployed, and the stage's name is a condition.
    """
    models = [
        {"model": step.name, "path": step.path, "weights": "true" if step.weights else "false"}
        for step in pipeline.models
    ]
    rollouts = [
        {
            "model": step.name, "path": step.path, "target": step.rollout.target,
            "file": step.rollout.file(stage),
        }
        for step in pipeline.models
        if stage and step.rollout
    ]  # fmt: skip
    known = {"branch": pipeline.branch, "version": pipeline.version, "image": pipeline.image}
    if rollouts and not pipeline.several:
        known |= {name: rollouts[0][name] for name in ("file", "target")}
    holds = pipeline.facts | ({stage} if stage else set())
    each = {"model": models, "rollout": rollouts}
    return filled(template, {**known, **words}, holds=holds, each=each)


def filled(
    template: str, words: Words, *, holds: Collection[str], each: Mapping[str, Sequence[Words]]
) -> str:
    r"""The text of a template. ``holds`` are the conditions that are so.

    >>> filled("a: <x>\nb: 1  #? !big\n- <n>  #? item", {"x": "y"}, holds={"big"},
    ...        each={"item": [{"n": "1"}, {"n": "2"}]})
    'a: y\n- 1\n- 2\n'
    """
    return "".join(f"{line}\n" for line in _lines(template, words, holds, each))


def _lines(
    template: str, words: Words, holds: Collection[str], each: Mapping[str, Sequence[Words]]
) -> Iterator[str]:
    for line in template.splitlines():
        mark = _MARK.search(line)
        text = line[: mark.start()] if mark else line
        marks = mark[1].split() if mark else []
        if all(_so(word, holds) for word in marks if word not in each):
            lists = [each[word] for word in marks if word in each]
            for more in lists[0] if lists else [{}]:
                yield _put(text, {**words, **more})


def _so(condition: str, holds: Collection[str]) -> bool:
    return (condition.removeprefix("!") in holds) != condition.startswith("!")


def _put(text: str, words: Words) -> str:
    for name, value in words.items():
        text = text.replace(f"<{name}>", value)
    return text
