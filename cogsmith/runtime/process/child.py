"""Starting the child's process, and hearing of its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable

from cogsmith.errors import SetupFailed
from cogsmith.runtime.process.spawn import BOOTSTRAP, spawn
from cogsmith.runtime.spec import WorkerSpec

_log = logging.getLogger(__name__)
CANCEL = signal.SIGUSR1  # what worker/cancel.py listens to


def now() -> float:
    """Seconds since 1970."""
    return time.time()


def stopwatch() -> float:
    """Seconds since some moment, the same for all processes of this machine."""
    return time.monotonic()


class Child:
    """A process in a session of its own, so that the terminal's Ctrl-C is ours to handle."""

    def __init__(self, process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self.connection = connection
        # Own descriptors: Popen's file objects would close them again.
        self.stdout, self.stderr = (os.dup(f.fileno()) for f in (process.stdout, process.stderr))
        for stream in (process.stdout, process.stderr):
            stream.close()

    @classmethod
    def start(cls, spec: WorkerSpec) -> Child:
        """Start the author's interpreter on ``worker/bootstrap.py``.

        Raises SetupFailed when there is no such interpreter or folder.
        """
        weights = {} if spec.weights is None else {"COG_WEIGHTS": spec.weights}
        _log.debug("starts %s %s in %s", spec.python, BOOTSTRAP, spec.project)
        try:
            started = spawn(str(spec.python), str(spec.project), {**spec.environment, **weights})
        except OSError as error:
            raise SetupFailed(
                f"{spec.python} cannot be started in {spec.project}: {error.strerror}",
                hint="check the interpreter and the project folder",
            ) from None
        return cls(*started)

    def watch(self, on_exit: Callable[[int], None]) -> None:
        """Call back in this event loop when the process has ended, with its exit status."""
        loop = asyncio.get_running_loop()

        def wait() -> None:
            status = self._reaped()
            with contextlib.suppress(RuntimeError):  # the loop may be closed by now
                loop.call_soon_threadsafe(on_exit, status)

        threading.Thread(target=wait, name="cogsmith-worker-exit", daemon=True).start()

    def _reaped(self) -> int:
        """Wait for the end, then end what the author's code has left behind.

        The group is killed while its leader is still a zombie: until then nobody else can
        have its number.
        """
        if hasattr(os, "waitid"):
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
            with contextlib.suppress(OSError):
                os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait()

    @property
    def pid(self) -> int:
        """The number of the process, and of the session that all it starts is in."""
        return self._process.pid

    def interrupt(self) -> None:
        """Tell a sync predictor to look for a cancel."""
        self._signal(CANCEL)

    def terminate(self) -> None:
        """Ask the process to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(OSError):
            self._process.send_signal(number)


def ending(status: int) -> str:
    """How a process ended, in words.

    >>> ending(-11), ending(3)
    ('was killed by signal SIGSEGV', 'ended with exit code 3')
    """
    if status >= 0:
        return f"ended with exit code {status}"
    try:
        return f"was killed by signal {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
