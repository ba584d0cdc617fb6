"""Commands and the one place that starts them: the build wing's door to other programs.

In: a ``Command``, words that never go through a shell.
Out: a ``Completed`` with what it wrote, or CommandFailed with its last words; a ``Dialog`` with a
program that answers line by line.
Touches: processes. Secrets are starred before a word of them is shown.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import logging
import os
import pty
import re
import selectors
import shlex
import signal
import struct
import subprocess
import termios
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from cogsmith.errors import CommandFailed, MissingProgram

__all__ = ["Command", "Completed", "Dialog", "draw", "run", "star"]

Command = tuple[str, ...]
_log = logging.getLogger(__name__)

STARS = "****"
TAIL_LINES = 40
KEPT_LINES = 10_000  # of stderr: a program that draws writes the same lines over and over
PATIENCE = 2.0  # seconds between asking a process group to end and ending it
SCREEN_ROWS, SCREEN_COLUMNS = 60, 200

# The user part of a URL: a password, or a token in the name's place. A bare name before an
# SSH host (git@host) is an address, not a secret.
_CREDENTIALS = re.compile(r"(?P<ssh>ssh)?://(?P<user>[^/\s@\"']+)@")
# What moves the cursor or colors the text; a program that draws ends its frames with one.
_CURSOR = re.compile(rb"\x1b\[[0-9;?]*([A-Za-z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A program that ended with exit code 0: what it was, and what it wrote, secrets starred."""

    command: Command
    exit_code: int
    output: str
    errors: str


