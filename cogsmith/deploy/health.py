"""A container's health as Docker asks for it, and sizes in Docker's notation."""

from __future__ import annotations

from cogsmith.deploy.delivery import escaped
from cogsmith.deploy.deployment import Deployment
from cogsmith.deploy.fields import bytes_of
from cogsmith.deploy.manifests import Manifest

__all__ = ["cpus", "healthcheck", "size"]

UNITS = (("g", 2**30), ("m", 2**20), ("k", 2**10))


def healthcheck(deployment: Deployment) -> Manifest:
    """How often, and from when on it counts. What is asked is the image's own (HEALTHCHECK)."""
    probes = deployment.probes
    test = {"test": ["CMD", *map(escaped, probes.command)]} if probes.command else {}
    return {
        **test,
        "interval": f"{probes.readiness.period}s",
        "timeout": f"{probes.readiness.timeout}s",
        "retries": probes.readiness.failures,
        "start_period": f"{probes.start}s",
    }


def size(text: str | None) -> str | None:
    """A size as Docker reads it: its units are powers of 1024 alone.

    >>> size("16Gi"), size("1500M")
    ('16g', '1500000000b')
    """
    if text is None:
        return None
    number = bytes_of(text)
    for unit, factor in UNITS:
        if number % factor == 0:
            return f"{number // factor}{unit}"
    return f"{number}b"


def cpus(number: float | None) -> str | None:
    """CPUs as Docker reads them."""
    return None if number is None else f"{number:g}"
