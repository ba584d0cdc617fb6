"""Process 1 of a container: passes signals on, reaps orphans, and ends as the server ends.

Linux treats process 1 apart: signals without a handler do not reach it, and orphans are given to
it, which stay zombies until it asks for them. So the server is a child of a process that does
nothing else. It is forked before the server is imported, so it stays as small as Python is.
"""

from __future__ import annotations

import contextlib
import os
import signal

__all__ = ["become"]

FORWARDED = frozenset({
    signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
})  # fmt: skip
# Blocked so that a process that is not in the foreground may take the terminal, too.
BLOCKED = FORWARDED | {signal.SIGCHLD, signal.SIGTTOU, signal.SIGTTIN}


def become() -> None:
    """Where we are process 1: fork, and return in the child alone; elsewhere nothing happens.

    The parent never returns: it exits with the child's exit code, or 128 and the number of the
    signal that ended it, as shells say it. ``docker run --init`` brings a process 1 of its own,
    and then there is no need for ours.
    """
    if os.getpid() != 1:
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
    server = os.fork()
    if server:
        os._exit(_watch(server))
    _lead()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _lead() -> None:
    """Take a process group of our own, and the terminal if there is one: Ctrl-C then comes once."""
    os.setpgid(0, 0)
    with contextlib.suppress(OSError):
        os.tcsetpgrp(0, os.getpid())


def _watch(server: int) -> int:
    """Pass on what comes until the server has ended; answers the exit code."""
    waited = FORWARDED | {signal.SIGCHLD}
    while True:
        number = signal.sigwait(waited)
        if number != signal.SIGCHLD:
            os.kill(server, number)
            continue
        code = _reap(server)
        if code is not None:
            return code


def _reap(server: int) -> int | None:
    """Ask for every child that has ended; the server's exit code, if it is among them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == server:
            ended = os.waitstatus_to_exitcode(status)
            code = ended if ended >= 0 else 128 - ended
