"""Which repository a model's weights go to: by cog.yaml, ``COG_MODEL*``, or a word. Pure.

The rules are Cog's: ``COG_MODEL`` alone decides where it is set; else ``model:`` in cog.yaml, of
which ``COG_MODEL_REGISTRY`` and ``COG_MODEL_REPO`` replace a part. Weights and images of one model
share one repository; the tags that begin with ``cog-`` are the weights'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cogsmith.config import ModelConfig
from cogsmith.errors import InvalidReference, UsageError
from cogsmith.oci import Reference

__all__ = ["model_repository"]

REPLICATE = "r8.im"


def model_repository(
    config: ModelConfig, environ: Mapping[str, str], *, given: str = ""
) -> Reference:
    """The repository, without tag and digest. ``given`` is what the person typed, if anything.

    Raises UsageError when nothing names one, or when what does cannot be one.
    """
    if given:
        return _bare(given, "--image")
    if whole := environ.get("COG_MODEL", ""):
        _refuse_both(config)
        return replace(_parsed(whole, "COG_MODEL"), tag="", digest=None)
    base = _bare(config.model, "model in cog.yaml") if config.model else None
    registry, repository = environ.get("COG_MODEL_REGISTRY"), environ.get("COG_MODEL_REPO")
    if base is None and not repository:
        if config.image:
            return replace(_parsed(config.image, "image in cog.yaml"), tag="", digest=None)
        raise UsageError(
            "no repository is named for the weights",
            hint='set model: "registry.example.com/owner/name" in cog.yaml, or pass --image',
        )
    if registry or repository:
        _refuse_both(config)
    default = environ.get("COG_REGISTRY_HOST") or REPLICATE
    host = registry or (base.registry if base else default)
    path = repository or (base.repository if base else "")
    return _parsed(f"{host}/{path}", "COG_MODEL_REGISTRY and COG_MODEL_REPO", bare=True)


def _refuse_both(config: ModelConfig) -> None:
    if config.image:
        raise UsageError(
            "'image' in cog.yaml cannot be combined with COG_MODEL* env vars",
            hint="write model: instead of image:, or unset the variables",
        )


def _bare(text: str, named: str) -> Reference:
    """A repository alone: the tags of weights are made here."""
    return _parsed(text, named, bare=True)


def _parsed(text: str, named: str, *, bare: bool = False) -> Reference:
    try:
        reference = Reference.parse(text)
    except InvalidReference as error:
        raise UsageError(f"{named}: {error.message}", hint=error.hint) from None
    if bare and (reference.digest or ":" in text.rpartition("/")[2]):
        message = f'{named}: "{text}" includes a tag or digest'
        raise UsageError(message, hint=f"write only the repository: {reference.name}")
    return replace(reference, tag="", digest=None)
