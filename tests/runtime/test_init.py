"""Process 1 of a container, in a real namespace of processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMESPACE = ("unshare", "--fork", "--pid", "--mount-proc", "--kill-child")


def _allowed() -> bool:
    if shutil.which("unshare") is None or os.getuid() != 0:
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not _allowed(), reason="no namespace of processes may be made here")


class Container:
    """A program that is process 1, and what it says line by line."""

    def __init__(self, server: str) -> None:
        program = f"from cogsmith.runtime.process.init import become\nbecome()\n{server}"
        self.process = subprocess.Popen(
            [*NAMESPACE, sys.executable, "-u", "-c", textwrap.dedent(program)],
            stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    @property
    def first(self) -> int:
        """The number of process 1, seen from outside."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])

    def send(self, number: signal.Signals) -> None:
        os.kill(self.first, number)

    def ended(self) -> int:
        return self.process.wait(60)


@pytest.fixture
def containers() -> Iterator[list[Container]]:
    made: list[Container] = []
    yield made
    for container in made:
        container.process.kill()
        container.process.wait()
        assert container.process.stdout
        container.process.stdout.close()


def start(containers: list[Container], server: str) -> Container:
    containers.append(Container(textwrap.dedent(server)))
    return containers[-1]


def test_the_server_is_a_child_with_a_group_of_its_own(containers: list[Container]) -> None:
    container = start(
        containers, "import os; print(os.getpid(), os.getppid(), os.getpgrp() == os.getpid())"
    )
    pid, parent, leads = container.line().split()
    assert (parent, leads) == ("1", "True")
    assert int(pid) > 1
    assert container.ended() == 0


@pytest.mark.parametrize("code", [0, 1, 77])
def test_the_server_s_exit_code_is_the_container_s(containers: list[Container], code: int) -> None:
    assert start(containers, f"raise SystemExit({code})").ended() == code


def test_a_signal_that_ends_the_server_is_told_as_shells_do(containers: list[Container]) -> None:
    container = start(containers, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert container.ended() == 128 + signal.SIGKILL


LISTENS = """
import signal, sys, time

def heard(number, _):
    print(signal.Signals(number).name)
    sys.exit(0 if number == signal.SIGTERM else 3)
for name in {names!r}:
    signal.signal(getattr(signal, name), heard)
print("ready")
while True:
    time.sleep(60)
"""
NAMES = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")


@pytest.mark.parametrize("name", NAMES)
def test_signals_reach_the_server(containers: list[Container], name: str) -> None:
    container = start(containers, LISTENS.format(names=NAMES))
    assert container.line() == "ready"
    container.send(signal.Signals[name])
    assert container.line() == name
    assert container.ended() == (0 if name == "SIGTERM" else 3)


def test_a_signal_that_the_server_does_not_handle_ends_it(containers: list[Container]) -> None:
    """As process 1 itself it would not have noticed."""
    container = start(containers, "import time; print('ready'); time.sleep(600)")
    assert container.line() == "ready"
    container.send(signal.SIGTERM)
    assert container.ended() == 128 + signal.SIGTERM


def test_orphans_are_reaped(containers: list[Container]) -> None:
    container = start(
        containers,
        """
        import os, time
        children = []
        for number in range(5):
            if not (child := os.fork()):
                if not os.fork():  # an orphan as soon as its parent is gone
                    os._exit(0)
                os._exit(0)
            os.waitpid(child, 0)
        states = ["Z"]
        while "Z" in states:
            states = []
            for name in filter(str.isdecimal, os.listdir("/proc")):
                try:
                    with open(f"/proc/{name}/stat") as file:
                        states.append(file.read().rpartition(")")[2].split()[0])
                except FileNotFoundError:
                    pass
        print(len(states))
        """,
    )
    assert container.line() == "2"  # process 1 and the server
    assert container.ended() == 0


def test_the_server_blocks_no_signals(containers: list[Container]) -> None:
    container = start(
        containers, "import signal; print(len(signal.pthread_sigmask(signal.SIG_BLOCK, [])))"
    )
    assert container.line() == "0"


STAYS = """
import os
from cogsmith.runtime.process.init import become
before = os.getpid(), os.getpgrp()
become()
print(before == (os.getpid(), os.getpgrp()))
"""


def test_who_is_not_process_1_stays_alone() -> None:
    command = [sys.executable, "-c", STAYS]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout.strip() == "True"
