"""A server under watch: its start, and the CPU and memory of its whole process tree.

CPU is read from a cgroup of its own where we may make one (root, cgroup v1 or v2), which
counts every thread and child to the nanosecond, also those that ended. Else it is the sum of
user and system time that the kernel keeps for the tree's processes and their ended children.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from serving.load import Load

TICK = os.sysconf("SC_CLK_TCK")
START_LIMIT = 120.0  # seconds
GRACE = 10.0  # seconds to stop in
REST = 1.0  # seconds before memory is read
QUIET, QUIET_FOR = 0.2, 0.5  # cores in use, for so many seconds


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


class Group:
    """A cgroup that counts CPU, or nothing where we may not make one."""

    def __init__(self) -> None:
        self.folder: Path | None = None
        for root, usage in (("/sys/fs/cgroup/cpuacct", "cpuacct.usage"),
                            ("/sys/fs/cgroup", "cpu.stat")):  # fmt: skip
            folder = Path(root) / f"cogsmith-bench-{os.getpid()}-{time.monotonic_ns()}"
            if not (Path(root) / usage).exists():
                continue
            with contextlib.suppress(OSError):
                folder.mkdir()
                self.folder, self.usage = folder, folder / usage
                return

    def pids(self) -> list[int]:
        """The processes that are in it now."""
        assert self.folder
        return [int(pid) for pid in (self.folder / "cgroup.procs").read_text().split()]

    def cpu(self) -> float:
        """Seconds of CPU that all that were ever in it have used."""
        text = self.usage.read_text()
        if text.strip().isdecimal():
            return int(text) / 1e9
        return int(dict(line.split() for line in text.splitlines())["usage_usec"]) / 1e6

    def remove(self) -> None:
        """Remove it once its processes are gone; they need a moment."""
        for _ in range(100 if self.folder else 0):
            with contextlib.suppress(OSError):
                assert self.folder
                self.folder.rmdir()
                return
            time.sleep(0.02)


class Server:
    """A process tree that answers HTTP on a port of 127.0.0.1."""

    def __init__(
        self, words: Sequence[str], *, folder: Path, port: int, environment: Mapping[str, str]
    ) -> None:
        self.port = port
        self.group = Group()
        # The shell puts itself into the group, so that nothing of the start is missed.
        join = f"echo $$ > {self.group.folder}/cgroup.procs && " if self.group.folder else ""
        self.said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(
            ["sh", "-c", join + 'exec "$@"', "sh", *words], cwd=folder, start_new_session=True,
            env=clean(environment), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.said,
        )  # fmt: skip

    def wait(self, load: Load) -> float:
        """Seconds from the start to the first 200.

        Raises RuntimeError, with what the server said, when there is none.
        """
        while time.perf_counter() - self.begun < START_LIMIT:
            if status_of(self.port, load) == 200:
                return time.perf_counter() - self.begun
            if self.process.poll() is not None:
                break
            time.sleep(0.005)
        code = self.process.poll()
        how = "it takes too long" if code is None else f"it ended with code {code}"
        raise RuntimeError(f"no answer: {how}\n{self.complaints()}")

    def complaints(self) -> str:
        """The end of what it wrote to its standard error."""
        self.said.seek(max(0, self.said.seek(0, os.SEEK_END) - 4000))
        return self.said.read().decode("utf-8", "replace")

    def pids(self) -> list[int]:
        """The tree's processes that are there now."""
        return self.group.pids() if self.group.folder else list(tree(self.process.pid))

    def cpu(self) -> float:
        """Seconds of CPU that the whole tree has used."""
        if self.group.folder:
            return self.group.cpu()
        return sum(times_of(pid) for pid in self.pids())

    def memory(self) -> dict[str, float]:
        """MiB of the whole tree: resident, and proportional (shared pages divided)."""
        found = {"rss": 0.0, "pss": 0.0, "processes": 0.0}
        for pid in self.pids():
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    for name in ("Rss:", "Pss:"):
                        if line.startswith(name):
                            found[name[:3].lower()] += int(line.split()[1]) / 1024
                found["processes"] += 1
        return found

    def stop(self) -> int:
        """Ask it to stop, kill what is left of what we started; its exit code."""
        if self.said.closed:
            return int(self.process.returncode)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)  # its session is of our making
        for pid in self.group.pids() if self.group.folder else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        code = self.process.wait()
        self.said.close()
        self.group.remove()
        return code

    def __enter__(self) -> Server:  # noqa: PYI034 - Self is newer than 3.10
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Our environment without what would change a server, and with what it needs."""
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith(("COG_", "COGSMITH_", "PYTHON", "VIRTUAL_ENV"))}  # fmt: skip
    return {**kept, **environment}


def status_of(port: int, load: Load) -> int:
    """The status of one answer, 0 when there is none. It is read to its end."""
    body = load.bodies[0].encode()
    lines = [f"POST {load.path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Connection: close",
             "Content-Type: application/json", f"Content-Length: {len(body)}"]  # fmt: skip
    lines += [f"{name}: {value}" for name, value in load.headers.items()]
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 60) as peer:
        peer.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        head = peer.recv(65536)
        while peer.recv(65536):
            pass
        return int(head.split(None, 2)[1]) if head.startswith(b"HTTP/1.") else 0
    return 0


def tree(pid: int) -> Iterator[int]:
    """A process and all that come from it."""
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                yield from tree(int(child))


def times_of(pid: int) -> float:
    """Seconds of CPU of a process, its threads and those of its children that ended."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / TICK
    return 0.0


def wait_for_quiet(patience: float) -> None:
    """Wait, at most so many seconds, until the machine has little else to do."""
    until = time.perf_counter() + patience
    while time.perf_counter() < until:
        busy = machine_busy()
        time.sleep(QUIET_FOR)
        if machine_busy() - busy < QUIET * QUIET_FOR:
            return


def machine_busy() -> float:
    """Seconds of CPU that the whole machine has used: all but idle and waiting for disks."""
    fields = [int(ticks) for ticks in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK
