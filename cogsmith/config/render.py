"""ModelConfig → the text of a cog.yaml: only what was asked for, in the order of the reference."""

from __future__ import annotations

from typing import Any

import yaml

from cogsmith.config.model_config import ModelConfig

__all__ = ["render"]


def render(config: ModelConfig) -> str:
    """The shortest text that parses to this config; Python's version is always written.

    >>> print(render(ModelConfig(predict="predict.py:Predictor")), end="")
    build:
      python_version: '3.13'
    predict: predict.py:Predictor
    """
    asked = config.model_dump(mode="json", exclude_defaults=True)
    build = {"python_version": config.build.python_version, **asked.pop("build", {})}
    if "run" in build:
        build["run"] = [_shortest_command(item) for item in build["run"]]
    document = {"build": build, **asked}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def _shortest_command(item: dict[str, Any]) -> object:
    return item if "mounts" in item else item["command"]
