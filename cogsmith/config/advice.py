"""What is right but could be better: deprecated keys, and keys that have no effect."""

from __future__ import annotations

from collections.abc import Iterator

from cogsmith.config.model_config import ModelConfig
from cogsmith.config.rules import Finding
from cogsmith.config.versions import KNOWN_PYTHONS, minor_of
from cogsmith.config.yaml_document import Document, KeyPath

__all__ = ["PREDICT", "UNSET", "advice"]

# Cog calls `predict` deprecated. Here it is the word of the house, so this one is kept quiet.
UNSET = "is not set: an image gets Python"
PREDICT = 'deprecated field "predict": use "run" instead'

REPLACED: tuple[tuple[KeyPath, str], ...] = (
    (("build", "python_packages"), "build.python_requirements"),
    (("build", "pre_install"), "build.run"),
)
WITHOUT_EFFECT: tuple[KeyPath, ...] = (("build", "fast"), ("tests",))


def advice(config: ModelConfig, document: Document) -> Iterator[Finding]:
    """Findings that stop nothing."""
    given = document.lines
    if config.predict:
        yield Finding(("predict",), PREDICT, "both work here; Cog asks for run from 0.22 on")
    for path, better in REPLACED:
        if path in given:
            yield Finding(
                path, f'deprecated field "{".".join(map(str, path))}": use "{better}" instead'
            )
    for path in WITHOUT_EFFECT:
        if path in given:
            yield Finding(path, "has no effect", "leave it out")
    yield from _python(config, document)
    for key in ("cuda", "cudnn"):
        if ("build", key) in given and not config.build.gpu:
            yield Finding(("build", key), "has no effect without gpu: true", "set build.gpu")


def _python(config: ModelConfig, document: Document) -> Iterator[Finding]:
    path: KeyPath = ("build", "python_version")
    version = config.build.python_version
    if ("build",) in document.lines and path not in document.lines:
        yield Finding(path, f"{UNSET} {version}", f'write python_version: "{version}"')
    elif minor_of(version) > minor_of(KNOWN_PYTHONS[-1]):
        yield Finding(path, f"Python {version} is newer than any that was tried here", "")
    number = _number(document, path)
    if number is not None and str(number) != version:
        said = f"{version} without quotes is the number {number} to other readers"
        yield Finding(path, said, f'quote it: "{version}"')


def _number(document: Document, path: KeyPath) -> float | None:
    """The number that YAML makes of an unquoted version."""
    build = document.value.get("build") if isinstance(document.value, dict) else None
    value = build.get(path[-1]) if isinstance(build, dict) else None
    return value if isinstance(value, float) else None
