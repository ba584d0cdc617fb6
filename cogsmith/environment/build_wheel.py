"""A source becomes a wheel, once: sdist, archive, folder or repository, built apart by uv.

A build happens in a temporary folder with a fixed clock and umask. Its wheel is kept by what it
was built from, the minor version of Python and uv's version; it is not promised to have the same
bytes on another machine, because compilers and build tools differ.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from cogsmith.environment.credentials import bare
from cogsmith.environment.events import Notice, Progress, Tell
from cogsmith.environment.fetch.cache import adopt, cached
from cogsmith.environment.indexes import no_index, secrets_in
from cogsmith.environment.install import FOR_RESOLVING, Source
from cogsmith.environment.load import NOT_SOURCE, save_text, uv_variables
from cogsmith.environment.machine import find_python, installed_pythons, uv_program
from cogsmith.environment.settings import Settings
from cogsmith.environment.target import Target
from cogsmith.environment.wheel_choice import Choice, file_name, fits
from cogsmith.errors import CommandFailed, InstallError
from cogsmith.process import Command, run
from cogsmith.values import dataclass

__all__ = ["Built", "build_wheel"]

EPOCH = "946684800"  # 2000-01-01: the time of everything in an image; zip has none before 1980
TAIL = 20  # lines of a failed build that are shown
LARGE = 16 * 1024 * 1024  # bytes: what is larger is linked into the copy, and known by its time
AVOID = (
    "choose a version that has a wheel for this target, or build the wheel where it does build, "
    "and name its folder with UV_FIND_LINKS"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A wheel in the wheel cache."""

    filename: str
    sha256: str


def build_wheel(
    choice: Choice, file: Path | None, source: Source, settings: Settings, tell: Tell
) -> Built:
    """Build a source into a wheel in the wheel cache, or find the one that was built before.

    ``file`` is the sdist or archive, as it lies in the cache. Raises InstallError: the build
    failed, there is no such Python here, or what came out is for this machine's platform and
    the image has another.
    """
    record = settings.built / f"{_key(choice, file, source)}.json"
    built = _remembered(record, settings)
    if built is None:
        built = _build(choice, file, source, settings, tell)
        save_text(record, json.dumps({"filename": built.filename, "sha256": built.sha256}))
    if fits(built.filename, source.target) is None:
        raise InstallError(
            f"{choice} was built into {built.filename}, which does not run on "
            f"{source.target.platform}: its compiled parts are for this machine",
            hint=AVOID,
        )
    return built


