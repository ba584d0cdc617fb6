"""The machine that we run on: its platform, its GPU, and the Pythons that are installed on it."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from uv import find_uv_bin

from cogsmith.environment.settings import Settings
from cogsmith.environment.target import Machine
from cogsmith.errors import CommandFailed, InstallError
from cogsmith.process import run
from cogsmith.values import dataclass

__all__ = [
    "Compiler",
    "find_compiler",
    "find_python",
    "installed_pythons",
    "read_machine",
    "uv_program",
]

OURS = (range(10, 15), "3.13")  # minors that models run on; where ours is another, this one
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}


def read_machine(settings: Settings) -> Machine:
    """Look at this machine."""
    minor = sys.version_info.minor
    return Machine(
        python=f"3.{minor}" if minor in OURS[0] else OURS[1],
        platform=_platform(),
        gpu=_has_gpu() if settings.gpu is None else settings.gpu,
    )


def _platform() -> str:
    machine = platform.machine().lower()
    if sys.platform == "darwin":
        return f"macos-{machine}"
    libc = "" if platform.libc_ver()[0] == "glibc" else "-musl"
    return f"{sys.platform}-{ARCHITECTURES.get(machine, machine)}{libc}"


def _has_gpu() -> bool:
    return Path("/dev/nvidia0").exists() or shutil.which("nvidia-smi") is not None


def uv_program() -> str:
    """The uv that came with us. Raises InstallError when its package is broken."""
    try:
        return str(find_uv_bin())
    except FileNotFoundError as error:
        raise InstallError(
            "the uv package has no program in it", hint="reinstall it: pip install -I uv"
        ) from error


def find_python(minor: str, settings: Settings, variables: Mapping[str, str]) -> Path | None:
    """An interpreter of a version ("3.11", "3.11.7"): our own, one that uv finds, or pyenv's."""
    if minor == f"{sys.version_info.major}.{sys.version_info.minor}":
        return Path(sys.executable)
    command = (uv_program(), "python", "find", "--no-project", "--no-python-downloads", minor)
    try:
        return Path(run(command, env=variables).output.strip())
    except CommandFailed:
        return next((p for p in _pyenv(settings) if minor in _versions_of(p)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiler:
    """A Python on this machine that makes byte code, and its release ("3.11.7")."""

    python: Path
    release: str


def find_compiler(minor: str, release: str, settings: Settings) -> Compiler | None:
    """The interpreter of this very release, or else one of the minor version; None: neither.

    ``release`` "" asks for any. Our own interpreter, where it fits, starts no process, nor does
    one that was found before.
    """
    own = platform.python_version()
    if own == release or (not release and own.startswith(f"{minor}.")):
        return Compiler(python=Path(sys.executable), release=own)
    return _remembered(release, settings) or _found(minor, release, settings)


def _found(minor: str, release: str, settings: Settings) -> Compiler | None:
    variables = dict(settings.variables)
    found = find_python(release, settings, variables) if release else None
    found = found or find_python(minor, settings, variables)
    if found is None:
        return None
    program = "import platform; print(platform.python_version())"
    try:
        told = run((str(found), "-I", "-S", "-c", program)).output.strip()
    except CommandFailed:
        return None
    if told == release:
        _remember(found, release, settings)
    return Compiler(python=found, release=told)


def _remember(python: Path, release: str, settings: Settings) -> None:
    """So that the next build starts neither uv nor a Python to find it."""
    row = {"python": str(python), "seen": _seen(python)}
    with contextlib.suppress(OSError):
        settings.pythons.mkdir(parents=True, exist_ok=True)
        beside = settings.pythons / f".{release}.{os.getpid()}"
        beside.write_text(json.dumps(row))
        beside.replace(settings.pythons / f"{release}.json")


def _remembered(release: str, settings: Settings) -> Compiler | None:
    """The interpreter that was found for a release, while its file is the same."""
    try:
        row = json.loads((settings.pythons / f"{release}.json").read_bytes())
        python = Path(row["python"])
        same = row["seen"] == _seen(python)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Compiler(python=python, release=release) if same else None


def _seen(python: Path) -> list[int]:
    found = python.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def installed_pythons(settings: Settings, variables: Mapping[str, str]) -> tuple[str, ...]:
    """The minor versions that are installed here, for telling people."""
    command = (uv_program(), "python", "list", "--only-installed", "--no-python-downloads")
    try:
        words = run(command, env=variables).output.split()
    except CommandFailed:
        words = []
    listed = (word.split("-")[1] for word in words if word.startswith("cpython-"))
    minors = {".".join(version.split(".")[:2]) for version in listed}
    minors |= {_minor_of(path) for path in _pyenv(settings)}
    return tuple(sorted(minors, key=lambda minor: int(minor.partition(".")[2])))


def _pyenv(settings: Settings) -> Iterator[Path]:
    """The interpreters of pyenv, whose shims work in folders only that have chosen them."""
    root = Path(settings.variables.get("PYENV_ROOT") or settings.home / ".pyenv")
    yield from sorted(root.glob("versions/3.*/bin/python3.[0-9]*[0-9]"), reverse=True)


def _versions_of(python: Path) -> tuple[str, str]:
    """The minor version, and the release: pyenv's folder is named after it."""
    return _minor_of(python), python.parent.parent.name


def _minor_of(python: Path) -> str:
    return python.name.removeprefix("python")
