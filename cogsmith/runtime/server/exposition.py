"""Prometheus's text formats: families of samples, as lines.

Two formats, nearly one: the plain one (version 0.0.4), and OpenMetrics, which names a
counter's family without ``_total`` and says where the text ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sample:
    """One number. ``suffix`` is what a histogram adds to the family's name."""

    value: float
    labels: Mapping[str, str]
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its name without ``_total``, what it is, in one line, and its samples."""

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    text: str
    samples: Iterable[Sample]


def sample(value: float, **labels: str) -> Sample:
    """A number and its labels."""
    return Sample(value, labels)


def format_for(accept: str) -> str:
    """The format for an Accept header: OpenMetrics for those who name it, else plain text."""
    kinds = (part.split(";")[0].strip().lower() for part in accept.split(","))
    return OPENMETRICS if "application/openmetrics-text" in kinds else TEXT


def render(families: Iterable[Family], content_type: str) -> bytes:
    """The families as text, in the format that ``content_type`` names: TEXT or OPENMETRICS."""
    openmetrics = content_type == OPENMETRICS
    lines = [line for family in families for line in _lines(family, openmetrics)]
    if openmetrics:
        lines.append("# EOF")
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _lines(family: Family, openmetrics: bool) -> Iterator[str]:
    name = f"{family.name}_total" if family.kind == "counter" else family.name
    told = family.name if openmetrics else name
    yield f"# HELP {told} {family.text}"
    yield f"# TYPE {told} {family.kind}"
    for one in family.samples:
        yield f"{name}{one.suffix}{_labels(one.labels)} {one.value!r}"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
