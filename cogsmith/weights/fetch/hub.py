"""A repository of a model hub, by the Hub's HTTP API: no client library of its own is needed.

``/api/models/R/revision/V`` says which commit a revision is, ``/api/models/R/tree/C`` lists it, in
pages, and ``/R/resolve/C/PATH`` has the bytes, mostly by a redirect. Large files are in LFS, whose
id is their sha256: nothing has to be fetched to know it. Others have git's id of the content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from cogsmith.errors import WeightsError
from cogsmith.oci import Digest
from cogsmith.weights.fetch.web import Web
from cogsmith.weights.listing import Listed, Listing
from cogsmith.weights.settings import Settings
from cogsmith.weights.source import HubSource

__all__ = ["look_at_hub"]

MAX_PAGES = 10_000
_NEXT = re.compile(r'<([^>]+)>\s*;[^,]*rel="?next"?')
_COMMIT = re.compile(r"[0-9a-f]{40}")


def look_at_hub(source: HubSource, web: Web) -> Listing:
    """What a repository holds at a revision, pinned to its commit. Raises WeightsError."""
    headers = _headers(web.settings)
    try:
        commit = _commit(source, web, headers)
        files = tuple(sorted(_files(source, commit, web, headers), key=lambda file: file.path))
    except WeightsError as error:
        raise _advised(error, source, web.settings) from None
    base = f"{web.settings.hub}/{quote(source.repository)}/resolve/{commit}"
    read = partial(_read, web, base, headers)
    return Listing(fingerprint=f"commit:{commit}", files=files, read=read, halt=web.halt)


def _commit(source: HubSource, web: Web, headers: Mapping[str, str]) -> str:
    revision = quote(source.revision, safe="")
    url = f"{web.settings.hub}/api/models/{quote(source.repository)}/revision/{revision}"
    document, _ = web.document(url, headers)
    commit = document.get("sha") if isinstance(document, dict) else None
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        raise WeightsError("does not say which commit the revision is", where=url)
    return commit


def _files(
    source: HubSource, commit: str, web: Web, headers: Mapping[str, str]
) -> Iterator[Listed]:
    url = f"{web.settings.hub}/api/models/{quote(source.repository)}/tree/{commit}?recursive=true"
    for _ in range(MAX_PAGES):
        entries, answered = web.document(url, headers)
        for entry in entries if isinstance(entries, list) else ():
            if entry.get("type") == "file":
                yield _listed(entry, url)
        following = _NEXT.search(answered.get("Link", ""))
        if not following:
            return
        url = following[1]
        if not url.startswith(f"{web.settings.hub}/"):
            raise WeightsError("its next page is at another host", where=url)
    raise WeightsError(f"has more than {MAX_PAGES} pages of files", where=url)


def _listed(entry: Mapping[str, Any], url: str) -> Listed:
    try:
        lfs = entry.get("lfs")
        if lfs:
            digest = Digest("sha256", lfs["oid"])
            return Listed(path=entry["path"], size=lfs["size"], digest=digest)
        git = str(entry["oid"])
        return Listed(path=entry["path"], size=entry["size"], key=f"git:{git}", git=git)
    except (KeyError, TypeError) as error:
        raise WeightsError(f"lists a file in a way that is not known: {error}", where=url) from None


def _read(
    web: Web, base: str, headers: Mapping[str, str], file: Listed, start: int
) -> Iterator[bytes]:
    return web.bytes_from(f"{base}/{quote(file.path)}", start, headers)


def _headers(settings: Settings) -> dict[str, str]:
    token = settings.token or _kept_token(settings)
    return {"Authorization": f"Bearer {token}"} if token else {}


def _kept_token(settings: Settings) -> str:
    """What the hub's own login has left, if anything."""
    if settings.token_file is None:
        return ""
    try:
        return settings.token_file.read_text("utf-8").strip()
    except (OSError, ValueError):
        return ""


def _advised(error: WeightsError, source: HubSource, settings: Settings) -> WeightsError:
    """The error of a hub, with what a person can do about it."""
    hints = {
        "http_401": "the repository is private, gated, or not there: set HF_TOKEN",
        "http_403": "accept its conditions on the hub's page, or check what the token may read",
        "http_404": "check the names of repository and revision",
    }
    hint = error.hint or hints.get(error.code, "")
    if not hint and "cannot be reached" in error.message:
        hint = f"check the network, or set HF_ENDPOINT (now {settings.hub})"
    return WeightsError(
        f"{error.message} ({error.where})", where=source.uri, hint=hint, code=error.code
    )
