"""A second process that takes our containers away when we cannot.

Whoever is killed tidies up nothing. The guard waits at a pipe that only we hold open: one byte
says that all is done, its end says that we are gone. It costs the start of a bare interpreter, and
imports what it needs only then.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cogsmith.container.engine import remove_all
from cogsmith.errors import DockerError
from cogsmith.image import Engine

__all__ = ["end", "guarded"]

DONE = b"."
# A request that we sent with our last breath may come after us: look again for so many seconds.
LATE, PAUSE = 5.0, 0.5

_PROGRAM = """
import os
if not os.read(0, 1):
    import sys
    address, token, grace, *sys.path = sys.argv[1:]
    from cogsmith.container.guard import end
    end(address, token, int(grace))
"""


@contextmanager
def guarded(engine: Engine, token: str, grace: int) -> Iterator[None]:
    """While this lasts there may be containers with the token; afterwards there are none.

    Also when this process is killed: then the guard takes them away. Whoever interrupts us in the
    middle of it leaves the rest to the guard, too.
    """
    words = [sys.executable, "-I", "-S", "-c", _PROGRAM, engine.address, token, str(grace)]
    ours = Path(__file__).parents[2]  # where a finder of an editable install may have found us
    guard = subprocess.Popen(
        [*words, *map(os.path.abspath, sys.path), str(ours)], stdin=subprocess.PIPE, cwd="/",
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert guard.stdin
    with guard.stdin as pipe:
        try:
            yield
        finally:
            with suppress(DockerError, BrokenPipeError):  # then it is the guard's turn
                remove_all(engine, token, 0)
                pipe.write(DONE)
                pipe.flush()
                guard.wait()


def end(address: str, token: str, grace: int) -> None:
    """The guard's work: nobody is left who would hear of an error."""
    until = time.monotonic() + LATE
    with suppress(DockerError):
        engine = Engine.find({**os.environ, "DOCKER_HOST": address}, home=Path.home())
        while not remove_all(engine, token, grace) and time.monotonic() < until:
            time.sleep(PAUSE)