def _key(choice: Choice, file: Path | None, source: Source) -> str:
    """What a build depends on; the machine's platform too, where its compiler works for it."""
    from importlib import metadata

    if choice.kind == "directory":
        what: object = _content(_folder(choice, source))
    elif choice.kind == "vcs":
        where = choice.entry.get("url") or choice.entry.get("path")
        what = [bare(str(where)), choice.entry["commit-id"]]
    else:
        what = file.parent.name if file else ""
    parts = [
        choice.kind, what, choice.entry.get("subdirectory"), source.target.python,
        metadata.version("uv"), os.uname().machine,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _content(folder: Path) -> str:
    """A fingerprint of a folder's files: names, bytes, and which of them can be run."""
    found = hashlib.sha256()
    for path in _files(folder):
        stat = path.stat()
        large = stat.st_size > LARGE
        one = f"{stat.st_mtime_ns}" if large else hashlib.sha256(path.read_bytes()).hexdigest()
        line = f"{path.relative_to(folder).as_posix()}\0{stat.st_mode & 0o100}\0{one}\n"
        found.update(line.encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """The files that a folder's wheel may be made of."""
    for place, names, files in os.walk(folder):
        top = Path(place) == folder
        names[:] = sorted(name for name in names if not _left_out(name, top))
        yield from (p for name in sorted(files) if (p := Path(place) / name).is_file())


def _left_out(name: str, top: bool) -> bool:
    """What is no source: byte code anywhere; environments and earlier builds at the top."""
    return name == "__pycache__" or (top and (name in NOT_SOURCE or name.endswith(".egg-info")))


def _remembered(record: Path, settings: Settings) -> Built | None:
    try:
        built = Built(**json.loads(record.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return built if cached(settings, built.sha256, built.filename) else None


def _build(
    choice: Choice, file: Path | None, source: Source, settings: Settings, tell: Tell
) -> Built:
    import tempfile

    variables = _variables(source, settings)
    python = _python(choice, source.target, settings, variables)
    tell(Progress(step="install", text=f"building a wheel of {choice}", whole=True))
    with tempfile.TemporaryDirectory(prefix="cogsmith-build-") as folder:
        apart = Path(folder).resolve()
        try:
            tree = _tree(choice, file, source, apart / "source", variables)
            wheel = _run(choice, (tree, apart / "out", python), variables)
            hashes, _ = adopt(wheel, settings, {})
        except OSError as error:
            message = f"{choice} cannot be built: {error.strerror or error}"
            raise InstallError(message, where=str(error.filename or "")) from error
    if not wheel.name.endswith("-none-any.whl"):
        tell(Notice(text=f"{choice} was compiled on this machine: the image's base needs the "
             "same or a newer glibc, and other machines make other bytes of it"))  # fmt: skip
    return Built(filename=wheel.name, sha256=hashes.sha256)


def _variables(source: Source, settings: Settings) -> dict[str, str]:
    variables = {**uv_variables(settings), **source.variables}
    for name in FOR_RESOLVING:
        variables.pop(name, None)
    return {
        **variables, "SOURCE_DATE_EPOCH": EPOCH, "NO_COLOR": "1", "GIT_TERMINAL_PROMPT": "0",
        "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip


def _python(
    choice: Choice, target: Target, settings: Settings, variables: Mapping[str, str]
) -> Path:
    if found := find_python(target.python, settings, variables):
        return found
    here = ", ".join(installed_pythons(settings, variables)) or "none"
    raise InstallError(
        f"{choice} has no wheel for {target}, and building one needs Python {target.python}, "
        f"which is not on this machine (found: {here})",
        hint=f"install Python {target.python}, or {AVOID}",
    )


def _tree(
    choice: Choice, file: Path | None, source: Source, apart: Path, env: Mapping[str, str]
) -> Path:
    """The source in a folder apart: unpacked, copied or checked out."""
    if choice.kind == "directory":
        tree = _copied(_folder(choice, source), apart)
    elif choice.kind == "vcs":
        tree = _checked_out(choice, source, apart, env)
    else:
        assert file
        tree = _unpacked(choice, file, apart)
    below = tree / str(choice.entry.get("subdirectory", ""))
    if not below.resolve().is_relative_to(apart) or not below.is_dir():
        raise InstallError(f"{choice}: there is no folder {choice.entry['subdirectory']} in it")
    return below


def _folder(choice: Choice, source: Source) -> Path:
    folder = Path(os.path.normpath(source.path.parent / str(choice.entry["path"])))
    if not folder.is_dir():
        raise InstallError(f"{choice}: there is no such folder", where=str(folder))
    return folder


def _copied(folder: Path, apart: Path) -> Path:
    """Copy a folder: a build leaves files behind, and finds those that it left before."""
    for path in _files(folder):
        target = apart / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.stat().st_size > LARGE:
            target.symlink_to(path.resolve())
            continue
        shutil.copyfile(path, target)
        target.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    apart.mkdir(exist_ok=True)
    return apart


def _unpacked(choice: Choice, file: Path, apart: Path) -> Path:
    """The one folder that an sdist holds; an archive of another tool may have none."""
    try:
        if file.name.endswith(".zip") or not hasattr(tarfile, "data_filter"):  # before 3.10.12
            shutil.unpack_archive(file, apart)
        else:  # nothing outside of the folder, no devices (PEP 706); zip files never had them
            shutil.unpack_archive(file, apart, filter="data")
    except (ValueError, shutil.ReadError, EOFError, tarfile.TarError) as error:
        message = f"{choice}: {file_name(choice.entry)} cannot be unpacked: {error}"
        raise InstallError(message) from error
    entries = sorted(apart.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else apart


def _checked_out(choice: Choice, source: Source, apart: Path, env: Mapping[str, str]) -> Path:
    """A repository at its commit, with its submodules."""
    entry = choice.entry
    if entry["type"] != "git":
        raise InstallError(f"{choice}: {entry['type']} repositories cannot be built from")
    url = str(entry.get("url") or source.path.parent / str(entry["path"]))
    git, commit = ("git", "-C", str(apart)), str(entry["commit-id"])
    apart.mkdir()
    try:
        run((*git, "init", "--quiet"), env=env)
        try:
            run((*git, "fetch", "--quiet", "--depth", "1", url, commit), env=env)
        except CommandFailed:  # not every server gives a commit by its name
            run((*git, "fetch", "--quiet", "--tags", url, "+refs/*:refs/found/*"), env=env)
        run((*git, "checkout", "--quiet", "--detach", commit), env=env)
        run((*git, "submodule", "--quiet", "update", "--init", "--recursive"), env=env)
    except CommandFailed as error:
        raise InstallError(
            f"{choice}: the repository cannot be fetched:\n{error.tail}", where=bare(url),
            hint="check git's own access to it: credential helper, netrc or SSH key",
        ) from error  # fmt: skip
    return apart


def _run(choice: Choice, places: tuple[Path, Path, Path], variables: Mapping[str, str]) -> Path:
    """Start the build. Raises InstallError with its last lines."""
    tree, out, python = places
    command: Command = (
        # The modes of files get into the wheel, and they are the umask's.
        "sh", "-c", 'umask 022; exec "$@"', "sh",
        uv_program(), "build", "--wheel", "--out-dir", str(out), "--python", str(python),
        "--no-python-downloads", "--no-create-gitignore", *no_index(variables), str(tree),
    )  # fmt: skip
    try:
        run(command, env=variables, cwd=tree, secrets=secrets_in(variables))
    except CommandFailed as error:
        lines = [line.rstrip() for line in error.tail.splitlines() if line.strip()][-TAIL:]
        said = re.sub(re.escape(str(tree)) + "/?", "", "\n".join(f"  {line}" for line in lines))
        raise InstallError(f"{choice} does not build here:\n{said}", hint=AVOID) from error
    wheels = sorted(out.glob("*.whl"))
    if len(wheels) != 1:
        raise InstallError(f"{choice}: its build made {len(wheels)} wheels instead of one")
    return wheels[0]
