"""One request and one answer of HTTP, and what an answer's words mean. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from urllib.parse import urljoin, urlsplit

from cogsmith.errors import (
    Denied,
    NotFound,
    RegistryError,
    TooManyRequests,
    Unauthorized,
)
from cogsmith.process import star
from cogsmith.values import dataclass

__all__ = ["Origin", "Payload", "Refusal", "Request", "refusal", "resolve"]

LONGEST_COMPLAINT = 64 * 1024  # bytes of an error's body that are read
LONGEST_WORDS = 400  # characters of it that are shown


@dataclass(frozen=True, slots=True)
class Payload:
    """A body that is streamed: how many bytes, and how to get them from the first one on."""

    size: int
    open: Callable[[], Iterator[bytes]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom a URL speaks to. Credentials never leave their origin."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Raises ValueError when the URL has no host, or another scheme than http and https."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{shown(url)!r} is no address of http or https")
        return cls(parts.scheme, parts.hostname, parts.port or default_port(parts.scheme))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == default_port(self.scheme) else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def default_port(scheme: str) -> int:
    """80 or 443."""
    return 443 if scheme == "https" else 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. ``timeout``: seconds from the body's last byte until the answer begins."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | Payload = field(default=b"", repr=False)
    timeout: float = 60.0

    @property
    def replayable(self) -> bool:
        """Whether it may be sent again without asking how far the first time came."""
        return isinstance(self.body, bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a registry said instead of yes: its status, its codes and its words."""

    status: int
    codes: tuple[str, ...] = ()
    words: str = ""

    @classmethod
    def parse(cls, status: int, body: bytes) -> Refusal:
        """Read the body of an error (OCI distribution, "Error Codes"), or any other text."""
        try:
            errors = json.loads(body)["errors"]
            entries = [entry for entry in errors if isinstance(entry, dict)]
        except (ValueError, KeyError, TypeError):
            return cls(status=status, words=_plain(body))
        codes = tuple(dict.fromkeys(str(entry.get("code", "")) for entry in entries))
        words = dict.fromkeys(_entry(entry) for entry in entries)
        return cls(
            status=status,
            codes=tuple(filter(None, codes)),
            words=_short("; ".join(filter(None, words))),
        )

    def __str__(self) -> str:
        phrase = f"{self.status} {_PHRASES.get(self.status, '')}".rstrip()
        return f"{phrase}: {self.words}" if self.words else phrase


_PHRASES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 413: "Content Too Large", 416: "Range Not Satisfiable",
    429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Timeout", 507: "Insufficient Storage",
}  # fmt: skip


def _entry(entry: Mapping[str, object]) -> str:
    """One error in one line: its code, its message, and its detail where that is plain text."""
    message, detail = entry.get("message"), entry.get("detail")
    parts = [str(entry.get("code") or ""), message if isinstance(message, str) else ""]
    if isinstance(detail, str) and detail:
        parts.append(detail)
    elif isinstance(detail, dict) and isinstance(detail.get("message"), str):
        parts.append(detail["message"])
    return ": ".join(filter(None, parts))


def _plain(body: bytes) -> str:
    """The words of an answer that is no JSON; a page of HTML says nothing to a person."""
    text = body.decode("utf-8", "replace").strip()
    return "" if text.startswith("<") or not text.isprintable() else _short(text)


def _short(text: str) -> str:
    """What a stranger wrote, for a terminal: one line, no control characters, no credentials."""
    text = star("".join(filter(str.isprintable, " ".join(text.split()))))
    return text if len(text) <= LONGEST_WORDS else f"{text[:LONGEST_WORDS]}…"


def refusal(said: Refusal, doing: str, *, where: str, host: str) -> RegistryError:
    """The error that a person gets: what failed, the registry's own words, what to do."""
    kinds: dict[int, type[RegistryError]] = {
        401: Unauthorized, 403: Denied, 404: NotFound, 429: TooManyRequests,
    }  # fmt: skip
    kind = kinds.get(said.status, RegistryError)
    return kind(
        f"{doing}: {said}",
        where=where, hint=_hint(said, host), status=said.status, reasons=said.codes,
    )  # fmt: skip


_BY_CODE = {
    "MANIFEST_UNKNOWN": "check the tag or the digest, and the platform",
    "TAG_INVALID": "check the tag: letters, digits, '_', '.' and '-', at most 128",
    "NAME_INVALID": "check the name: lower case, digits, and '.', '_', '-', '/' in between",
    "BLOB_UNKNOWN": "the registry has lost it, or never had it: push the image again",
    "MANIFEST_BLOB_UNKNOWN": "the registry has lost a blob: push again",
    "DIGEST_INVALID": "the bytes changed on their way, or while they were read: push again",
    "UNSUPPORTED": "this registry does not allow it, or must be told to",
}
_BY_STATUS = {
    403: "this account may not do that there; check the name's owner, or: cogsmith login {host}",
    405: "this registry does not allow it, or must be told to",
    413: "a proxy before the registry refuses bodies of this size",
    429: "wait, or log in for a higher limit: cogsmith login {host}",
    507: "the registry's disk is full",
}


def _hint(said: Refusal, host: str) -> str:
    if said.status == 401:
        return f"cogsmith login {host}"
    if "NAME_UNKNOWN" in said.codes:
        return (
            "check the name; some registries want a repository to be made before the first push,"
            f" and say this also when a login is missing: cogsmith login {host}"
        )
    for code in said.codes:
        if code in _BY_CODE:
            return _BY_CODE[code]
    if said.status in _BY_STATUS:
        return _BY_STATUS[said.status].format(host=host)
    return "the registry has a problem of its own; try again later" if said.status >= 500 else ""


def resolve(url: str, location: str) -> str:
    """The address that a ``Location`` names, which may be relative and hold a query."""
    return urljoin(url, location)


def shown(url: str) -> str:
    """A URL for people: queries and names hold secrets.

    >>> shown("https://me:secret@cdn.example/blob?signature=abc")
    'https://****@cdn.example/blob'
    """
    return star(url.partition("?")[0].partition("#")[0])
