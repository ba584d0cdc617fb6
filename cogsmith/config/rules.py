"""What two keys may not say together: the rules that no single field can check.

They look at the plain values, before these are typed, so that a file with a wrong type in one
place still gets all its other problems told. A value of the wrong type is passed over here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from cogsmith.config.requirements import TORCH_UNPINNED, unpinned
from cogsmith.config.yaml_document import KeyPath

__all__ = ["Finding", "findings"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at one place of a document."""

    path: KeyPath
    message: str
    hint: str = ""


def findings(value: dict[str, object]) -> Iterator[Finding]:
    """Everything that is wrong between keys, in the order of the rules below."""
    build = _mapping(value.get("build"))
    yield from _one_predictor(value)
    yield from _one_list_of_packages(build)
    yield from _torch(build)
    yield from _threads(value, build)
    yield from _variables(("environment",), value.get("environment"))
    yield from _variables(("build", "environment"), build.get("environment"))
    yield from _weights(_list(value.get("weights")))


def _one_predictor(value: dict[str, object]) -> Iterator[Finding]:
    if "run" in value and "predict" in value:
        yield Finding(
            ("run",), "'run' and 'predict' cannot both be set", "keep one; they mean the same"
        )


def _one_list_of_packages(build: dict[str, object]) -> Iterator[Finding]:
    if build.get("python_packages") and "python_requirements" in build:
        yield Finding(
            ("build", "python_packages"),
            "only one of python_packages or python_requirements can be set, not both",
            "move the packages into the requirements file",
        )


def _torch(build: dict[str, object]) -> Iterator[Finding]:
    packages = [line for line in _list(build.get("python_packages")) if isinstance(line, str)]
    if build.get("gpu") is True and unpinned(packages):
        yield Finding(("build", "python_packages"), TORCH_UNPINNED, 'pin it, like "torch==2.8.0"')


def _threads(value: dict[str, object], build: dict[str, object]) -> Iterator[Finding]:
    most = _mapping(value.get("concurrency")).get("max")
    version = str(build.get("python_version"))
    if isinstance(most, int) and most > 1 and version.split(".")[:2] == ["3", "10"]:
        yield Finding(
            ("concurrency", "max"),
            f"invalid concurrency.max {most}: concurrency requires Python 3.11 or higher",
            'raise build.python_version to "3.11"',
        )


def _variables(path: KeyPath, lines: object) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, line in enumerate(_list(lines)):
        name, equals, _ = line.partition("=") if isinstance(line, str) else ("", "", "")
        if equals and name in seen:
            said = f'environment variable "{name}" is already defined'
            yield Finding((*path, index), said, "keep one of the lines")
        seen.add(name)


def _weights(weights: list[object]) -> Iterator[Finding]:
    names: set[object] = set()
    targets: list[PurePosixPath] = []
    for index, weight in enumerate(map(_mapping, weights)):
        name, target = weight.get("name"), weight.get("target")
        if isinstance(name, str) and name in names:
            said = f'weight "{name}" is already defined'
            yield Finding(("weights", index, "name"), said, "give each weight its own name")
        names.add(name if isinstance(name, str) else None)
        if isinstance(target, str) and target:
            yield from _overlaps(("weights", index, "target"), PurePosixPath(target), targets)
            targets.append(PurePosixPath(target))


def _overlaps(
    path: KeyPath, target: PurePosixPath, others: list[PurePosixPath]
) -> Iterator[Finding]:
    for other in others:
        if target.is_relative_to(other) or other.is_relative_to(target):
            said = f'target "{target}" overlaps "{other}" of another weight'
            yield Finding(path, said, "give each weight a folder of its own")
            return


def _mapping(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
