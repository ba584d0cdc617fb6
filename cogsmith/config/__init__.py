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
from cogsmith.config.refusal import nearest, refused, shown
from cogsmith.config.render import render
from cogsmith.config.schema import json_schema
from cogsmith.config.yaml_document import Document, KeyPath, compose, key_path

__all__ = [
    "Build",
    "Concurrency",
    "Document",
    "KeyPath",
    "Loaded",
    "ModelConfig",
    "RunCommand",
    "SecretMount",
    "Weight",
    "WeightSource",
    "available",
    "compose",
    "find",
    "json_schema",
    "key_path",
    "load",
    "name_of",
    "nearest",
    "parse",
    "refused",
    "render",
    "shown",
]
