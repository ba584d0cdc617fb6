"""What a project asks for: the lines of its requirements files, parsed and put in one form.

The format is pip's: requirements, paths and URLs, ``-e``, ``-r`` and ``-c`` includes, and the
options that say where packages come from. ``-r`` and ``-c`` files are found beside the file
that names them; local paths and ``--find-links`` folders are found from the project's folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field, replace
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from cogsmith.errors import LockError, Problem
from cogsmith.values import dataclass

__all__ = ["SDK_VERSION", "Read", "Requirements", "is_local", "name_of", "parse"]

SDK_VERSION = "0.23.1"  # of the cog package, where a config does not say (DESIGN, D1)

Read = Callable[[str], str]

INDEX_OPTIONS = {
    "-i": "--index-url",
    "--pypi-url": "--index-url",
    "--index-url": "--index-url",
    "--extra-index-url": "--extra-index-url",
    "-f": "--find-links",
    "--find-links": "--find-links",
    "--no-index": "--no-index",
    "--no-binary": "--no-binary",
    "--only-binary": "--only-binary",
    "--pre": "--pre",
    "--trusted-host": "--trusted-host",
}
INCLUDES = {"-r": "-r", "--requirement": "-r", "-c": "-c", "--constraint": "-c"}
# Locks always hold hashes and prefer wheels; features of pip's are no concern of uv's.
IGNORED = {"--require-hashes", "--prefer-binary", "--use-feature"}

_COMMENT = re.compile(r"(^|\s+)#.*$")
_HASHES = re.compile(r"\s+--hash[= ](\S+)")
_SETTINGS = re.compile(r"\s+--(config-settings?|global-option)[= ].*$")
_URL = re.compile(r"^[A-Za-z][\w+.-]*://|^file:")
_LOCAL = re.compile(r"^(\.{1,2}(/|$|\[)|/|~/|[^\s@=<>!]+\.(whl|tar\.gz|tar\.bz2|zip)(\[|\s|$))")
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirements:
    """Everything a project asks for, each line in its one form, in the order written.

    ``options`` say where packages come from; they may hold credentials, which is why
    ``repr`` leaves them out and ``texts`` does not show them.
    """

    packages: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    options: tuple[str, ...] = field(default=(), repr=False)

    def __add__(self, other: Requirements) -> Requirements:
        """Both, the first one's lines first, nothing twice."""
        return Requirements(
            packages=_once(self.packages + other.packages),
            constraints=_once(self.constraints + other.constraints),
            overrides=_once(self.overrides + other.overrides),
            options=_once(self.options + other.options),
        )

    def names(self) -> set[str]:
        """The packages that are asked for by name, normalized."""
        return {name for name in map(name_of, self.packages) if name}

    def with_sdk(self, version: str = "") -> Requirements:
        """Ask for the cog package too, unless a line already does."""
        if "cog" in self.names():
            return self
        return replace(self, packages=(*self.packages, f"cog=={version or SDK_VERSION}"))

    def local_paths(self) -> tuple[str, ...]:
        """The files and folders of the project that are asked for."""
        return tuple(path_of(line) for line in self.packages + self.constraints if is_local(line))

    def hashes(self) -> dict[str, set[str]]:
        """The hashes that the author allows, by package: ``{"numpy": {"sha256:…"}}``."""
        found: dict[str, set[str]] = {}
        for line in self.packages + self.constraints:
            if allowed := set(_HASHES.findall(line)):
                found.setdefault(name_of(line), set()).update(allowed)
        return found


def _once(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lines))


def parse(read: Read, name: str) -> Requirements:
    """Parse a requirements file and all that it includes.

    ``read`` gives the text of a file by its name, relative to the project. Raises LockError
    with every line that cannot be understood.
    """
    reader = _Reader(read)
    found = reader.file(name, ())
    if reader.problems:
        raise LockError(reader.problems)
    return found


