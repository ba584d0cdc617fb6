"""Lines of a requirements file, as far as a config has a say in them.

Resolving is the environment's work; here a line is only split from its comment and options,
and torch is asked for its version where CUDA depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from cogsmith.config.refusal import refused

__all__ = ["TORCH_UNPINNED", "lines_of", "package", "unpinned"]

TORCH_UNPINNED = "torch version must be specified when using CUDA"
NOT_BY_NAME = re.compile(r"-|\.|/|[\w+.-]+://|[\w+.-]+\.whl\b|\w+\+")


def lines_of(text: str) -> Iterator[tuple[int, str]]:
    """Line number and requirement of each line that holds one; continuations are joined."""
    start, joined = 1, ""
    for number, line in enumerate(text.splitlines(), start=1):
        start = start if joined else number
        if line.endswith("\\"):
            joined += line[:-1]
            continue
        if requirement := _bare(joined + line):
            yield start, requirement
        joined = ""


def package(text: str) -> str:
    """One item of ``python_packages``: what pip takes on a line."""
    line = _bare(text)
    if not line or NOT_BY_NAME.match(line):
        return text
    try:
        Requirement(line)
    except InvalidRequirement:
        fixed = re.sub(r"(?<![=<>!~])=(?!=)", "==", line)
        hint = f'did you mean "{fixed}"?' if fixed != line else 'write "name==version"'
        raise refused("is not a package that pip understands", hint) from None
    return text


def unpinned(lines: Iterable[str], name: str = "torch") -> bool:
    """Whether a package is asked for by name alone, without any version or address."""
    return any(_is_bare_name(line, name) for line in lines)


def _is_bare_name(line: str, name: str) -> bool:
    try:
        requirement = Requirement(_bare(line))
    except InvalidRequirement:
        return False
    named = canonicalize_name(requirement.name) == name
    return named and not requirement.specifier and not requirement.url


def _bare(line: str) -> str:
    """The requirement without its comment and without pip's options behind it."""
    line = re.sub(r"(^|\s)#.*", "", line).strip()
    return line if line.startswith("-") else re.split(r"\s-", line)[0].strip()
