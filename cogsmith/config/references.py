"""Where the code is: ``file.py:Name``, a path inside the project and a name in that file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from cogsmith.config.refusal import refused

__all__ = ["file_of", "reference"]

REFERENCE = re.compile(r"[^:\0]*[^:\0/]\.py:[^\W\d]\w*")


def file_of(text: str) -> str:
    """The file's path of a reference, relative to the project.

    >>> file_of("predictors/llama.py:Predictor")
    'predictors/llama.py'
    """
    return text.rpartition(":")[0]


def reference(example: str) -> Callable[[str], str]:
    """The check for one key; ``example`` is what its author most likely means."""

    def check(text: str) -> str:
        if not REFERENCE.fullmatch(text):
            raise refused(f"must be in the form '{example}'", _advice(text, example))
        path = PurePosixPath(file_of(text))
        if path.is_absolute() or ".." in path.parts:
            raise refused("must name a file inside the project", f"write a path like {example}")
        return text

    return check


def _advice(text: str, example: str) -> str:
    name = example.rpartition(":")[2]
    if text.endswith(".py"):
        return f'add the name of the class or function: "{text}:{name}"'
    if match := re.fullmatch(r"([\w/.-]*\w)[:.]([^\W\d]\w*)", text):
        return f'did you mean "{match[1].replace(".", "/")}.py:{match[2]}"?'
    return "name a Python file, a colon, and a class or function in it"
