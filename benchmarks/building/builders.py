"""The builders: ours, Docker's two, and buildah. Each builds a project and pushes what it made."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from building.project import ROOT, Project, prime
from building.watch import Run, run, working_for

COGSMITH = str(ROOT / ".venv" / "bin" / "cogsmith")
NOWHERE = "unix:///nonexistent/docker.sock"


@dataclass(kw_only=True)
class Place:
    """What builders share: the folder of it all, the engine's socket, the index of packages."""

    folder: Path
    docker_host: str
    docker: str
    index: str
    wheels: Path
    cache: Path

    @property
    def engine(self) -> Path:
        """The engine's folder; all that works for it names it."""
        return Path(self.docker_host.removeprefix("unix://")).parent


@dataclass(kw_only=True)
class Builder:
    """One way to build and push; ``context`` is the folder with Dockerfile, server and code."""

    place: Place
    project: Project
    context: Path
    base: str
    reference: str
    number: int

    def begin(self) -> None:
        """Before a round: nothing of an earlier one is known, but the base image is there."""

    def build(self) -> Run:
        """Build the project as it is now."""
        raise NotImplementedError

    def push(self) -> Run:
        """Push what was built."""
        raise NotImplementedError

    def figures(self) -> dict[str, float | None]:
        """Build and push once: seconds of each and of both, and the peak of memory in MiB."""
        built, pushed = self.build(), self.push()
        return {"build": built.seconds, "push": pushed.seconds,
                "both": built.seconds + pushed.seconds,
                "peak": max(built.peak, pushed.peak)}  # fmt: skip

    def end(self) -> None:
        """After a round: give back the room."""

    def _run(
        self, *words: str, environment: Mapping[str, str], also: Callable[[], Iterable[int]] = tuple
    ) -> Run:
        return run(words, folder=self.project.folder, environment=environment, also=also)


class Ours(Builder):
    """`cogsmith push` builds and pushes in one go; `cogsmith build` is timed in a twin store."""

    @property
    def store(self) -> Path:
        """A store of this round."""
        return self.place.folder / f"store-{self.number}"

    @property
    def environment(self) -> dict[str, str]:
        """The cache of wheels is that of all rounds; no engine is to be loaded."""
        return {"COGSMITH_STORE": str(self.store), "COGSMITH_CACHE_DIR": str(self.place.cache),
                "DOCKER_HOST": NOWHERE, "COGSMITH_BASE_IMAGE": self.base}  # fmt: skip

    def begin(self) -> None:  # noqa: D102
        prime(self.store, self.base)

    def build(self) -> Run:  # noqa: D102
        words = [COGSMITH, "build", "--no-load", "-t", self.reference]
        return self._run(*words, environment=self.environment)

    def push(self) -> Run:  # noqa: D102
        words = [COGSMITH, "push", "--no-attest", self.reference]
        return self._run(*words, environment=self.environment)

    def figures(self) -> dict[str, float | None]:
        """The build alone, in a copy of the store; then the one command that does both."""
        twin = self.store.with_name("twin")
        shutil.copytree(self.store, twin, copy_function=os.link, dirs_exist_ok=False)
        words = [COGSMITH, "build", "--no-load", "-t", self.reference]
        built = self._run(*words, environment={**self.environment, "COGSMITH_STORE": str(twin)})
        shutil.rmtree(twin)
        both = self.push()
        return {"build": built.seconds, "push": max(0.0, both.seconds - built.seconds),
                "both": both.seconds, "peak": max(built.peak, both.peak)}  # fmt: skip

    def end(self) -> None:  # noqa: D102
        shutil.rmtree(self.store, ignore_errors=True)


class Docker(Builder):
    """`docker build` and `docker push`; ``kit`` is 1 for BuildKit."""

    kit = "0"

    def begin(self) -> None:  # noqa: D102
        self._docker("pull", "-q", self.base)

    def build(self) -> Run:  # noqa: D102
        return self._docker(
            "build", "--network", "host", "--build-arg", f"ROUND={self.kit}-{self.number}", "-t",
            self.reference, str(self.context),
        )  # fmt: skip

    def push(self) -> Run:  # noqa: D102
        return self._docker("push", self.reference)

    def end(self) -> None:  # noqa: D102
        self._docker("rmi", "-f", self.reference)

    def _docker(self, *words: str) -> Run:
        environment = {"DOCKER_HOST": self.place.docker_host, "DOCKER_BUILDKIT": self.kit}
        return self._run(
            self.place.docker, *words, environment=environment,
            also=lambda: working_for(self.place.engine),
        )  # fmt: skip


