"""Where a project's files come from: what git says of their folder."""

from __future__ import annotations

import os
from pathlib import Path

from cogsmith.errors import CommandFailed
from cogsmith.image import Checkout, bare_url

# A repository's own settings can name programs for git to start; of somebody else's project
# none shall run. Nothing is written either: no refreshed index, no lock.
GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
QUIET = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
# What git sets for its hooks: there they name the repository of the hook, not the project's.
OTHERS = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"}


def read_checkout(folder: Path) -> Checkout | None:
    """The commit that a folder is at; None where it is in no repository, or there is no git.

    A folder in a repository that has no commit yet has none either.
    """
    here = folder.resolve()
    if not any((above / ".git").exists() for above in (here, *here.parents)):
        return None
    try:
        commit, path = _git(folder, "rev-parse", "HEAD", "--show-prefix").splitlines()[:2]
        changes = _git(folder, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    except (CommandFailed, ValueError):
        return None
    return Checkout(
        commit=commit.strip(),
        remote=_remote(folder),
        path=path.strip().rstrip("/"),
        dirty=bool(changes.strip()),
    )


def _remote(folder: Path) -> str:
    try:
        return bare_url(_git(folder, "config", "--get", "remote.origin.url").strip())
    except CommandFailed:
        return ""


def _git(folder: Path, *words: str) -> str:
    from cogsmith.process import run  # many projects are in no repository

    environment = {name: value for name, value in os.environ.items() if name not in OTHERS}
    return run((*GIT, *words), cwd=folder, env={**environment, **QUIET}).output
