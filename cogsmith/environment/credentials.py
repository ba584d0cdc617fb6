"""Who we are to an index: names and passwords, found where uv finds them, for one host each.

They stand in the URLs of indexes (``UV_INDEX_URL``, …) or in variables beside a named index
(``UV_INDEX_MINE_PASSWORD``). A lock's URLs hold none, so a file's URL is held against the
indexes': same scheme, host and port, and among several the index with the longest path in
common. Whoever sends them sends them to that origin alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from urllib.parse import quote, unquote, urlsplit

from cogsmith.values import dataclass

__all__ = [
    "Credentials",
    "Origin",
    "bare",
    "best_for",
    "credentials_in",
    "origin_of",
    "url_variables",
]

Origin = tuple[str, str, int]

# Variables that hold URLs, and what separates them.
SINGLE = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
SPACED = ("UV_INDEX", "UV_EXTRA_INDEX_URL")
COMMAS = ("UV_FIND_LINKS",)
PORTS = {"http": 80, "https": 443}

_NAMED = re.compile(r"([A-Za-z0-9._-]+)=(?=[a-z][a-z0-9+.-]*://)")
_USER_PART = re.compile(r"^([a-z][a-z0-9+.-]*://)[^/?#]*@", re.IGNORECASE)
_LOGIN = re.compile(r"(https?)://([^/\s@]+)@([^/\s@?#]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A name and a password for what lies below one URL."""

    origin: Origin
    path: str
    user: str
    password: str = field(repr=False)


def bare(url: str) -> str:
    """A URL without its credentials. The bare name of an SSH login is an address, not a secret.

    >>> bare("https://me:p@ss@host/simple"), bare("ssh://git@host/x")
    ('https://host/simple', 'ssh://git@host/x')
    """
    found = _USER_PART.match(url)
    if found and "ssh" in found[1].lower() and ":" not in found[0][len(found[1]) :]:
        return url
    return _USER_PART.sub(r"\1", url)


def origin_of(url: str) -> Origin:
    """Scheme, host and port. Raises ValueError for what is no URL."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or ""), parts.port or PORTS.get(parts.scheme, 0)


def credentials_in(variables: Mapping[str, str]) -> tuple[Credentials, ...]:
    """All credentials that uv's variables hold."""
    found = (_of(name, url, variables) for name, url in _urls(variables))
    return tuple(dict.fromkeys(one for one in found if one))


def best_for(url: str, known: Iterable[Credentials]) -> Credentials | None:
    """The credentials for a URL: of its origin, with the longest path in common.

    Among equals the first; what a URL holds itself goes before all others.
    """
    origin, path = origin_of(url), urlsplit(url).path
    own = _of("", url, {})
    here = [one for one in known if one.origin == origin]
    return own or max(here, key=lambda one: _in_common(one.path, path), default=None)


def _in_common(one: str, other: str) -> int:
    """How many of the first folders of two paths are the same."""
    pairs = zip(one.split("/"), other.split("/"), strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), len(one.split("/")))


def _urls(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Name ("" where it has none) and URL of each index."""
    lists = [
        *(variables.get(name, "").split() for name in (*SINGLE, *SPACED)),
        *(variables.get(name, "").split(",") for name in COMMAS),
    ]
    for word in (word.strip() for words in lists for word in words):
        named = _NAMED.match(word)
        url = word[named.end() :] if named else word
        if url.startswith(("http://", "https://")):
            yield (named[1] if named else ""), url


def _of(name: str, url: str, variables: Mapping[str, str]) -> Credentials | None:
    try:
        parts, origin = urlsplit(url), origin_of(url)
    except ValueError:
        return None  # uv complains about it
    prefix = f"UV_INDEX_{re.sub(r'[^A-Z0-9]', '_', name.upper())}_"
    user = variables.get(f"{prefix}USERNAME", "") if name else ""
    password = variables.get(f"{prefix}PASSWORD", "") if name else ""
    user, password = (
        user or unquote(parts.username or ""),
        password or unquote(parts.password or ""),
    )
    if not user and not password:
        return None
    return Credentials(origin=origin, path=parts.path, user=user, password=password)


def url_variables(lines: Iterable[str], variables: Mapping[str, str]) -> dict[str, str]:
    """Credentials in the URLs of requirements, given to uv as those of an index.

    ``x @ https://me:${TOKEN}@host/x.whl`` is locked without them; this is where they are
    found again when the file is fetched. ``${NAME}`` stands for a variable.
    """
    found = [
        f"{login[1]}://{_expanded(login[2], variables)}@{login[3]}/"
        for line in lines
        for login in _LOGIN.finditer(line)
    ]
    if not found:
        return {}
    before = variables.get("UV_EXTRA_INDEX_URL", "").split()
    return {"UV_EXTRA_INDEX_URL": " ".join(dict.fromkeys([*before, *found]))}


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    """As uv reads a requirement: variables in place, what a URL cannot hold escaped."""
    filled = re.sub(r"\$\{([A-Z0-9_]+)\}", lambda found: variables.get(found[1], found[0]), text)
    return quote(filled, safe=":%!$&'()*+,;=~-._")