class BuildKit(Docker):
    """The same, by BuildKit."""

    kit = "1"


class Buildah(Builder):
    """`buildah bud` and `buildah push`, by root, with its own storage."""

    @property
    def words(self) -> list[str]:
        """The command with its options."""
        storage = self.place.folder / "buildah"
        return ["buildah", "--root", str(storage / "root"), "--runroot", str(storage / "run"),
                "--storage-driver", "overlay"]  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """Its cache mounts lie in TMPDIR."""
        scratch = self.place.folder / "buildah-tmp"
        scratch.mkdir(exist_ok=True)
        return {"TMPDIR": str(scratch)}

    def begin(self) -> None:  # noqa: D102
        self._buildah("pull", "-q", "--tls-verify=false", self.base)

    def build(self) -> Run:  # noqa: D102
        return self._buildah(
            "bud", "-q", "--layers", "--isolation", "chroot", "--network", "host",
            "--tls-verify=false", "--pull=false", "--build-arg", f"ROUND={self.number}",
            "-t", self.reference, str(self.context),
        )  # fmt: skip

    def push(self) -> Run:  # noqa: D102
        return self._buildah("push", "-q", "--tls-verify=false", self.reference)

    def end(self) -> None:  # noqa: D102
        self._buildah("rmi", "-a", "-f")

    def _buildah(self, *words: str) -> Run:
        return self._run(*self.words, *words, environment=self.environment)


BUILDERS = {"cogsmith": Ours, "docker": Docker, "buildkit": BuildKit, "buildah": Buildah}
CACHE_MOUNT = "--mount=type=cache,target=/root/.cache/uv"
MOUNTS = {"docker": "", "buildkit": CACHE_MOUNT, "buildah": CACHE_MOUNT}


@contextmanager
def engine(folder: Path) -> Iterator[str]:
    """An engine of our own; its DOCKER_HOST."""
    script = str(ROOT / "scripts" / "docker-engine")
    try:
        done = subprocess.run(
            [script, "start", str(folder)], check=False, capture_output=True, text=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"no Docker engine: {done.stderr}")
        yield done.stdout.strip().partition("=")[2]
    finally:
        subprocess.run([script, "stop", str(folder)], check=False)


def docker_with_buildkit() -> str:
    """The docker command that has BuildKit: newer ones need a plugin for it."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    for path in dict.fromkeys(Path(folder) / "docker" for folder in folders):
        if not path.exists():
            continue
        told = subprocess.run(
            [path, "build", "--help"], env={**os.environ, "DOCKER_BUILDKIT": "1"}, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        if told.returncode == 0 and "--progress" in told.stdout:
            return str(path)
    raise RuntimeError("no docker command here can use BuildKit")


def base_image(path: Path) -> None:
    """Make the tests' base image, if it is not there."""
    subprocess.run([str(ROOT / "scripts" / "base-image"), str(path)], check=True)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def index(folder: Path) -> Iterator[str]:
    """A folder of wheels, and uv, served on 127.0.0.1: the warm cache of those without one."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def versions(place: Place) -> dict[str, str]:
    """What was measured."""

    def told(*words: str) -> str:
        done = subprocess.run(
            words, env={**os.environ, "DOCKER_HOST": place.docker_host}, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip().splitlines()[0] if done.stdout.strip() else ""

    ask = "{{.Client.Version}} / {{.Server.Version}}"
    return {
        "cogsmith": told(COGSMITH, "--version"), "python": sys.version.split()[0],
        "docker": told(place.docker, "version", "--format", ask),
        "buildah": told("buildah", "--version"), "uv": told(str(uv()), "--version"),
        "docker-registry": told("docker-registry", "--version"),
    }  # fmt: skip


def uv() -> Path:
    """The program that installs packages, here and in the Dockerfile."""
    found = ROOT / ".venv" / "bin" / "uv"
    return found if found.exists() else Path(shutil.which("uv") or "uv")
