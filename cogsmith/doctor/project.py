"""A project as it was read from the disk: what the checks judge and the repairs change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from cogsmith.config import ModelConfig
from cogsmith.environment import Drift, Lock
from cogsmith.errors import Problem

__all__ = ["Change", "LockState", "Project"]


@dataclass(frozen=True, slots=True)
class Change:
    """A file's new bytes; None: the file goes. ``new``: nothing may be there yet."""

    path: str
    data: bytes | None = field(repr=False)
    new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LockState:
    """A project's lock: what it is called, what it holds (None: there is none), how it drifted."""

    name: str
    lock: Lock | None = None
    drift: Drift | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """One model's config and the Python files around it; paths begin at the project's folder.

    ``config`` is None when its file cannot be understood; ``problems`` says why, and what else
    is wrong in it. ``signature`` has what is wrong with the predictor and the trainer, and
    ``doubts`` what could be better in them. ``configs`` are the other configs beside it, ``names``
    all files there. ``lock`` is None when nothing can be said of it.
    """

    file: str
    text: bytes = field(repr=False)
    config: ModelConfig | None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    signature: tuple[Problem, ...] = ()
    doubts: tuple[Problem, ...] = ()
    sources: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    configs: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    names: frozenset[str] = frozenset()
    lock: LockState | None = None

    @property
    def references(self) -> tuple[tuple[str, str, str], ...]:
        """Key, file and name of each reference to the author's code."""
        config = self.config
        if config is None:
            return ()
        given = (("run", config.run), ("predict", config.predict), ("train", config.train))
        found = []
        for key, text in given:
            if text:
                file, _, name = text.rpartition(":")
                found.append((key, file.removeprefix("./"), name))
        return tuple(found)

    def changed(self, changes: Iterable[Change]) -> Project:
        """The project with these changes made; what was judged before stays as it was."""
        text, sources = self.text, dict(self.sources)
        for change in changes:
            if change.path == self.file:
                text = change.data or b""
            elif change.data is None:
                sources.pop(change.path, None)
            else:
                sources[change.path] = change.data
        return replace(self, text=text, sources=sources)
