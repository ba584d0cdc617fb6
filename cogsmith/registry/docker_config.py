"""The files in which ``docker login`` and ``podman login`` keep what they know. Pure.

``{"auths": {HOST: {"auth": base64}}, "credHelpers": {HOST: NAME}, "credsStore": NAME}``;
every change keeps what else is in the file.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

from cogsmith.errors import UsageError
from cogsmith.registry.tokens import Credentials

__all__ = ["Document", "erased", "find", "helper_for", "parse", "render", "server_name", "stored"]

Document = Mapping[str, Any]

DOCKER_HUB = "https://index.docker.io/v1/"
_HUB_NAMES = {"docker.io", "index.docker.io", "registry-1.docker.io"}


def parse(text: str, *, where: str) -> Document:
    """Read such a file. Raises UsageError when it is not one."""
    hint = "correct it, or move it away and log in again"
    try:
        document = json.loads(text or "{}")
    except ValueError as error:
        raise UsageError(f"this is not JSON: {error}", where=where, hint=hint) from None
    if not isinstance(document, dict):
        raise UsageError("this is not a JSON object", where=where, hint=hint)
    for name in ("auths", "credHelpers"):
        if not isinstance(document.get(name) or {}, dict):
            raise UsageError(f"{name} is not a JSON object", where=where, hint=hint)
    return document


def render(document: Document) -> str:
    """The file's text, indented with tabs as Docker does."""
    return json.dumps(document, indent="\t", ensure_ascii=False) + "\n"


def server_name(host: str) -> str:
    """What a registry is called in these files: itself, but for Docker Hub.

    >>> server_name("docker.io"), server_name("ghcr.io")
    ('https://index.docker.io/v1/', 'ghcr.io')
    """
    return DOCKER_HUB if host in _HUB_NAMES else host


def find(document: Document, host: str, repository: str = "") -> Credentials | None:
    """What the file itself holds for a registry: the entry that names most of the repository.

    Podman's files may name a part of a registry (``host/owner``); Docker's old ones hold
    addresses (``https://host/v1/``).
    """
    auths = document.get("auths") or {}
    for key in _keys(auths, host, repository):
        found = _entry(auths[key])
        if found is not None:
            return found
    return None


def helper_for(document: Document, host: str) -> str:
    """The helper program that keeps this registry's secret, "" for none.

    ``credHelpers`` names one for a registry, ``credsStore`` one for all.
    """
    helpers = document.get("credHelpers") or {}
    for key, name in helpers.items():
        if _normal(key) == _normal(server_name(host)) and isinstance(name, str):
            return name
    everywhere = document.get("credsStore")
    return everywhere if isinstance(everywhere, str) else ""


def has_own_helper(document: Document, host: str) -> bool:
    """Whether ``credHelpers`` names this very registry."""
    helpers = document.get("credHelpers") or {}
    return any(_normal(key) == _normal(server_name(host)) for key in helpers)


def stored(document: Document, host: str, credentials: Credentials | None) -> Document:
    """The file with these credentials for a registry; None: a helper holds them."""
    entry: dict[str, str] = {}
    if credentials is not None and credentials.identity_token:
        entry = {
            "auth": _pair(credentials.username, ""),
            "identitytoken": credentials.identity_token,
        }
    elif credentials is not None:
        entry = {"auth": _pair(credentials.username, credentials.password)}
    kept = dict(erased(document, host).get("auths") or {})
    return {**document, "auths": {**kept, server_name(host): entry}}


def erased(document: Document, host: str) -> Document:
    """The file without what it holds for a registry; the same file when it holds nothing."""
    auths = document.get("auths") or {}
    gone = set(_keys(auths, host, ""))
    if not gone:
        return document
    return {**document, "auths": {key: auths[key] for key in auths if key not in gone}}


def _keys(auths: Mapping[str, object], host: str, repository: str) -> Iterator[str]:
    """The entries that speak of a repository, the narrowest first."""
    parts = repository.split("/") if repository else []
    wanted = ["/".join([host, *parts[:count]]) for count in range(len(parts), 0, -1)]
    wanted.append(_normal(server_name(host)))
    for name in wanted:
        yield from (key for key in auths if _normal(key) == name)


def _normal(key: str) -> str:
    """What is compared: without scheme, version, capital letters, and the Hub's other names.

    >>> _normal("https://Registry.example/v1/"), _normal("http://a:5000"), _normal("docker.io")
    ('registry.example', 'a:5000', 'index.docker.io')
    """
    _, _, rest = key.rpartition("://")
    rest = rest.removesuffix("/").removesuffix("/v1").removesuffix("/v2")
    host, slash, path = rest.partition("/")
    host = "index.docker.io" if host.lower() in _HUB_NAMES else host.lower()
    return f"{host}{slash}{path}"


def _entry(entry: object) -> Credentials | None:
    """One entry of ``auths``; an empty one only says that a helper knows more."""
    if not isinstance(entry, dict):
        return None
    texts = {name: value for name, value in entry.items() if isinstance(value, str)}
    username, password = texts.get("username", ""), texts.get("password", "")
    if texts.get("auth"):
        username, password = _unpaired(texts["auth"])
    found = Credentials(
        username, password, texts.get("identitytoken", ""), texts.get("registrytoken", "")
    )
    return None if found.anonymous else found


def _pair(username: str, password: str) -> str:
    return base64.b64encode(f"{username}:{password}".encode()).decode()


def _unpaired(auth: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(auth, validate=True).decode()
    except (binascii.Error, ValueError):
        return "", ""
    username, _, password = text.partition(":")
    return username, password.rstrip("\0")  # Docker on Windows once wrote zeros behind it
