"""What the author's code writes, wherever it writes it."""

from __future__ import annotations

import asyncio

import pytest

from cogsmith.prediction import Log
from cogsmith.runtime import Worker
from tests.runtime.harness import events, finished, texts, with_worker


def test_both_streams_in_order_and_the_rest_of_a_line() -> None:
    logs: list[Log] = []
    happened = with_worker("noisy", lambda w: events(w), logs)
    assert [(e.source, e.text) for e in happened if isinstance(e, Log)] == [
        ("stdout", "one\n"),
        ("stderr", "two\n"),
        ("stderr", "INFO three\n"),
        ("stdout", "vier ä\n"),
        ("stdout", "no newline"),
    ]
    assert texts(logs) == "setting up\n"


@pytest.mark.parametrize(
    ("how", "stdout", "stderr"),
    [
        ("descriptors", "raw out\n", "raw err\n"),
        ("subprocess", "child out\n", "child err\n"),
        ("fork", "from the fork\n", ""),
        ("thread", "from a thread\n", ""),
    ],
)
def test_what_goes_past_sys_stdout_comes_before_the_end(how: str, stdout: str, stderr: str) -> None:
    async def use(worker: Worker) -> None:
        for _ in range(20):
            happened = await events(worker, how=how)
            said = [(e.source, e.text) for e in happened if isinstance(e, Log)]
            assert "".join(text for source, text in said if source == "stdout") == stdout
            assert "".join(text for source, text in said if source == "stderr") == stderr

    with_worker("noisy", use)


def test_concurrent_predictions_do_not_mix_their_lines() -> None:
    async def use(worker: Worker) -> None:
        runs = [finished(worker, str(n), name=str(n), lines=n % 7) for n in range(64)]
        for n, prediction in enumerate(await asyncio.gather(*runs)):
            assert prediction.logs == "".join(f"{n} {line}\n" for line in range(n % 7))
            assert prediction.metrics.get("lines", 0) == n % 7

    with_worker("async_noisy", use)
