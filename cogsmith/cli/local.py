"""Choosing a model of this repository: by name, by path, or the one that is here."""

from __future__ import annotations

from pathlib import Path

from cogsmith.cli.console import Console
from cogsmith.config import Loaded, find, load
from cogsmith.errors import ConfigError, UsageError
from cogsmith.signature import Signature
from cogsmith.signature import load as load_signature


def choose(model: str | None, file: str | None) -> Loaded:
    """Read the config that MODEL or ``-f`` names, or the one of this folder.

    Raises UsageError when both are given, ConfigError when there is no such model or the
    file is wrong.
    """
    if model and file:
        raise UsageError(
            f"both MODEL ({model}) and -f ({file}) are given", hint="one of them is enough"
        )
    if model and "=" in model:
        raise UsageError(f"{model!r} is not a model", hint=f"did you forget -i?  -i {model}")
    return load(find(file or model, Path.cwd()))


def signature_of(loaded: Loaded, console: Console | None = None) -> Signature:
    """Read the signature of a config's predictor; with a console, show its warnings.

    Raises ConfigError when the config names no predictor, SignatureError when its source
    cannot be understood.
    """
    reference = loaded.config.predictor
    if not reference:
        raise ConfigError(
            "no predictor is named", where=loaded.path.name,
            hint='add   predict: "predict.py:Predictor"',
        )  # fmt: skip
    signature = load_signature(loaded.path.parent, reference)
    if console:
        for warning in (*loaded.spoken, *signature.warnings):
            console.warning(warning)
    return signature
