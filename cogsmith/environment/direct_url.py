"""Where a package that was asked for by address came from: direct_url.json (PEP 610). Pure.

What goes into an image says nothing of the machine that made it: no credentials, and of a
local file or folder its name alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cogsmith.environment.credentials import bare
from cogsmith.environment.wheel_choice import Choice, file_name

__all__ = ["direct_url", "origin"]


def direct_url(choice: Choice) -> Mapping[str, Any] | None:
    """The content of direct_url.json; None for what was asked for by name."""
    if not choice.direct:
        return None
    entry = choice.entry
    below = {"subdirectory": entry["subdirectory"]} if "subdirectory" in entry else {}
    if choice.kind == "directory":
        return {"url": f"file:///{choice.name}", "dir_info": {}, **below}
    if choice.kind == "vcs":
        told = {"vcs": str(entry["type"]), "commit_id": str(entry["commit-id"])}
        if revision := entry.get("requested-revision"):
            told["requested_revision"] = str(revision)
        return {"url": _shown(entry, choice.name), "vcs_info": told, **below}
    info = {"hashes": {k: str(v) for k, v in sorted(entry.get("hashes", {}).items())}}
    return {"url": _shown(entry, file_name(entry)), "archive_info": info, **below}


def _shown(entry: Mapping[str, Any], name: str) -> str:
    url = bare(str(entry.get("url", "")))
    return url if url and not url.startswith("file:") else f"file:///{name}"


def origin(choice: Choice) -> str:
    """The address that the lock gives for a wheel, "" for a place on one machine."""
    url = bare(str(choice.entry.get("url", "")))
    if url:
        return "" if url.startswith("file:") else url
    path = str(choice.entry.get("path", ""))
    return "" if path.startswith("/") else path
