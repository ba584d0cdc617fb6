"""Secrets in Docker's targets: files that the container's first words read into variables.

Neither Compose nor Swarm can fill a variable from a secret; both can mount it as a file. So a
short script of the shell goes before the model's command: it reads the files and becomes the
command. No value passes through a rendered file, a command line, or ``docker inspect``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cogsmith.deploy.manifests import Manifest
from cogsmith.errors import DeployError

__all__ = ["escaped", "wrapped"]

FOLDER = "/run/secrets"


def wrapped(command: Sequence[str], names: Iterable[str]) -> Manifest:
    """The keys ``entrypoint`` and ``command`` of a service whose secrets are files.

    Raises DeployError when it is not known what the image runs: its own command is gone as soon
    as there is another entrypoint.
    """
    names = sorted(names)
    if not names:
        return {"command": list(map(escaped, command))} if command else {}
    if not command:
        raise DeployError(
            "what the image runs must be known, since its secrets are read before it",
            hint="without --no-resolve its registry is asked; or write it under command:",
        )
    reads = [f'export {name}="$(cat {FOLDER}/{name})"' for name in names]
    script = " && ".join([*reads, 'exec "$@"'])
    return {
        "entrypoint": ["/bin/sh", "-c", escaped(script), "cogsmith"],
        "command": list(map(escaped, command)),
    }


def escaped(text: str) -> str:
    """A text in which Compose finds no variable to replace.

    >>> escaped("cost: $5")
    'cost: $$5'
    """
    return text.replace("$", "$$")
