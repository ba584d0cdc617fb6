"""What is told while an environment is made: how far it is, and what is good to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from cogsmith.values import dataclass

__all__ = ["Event", "Notice", "Progress", "Step", "Tell", "silent"]

Step = Literal["resolve", "download", "install", "wait"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a step is: ``done`` of ``total`` units ("B" or "packages"); total 0: unknown.

    ``text`` stands on its own as a plain line. ``whole`` marks the events that are worth
    such a line: the begin and the end of something, not each of its frames.
    """

    step: Step
    text: str
    done: int = 0
    total: int = 0
    unit: Literal["B", "packages", ""] = ""
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that the person should know, and what they can do about it."""

    text: str
    hint: str = ""


Event = Progress | Notice
Tell = Callable[[Event], None]


def silent(event: Event) -> None:
    """Hear an event and say nothing."""
