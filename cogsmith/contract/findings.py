"""What is told of a contract: findings of the lint, and changes between two of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

__all__ = ["Change", "Effect", "Finding", "Severity", "step_of"]


class Severity(str, Enum):
    """How much a finding matters: an error cannot stay, a warning should not, info may."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Effect(str, Enum):
    """What a change does to those who call the model as they did before.

    ``breaking``: some of their calls, or their reading of the answers, fail. ``compatible``:
    all go on, and there is more, or another default. ``cosmetic``: only words have changed.
    """

    BREAKING = "breaking"
    COMPATIBLE = "compatible"
    COSMETIC = "cosmetic"


# Of Semantic Versioning 2.0.0: what a change of this kind adds one to.
_STEPS = {Effect.BREAKING: "major", Effect.COMPATIBLE: "minor", Effect.COSMETIC: "patch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that could be said better; ``rule`` is its stable name for programs."""

    severity: Severity
    rule: str
    where: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference between two versions of a model."""

    effect: Effect
    where: str
    message: str
    hint: str = ""


def step_of(changes: Iterable[Change]) -> str:
    """The step of the version number that changes ask for: major, minor, patch, or "" for none.

    >>> step_of([Change(effect=Effect.COSMETIC, where="input a", message="another description")])
    'patch'
    """
    found = {change.effect for change in changes}
    return next((_STEPS[effect] for effect in Effect if effect in found), "")
