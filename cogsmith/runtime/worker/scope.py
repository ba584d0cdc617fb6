"""The scope of a prediction: where its metrics go, and which one prints.

``cog.current_scope()`` ends here. An async predictor finds its scope through a context
variable; a thread that the author started without a context belongs to the one prediction
that runs, if there is only one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar

from cogsmith.runtime.worker.channel import Channel
from cogsmith.runtime.worker.frames import Kind
from cogsmith.runtime.worker.names import objection

_TYPES = {bool: "bool", int: "int", float: "float", str: "str", list: "list", dict: "dict"}
_MODES = {
    None: "replace", "replace": "replace", "incr": "increment", "increment": "increment",
    "append": "append",
}  # fmt: skip


class MetricRecorder:
    """``scope.metrics``: records values; a name keeps the type of its first value."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._types: dict[str, str] = {}

    def record(self, key: str, value: object, mode: str | None = None) -> None:
        """Record a value: ``replace`` (the default), ``incr`` or ``append``; None deletes.

        Raises ValueError for a name, TypeError for a value or mode that cannot be.
        """
        if mode not in _MODES:
            raise TypeError(f"metric mode {mode!r} is not one of 'replace', 'incr', 'append'")
        if value is None:
            return self.delete(key)
        if not self._scope.open:
            return None
        if wrong := objection(key):
            raise ValueError(wrong)
        value = _plain(value)
        kind = self._checked(key, value, _MODES[mode])
        text = _json(key, value)
        self._types[key] = kind
        return self._scope.send_metric(key, text, _MODES[mode])

    def _checked(self, key: str, value: object, mode: str) -> str:
        kind = next((name for known, name in _TYPES.items() if isinstance(value, known)), "")
        if not kind:
            raise TypeError(
                f"metric {key!r}: {type(value).__name__} cannot be a metric; "
                "use bool, int, float, str, list or dict"
            )
        known = self._types.get(key, kind)
        if known != kind:
            raise TypeError(
                f"metric {key!r} has type {known}, cannot set to {kind} without deleting first"
            )
        if mode == "increment" and kind not in {"int", "float"}:
            raise TypeError(f"metric {key!r}: only int and float can be incremented, not {kind}")
        return kind

    def delete(self, key: str) -> None:
        """Forget a metric and its type."""
        if self._scope.open:
            self._types.pop(key, None)
            self._scope.send_metric(key, "null", "replace")

    def __setitem__(self, key: str, value: object) -> None:
        self.record(key, value)

    def __delitem__(self, key: str) -> None:
        self.delete(key)

    def __repr__(self) -> str:
        said = f"keys={len(self._types)}" if self._scope.open else "inactive"
        return f"MetricRecorder({said})"


def _plain(value: object) -> object:
    """A numpy or torch scalar as the Python number that it holds."""
    item = getattr(value, "item", None)
    if isinstance(value, (bool, int, float, str, list, dict)) or not callable(item):
        return value
    return item()


def _json(key: str, value: object) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"metric {key!r} is not JSON: {error}") from None


class Scope:
    """What one prediction may say beside its output."""

    def __init__(
        self, number: int = 0, channel: Channel | None = None, context: Mapping[str, str] = {}
    ) -> None:
        self.number = number
        self._channel = channel
        self._context = context
        self._metrics: MetricRecorder | None = None

    @property
    def metrics(self) -> MetricRecorder:
        """Where metrics are recorded."""
        if self._metrics is None:
            self._metrics = MetricRecorder(self)
        return self._metrics

    @property
    def context(self) -> dict[str, str]:
        """What the request carried for this prediction beside its inputs."""
        return dict(self._context)

    @property
    def open(self) -> bool:
        """Whether the prediction still runs; recording is a silent no-op when it does not."""
        return self._channel is not None

    def record_metric(self, key: str, value: object, mode: str | None = None) -> None:
        """Short for ``scope.metrics.record``."""
        self.metrics.record(key, value, mode)

    def send_metric(self, key: str, text: str, mode: str) -> None:
        """Tell the parent; ``text`` is the value as JSON."""
        if self._channel is not None:
            payload = f'[{json.dumps(key)},{text},"{mode}"]'
            self._channel.send(Kind.METRIC, self.number, payload.encode())

    def __repr__(self) -> str:
        return f"Scope({self.metrics!r})"

    def __enter__(self) -> None:
        _active[self.number] = self
        _current.set(self)

    def __exit__(self, *_: object) -> None:
        _active.pop(self.number, None)
        _current.set(None)
        self._channel = None


_OUTSIDE = Scope()
_current: ContextVar[Scope | None] = ContextVar("cogsmith_scope", default=None)
_active: dict[int, Scope] = {}


def current_scope() -> Scope:
    """The scope of the running prediction, or one that silently does nothing."""
    scope = _current.get()
    if scope is None and len(active := list(_active.values())) == 1:
        scope = active[0]
    return scope or _OUTSIDE
