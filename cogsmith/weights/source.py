"""Where weights come from: the kinds of sources, and what a config asks for, in one form. Pure.

Each URI has one canonical form, Cog's: it stands in weights.lock and is compared with what
cog.yaml says.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from cogsmith.config import Weight
from cogsmith.errors import WeightsError

__all__ = ["FolderSource", "HubSource", "Source", "Wanted", "WebSource", "parse_source", "wanted"]

MAIN = "main"  # the branch that is meant where none is named


@dataclass(frozen=True, slots=True)
class HubSource:
    """A repository of a model hub; ``revision`` is a branch, a tag or a commit."""

    repository: str
    revision: str = MAIN

    @property
    def uri(self) -> str:
        """The canonical form."""
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision != MAIN else "")


@dataclass(frozen=True, slots=True)
class WebSource:
    """One file at an address; it keeps the address's last part as its name."""

    uri: str

    @property
    def name(self) -> str:
        """The file's name."""
        return unquote(posixpath.basename(urlsplit(self.uri).path))


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder of this machine: an absolute path, or one inside the project."""

    path: str

    @property
    def uri(self) -> str:
        """The canonical form; a relative path begins with ``./``."""
        return f"file://{self.path}" if self.path.startswith("/") else f"file://./{self.path}"


Source = HubSource | WebSource | FolderSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A weight as the config declares it; patterns are sets, so they are sorted."""

    name: str
    target: str
    source: Source
    include: tuple[str, ...] = field(default=())
    exclude: tuple[str, ...] = field(default=())


def wanted(weight: Weight) -> Wanted:
    """What an entry of ``weights:`` asks for. Raises WeightsError for a source that cannot be."""
    try:
        source = parse_source(weight.source.uri)
    except WeightsError as error:
        where = f"weights: {weight.name}"
        raise WeightsError(error.message, where=where, hint=error.hint) from None
    return Wanted(
        name=weight.name,
        target=weight.target,
        source=source,
        include=tuple(sorted(weight.source.include)),
        exclude=tuple(sorted(weight.source.exclude)),
    )


def parse_source(uri: str) -> Source:
    """Read a source's URI, or a plain path. Raises WeightsError.

    >>> parse_source("huggingface://org/repo@main").uri, parse_source("weights/llama").uri
    ('hf://org/repo', 'file://./weights/llama')
    """
    scheme, found, rest = uri.partition("://")
    if not found:
        return _folder(uri)
    kind = scheme.lower()
    if kind in ("hf", "huggingface"):
        return _hub(uri, rest)
    if kind in ("https", "http"):
        return _web(f"{kind}://{rest}")
    if kind == "file":
        return _folder(rest)
    hint = "write hf://org/repo, https://..., file://... or a path"
    raise WeightsError(f'unsupported weight source scheme "{scheme}"', hint=hint)


def _hub(uri: str, rest: str) -> HubSource:
    repository, at, revision = rest.partition("@")
    owner, slash, name = repository.partition("/")
    if not (owner and slash and name) or "/" in name or (at and not revision):
        raise WeightsError(
            f"{uri!r} names no repository of a hub",
            hint="write hf://org/repo or hf://org/repo@revision",
        )
    return HubSource(repository, revision or MAIN)


def _web(uri: str) -> WebSource:
    parts = urlsplit(uri)
    if "@" in parts.netloc:
        hint = "weights.lock, which is committed, would show them"
        raise WeightsError("an address may not have a name and password in it", hint=hint)
    source = WebSource(uri)
    if not parts.hostname or source.name in ("", ".", ".."):
        hint = "it must end in a file's name; a repository of a hub is hf://org/repo"
        raise WeightsError(f"{uri!r} names no file", hint=hint)
    return source


def _folder(text: str) -> FolderSource:
    path = posixpath.normpath(text) if text else "."
    if path.startswith("//"):
        path = path[1:]
    if path == ".":
        raise WeightsError(
            "a weight's source cannot be the project folder itself",
            hint="put the files into a folder of their own",
        )
    if path == ".." or path.startswith("../"):
        raise WeightsError(
            f"{text!r} leads out of the project", hint="write an absolute path: file:///..."
        )
    return FolderSource(path)
