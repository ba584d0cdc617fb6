"""Where a prediction stands."""

from __future__ import annotations

from enum import Enum


class Status(str, Enum):
    """The five words of Cog's API.

    ``starting`` leads to ``processing``, and either leads to one of the other three, which
    are terminal: nothing leads out of them.
    """

    STARTING = "starting"  # accepted; predict() has not begun
    PROCESSING = "processing"  # predict() runs
    SUCCEEDED = "succeeded"  # predict() returned
    FAILED = "failed"  # predict() raised, or its process died
    CANCELED = "canceled"  # somebody took it back

    @property
    def terminal(self) -> bool:
        """Whether the prediction has ended."""
        return self not in (Status.STARTING, Status.PROCESSING)
