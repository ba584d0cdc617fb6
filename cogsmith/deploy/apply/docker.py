"""What the targets of Docker share: its refusals in our words, and what it does not have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cogsmith.deploy.roll_out import Release
from cogsmith.errors import CommandFailed, DeployError, MissingProgram
from cogsmith.process import Command, run

__all__ = ["LAST_WORDS", "DockerTarget", "refused", "said_by", "with_last_words"]

LAST_WORDS = 20  # lines of a replica that did not start
HINTS = {
    "not a swarm manager": "docker swarm init makes it one; or name a manager's context",
    "cannot connect": "point DOCKER_HOST, or the target's context, at an engine that runs",
    "no such image": "check the image's name, and that the nodes can reach its registry",
    "unknown command: docker compose": "install Docker's compose plugin",
    "unknown shorthand flag": "install Docker's compose plugin",
}


class DockerTarget:
    """Compose or Swarm: a published port is the one way to reach replicas."""

    @property
    def shares(self) -> bool:
        """Neither has shares of requests."""
        return False

    def canary(self, release: Release) -> None:
        """Never asked for."""

    @contextmanager
    def reached(self) -> Iterator[str]:
        """A replica's address. Raises DeployError where no port is published."""
        address = self.address()
        if not address:
            hint = "rollout.trial tests a replica of its own; or publish a port"
            raise DeployError("the tests cannot reach it", hint=hint)
        yield address

    def address(self) -> str:
        """Where requests go; "" where no port is published."""
        raise NotImplementedError


def said_by(command: Command) -> str:
    """What a command of Docker writes. Raises DeployError with its own words."""
    try:
        return run(command).output
    except CommandFailed as error:
        raise refused(error) from error


def refused(error: CommandFailed) -> DeployError:
    """Docker's own words, and what to do where we know."""
    if isinstance(error, MissingProgram):
        return DeployError(error.message, hint=error.hint)
    tail = error.tail.strip()
    hint = next((hint for words, hint in HINTS.items() if words in tail.lower()), error.hint)
    return DeployError(tail or error.message, where=" ".join(error.words[:3]), hint=hint)


def with_last_words(error: DeployError, words: str) -> DeployError:
    """The same error, with what a replica has written at the end."""
    hint = f"its last words:\n{words}" if words else error.hint
    return DeployError(error.message, where=error.where, hint=hint)
