"""Several pieces of work at a time, which fail together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from cogsmith.errors import WeightsError

__all__ = ["Stop", "run_all"]

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Stop:
    """A flag for work that is no longer wanted; ``halt`` ends what is waiting for the other end."""

    def __init__(self, halt: Callable[[], None]) -> None:
        self._event, self._halt = threading.Event(), halt

    def now(self) -> None:
        """Stop the work."""
        self._event.set()
        self._halt()

    def check(self) -> None:
        """Raise WeightsError when the work is no longer wanted."""
        if self._event.is_set():
            raise WeightsError("was stopped", code="stopped")

    def sleep(self, seconds: float) -> None:
        """Wait, unless the work is no longer wanted."""
        self._event.wait(seconds)
        self.check()


def run_all(
    work: Callable[[Item], Answer], items: Iterable[Item], *, lanes: int, stop: Stop | None = None
) -> list[Answer]:
    """Do the work for every item in so many threads; the answers in the order of the items.

    When one fails, or we are interrupted, ``stop`` is told, those that wait are not begun, and the
    first failure is raised when all have ended.
    """
    with ThreadPoolExecutor(max_workers=lanes, thread_name_prefix="weights") as pool:
        try:
            futures = [pool.submit(work, item) for item in items]
            wait(futures, return_when=FIRST_EXCEPTION)
            for future in futures:
                if future.done():
                    future.result()
        except BaseException:
            if stop is not None:
                stop.now()
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [future.result() for future in futures]
