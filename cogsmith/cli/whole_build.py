"""``cogsmith build`` when there may be much to do: all the rooms that it takes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cogsmith.cli.building import Built, build
from cogsmith.cli.console import Console
from cogsmith.cli.delivery import Delivered, check_output, deliver
from cogsmith.cli.local import choose
from cogsmith.cli.outcome import Ground, Outcome
from cogsmith.cli.progress import showing
from cogsmith.cli.report import Report
from cogsmith.cli.request import Request, checked
from cogsmith.cli.store import open_store
from cogsmith.cli.unchanged import Note
from cogsmith.image import budget_of, interpreter_of, user_of
from cogsmith.oci import DOCKER_HUB

__all__ = ["ground_of", "whole_build"]


def whole_build(
    model: str | None, file: str | None, tags: tuple[str, ...], output: str | None,
    wanted: bool | None, console: Console, asked: Mapping[str, Any], note: Note,
) -> Report:  # fmt: skip
    """Build, deliver, and leave a note for the next time."""
    begun = time.time_ns()
    loaded = choose(model, file)
    request = checked(loaded, tags, console, asked)
    target = check_output(output, request.platforms)
    store = open_store()
    with showing(console) as display:
        built = build(request, store, display)
        outcome = Outcome.of(built)
        delivered = deliver(outcome, output, target, wanted=wanted, display=display)
    report = _report(built, delivered)
    ground = ground_of(built, asked)
    if output is None and ground is not None:
        ground.built(note, outcome, report.document(), begun, delivered.address, store)
    return report


def ground_of(built: Built, asked: Mapping[str, Any]) -> Ground | None:
    """What the image stands on besides its code; None where that lies outside of the project."""
    request = built.request
    if not _is_simple(request):
        return None
    project = request.loaded.path.parent.resolve()
    return Ground(
        project=project,
        others=(Path(asked["schema"]),) if asked["schema"] else (),
        deciding=tuple(str(project / name) for name in _named(request)),
        code={} if asked["schema"] or not _names_alone(request) else _code(built),
    )


def _code(built: Built) -> dict[str, Any]:
    """What it takes to put other code on this image, as a value of JSON; {}: only the whole road.

    ``below`` counts the layers under the project's, ``base`` those of the base image.
    """
    request = built.request
    if len(built.made) > 1 or request.docker is not None:
        return {}
    [made] = built.made
    base, config = made.base, request.loaded.config
    user = user_of(base, interpreter_of(base.system, request.python))
    project = [recipe for recipe in made.plan.recipes if recipe.kind in ("weights", "code")]
    return {
        "predict": config.predictor, "train": config.train,
        "warnings": [[w.message, w.where, w.hint] for w in request.loaded.spoken],
        "uid": user.uid, "gid": user.gid, "budget": budget_of(base).weights,
        "separate": request.separate, "mtime": request.mtime,
        "below": len(made.image.layers) - len(project),
        "base": [base.reference, len(base.image.layers)],
    }  # fmt: skip


def _report(built: Built, delivered: Delivered) -> Report:
    names = built.request.references
    return Report(
        names=tuple(reference.familiar for reference in names),
        digest=str(built.digest),
        platforms=built.request.platforms,
        layers=sum(len(image.layers) for image in built.images),
        made=len(built.fresh),
        made_size=sum(layer.size for layer in built.fresh),
        size=built.size,
        base=", ".join(dict.fromkeys(made.base.reference for made in built.made)),
        places=delivered.places,
        engine=delivered.kind,
        sent=delivered.sent.size,
        home=names[0].registry != DOCKER_HUB or bool(built.request.loaded.config.image),
        gpu=any(made.invocation.accelerator == "cuda" for made in built.made),
        seconds=built.seconds,
    )


def _is_simple(request: Request) -> bool:
    """Whether all that the build depends on lies in the project's folder."""
    config = request.loaded.config
    if config.weights or request.pull or (request.docker and request.docker.certificates):
        return False
    texts = _requirements(request)
    if any((request.loaded.path.parent / name).is_symlink() for name in _named(request)):
        return False
    if any(".." in t or "file:" in t or "\n/" in f"\n{t}" or "-r /" in t for t in texts):
        return False
    return not any("/" in package for package in config.build.python_packages)


def _names_alone(request: Request) -> bool:
    """Whether packages are asked for by name: no file of the project is one, or names some."""
    lines = [line.strip() for text in _requirements(request) for line in text.splitlines()]
    lines += request.loaded.config.build.python_packages
    options = ("-e", "-r", "-c", "-f", "--editable", "--requirement", "--constraint", "--find")
    archives = (".whl", ".zip", ".tar.gz", ".tar.bz2")
    return not any(
        line.startswith((*options, ".", "/", "~")) or line.partition("[")[0].endswith(archives)
        for line in lines
        if "://" not in line
    )


def _requirements(request: Request) -> tuple[str, ...]:
    """The texts of the files of requirements that the config names."""
    project = request.loaded.path.parent
    return tuple((project / name).read_text("utf-8", "replace") for name in _named(request)[1:])


def _named(request: Request) -> tuple[str, ...]:
    """The config's file and the files of requirements that it names."""
    build = request.loaded.config.build
    named = (build.python_requirements, build.python_overrides)
    return (request.loaded.path.name, *(name for name in named if name))
