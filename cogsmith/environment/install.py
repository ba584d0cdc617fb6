"""A lock becomes an environment: made once, whole or not at all, and found again.

An environment is made in a folder beside its final place and renamed when it is complete, so
whoever finds one finds a whole one. Its scripts find their Python relative to themselves (uv
calls that relocatable). A lock on a file beside it (flock, which ends with its process) lets
one process make it while others wait.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from cogsmith.environment.events import Progress, Tell, silent
from cogsmith.environment.indexes import no_index, secrets_in
from cogsmith.environment.load import fingerprint, uv_variables
from cogsmith.environment.lock import Lock
from cogsmith.environment.machine import find_python, installed_pythons, uv_program
from cogsmith.environment.settings import Settings
from cogsmith.environment.target import Target
from cogsmith.environment.uv_output import Downloads, explain, progress_of
from cogsmith.errors import CommandFailed, InstallError
from cogsmith.process import Command, draw, run
from cogsmith.values import dataclass

__all__ = ["Environment", "Source", "install", "made", "make_cache", "make_ready", "remove_unused"]

FOR_RESOLVING = ("UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE", "UV_TORCH_BACKEND")
NO_DOWNLOADS = {"never", "manual", "false"}  # values of UV_PYTHON_DOWNLOADS
STAMP = "pylock.toml"  # inside an environment: what it was made from, and by its time the last use


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A virtual environment: its interpreter, its folder, and whether it was there before."""

    python: Path
    folder: Path
    reused: bool

    @property
    def variables(self) -> dict[str, str]:
        """Variables for programs in it: byte code is kept here, and not in anybody's project.

        Importing torch and transformers takes a third of the time with it, and compiling all
        9,000 files while installing takes longer than it saves. So what is imported is kept,
        also for people who have switched byte code off for their own folders.
        """
        return {
            "PYTHONPYCACHEPREFIX": str(self.folder / "pycache"),
            "PYTHONDONTWRITEBYTECODE": "",  # the empty text switches it off (Python's docs)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A lock, the file it was read from, and the target that it was resolved for.

    ``variables`` are those for uv beyond the person's own: what a requirements file says
    about indexes.
    """

    lock: Lock
    path: Path
    target: Target
    variables: Mapping[str, str]


def install(source: Source, settings: Settings, *, tell: Tell = silent) -> Environment:
    """Make a lock's environment, or find it where it was made before.

    Raises InstallError when it cannot be made: no such Python, no network, no room on the
    disk, or other bytes than the lock's hashes say.
    """
    folder = settings.environments / _digest(source)
    if found := _there(folder):
        return found
    make_cache(settings)
    try:
        with _alone(folder, tell):
            return _there(folder) or _make(source, folder, settings, tell)
    except OSError as error:
        problem = explain(str(error), what="the environment cannot be made", where=str(folder))
        raise InstallError([problem]) from error


def make_ready(target: Target, settings: Settings, *, tell: Tell = silent) -> str:
    """See to what every environment needs: a cache that can be written, and its Python.

    It costs little, and resolving may cost minutes. uv downloads a Python that is not here,
    where that is allowed. Returns the Python as uv takes it: a path, or a version that uv
    has downloaded. Raises InstallError.
    """
    make_cache(settings)
    variables = uv_variables(settings)
    if found := find_python(target.python, settings, variables):
        return str(found)
    _download(target.python, settings, variables, tell)
    return target.python


def make_cache(settings: Settings) -> None:
    """See to it that environments and locks can be kept. Raises InstallError."""
    try:
        for folder in (settings.environments, settings.locks):
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InstallError(
            f"environments cannot be kept in {settings.cache}: {error.strerror}",
            where="COGSMITH_CACHE_DIR",
            hint="set this variable to a folder that you may write to",
        ) from error


def made(source: Source, settings: Settings) -> bool:
    """Whether a lock's environment was made before."""
    return (settings.environments / _digest(source)).is_dir()


def _digest(source: Source) -> str:
    """The environment's name: what is in it, and for which Python and platform."""
    locals_ = [source.path.parent / path for path in source.lock.local_paths()]
    editable = {
        source.path.parent / package["directory"]["path"]
        for package in source.lock.document["packages"]
        if package.get("directory", {}).get("editable")
    }
    target = source.target
    own = fingerprint(path for path in locals_ if path not in editable)
    return source.lock.digest(target.python, target.platform, *map(str, sorted(editable)), *own)[
        :32
    ]


def _there(folder: Path) -> Environment | None:
    """An environment that was made before, marked as used now; None when there is none.

    One whose interpreter has gone (its link leads nowhere) counts as none.
    """
    python = folder / "bin" / "python"
    if not python.exists():
        return None
    with contextlib.suppress(OSError):
        os.utime(folder / STAMP)
    return Environment(python=python, folder=folder, reused=True)


@contextlib.contextmanager
def _alone(folder: Path, tell: Tell) -> Iterator[None]:
    """Be the only process that makes this environment; wait for another that does."""
    with folder.with_name(f"{folder.name}.lock").open("w") as file:
        if not _try_lock(file):
            text = "another process is making this environment: waiting for it"
            tell(Progress(step="wait", text=text, whole=True))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _make(source: Source, folder: Path, settings: Settings, tell: Tell) -> Environment:
    _remove_leftovers(folder)
    variables = {**uv_variables(settings), **source.variables, "NO_COLOR": "1"}
    for name in FOR_RESOLVING:
        variables.pop(name, None)
    python = make_ready(source.target, settings, tell=tell)
    beside = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        _venv(beside, python, variables)
        _sync(source, beside, variables, tell)
        shutil.copyfile(source.path, beside / STAMP)
        if folder.is_symlink() or folder.exists():
            shutil.rmtree(folder)  # its interpreter has gone
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Environment(python=folder / "bin" / "python", folder=folder, reused=False)


def _remove_leftovers(folder: Path) -> None:
    """What processes that were killed left behind; who holds the lock knows that none works."""
    for leftover in folder.parent.glob(f"{folder.name}.*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)


def _download(minor: str, settings: Settings, variables: Mapping[str, str], tell: Tell) -> None:
    """Let uv download a Python that is not here, unless the person has ruled that out."""
    why = "UV_PYTHON_DOWNLOADS rules a download out"
    if variables.get("UV_PYTHON_DOWNLOADS", "").lower() not in NO_DOWNLOADS:
        tell(Progress(step="download", text=f"downloading Python {minor}", whole=True))
        try:
            run((uv_program(), "python", "install", minor), env=variables)
            return
        except CommandFailed as error:
            why = f"uv could not download it ({_last_line(error.tail)})"
    found = ", ".join(installed_pythons(settings, variables)) or "none"
    raise InstallError(
        f"Python {minor} is not on this machine (found: {found}), and {why}",
        where="build.python_version",
        hint=f"name one that is here in cog.yaml, or install Python {minor}, so that it is in "
        "PATH; UV_PYTHON_INSTALL_MIRROR says where uv downloads from",
    )


def _last_line(said: str) -> str:
    """The innermost reason that uv gives."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1].removeprefix("cause: ") if lines else "it did not say why"


def _venv(folder: Path, python: str, variables: Mapping[str, str]) -> None:
    command = (
        uv_program(), "venv", "--quiet", "--relocatable", "--allow-existing", "--no-project",
        "--python", python, str(folder),
    )  # fmt: skip
    try:
        run(command, env=variables)
    except CommandFailed as error:
        raise InstallError([explain(error.tail, what="no environment can be made")]) from error


def _sync(source: Source, folder: Path, variables: Mapping[str, str], tell: Tell) -> None:
    """Fill an environment from its lock; uv holds every file against the lock's hashes."""
    downloads = Downloads()

    def hear(line: str) -> None:
        if progress := progress_of(line):
            tell(downloads.together(progress))

    count = len(source.lock.pins)
    text = f"installing {count} packages for {source.target}"
    tell(Progress(step="install", text=text, total=count, unit="packages", whole=True))
    try:
        draw(
            (*_sync_command(source, folder), *no_index(variables)),
            env={**variables, **_link_mode(folder, variables)},
            cwd=source.path.parent,
            on_line=hear,
            secrets=secrets_in(variables),
        )
    except CommandFailed as error:
        what = "the packages cannot be installed"
        raise InstallError([explain(error.tail, what=what, where=source.path.name)]) from error


def _sync_command(source: Source, folder: Path) -> Command:
    """Without --compile-bytecode: compiling all of torch takes longer than what first runs use.

    A folder is built anew, because uv's cache looks at its pyproject.toml only.
    """
    folders = (p["name"] for p in source.lock.document["packages"] if "directory" in p)
    refresh = (word for name in folders for word in ("--reinstall-package", name))
    return (
        uv_program(), "pip", "sync", str(source.path), "--python", str(folder / "bin" / "python"),
        "--allow-empty-requirements", "--preview-features", "pylock", *refresh,
    )  # fmt: skip


def _link_mode(folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Copy where uv's cache is on another file system, instead of trying to link first."""
    if "UV_LINK_MODE" in variables:
        return {}
    cache = run((uv_program(), "cache", "dir"), env=variables).output.strip()
    there = next((p for p in (Path(cache), *Path(cache).parents) if p.exists()), folder)
    return {} if there.stat().st_dev == folder.stat().st_dev else {"UV_LINK_MODE": "copy"}


def remove_unused(settings: Settings, *, older_than: float, dry: bool = False) -> tuple[Path, ...]:
    """Remove environments that were last used more than ``older_than`` seconds ago.

    Those that are being made are left alone. Returns the folders that are gone; ``dry``: that
    would go.
    """
    gone = []
    for stamp in sorted(settings.environments.glob(f"*/{STAMP}")):
        folder = stamp.parent
        old = time.time() - stamp.stat().st_mtime >= older_than
        if old and "." not in folder.name and (dry or _remove(folder)):
            gone.append(folder)
    return tuple(gone)


def _remove(folder: Path) -> bool:
    """Take an environment away in one step, then delete it, unless somebody is making it."""
    with folder.with_name(f"{folder.name}.lock").open("w") as file:
        if not _try_lock(file):
            return False
        away = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
        folder.rename(away / "gone")
        shutil.rmtree(away, ignore_errors=True)
        return True