class _Reader:
    """One walk through a requirements file and its includes, collecting what is wrong."""

    def __init__(self, read: Read) -> None:
        self.read = read
        self.problems: list[Problem] = []

    def file(self, name: str, inside: tuple[str, ...]) -> Requirements:
        """One file; ``inside`` are the files that include it."""
        found = Requirements()
        if name in inside:
            return found  # pip reads a file that includes itself once
        for number, line in _lines(self.read(name)):
            try:
                found += self.line(line, name, inside)
            except ValueError as error:
                message, _, hint = str(error).partition("\n")
                self.problems.append(Problem(message, f"{name}:{number}", hint))
        return found

    def line(self, line: str, name: str, inside: tuple[str, ...]) -> Requirements:
        """One line. Raises ValueError: what is wrong, and on a second line what to do."""
        word, _, rest = re.sub(r"^(--[\w-]+)=", r"\1 ", line).partition(" ")
        value = rest.strip().strip("\"'")
        if word in INCLUDES:
            included = self.included(value, name, inside)
            if INCLUDES[word] == "-r":
                return included
            asked = included.packages + included.constraints
            return replace(included, packages=(), constraints=asked)
        if word in INDEX_OPTIONS:
            return Requirements(options=(f"{INDEX_OPTIONS[word]} {value}".rstrip(),))
        if word in IGNORED:
            return Requirements()
        if word in ("-e", "--editable"):
            return Requirements(packages=(f"-e {value}",))
        if word.startswith("-"):
            raise ValueError(f"{word} is not an option of requirements files\nleave it out")
        return Requirements(packages=(_one_form(line),))

    def included(self, file: str, name: str, inside: tuple[str, ...]) -> Requirements:
        """The file that a line of ``name`` names. Raises ValueError when it cannot be read."""
        beside = str(PurePosixPath(name).parent / file)
        try:
            return self.file(beside, (*inside, name))
        except LockError as error:
            raise ValueError(f"{beside} {error.message}\n{error.hint}") from None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line that says something; continuations are joined."""
    begun, joined = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        begun = begun or number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            joined += line[:-1]
            continue
        if said := _COMMENT.sub("", joined + line).strip():
            yield begun, said
        begun, joined = 0, ""
    if said := _COMMENT.sub("", joined).strip():
        yield begun, said


def _one_form(line: str) -> str:
    """A requirement in the one form in which equal ones are equal texts.

    >>> _one_form("Torch >=2.6,  <3;python_version<'3.14'")
    'torch<3,>=2.6; python_version < "3.14"'
    """
    if is_local(line) or _URL.match(line):
        return " ".join(line.split())
    hashes = "".join(f" --hash={value}" for value in sorted(_HASHES.findall(line)))
    bare = _SETTINGS.sub("", _HASHES.sub("", line))
    try:
        requirement = Requirement(bare)
    except InvalidRequirement as error:
        raise ValueError(f"{line!r} is not a requirement\n{_advice(bare, error)}") from None
    return f"{_spelled(requirement)}{hashes}"


def _spelled(requirement: Requirement) -> str:
    """One spelling, whichever version of the packaging library reads it."""
    extras = f"[{','.join(sorted(map(canonicalize_name, requirement.extras)))}]"
    name = canonicalize_name(requirement.name) + (extras if requirement.extras else "")
    versions = ",".join(sorted(map(str, requirement.specifier)))
    source = f" @ {requirement.url}" if requirement.url else versions
    separator = " ; " if requirement.url else "; "
    return name + source + (f"{separator}{requirement.marker}" if requirement.marker else "")


def _advice(line: str, error: InvalidRequirement) -> str:
    turned = re.sub(r"=([<>~!])(?!=)", r"\1=", line)
    if (fixed := re.sub(r"(?<![=<>!~])=(?!=)", "==", turned)) != line:
        return f"did you mean {fixed!r}?"
    return f"write name==version ({str(error).splitlines()[0].lower()})"


def is_local(line: str) -> bool:
    """Whether a line names a file or folder of the project.

    >>> is_local("-e ."), is_local("./wheels/x-1-py3-none-any.whl"), is_local("numpy")
    (True, True, False)
    """
    editable = re.sub(r"^-e\s+", "", line)
    return not _URL.match(editable) and bool(_LOCAL.match(editable))


def path_of(line: str) -> str:
    """The path in a line that ``is_local``, without ``-e``, extras, marker and hashes."""
    return re.split(r"\s+|;|\[", re.sub(r"^-e\s+", "", line), maxsplit=1)[0]


def name_of(line: str) -> str:
    """The normalized package name in a line, or "" where only its metadata knows.

    >>> name_of("Flask_Login>=0.6"), name_of("./dist/cog-0.23.1-py3-none-any.whl"), name_of("-e .")
    ('flask-login', 'cog', '')
    """
    if is_local(line) or _URL.match(line) or line.startswith("-"):
        file_name = PurePosixPath(path_of(line).partition("#")[0]).name
        found = re.match(r"([A-Za-z0-9][A-Za-z0-9_.]*)-\d", file_name)
        return canonicalize_name(found[1]) if found and file_name.endswith(".whl") else ""
    match = _NAME.match(line)
    return canonicalize_name(match[0]) if match else ""