def star(text: str, secrets: Iterable[str] = ()) -> str:
    """Hide every secret in a text, and the credentials of every URL.

    >>> star("get https://me:sesame@index.example/simple")
    'get https://****@index.example/simple'
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, STARS)
    return _CREDENTIALS.sub(_starred, text)


def _starred(found: re.Match[str]) -> str:
    ssh, user = found["ssh"] or "", found["user"]
    return found[0] if ssh and ":" not in user else f"{ssh}://{STARS}@"


def run(
    command: Command,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    secrets: tuple[str, ...] = (),
) -> Completed:
    """Run a command to its end; ``on_line`` hears each line of both streams as it comes.

    ``env`` is the whole environment (None: this process's own). The program reads nothing
    from us. When we are interrupted, or anything else is raised, the program and all that
    it started are ended first. Raises CommandFailed for an exit code other than 0, and
    MissingProgram when there is no such program.
    """
    _tell(command, secrets)
    with _started(command, env=env, cwd=cwd, stderr=subprocess.PIPE) as process:
        assert process.stderr
        return _finish(_Run(command, process, on_line, secrets), process.stderr)


def draw(
    command: Command,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: Callable[[str], None] | None = None,
    secrets: tuple[str, ...] = (),
) -> Completed:
    """As ``run``, but the program's stderr is a terminal (of ours, that nobody sees).

    Programs tell how far they are on terminals only. ``on_line`` then also hears what they
    draw, line by line, without colors and cursor movements, each line as often as it is
    drawn; ``Completed.errors`` holds all of that too.
    """
    _tell(command, secrets)
    screen, inside = pty.openpty()
    with os.fdopen(screen, "rb", buffering=0) as drawn:
        try:
            size = struct.pack("HHHH", SCREEN_ROWS, SCREEN_COLUMNS, 0, 0)
            fcntl.ioctl(inside, termios.TIOCSWINSZ, size)
            process = _started(command, env=env, cwd=cwd, stderr=inside)
        finally:
            os.close(inside)
        with process:
            return _finish(_Run(command, process, on_line, secrets), drawn)


class Dialog:
    """A program that answers each line with a line: started once, asked often, from one thread.

    It ends when its input does, so it outlives neither ``close`` nor this process.
    """

    def __init__(
        self, command: Command, *, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        _tell(command, ())
        self.command = command
        self._process = _started(
            command, env=env, cwd=cwd, stdin=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        self._in = io.BufferedWriter(cast("io.RawIOBase", stdin))
        self._out = io.BufferedReader(cast("io.RawIOBase", stdout))

    def ask(self, line: str) -> str:
        """The answer to a line. Raises CommandFailed, with its last words, when it has ended."""
        with contextlib.suppress(BrokenPipeError):  # its last words say why
            self._in.write(f"{line}\n".encode())
            self._in.flush()
        answer = self._out.readline()
        if answer.endswith(b"\n"):
            return answer.decode("utf-8", "replace")
        self.close()
        words = answer.decode("utf-8", "replace").strip()
        raise CommandFailed(self.command, self._process.returncode, words)

    def close(self) -> None:
        """End it."""
        for stream in (self._in, self._out):
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            _end(self._process)


def _tell(command: Command, secrets: Iterable[str]) -> None:
    """For ``--debug``: what is started, secrets starred."""
    _log.debug("starts %s", star(shlex.join(command), secrets))


def _started(
    command: Command,
    *,
    env: Mapping[str, str] | None,
    cwd: Path | None,
    stderr: int,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start a command as the head of a process group of its own, so that it ends as one."""
    try:
        return subprocess.Popen(
            command, env=None if env is None else dict(env), cwd=cwd, stdin=stdin,
            stdout=subprocess.PIPE, stderr=stderr, start_new_session=True, bufsize=0,
        )  # fmt: skip
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise MissingProgram(command[0], f"its folder {cwd} does not exist") from error
        raise MissingProgram(command[0], "there is no such program here") from error
    except (OSError, ValueError) as error:
        raise MissingProgram(command[0], star(str(error))) from error


@dataclass(slots=True)
class _Run:
    """A command under way and what it has written so far."""

    command: Command
    process: subprocess.Popen[bytes]
    on_line: Callable[[str], None] | None
    secrets: tuple[str, ...]
    errors: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    output: list[str] = field(default_factory=list)
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL_LINES))
    rest: dict[str, bytes] = field(default_factory=lambda: {"out": b"", "err": b""})

    def take(self, stream: str, data: bytes) -> None:
        """Cut what came into lines; the last, still open one waits for its end."""
        whole = _CURSOR.sub(_broken, self.rest[stream] + data).replace(b"\r", b"\n")
        *lines, self.rest[stream] = whole.split(b"\n")
        for line in lines:
            self.keep(stream, line)

    def end(self) -> None:
        """Nothing more comes: the open lines are whole now."""
        for stream, line in self.rest.items():
            if line:
                self.keep(stream, line)

    def keep(self, stream: str, raw: bytes) -> None:
        """One line, secrets starred, to where it belongs."""
        line = star(raw.decode("utf-8", "replace").rstrip(), self.secrets)
        (self.output if stream == "out" else self.errors).append(line)
        self.tail.append(line)
        if self.on_line and line:
            self.on_line(line)


def _broken(found: re.Match[bytes]) -> bytes:
    """A color is nothing; every other movement of the cursor ends a line."""
    return b"" if found[1] == b"m" else b"\n"


def _finish(run: _Run, errors: IO[bytes]) -> Completed:
    try:
        _listen(run, errors)
        exit_code = run.process.wait()
    except BaseException:  # not ours to handle: end what we started, then let it pass
        _end(run.process)
        raise
    run.end()
    words = tuple(star(word, run.secrets) for word in run.command)
    if exit_code:
        raise CommandFailed(words, exit_code, "\n".join(run.tail))
    output, errors_text = (
        "".join(f"{line}\n" for line in lines) for lines in (run.output, run.errors)
    )
    return Completed(command=words, exit_code=exit_code, output=output, errors=errors_text)


def _listen(run: _Run, errors: IO[bytes]) -> None:
    """Read both streams as they come, until both are closed."""
    with selectors.DefaultSelector() as selector:
        assert run.process.stdout
        selector.register(run.process.stdout, selectors.EVENT_READ, "out")
        selector.register(errors, selectors.EVENT_READ, "err")
        while selector.get_map():
            for key, _ in selector.select():
                data = _read(key.fd)
                if data:
                    run.take(key.data, data)
                else:
                    selector.unregister(key.fileobj)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # EIO: Linux's way to say that nobody holds the terminal's other end
        return b""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its whole group: ask first, then insist."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
