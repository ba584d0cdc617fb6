"""What cannot be built by putting layers together: said before any work is done."""

from __future__ import annotations

from collections.abc import Iterator

from cogsmith.config import ModelConfig
from cogsmith.errors import Problem

__all__ = ["refusals"]

_HINT = "build with --builder docker"


def refusals(config: ModelConfig, *, file: str = "cog.yaml") -> tuple[Problem, ...]:
    """The keys of a config that need commands to run inside of the image; () for none."""
    return tuple(_refusals(config, file))


def _refusals(config: ModelConfig, file: str) -> Iterator[Problem]:
    for key in ("run", "pre_install"):
        commands = getattr(config.build, key)
        if commands:
            few = "a command" if len(commands) == 1 else f"{len(commands)} commands"
            message = f"asks to run {few} inside of the image, and without Docker nothing is run"
            yield Problem(message, f"{file}: build.{key}", _HINT)
