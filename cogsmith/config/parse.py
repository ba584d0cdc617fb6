"""The text of a cog.yaml → ModelConfig, with all problems of the text in one error."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from cogsmith.config.advice import advice
from cogsmith.config.complaints import complaints, level_of
from cogsmith.config.model_config import ModelConfig
from cogsmith.config.refusal import shown
from cogsmith.config.rules import Finding, findings
from cogsmith.config.yaml_document import Document, KeyPath, compose
from cogsmith.errors import ConfigError, Problem

__all__ = ["Parsed", "parse", "problems", "read"]

# Where a number is taken for the text that stands in the file: 3.10 is "3.10", not 3.1.
VERSIONS: tuple[KeyPath, ...] = tuple(
    ("build", key) for key in ("python_version", "cuda", "cudnn", "sdk_version")
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """A config with the document it came from, and what could be better in it."""

    config: ModelConfig
    document: Document
    warnings: tuple[Problem, ...]


def parse(text: str, *, where: str) -> ModelConfig:
    """The config that a text holds; ``where`` names the file in problems.

    Raises ConfigError with every problem of the text, in the order of its lines.

    >>> parse('predict: "predict.py:Predictor"', where="cog.yaml").predictor
    'predict.py:Predictor'
    """
    return read(text, where=where).config


def read(text: str, *, where: str) -> Parsed:
    """The same, with the places of all keys and with warnings."""
    document = compose(text.removeprefix("\ufeff"), where)
    if not isinstance(document.value, dict):
        said = f"must be a mapping of keys, not {shown(document.value)}"
        hint = 'write "key: value" lines, like predict: "predict.py:Predictor"'
        raise ConfigError(said, where=document.where(()), hint=hint)
    value = _given(_with_version_texts(document), ())
    assert isinstance(value, dict)
    found = list(findings(value))
    try:
        config = ModelConfig.model_validate(value)
    except ValidationError as error:
        raise ConfigError(problems(document, [*complaints(error), *found])) from None
    if found:
        raise ConfigError(problems(document, found))
    return Parsed(config, document, problems(document, advice(config, document)))


def problems(document: Document, found: Iterable[Finding]) -> tuple[Problem, ...]:
    """Findings with their places, in the order of lines."""
    in_order = sorted(found, key=lambda finding: document.line(finding.path))
    return tuple(
        Problem(finding.message, document.where(finding.path), finding.hint) for finding in in_order
    )


def _with_version_texts(document: Document) -> object:
    value = document.value
    build = value.get("build") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(build, dict):
        return value
    texts = {
        path[-1]: document.sources[path]
        for path in VERSIONS
        if isinstance(build.get(path[-1]), int | float) and not isinstance(build[path[-1]], bool)
    }
    return {**value, "build": {**build, **texts}}


def _given(value: object, path: KeyPath) -> object:
    """The value without known keys that have nothing behind their colon: these are not given."""
    if isinstance(value, list):
        return [_given(item, (*path, index)) for index, item in enumerate(value)]
    level = level_of(path)
    if not isinstance(value, dict) or level is None:
        return value
    return {
        key: _given(item, (*path, key))
        for key, item in value.items()
        if key not in level.model_fields or item not in (None, "")
    }
