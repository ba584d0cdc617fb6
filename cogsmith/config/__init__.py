"""What the author asked for: cog.yaml, as a value.

In: the text of a cog.yaml (or cog.<name>.yaml), or the folder that holds it.
Out: a frozen ModelConfig, or one ConfigError with every problem, its line and what to write.
Touches: the disk, to find and read the file and the files it names (``load`` alone).
"""

from __future__ import annotations

from cogsmith.config.load import Loaded, available, find, load, name_of
from cogsmith.config.model_config import (
    Build,
    Concurrency,
    ModelConfig,
    RunCommand,
    SecretMount,
    Weight,
    WeightSource,
)
from cogsmith.config.parse import parse
from cogsmith.config.render import render
from cogsmith.config.schema import json_schema

__all__ = [
    "Build",
    "Concurrency",
    "Loaded",
    "ModelConfig",
    "RunCommand",
    "SecretMount",
    "Weight",
    "WeightSource",
    "available",
    "find",
    "json_schema",
    "load",
    "name_of",
    "parse",
    "render",
]
