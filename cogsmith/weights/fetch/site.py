"""One file at an address. Its strong entity tag, if the server gives one, is its fingerprint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from cogsmith.errors import WeightsError
from cogsmith.weights.fetch.web import Passing, Web
from cogsmith.weights.listing import Listed, Listing
from cogsmith.weights.source import WebSource

__all__ = ["look_at_site"]


def look_at_site(source: WebSource, web: Web) -> Listing:
    """What can be known of the file without fetching it. Raises WeightsError."""
    tag, size = _head(source, web)
    listed = Listed(path=source.name, size=size, key=f"{source.uri} {tag}" if tag else "")

    def read(_file: Listed, start: int) -> Iterator[bytes]:
        return web.bytes_from(source.uri, start, {}, check=tag)

    fingerprint = f"etag:{tag}" if tag else ""
    return Listing(fingerprint=fingerprint, files=(listed,), read=read, halt=web.halt)


def _head(source: WebSource, web: Web) -> tuple[str, int | None]:
    """Entity tag and size; nothing of a server that knows no HEAD: its GET will tell."""
    try:
        with closing(web.open(source.uri, method="HEAD")) as answer:
            tag = answer.headers.get("ETag", "")
            length = answer.headers.get("Content-Length", "")
    except Passing:
        return "", None
    except WeightsError as error:
        if error.code == "http_404":
            raise
        return "", None
    size = int(length) if length.isdecimal() else None
    return ("" if tag.startswith("W/") else tag), size
