"""Docker and podman, as one uses them from a shell: pull an image, run it, speak to it, stop it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.real.wire import get
from tests.registry.real import free_port

PATIENCE = 90.0  # seconds; only what hangs ever gets there

# podman's defaults ask for more than a machine without CAP_SYS_RESOURCE may give: a container's
# limits are set to what fits below any hard limit. runc, since crun refuses to run beside both
# versions of cgroups. Ids that an image has and a user has not are all the user's.
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
"""
STORAGE_CONF = """\
[storage]
driver = "{driver}"
graphroot = "{folder}/root"
runroot = "{folder}/run/r"
[storage.options]
ignore_chown_errors = "true"
"""
NOBODY = 65534


@dataclass
class Container:
    """A container under way; ``address`` is where its server listens."""

    engine: Engine
    name: str
    address: str

    def ready(self) -> None:
        """Wait until its server can be spoken to, and its model is set up."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                answer = get(self.address, "/health-check")
                if answer.status == 200 and answer.json()["status"] == "READY":
                    return
            assert self.is_running(), self.logs()
            time.sleep(0.05)
        raise AssertionError(self.logs())

    def is_running(self) -> bool:
        return bool(self.inspect()["State"]["Running"])

    def inspect(self) -> dict[str, Any]:
        return json.loads(self.engine("container", "inspect", self.name))[0]

    def logs(self) -> str:
        return self.engine("logs", self.name, check=False)

    def stop(self, seconds: int = 30) -> int:
        """SIGTERM, and SIGKILL after so many seconds; the exit code."""
        self.engine("stop", "-t", str(seconds), self.name)
        return int(self.inspect()["State"]["ExitCode"])


@dataclass
class Engine:
    """A command with its options: what engines have in common is the words of their shells."""

    command: Sequence[str]
    environ: Mapping[str, str] = field(default_factory=dict)
    pull_words: Sequence[str] = ()
    run_words: Sequence[str] = ()
    # Whether containers have a network in which a port of theirs can be published.
    publishes: bool = False
    cwd: Path | None = None

    def __call__(self, *words: str, check: bool = True) -> str:
        """Standard output and error of a command, which must succeed."""
        done = subprocess.run(
            [*self.command, *words], env={**os.environ, **self.environ}, text=True, cwd=self.cwd,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=300, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{' '.join(words)}: {done.stderr or done.stdout}"
        return done.stdout + ("" if check else done.stderr)

    def pull(self, reference: str) -> None:
        self("pull", "-q", *self.pull_words, reference)

    def image(self, reference: str) -> dict[str, Any]:
        """What the engine knows of an image."""
        return json.loads(self("image", "inspect", reference))[0]

    def output(self, reference: str, *words: str) -> str:
        """What a program prints that runs in a container of its own."""
        return self("run", "--rm", "--network", "host", reference, *words)

    @contextlib.contextmanager
    def running(self, reference: str, *options: str) -> Iterator[Container]:
        """The image as it is; ready to be spoken to. It is gone at the end."""
        port = free_port()
        network = ["--network", "host", "-e", f"PORT={port}"]
        if self.publishes:
            network = ["-p", f"127.0.0.1:{port}:5000"]
        name = (
            self("run", "-d", *self.run_words, *network, *options, reference)
            .strip()
            .splitlines()[-1]
        )
        container = Container(self, name, f"127.0.0.1:{port}")
        try:
            container.ready()
            yield container
        finally:
            self("rm", "-f", name, check=False)


def docker() -> Engine:
    """The engine that DOCKER_HOST names, or the system's. Raises OSError where none answers."""
    program = shutil.which("docker")
    if program is None:
        raise OSError("the docker command is not installed")
    engine = Engine([program])
    try:
        bridge = engine("network", "ls", "-q", "--filter", "driver=bridge")
    except AssertionError as error:
        raise OSError(f"no Docker engine answers: {error}") from None
    engine.publishes = bool(bridge.strip())
    return engine


@contextlib.contextmanager
def podman(reference: str, *, rootless: bool = False) -> Iterator[Engine]:
    """podman with a storage of its own; a trial shows which driver works here.

    Raises OSError, with what podman said, where none does.
    """
    with tempfile.TemporaryDirectory(prefix="cog-") as name:  # podman wants short names
        folder = Path(name)
        folder.chmod(0o755)
        yield from _podman_that_works(folder, reference, rootless=rootless)


def _podman_that_works(folder: Path, reference: str, *, rootless: bool) -> Iterator[Engine]:
    if shutil.which("podman") is None:
        raise OSError("podman is not installed (apt-get install podman)")
    said = ""
    for driver in ("overlay", "vfs"):
        engine = _podman(folder / driver, driver, rootless=rootless)
        try:
            said = engine("run", "--rm", "--network", "host", *engine.pull_words, reference,
                          "/usr/bin/python3.11", "-c", "print('fine')", check=False)  # fmt: skip
            if "fine" in said.splitlines():
                yield engine
                return
        finally:
            _forget(folder / driver, engine)
    raise OSError(f"podman runs no container here: {said.strip().splitlines()[-1:]}")


def _podman(folder: Path, driver: str, *, rootless: bool) -> Engine:
    folder.mkdir(parents=True)
    (folder / "home").mkdir()
    (folder / "run").mkdir(mode=0o700)
    (folder / "containers.conf").write_text(CONTAINERS_CONF)
    (folder / "storage.conf").write_text(STORAGE_CONF.format(driver=driver, folder=folder))
    runtime = shutil.which("runc") or shutil.which("crun") or "runc"
    words = ["podman", "--tmpdir", str(folder / "run" / "tmp"), "--runtime", runtime]
    environ = {
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "HOME": str(folder / "home"), "XDG_RUNTIME_DIR": str(folder / "run"),
        "TMPDIR": str(folder / "home"),
    }  # fmt: skip
    run_words: Sequence[str] = ()
    if rootless:
        # Who has no further ids (/etc/subuid) can be one user only, the container's root.
        run_words = ["--user", "0"]
    if rootless and os.geteuid() == 0:
        for path in (folder, folder / "home", folder / "run"):
            os.chown(path, NOBODY, NOBODY)
        words = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups",
                 *words]  # fmt: skip
    return Engine(words, environ, ("--tls-verify=false",), run_words, cwd=folder)


def _forget(folder: Path, engine: Engine) -> None:
    """Take away its containers, mounts, its helper process, and all of its files."""
    engine("rm", "-af", check=False)
    for pid in _pids_of(folder):
        with contextlib.suppress(OSError):
            os.kill(pid, 15)
    for line in sorted(Path("/proc/mounts").read_text().splitlines(), reverse=True):
        point = line.split()[1]
        if point.startswith(f"{folder}/"):
            subprocess.run(["umount", "-l", point], check=False, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)


def _pids_of(folder: Path) -> Iterator[int]:
    """Processes with the folder in their environment: rootless podman keeps one for later."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"HOME={folder}/home".encode() in (process / "environ").read_bytes().split(b"\0"):
                yield int(process.name)
