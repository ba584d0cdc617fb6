"""Environment variables as cog.yaml writes them: ``NAME=value``, and the names it may not set."""

from __future__ import annotations

from fnmatch import fnmatchcase

from cogsmith.config.refusal import refused

__all__ = ["DENIED", "split", "variable"]

# Names that a build or a container sets itself; the list is Cog's (pkg/config/env.go).
DENIED = (
    "PATH",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "PYTHONUNBUFFERED",
    "R8_*",
    "REPLICATE_*",
    "LIBRARY_PATH",
    "CUDA_*",
    "NVIDIA_*",
    "NV_*",
    "PGET_*",
    "HF_ENDPOINT",
    "HF_HUB_ENABLE_HF_TRANSFER",
    "KUBERNETES_*",
)


def split(text: str) -> tuple[str, str]:
    """Name and value of a line that ``variable`` let through.

    >>> split("GREETING=hello=world")
    ('GREETING', 'hello=world')
    """
    name, _, value = text.partition("=")
    return name, value


def variable(text: str) -> str:
    """One line of ``environment``."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise refused("is not in the NAME=value format", f'write "{name or "NAME"}=value"')
    if any(sign.isspace() or not sign.isprintable() for sign in name):
        raise refused(
            f'"{name}" is not a name: it holds a blank', f"write {'_'.join(name.split())}=..."
        )
    if "\0" in value:
        raise refused("the value holds a NUL character, which no environment can carry")
    for pattern in DENIED:
        if fnmatchcase(name, pattern):
            raise refused(
                f'environment variable "{name}" is not allowed',
                f"the build and the server set {pattern} themselves; choose another name",
            )
    return text
