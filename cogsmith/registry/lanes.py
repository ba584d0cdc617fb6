"""Several transfers at a time, which begin together and fail together."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from typing import TypeVar

__all__ = ["run_all"]

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def run_all(
    work: Callable[[Item], Answer],
    items: Iterable[Item],
    *,
    lanes: int,
    halt: Callable[[], None],
    resume: Callable[[], None],
) -> list[Answer]:
    """Do the work for every item in so many threads; the answers in the order of the items.

    When one fails, or we are interrupted, ``halt`` makes the others end, too, before the
    first failure is raised; ``resume`` takes it back when all have.
    """
    futures: list[Future[Answer]] = []
    with ThreadPoolExecutor(max_workers=lanes, thread_name_prefix="registry") as pool:
        try:
            futures += [pool.submit(work, item) for item in items]
            wait(futures, return_when=FIRST_EXCEPTION)
            for future in futures:
                if future.done():
                    future.result()
        except BaseException:
            halt()
            pool.shutdown(wait=True, cancel_futures=True)
            resume()
            raise
    return [future.result() for future in futures]
