"""The scope's own rules, without a process."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator

import pytest

from cogsmith.runtime.worker.channel import Channel
from cogsmith.runtime.worker.frames import Kind, Reader
from cogsmith.runtime.worker.scope import Scope, current_scope


@pytest.fixture
def scope() -> Iterator[tuple[Scope, Callable[[], list[list[object]]]]]:
    ours, theirs = socket.socketpair()
    reader = Reader()

    def sent() -> list[list[object]]:
        frames = reader.received(ours.recv_into(reader.buffer()))
        assert {(kind, number) for kind, number, _ in frames} == {(Kind.METRIC, 5)}
        return [json.loads(payload) for _, _, payload in frames]

    with ours, theirs:
        yield Scope(5, Channel(theirs)), sent


def test_every_way_to_record(scope: tuple[Scope, Callable[[], list[list[object]]]]) -> None:
    one, sent = scope
    with one:
        assert current_scope() is one
        one.record_metric("a", 1)
        one.metrics["a"] = 2
        one.metrics.record("a", 3, mode="incr")
        one.metrics["a"] = None
        one.metrics["a"] = "another type now"
        del one.metrics["b"]
        assert repr(one) == "Scope(MetricRecorder(keys=1))"
    assert sent() == [
        ["a", 1, "replace"],
        ["a", 2, "replace"],
        ["a", 3, "increment"],
        ["a", None, "replace"],
        ["a", "another type now", "replace"],
        ["b", None, "replace"],
    ]
    one.record_metric("a", 1)  # it has ended: nothing is sent
    assert repr(one) == "Scope(MetricRecorder(inactive))"
    assert current_scope().context == {}


@pytest.mark.parametrize(
    ("key", "value", "mode", "error", "said"),
    [
        ("a__b", 1, None, ValueError, "consecutive underscores"),
        ("a", object(), None, TypeError, "object cannot be a metric"),
        ("a", "x", "incr", TypeError, "only int and float can be incremented, not str"),
        ("a", True, "incr", TypeError, "not bool"),
        ("a", 1, "sum", TypeError, "'sum' is not one of"),
        ("a", float("nan"), None, TypeError, "is not JSON"),
        ("known", 1.5, None, TypeError, "has type int, cannot set to float without deleting"),
    ],
)
def test_what_is_refused(
    scope: tuple[Scope, Callable[[], list[list[object]]]],
    key: str, value: object, mode: str | None, error: type[Exception], said: str,
) -> None:  # fmt: skip
    one, _ = scope
    with one:
        one.record_metric("known", 1)
        with pytest.raises(error, match=said):
            one.record_metric(key, value, mode)


def test_outside_a_prediction_all_is_silent() -> None:
    scope = current_scope()
    scope.record_metric("a", 1)
    scope.metrics["a"] = 2
    del scope.metrics["a"]
    assert scope.number == 0
