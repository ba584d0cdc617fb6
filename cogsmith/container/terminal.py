"""A command in a container, as if it ran here: our input, our terminal, its exit code."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import termios
import threading
import tty
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

from cogsmith.container.engine import Box, NoDriver
from cogsmith.container.frames import STDERR, Frames
from cogsmith.container.guard import guarded
from cogsmith.container.launch import Launch
from cogsmith.container.running import Tell, networked
from cogsmith.errors import DockerError
from cogsmith.image import Engine

__all__ = ["attached"]

PIECE = 1 << 16
OPENING = 5.0  # seconds until the engine waits with us
LATE = 30.0  # seconds between a container's last word and its exit code


def attached(engine: Engine, launch: Launch, tell: Tell) -> int:
    """Run a container with our standard streams until it ends; its exit code.

    It gets a terminal where we are on one, whose size follows ours. Raises DockerError.
    """
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    launch = replace(networked(engine, launch, tell), stdin=True, terminal=terminal)
    token = uuid.uuid4().hex
    try:
        with guarded(engine, token, launch.grace):
            return _attached(Box.create(engine, launch, token), terminal=terminal)
    except NoDriver:
        if not launch.gpus_if_any:
            raise
    tell("Missing device driver, re-trying without GPU")  # Cog's words
    return attached(engine, replace(launch, gpus="", gpus_if_any=False), tell)


def _attached(box: Box, *, terminal: bool) -> int:
    ending = _Ending(box)
    with box.joined() as stream:
        ending.begin()
        box.start()
        with _raw(terminal), _sized(box, terminal):
            _pump(stream, None if terminal else Frames())
    return ending.exit_code()


class _Ending:
    """Waits for a container's end from before it starts: afterwards the engine has forgotten it."""

    def __init__(self, box: Box) -> None:
        self._box, self._code = box, -1
        self._opened = threading.Event()
        self._thread = threading.Thread(target=self._wait, daemon=True)

    def begin(self) -> None:
        self._thread.start()
        self._opened.wait(OPENING)

    def exit_code(self) -> int:
        self._thread.join(LATE)
        return self._code

    def _wait(self) -> None:
        with suppress(DockerError):  # the engine went away; -1 tells of it
            self._code = self._box.wait(self._opened.set)
        self._opened.set()


def _pump(stream: socket.socket, frames: Frames | None) -> None:
    """Bytes to and fro until the container closes its end; ``frames``: two streams come in one."""
    reading = [stream.fileno(), sys.stdin.fileno()]
    while True:
        ready, _, _ = select.select(reading, [], [])
        if stream.fileno() in ready:
            data = stream.recv(PIECE)
            if not data:
                return
            _show(data, frames)
        elif len(reading) > 1:
            typed = os.read(reading[1], PIECE)
            if typed:
                stream.sendall(typed)
            else:
                reading.pop()
                with suppress(OSError):
                    stream.shutdown(socket.SHUT_WR)


def _show(data: bytes, frames: Frames | None) -> None:
    if frames is None:
        _write(1, data)
        return
    for number, payload in frames.take(data):
        _write(2 if number == STDERR else 1, payload)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


@contextmanager
def _raw(terminal: bool) -> Iterator[None]:
    """Every key goes to the container, Ctrl-C too; the terminal is as it was afterwards."""
    if not terminal:
        yield
        return
    kept = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, kept)


@contextmanager
def _sized(box: Box, terminal: bool) -> Iterator[None]:
    """The container's terminal has the size of ours, also when ours changes."""
    if not terminal:
        yield
        return

    def tell(*_: object) -> None:
        size = os.get_terminal_size(sys.stdout.fileno())
        box.resize(size.lines, size.columns)

    kept: Callable[..., object] | int | None = signal.signal(signal.SIGWINCH, tell)
    tell()
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, kept)
