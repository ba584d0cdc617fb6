"""Where a base image's packages come from: its release and its apt sources (sources.list(5))."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from cogsmith.errors import Problem, SystemPackageError
from cogsmith.image.debs.control import fields, stanzas
from cogsmith.image.debs.settings import DebSettings
from cogsmith.image.system import System
from cogsmith.oci import Platform
from cogsmith.values import dataclass

__all__ = ["DOCKER", "Source", "architecture_of", "keys_of", "release_of", "sources_of"]

DOCKER = "build with --builder docker"

# Go's names of machines, in Debian's words; docs: dpkg --print-architecture.
_ARCHITECTURES = {
    "amd64": "amd64", "arm64": "arm64", "386": "i386", "ppc64le": "ppc64el", "s390x": "s390x",
    "riscv64": "riscv64", "loong64": "loong64", "arm": "armhf",
}  # fmt: skip
_DISTRIBUTIONS = ("debian", "ubuntu")
_ARCHIVES = ("debian", "ubuntu", "ubuntu-ports", "debian-security")
_ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<url>\S+)\s+(?P<rest>.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One suite of one archive. A suite that ends with ``/`` is a folder without components.

    ``url`` is the archive's as the base image says, ``mirror`` where it is read instead.
    """

    url: str
    mirror: str = ""
    suite: str
    components: tuple[str, ...] = ()
    signed_by: str = ""

    @property
    def folder(self) -> str:
        """The URL of the folder that has the suite's Release."""
        if self.suite.endswith("/"):
            return f"{self.root}/{self.suite}".rstrip("/").removesuffix("/.")
        return f"{self.root}/dists/{self.suite}"

    @property
    def root(self) -> str:
        """The URL that the archive is read from."""
        return self.mirror or self.url


def release_of(system: System) -> dict[str, str]:
    """What os-release(5) says. Raises SystemPackageError for what is not Debian's family."""
    told = system.os_release
    family = [told.get("ID", ""), *told.get("ID_LIKE", "").split()]
    if set(family) & set(_DISTRIBUTIONS):
        return told
    if told:
        name = told.get("PRETTY_NAME") or told.get("ID") or "no known system"
        raise SystemPackageError(
            f"the base image is {name}: only packages of Debian and Ubuntu can be added",
            where="build.system_packages",
            hint=f"take a base image of Debian or Ubuntu, or {DOCKER}",
        )
    raise SystemPackageError(
        "the base image does not say what system it is: it has no etc/os-release",
        where="build.system_packages",
        hint=f"take a base image of Debian or Ubuntu, or {DOCKER}",
    )


def architecture_of(platform: Platform) -> str:
    """Debian's name of the machine; raises SystemPackageError where it has none."""
    if platform.os == "linux" and platform.architecture in _ARCHITECTURES:
        return _ARCHITECTURES[platform.architecture]
    raise SystemPackageError(f"there are no Debian packages for {platform}")


def sources_of(system: System, settings: DebSettings, architecture: str) -> tuple[Source, ...]:
    """The base image's archives, the person's mirrors in the place of the distribution's.

    Raises SystemPackageError for all of them that cannot be used: not reached by http, or not
    to be checked by a signature.
    """
    release_of(system)
    found, problems = [], []
    for path, listed, options in _listed(system.files):
        architectures = re.split(r"[\s,]+", options.get("architectures", "").strip())
        if architectures != [""] and architecture not in architectures:
            continue
        source = _mirrored(listed, settings)
        if urlsplit(source.root).scheme not in ("http", "https"):
            hint = f"name a mirror with COGSMITH_DEBIAN_MIRROR, or {DOCKER}"
            problems.append(Problem(f"{source.url} is not reached by http", path, hint))
        elif options.get("trusted", "").lower() == "yes":
            message = f"{source.url} is to be trusted without a signature"
            problems.append(Problem(message, path, f"name its key with Signed-By, or {DOCKER}"))
        found.append(source)
    if not found and not problems:
        message = "the base image has no apt sources: where are its packages?"
        problems = [Problem(message, "etc/apt", f"take a base image that has, or {DOCKER}")]
    if problems:
        raise SystemPackageError(problems)
    return tuple(dict.fromkeys(found))


def keys_of(source: Source, system: System) -> list[bytes]:
    """The keyrings that may sign a source, as apt-secure(8) finds them."""
    named = source.signed_by
    if "-----BEGIN" in named:  # the key itself: a dot stands for an empty line (deb822)
        lines = [line.strip() for line in named.strip().splitlines()]
        return ["\n".join("" if line == "." else line for line in lines).encode()]
    paths = [path.strip(",").lstrip("/") for path in named.split() if path.startswith("/")]
    if paths:
        return [system.files[path] for path in paths if path in system.files]
    found = sorted(path for path in system.files if path.startswith("etc/apt/trusted.gpg"))
    return [system.files[path] for path in found if path.endswith((".gpg", ".asc"))]


def _listed(files: Mapping[str, bytes]) -> Iterator[tuple[str, Source, dict[str, str]]]:
    lists = [path for path in files if path.startswith("etc/apt/sources.list")]
    for path in sorted(lists):
        text = files[path].decode("utf-8", "replace")
        if path.endswith(".list"):
            for source, options in _one_line(text):
                yield path, source, options
        elif path.endswith(".sources"):
            for source, options in _deb822(text):
                yield path, source, options


def _one_line(text: str) -> Iterator[tuple[Source, dict[str, str]]]:
    for line in text.splitlines():
        match = _ONE_LINE.fullmatch(line.partition("#")[0].strip())
        if match is None:
            continue
        words = (word.partition("=") for word in shlex.split(match["options"] or ""))
        options = {name.lower().rstrip("+-"): value for name, _, value in words}
        options["architectures"] = options.get("arch", "")
        suite, *components = match["rest"].split()
        yield Source(
            url=match["url"].rstrip("/"), suite=suite, components=tuple(components),
            signed_by=options.get("signed-by", "").replace(",", " "),
        ), options  # fmt: skip


def _deb822(text: str) -> Iterator[tuple[Source, dict[str, str]]]:
    for stanza in stanzas(text):
        told = fields(stanza)
        if told.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        if "deb" not in told.get("types", "").split():
            continue
        for url in told.get("uris", "").split():
            for suite in told.get("suites", "").split():
                yield Source(
                    url=url.rstrip("/"), suite=suite,
                    components=tuple(told.get("components", "").split()),
                    signed_by=told.get("signed-by", ""),
                ), told  # fmt: skip


def _mirrored(source: Source, settings: DebSettings) -> Source:
    """Only the distribution's own archive has mirrors: others have only their path in common."""
    last = urlsplit(source.url).path.rstrip("/").rpartition("/")[2]
    if last not in _ARCHIVES or "main" not in source.components:
        return source
    security = source.suite.endswith(("-security", "/updates"))
    mirror = settings.security_mirror if security else settings.mirror
    return replace(source, mirror=mirror)
