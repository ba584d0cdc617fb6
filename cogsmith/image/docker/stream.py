"""What a builder writes while it builds: which step is at work, and what that says."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field

from cogsmith.errors import DockerError
from cogsmith.image.docker.dockerfile import Stage, Step

__all__ = ["Stream"]

LAST = 20  # lines of a failed step that are shown

# BuildKit's plain form has the vertex's number before each line, and seconds before output.
_KIT_STEP = re.compile(r"#\d+ \[(?:\S+ +)?\d+/\d+\] ((?:RUN|COPY) .*)")
_KIT_OUTPUT = re.compile(r"#\d+ \d+\.\d+ ?(.*?)(?:#\d+ DONE \d+\.\d+s)?$")
_STEP = re.compile(r"(?:Step|STEP) \d+/\d+ ?: (.*)")
_NOISE = re.compile(
    r" ---> |Removing intermediate container|Sending build context|Successfully (?:built|tagged)"
    r"|COMMIT|--> |[0-9a-f]{64}$|DEPRECATED:|The command '.*' returned a non-zero code"
    r"|Error: (?:error )?building at STEP|subprocess exited with status|exit status \d+$"
    r'|time="|\[Warning\] one or more build args'
)
_MADE = re.compile(r" ---> ([0-9a-f]{12})$")
_CODE = re.compile(r"(?:exit code: |non-zero code: |exit status )(\d+)")
_OFFLINE = re.compile(
    r"Temporary failure (?:in name resolution|resolving)|Could not resolve|Could not connect"
    r"|Network is unreachable|Name or service not known"
)


@dataclass(slots=True)
class Stream:
    """Reads a builder's lines; ``images`` are the ids that Docker's classic builder names."""

    stage: Stage
    buildkit: bool
    step: Step | None = None
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LAST))
    images: list[str] = field(default_factory=list)

    def hear(self, line: str) -> str:
        """Take a line in; what of it is for people, "" for nothing."""
        if begun := (_KIT_STEP if self.buildkit else _STEP).match(line):
            return self._begin(begun[1])
        if self.buildkit:
            said = _KIT_OUTPUT.match(line)
            return self._said(said[1]) if said else ""
        if made := _MADE.match(line):
            self.images.append(made[1])
        return "" if _NOISE.match(line) or self.step is None else self._said(line)

    def _begin(self, line: str) -> str:
        found = next((step for step in self.stage.steps if step.line.strip() == line.strip()), None)
        if found is None and not line.startswith(("RUN ", "COPY ")):
            return ""
        if found is None or found is not self.step:
            self.last.clear()
        self.step = found
        return line

    def _said(self, text: str) -> str:
        self.last.append(text)
        return f"  {text}" if text else ""

    def failure(self, tail: str, file: str) -> DockerError:
        """The error for a build that ended with these last lines of all that was written.

        ``file`` is the config's name.
        """
        code = _CODE.search(tail)
        if self.step is None or code is None:
            return DockerError(f"the build could not be run:\n{tail.strip()}", code="build")
        said = "\n".join(self.last)
        message = f"a command ended with exit code {code[1]}: {self.step.line}"
        hint = "the image and the container of this step are gone; change it, and build again"
        if _OFFLINE.search(said):
            hint = "is the network not reached from containers? --network host uses this machine's"
        where = self.step.asked if "." not in self.step.asked else f"{file}: {self.step.asked}"
        return DockerError(
            f"{message}\n{said}".rstrip(), where=where, hint=hint, code="build_step"
        )  # fmt: skip
