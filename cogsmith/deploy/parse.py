"""The text of a deploy.yaml → Deployment, with all problems of the text in one error."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from cogsmith.config import Document, KeyPath, compose, shown
from cogsmith.deploy.complaints import complaints, level_of
from cogsmith.deploy.deployment import Deployment
from cogsmith.deploy.rules import Finding, findings
from cogsmith.errors import ConfigError, DeploymentInvalid, Problem

__all__ = ["parse"]

# Where a number or a truth value is taken for the text that stands in the file.
TEXTS = ("environment",)
SIZES = ("memory", "shared_memory")


def parse(text: str, *, where: str) -> Deployment:
    """The deployment that a text holds; ``where`` names the file in problems.

    Raises DeploymentInvalid with every problem of the text, in the order of its lines.

    >>> parse("{name: llama, model: ada/llama, targets: {swarm: {}}}", where="deploy.yaml").replicas
    1
    """
    document = _document(text, where)
    value = _given(document, document.value, ())
    assert isinstance(value, dict)
    found = list(findings(value))
    try:
        deployment = Deployment.model_validate(value)
    except ValidationError as error:
        raise _refused(document, [*complaints(error), *found]) from None
    if found:
        raise _refused(document, found)
    return deployment


def _document(text: str, where: str) -> Document:
    if not text.removeprefix("\ufeff").strip():
        hint = "it names the deployment, its model and where it runs: docs/reference/deploy-yaml.md"
        raise DeploymentInvalid("is empty", where=where, hint=hint)
    try:
        document = compose(text.removeprefix("\ufeff"), where)
    except ConfigError as error:
        raise DeploymentInvalid(error.problems) from None
    if not isinstance(document.value, dict):
        said = f"must be a mapping of keys, not {shown(document.value)}"
        hint = 'write "key: value" lines, like name: llama'
        raise DeploymentInvalid(said, where=document.where(()), hint=hint)
    return document


def _refused(document: Document, found: Iterable[Finding]) -> DeploymentInvalid:
    in_order = sorted(found, key=lambda finding: document.line(finding.path))
    return DeploymentInvalid(
        Problem(finding.message, document.where(finding.path), finding.hint) for finding in in_order
    )


def _given(document: Document, value: object, path: KeyPath) -> object:
    """The value without known keys that have nothing behind their colon, numbers as text.

    A target with nothing behind its colon is given: it needs no settings.
    """
    if isinstance(value, list):
        return [_given(document, item, (*path, index)) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return _text(document, value, path)
    level = level_of(path)
    known = level.model_fields if level else {}
    filled = {
        key: {} if path == ("targets",) and value[key] is None else value[key] for key in value
    }
    return {
        key: _given(document, item, (*path, key))
        for key, item in filled.items()
        if key not in known or item is not None
    }


def _text(document: Document, value: object, path: KeyPath) -> object:
    wanted = path[:-1] == TEXTS or (len(path) == 1 and path[0] in SIZES)
    return document.sources[path] if wanted and isinstance(value, int | float) else value
