"""Which names a metric may have: Cog's rules, in the words that its users search for."""

from __future__ import annotations

import re

_SEGMENT = re.compile(r"[A-Za-z](?:_?[A-Za-z0-9])*", re.ASCII)
MOST_CHARACTERS = 128
MOST_SEGMENTS = 4


def objection(name: str) -> str:
    """What is wrong with a metric's name, or nothing.

    >>> objection("timing.load_2"), objection("2fast")
    ('', "metric name '2fast': segment '2fast' must start with a letter")
    """
    wrong = _whole(name) or next(filter(None, map(_segment, name.split("."))), "")
    return (
        f"metric name {name!r}{': ' if wrong.startswith('segment') else ' '}{wrong}"
        if wrong
        else ""
    )


def _whole(name: str) -> str:
    if name == "predict_time":
        return "is reserved: predict_time is measured by the runtime"
    if name.startswith("cog."):
        return "is reserved: cog. begins the runtime's own names"
    if name.startswith("."):
        return "must not start with a dot"
    if not all(name.split(".")):
        return "must not contain empty segments"
    if len(name) > MOST_CHARACTERS:
        return f"must have at most {MOST_CHARACTERS} characters, it has {len(name)}"
    if name.count(".") >= MOST_SEGMENTS:
        return f"must have at most {MOST_SEGMENTS} dot-separated segments"
    return ""


def _segment(segment: str) -> str:
    if _SEGMENT.fullmatch(segment):
        return ""
    if not re.match(r"[A-Za-z]", segment):
        return f"segment {segment!r} must start with a letter"
    if "__" in segment:
        return f"segment {segment!r} must not contain consecutive underscores"
    if segment.endswith("_"):
        return f"segment {segment!r} must end with a letter or digit"
    return f"segment {segment!r} must contain only letters, digits and underscores"
