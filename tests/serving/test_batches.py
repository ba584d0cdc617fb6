"""Predictions that come together run in one call of a predictor that offers it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tests.serving.server import Server


def test_requests_that_come_together_share_a_call(serve: Callable[..., Server]) -> None:
    server = serve("batch.py:Predictor")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda text: server.predict(text=text), "abcdefgh"))
    outputs = [answer["output"] for answer in answers]
    assert [output[0] for output in outputs] == list("abcdefgh")
    assert any(output.endswith(" of 4") for output in outputs)


def test_one_that_fails_fails_alone(serve: Callable[..., Server]) -> None:
    server = serve("batch.py:Predictor")
    with ThreadPoolExecutor(2) as pool:
        good = pool.submit(server.predict, text="good")
        bad = pool.submit(server.predict, text="bad", fail=True)
    assert good.result()["status"] == "succeeded"
    assert (bad.result()["status"], bad.result()["error"]) == ("failed", "ValueError: bad")
