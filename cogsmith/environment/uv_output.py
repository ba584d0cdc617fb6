"""What uv says, understood: how far it is, and why it failed.

uv draws its progress for people; a line that is not recognized is no progress, and nothing
breaks.
"""

from __future__ import annotations

import re
from dataclasses import replace

from cogsmith.environment.events import Progress, Step
from cogsmith.errors import Problem

__all__ = ["Downloads", "explain", "progress_of"]

UNITS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}

_SIZE = r"([\d.]+) ?([KMG]i)?B"
_DOWNLOAD = re.compile(rf"(\S+) +[-─━=#]{{5,}} +{_SIZE}/{_SIZE}")
_INSTALL = re.compile(r"\S+ \[(\d+)/(\d+)\] (\S+)")
_RESOLVING = re.compile(r"[⠁-⣿] (\S+(==| @ ).*)")
_DONE = re.compile(r"((Resolved|Prepared|Installed|Bytecode compiled) (\d+) \S+ in .+)")
_ERROR = re.compile(r"(^| {3,})(error:| × ) *", re.MULTILINE)

NETWORK = (
    "is the network there? UV_INDEX_URL or PIP_INDEX_URL name another index, UV_FIND_LINKS or "
    "PIP_FIND_LINKS a folder of wheels (docs/how-to/environments.md)"
)
ROOM = (
    "make room on the disk, or name another with COGSMITH_CACHE_DIR (environments) and "
    "UV_CACHE_DIR (downloads)"
)
OTHER_BYTES = (
    "these are not the bytes that the lock was made for: if the change is meant, run "
    "`cogsmith lock`; if not, do not install them"
)
CREDENTIALS = (
    "the index wants other credentials: https://user:password@host/ in UV_INDEX_URL or "
    "PIP_INDEX_URL, or a netrc file"
)
NO_WHEEL = (
    "choose a version that has a wheel for this Python and platform, or another "
    "build.python_version"
)
NO_BUILD = (
    "there is no wheel and the package does not build here: choose a version with a wheel, or "
    "install what its build asks for"
)
NO_SUCH = (
    "check the spelling of the name; a package of your own needs its index in UV_INDEX_URL or "
    "PIP_EXTRA_INDEX_URL (docs/how-to/environments.md)"
)
CONFLICT = "loosen or change one of the versions named above"
NO_FILE = "local paths are read from the project's folder; check the spelling"
NO_WRITING = "name a folder that you may write to with COGSMITH_CACHE_DIR"

# The first that is found in uv's words gives the hint.
HINTS = (
    (re.compile(r"No space left|quota exceeded|os error 28\b"), ROOM),
    (re.compile(r"Hash mismatch"), OTHER_BYTES),
    (re.compile(r"\b(401|403)\b|Unauthorized|Forbidden"), CREDENTIALS),
    (re.compile(r"dns error|[Cc]onnect|timed? ?out|certificate|Failed to fetch"), NETWORK),
    (re.compile(r"no wheels with a matching|has no wheels|not compatible with"), NO_WHEEL),
    (re.compile(r"[Ff]ailed to build|build backend"), NO_BUILD),
    (re.compile(r"was not found in the package registry"), NO_SUCH),
    (re.compile(r"No solution found"), CONFLICT),
    (re.compile(r"Distribution not found|No such file"), NO_FILE),
    (re.compile(r"Permission denied|os error 13\b|Read-only file system"), NO_WRITING),
)


def progress_of(line: str) -> Progress | None:
    """Read one line that uv has drawn or written.

    >>> progress_of("numpy   ------------------------------ 8.00 KiB/16.00 MiB")
    Progress(step='download', text='numpy', done=8192, total=16777216, unit='B', whole=False)
    """
    if found := _DOWNLOAD.search(line):
        name, done, done_unit, total, total_unit = found.groups()
        return Progress(
            step="download", text=name, done=_bytes(done, done_unit),
            total=_bytes(total, total_unit), unit="B",
        )  # fmt: skip
    if found := _INSTALL.search(line):
        done, total, name = found.groups()
        return Progress(
            step="install", text=name, done=int(done), total=int(total), unit="packages"
        )
    if found := _DONE.search(line):
        step: Step = "resolve" if found[2] == "Resolved" else "install"
        count = int(found[3])
        return Progress(
            step=step, text=found[1], done=count, total=count, unit="packages", whole=True
        )
    if found := _RESOLVING.search(line):
        return Progress(step="resolve", text=found[1].strip())
    return None


def _bytes(number: str, unit: str | None) -> int:
    return round(float(number) * UNITS[f"{unit or ''}B"])


class Downloads:
    """Many downloads at once, told as one: bytes of all that have begun."""

    def __init__(self) -> None:
        self.seen: dict[str, Progress] = {}

    def together(self, progress: Progress) -> Progress:
        """The sum with what one download now says; other steps pass as they are."""
        if progress.step != "download":
            return progress
        self.seen[progress.text] = progress
        rest = [one for one in self.seen.values() if one.done < one.total]
        return replace(
            progress,
            text=max(rest, key=lambda one: one.total).text if rest else progress.text,
            done=sum(one.done for one in self.seen.values()),
            total=sum(one.total for one in self.seen.values()),
        )


def explain(said: str, *, what: str, where: str = "") -> Problem:
    """Why uv failed: ``what`` did not happen, uv's own explanation, and what to do."""
    reason = _reason(said)
    hint = next((hint for pattern, hint in HINTS if pattern.search(reason)), "")
    return Problem(f"{what}: {reason}", where, hint)


def _reason(said: str) -> str:
    """From where uv reports an error; all of it where it does not say the word.

    The report may stand behind the last, padded frame of its progress.
    """
    found = _ERROR.search(said)
    told = said[found.end() :] if found else said
    lines = (line.rstrip() for line in told.splitlines())
    return "\n".join(filter(None, lines)) or "it did not say why"
