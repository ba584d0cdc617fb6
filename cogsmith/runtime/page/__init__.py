"""The page for people: a playground and a readable API document, as fixed files.

Everything is plain HTML, CSS and script, without a build step and without a request to
anywhere but this server. Addresses inside the files are relative, so that the pages also
work behind a proxy that puts the server under a path.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

__all__ = ["HEADERS", "PATHS", "asset"]

_FOLDER = Path(__file__).parent

_HTML = "text/html; charset=utf-8"
_SCRIPT = "text/javascript; charset=utf-8"

# address -> file, content type: the whole set; nothing else is ever read.
_ASSETS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "/": ("index.html", _HTML),
        "/docs": ("docs.html", _HTML),
        "/_page/app.js": ("app.js", _SCRIPT),
        "/_page/docs.js": ("docs.js", _SCRIPT),
        "/_page/style.css": ("style.css", "text/css; charset=utf-8"),
        "/_page/icon.svg": ("icon.svg", "image/svg+xml"),
    }
)

PATHS: tuple[str, ...] = tuple(_ASSETS)
"""Every path that has an asset; ``/`` is shared with the JSON that programs get."""

# Pictures, sound and films may come from elsewhere, for a model's output can be the address of
# an uploaded file. Scripts, styles and requests may not, and text never becomes markup: trusted
# types make the browser refuse `innerHTML` and its like.
_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data: http: https:",
    "media-src data: http: https:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)

HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "; ".join(_POLICY),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
        "Vary": "Accept",  # "/" is JSON for programs
    }
)
"""What every answer with an asset carries, beside its content type and length."""


def asset(path: str) -> tuple[bytes, str] | None:
    """The body and the content type at a path of the server; None for any other path.

    >>> asset("/_page/style.css")[1]
    'text/css; charset=utf-8'
    >>> asset("/_page/../__init__.py")
    """
    if path not in _ASSETS:
        return None
    name, content_type = _ASSETS[path]
    return _body(name), content_type


@cache
def _body(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()
