"""The programs that can build: docker, buildah and podman, and how each is told what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Literal

from cogsmith.process import Command
from cogsmith.values import dataclass

__all__ = ["Kind", "Order", "Program"]

Kind = Literal["docker", "buildah", "podman"]

# Known to every builder without an ARG, and kept out of the image's history (Dockerfile
# reference, "Predefined ARGs"). Given by name, so that no list of processes shows a password.
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One build: ``folder`` holds the Dockerfile and, in ``context``, what is copied.

    ``secrets`` are files by id. ``network`` "" is the builder's own.
    """

    folder: Path
    platform: str
    secrets: Mapping[str, Path] = field(default_factory=dict, hash=False)
    proxies: tuple[str, ...] = ()
    network: str = ""
    anew: bool = False

    @property
    def image(self) -> Path:
        """The file into which the builder writes the id of what it made."""
        return self.folder / "image-id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program by its kind and its path; ``buildkit``: Docker's newer builder is there."""

    kind: Kind
    path: str
    buildkit: bool = False

    @property
    def mounts_secrets(self) -> bool:
        """Whether a step can have secrets: all but Docker's classic builder."""
        return self.buildkit or self.kind != "docker"

    @property
    def words(self) -> str:
        """What it is, for people."""
        if self.kind != "docker":
            return self.kind
        return "Docker's BuildKit" if self.buildkit else "Docker's classic builder"

    def build(self, order: Order) -> Command:
        """Build what the folder says.

        buildah and podman make one layer of all steps (``--layers=false``): what they keep in
        between would stay after a step that fails.
        """
        words = [self.path, "build", "--file", str(order.folder / "Dockerfile")]
        words += ["--iidfile", str(order.image)]
        if self.kind != "docker":
            words += ["--layers=false", "--pull=never"]
        elif self.buildkit:
            words += ["--progress", "plain"]
        else:
            words += ["--rm", "--force-rm"]
        if self.mounts_secrets:
            words += ["--platform", order.platform]
        for name, path in order.secrets.items():
            words += ["--secret", f"id={name},src={path}"]
        for name in order.proxies:
            words += ["--build-arg", name]
        words += ["--network", order.network] if order.network else []
        words += ["--no-cache"] if order.anew else []
        return (*words, str(order.folder / "context"))

    def load(self, archive: Path) -> Command:
        """Take an image out of an archive."""
        if self.kind == "buildah":
            return (self.path, "pull", "--quiet", f"docker-archive:{archive}")
        return (self.path, "load", "--quiet", "--input", str(archive))

    def save(self, image: str, archive: Path) -> Command:
        """Write an image into an archive."""
        if self.kind == "buildah":
            return (self.path, "push", "--quiet", image, f"docker-archive:{archive}")
        form = ["--format", "docker-archive"] if self.kind == "podman" else []
        return (self.path, "save", *form, "--output", str(archive), image)

    def remove(self, image: str) -> Command:
        """Forget an image."""
        return (self.path, "rmi", "--force", image)

    def variables(self, environ: Mapping[str, str], address: str = "") -> dict[str, str]:
        """The environment for it; ``address`` is where Docker's engine answers."""
        if self.kind != "docker":
            return dict(environ)
        made = {name: value for name, value in environ.items() if name != "DOCKER_CONTEXT"}
        made["DOCKER_BUILDKIT"] = "1" if self.buildkit else "0"
        made["BUILDX_BUILDER"] = "default"  # the engine's own: others do not see its images
        return made | ({"DOCKER_HOST": address} if address else {})
