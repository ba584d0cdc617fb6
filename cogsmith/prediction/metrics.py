"""The algebra of metrics: a name with dots, a value and a mode, folded into nested objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cogsmith.prediction.events import Metric


def record(metrics: Mapping[str, Any], metric: Metric) -> dict[str, Any]:
    """The metrics after one more was recorded; those given are left as they are.

    >>> record({}, Metric(name="timing.load", value=2, mode="increment"))
    {'timing': {'load': 2}}
    """
    return _record(metrics, metric.name.split("."), metric)


def _record(metrics: Mapping[str, Any], path: list[str], metric: Metric) -> dict[str, Any]:
    name, rest = path[0], path[1:]
    old = metrics.get(name)
    changed = dict(metrics)
    if rest:
        inner = _record(old if isinstance(old, Mapping) else {}, rest, metric)
        if inner or metric.value is not None:
            changed[name] = inner
        elif isinstance(old, Mapping):
            del changed[name]  # the last one in it was deleted
    elif metric.value is None:
        changed.pop(name, None)
    else:
        changed[name] = _merged(old, metric)
    return changed


def _merged(old: Any, metric: Metric) -> Any:
    if metric.mode == "increment" and _is_number(old):
        return old + metric.value
    if metric.mode == "append":
        if old is None:
            return [metric.value]
        return [*old, metric.value] if isinstance(old, list) else [old, metric.value]
    return metric.value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
