"""The small events that carry a run from the worker to whoever watches it.

Times are seconds since 1970 in UTC, durations are seconds.
"""

from __future__ import annotations

import json as _json
from dataclasses import dataclass
from typing import Any, Literal, Union

from cogsmith.prediction.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The inputs went to predict()."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """Text that the author's code wrote; not always a whole line."""

    source: Literal["stdout", "stderr"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """The whole output or, of an iterator, one chunk of it.

    ``json`` is the text that the worker made, to be passed on without being parsed.
    ``files`` are the ``file://`` URLs in it that stand for files; ``index`` counts chunks
    from 0.
    """

    json: bytes
    files: tuple[str, ...] = ()
    index: int = 0

    @property
    def value(self) -> Any:
        """The JSON value; parsed each time it is asked for."""
        return _json.loads(self.json)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A number, or another JSON value, that the author's code recorded.

    Dots in ``name`` make nested objects. A value of None deletes.
    """

    name: str
    value: Any
    mode: Literal["replace", "increment", "append"] = "replace"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The end; nothing comes after it. ``error`` is empty unless the prediction failed."""

    at: float
    status: Status
    error: str = ""
    predict_time: float = 0.0


Event = Union[Started, Log, Output, Metric, Finished]  # noqa: UP007 - an alias at run time, 3.10 too
