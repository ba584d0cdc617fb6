"""What Docker runs of a build, as Dockerfiles: one below the packages, one above them.

Neither sees the project. Both are rendered from the config alone, so that the same config on the
same image is the same Dockerfile, and its layers are made once.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Literal

from cogsmith.config import ModelConfig, RunCommand
from cogsmith.errors import ConfigError, OciError, Problem
from cogsmith.image.base_image import interpreter_of
from cogsmith.image.system import System
from cogsmith.image.users import User
from cogsmith.image.venv import Venv
from cogsmith.values import dataclass

__all__ = [
    "BUNDLE",
    "CERTIFICATE",
    "PYTHON",
    "Stage",
    "Step",
    "above_packages",
    "below_packages",
    "dockerfile",
    "lacks_python",
    "trusted_variables",
]

CERTIFICATE = "cog-ca-cert.crt"  # Cog's name for it
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
PYTHON = "/opt/python"  # where a Python lies that the base image's distribution does not have

_TIDY = "apt-get clean && rm -rf /var/lib/apt/lists/*"

# The Python of each release (packages.debian.org, packages.ubuntu.com); others come with uv.
_RELEASES = {
    ("debian", "11"): "3.9", ("debian", "12"): "3.11", ("debian", "13"): "3.13",
    ("ubuntu", "20.04"): "3.8", ("ubuntu", "22.04"): "3.10", ("ubuntu", "24.04"): "3.12",
}  # fmt: skip
# Who trusts a certificate of one's own: OpenSSL and Python, requests, pip, curl, Node.
_TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE")
_TRUSTED_AT_RUN_TIME = _TRUST[:2]  # those that Cog leaves in the image
_ODD = re.compile(r"[\s,\"']")  # what ends a mount's fields, or quotes them
_NAME = re.compile(r"[^\s\"'\\$=]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An instruction that makes a layer: its line, what people call it, and who asks for it."""

    line: str
    title: str
    asked: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Steps that run one after the other on an image.

    ``variables`` are seen by all of them and stay out of the image. ``files`` are what the steps
    copy, by name; ``python`` is the minor version of a Python to copy, "" for none. ``secrets``
    are the ids of what is mounted. ``kind`` says where the layers lie. ``home`` is a folder of
    the model's user (path, uid, gid), who owns what the steps leave in it.
    """

    kind: Literal["system", "run"]
    steps: tuple[Step, ...]
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)
    files: Mapping[str, bytes] = field(default_factory=dict, hash=False, repr=False)
    python: str = ""
    secrets: tuple[str, ...] = ()
    home: tuple[str, int, int] | None = None

    def render(self, base: str) -> str:
        """The Dockerfile."""
        lines = [f"FROM {base}", "USER root", "WORKDIR /", *self.body()]
        return "".join(f"{line}\n" for line in lines)

    def body(self) -> Iterator[str]:
        """The lines that follow its beginning."""
        for name, value in self.variables.items():
            yield f"ENV {name}={_quoted(value)}"
        for step in self.steps:
            yield step.line


def below_packages(
    config: ModelConfig, system: System | None, python: str, certificates: bytes = b""
) -> Stage:
    """What runs on the base image: Python, Debian's packages, ``pre_install``.

    ``system`` is the base image's, None where it is not known and is believed to have all that is
    needed. ``python`` is the minor version of the model. Raises OciError for a base image that
    lacks what it takes, and ConfigError for what no Dockerfile can say.
    """
    apt, own = _python(system, python)
    packages = config.build.system_packages
    if packages:
        _check_apt(system, "system_packages are installed")
    steps = [
        *_trusting(certificates),
        *apt,
        *([_apt(packages, "system packages", "build.system_packages")] if packages else ()),
        *(_command(line, "build.pre_install") for line in config.build.pre_install),
    ]
    trusted = dict.fromkeys(_TRUST, BUNDLE) if certificates else {}
    variables = _variables(config) if steps else {}
    return Stage(
        kind="system",
        steps=tuple(steps),
        variables={"DEBIAN_FRONTEND": "noninteractive", **trusted, **variables},
        files={CERTIFICATE: certificates} if certificates else {},
        python=own,
    )


def above_packages(
    config: ModelConfig, venv: str, certificates: bytes = b"", user: User | None = None
) -> Stage:
    """What runs when all packages are there: ``run``. It does not see the project.

    ``venv`` is the folder of the environment that pip and uv install into, ``user`` who runs the
    model. Raises ConfigError.
    """
    commands = config.build.run
    trusted = dict.fromkeys(_TRUST, BUNDLE) if certificates else {}
    mounted = (mount.id for command in commands for mount in command.mounts)
    return Stage(
        kind="run",
        steps=tuple(_command(command, "build.run") for command in commands),
        variables={
            "DEBIAN_FRONTEND": "noninteractive", "VIRTUAL_ENV": venv,
            "PIP_PYTHON": f"{venv}/bin/python",  # the base image's own pip goes there, too
            **trusted, **(_variables(config) if commands else {}),
        },
        secrets=tuple(dict.fromkeys(mounted)),
        home=(user.home.strip("/"), user.uid, user.gid) if user and user.made else None,
    )  # fmt: skip


def dockerfile(
    config: ModelConfig,
    base: str,
    python: str,
    system: System | None = None,
    certificates: bytes = b"",
) -> str:
    """All that is run for an image, as one text for people.

    A comment stands where layers are put in without running anything. The arguments are those
    of ``below_packages``; ``base`` is the base image's name.
    """
    folder = Venv(python=python, interpreter="").folder
    below = below_packages(config, system, python, certificates)
    above = above_packages(config, folder, certificates)
    lines = [
        "# What cogsmith build --builder docker runs. The rest is put in without running anything.",
        f"FROM {base}", "USER root", "WORKDIR /", *below.body(),
        f"# Here come the Python packages of the lock, in {folder}.",
        *(above.body() if above.steps else ()),
        "# Here comes the project, in /src.",
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in lines)


def trusted_variables(certificates: bytes) -> dict[str, str]:
    """The variables that an image keeps when a certificate was put into it."""
    return dict.fromkeys(_TRUSTED_AT_RUN_TIME, BUNDLE) if certificates else {}


def lacks_python(system: System, minor: str) -> bool:
    """Whether a base image has no Python of this minor version. Raises OciError for Alpine."""
    try:
        interpreter_of(system, minor)
    except OciError:
        if "etc/alpine-release" in system.files:
            raise
        return True
    return False


def _python(system: System | None, minor: str) -> tuple[tuple[Step, ...], str]:
    """How Python comes into a base image without it: by apt, or from uv (then its version)."""
    if system is None or not lacks_python(system, minor):
        return (), ""
    told = system.os_release
    if _RELEASES.get((told.get("ID", ""), told.get("VERSION_ID", ""))) == minor:
        _check_apt(system, "Python is installed")
        return (_apt((f"python{minor}",), f"Python {minor}", "build.python_version"),), ""
    line = f"COPY python {PYTHON}"
    return (Step(line=line, title=f"Python {minor}", asked="build.python_version"),), minor


def _check_apt(system: System | None, what: str) -> None:
    if system is not None and "usr/bin/apt-get" not in system.programs:
        message = f"{what} with apt-get, and the base image has none"
        raise OciError(message, hint="choose a --base-image of Debian or Ubuntu")


def _apt(packages: Iterable[str], title: str, asked: str) -> Step:
    words = " ".join(shlex.quote(name) for name in packages)
    line = (
        f"RUN apt-get update -qq && apt-get install -qqy --no-install-recommends {words} && {_TIDY}"
    )
    return Step(line=line, title=title, asked=asked)


def _trusting(certificates: bytes) -> tuple[Step, ...]:
    """The certificate, kept where update-ca-certificates(8) looks, and taken into the bundle."""
    if not certificates:
        return ()
    copied = f"COPY {CERTIFICATE} /usr/local/share/ca-certificates/{CERTIFICATE}"
    install = "apt-get install -qqy --no-install-recommends ca-certificates"
    taken = (
        "RUN command -v update-ca-certificates > /dev/null || { apt-get update -qq && "
        f"{install} && {_TIDY}; }} && update-ca-certificates"
    )
    lines = ((copied, "certificate"), (taken, "trust in the certificate"))
    return tuple(Step(line=line, title=title, asked="COG_CA_CERT") for line, title in lines)


def _command(command: str | RunCommand, asked: str) -> Step:
    text = command if isinstance(command, str) else command.command
    mounts = () if isinstance(command, str) else command.mounts
    odd = [m for m in mounts if _ODD.search(f"{m.id}{m.target}")]
    if odd:
        message = "a mount's id and target have no blank, comma or quote"
        raise ConfigError([Problem(f"{message}: {m.id}, {m.target}", asked) for m in odd])
    flags = "".join(f"--mount=type={m.type},id={m.id},target={m.target} " for m in mounts)
    first = text.strip().splitlines()[0] if text.strip() else ""
    title = f"{asked.rpartition('.')[2]}: {first}"
    return Step(line=f"RUN {flags}{_shell(text.strip())}", title=title, asked=asked)


def _shell(text: str) -> str:
    """A command as RUN takes it: as it is, or in JSON where Docker would read it otherwise.

    Lines are a script of which each has to go well.
    """
    if "\n" in text:
        return json.dumps(["/bin/sh", "-ec", text], ensure_ascii=False)
    if not text or text.startswith(("[", "--", "#")) or "<<" in text or text.endswith("\\"):
        return json.dumps(["/bin/sh", "-c", text], ensure_ascii=False)
    return text


def _variables(config: ModelConfig) -> dict[str, str]:
    """The author's variables, those of the build and those of the image."""
    pairs = (line.partition("=") for line in config.build.environment)
    found = {name: value for name, _, value in pairs} | config.variables()
    wrong = [name for name, value in found.items() if "\n" in value or not _NAME.fullmatch(name)]
    if wrong:
        message = "no command that is run in a build can be given this variable"
        raise ConfigError([Problem(f"{message}: {name}", "environment") for name in wrong])
    return found


def _quoted(value: str) -> str:
    """A value as ENV takes it, where $ would be replaced."""
    return '"' + re.sub(r'(["\\$])', r"\\\1", value) + '"'
