"""Connections of one lane: kept and used again, through a proxy where one is named.

Proxies, certificates and hosts that need none are read from the variables that uv reads.
"""

from __future__ import annotations

import base64
import contextlib
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from cogsmith.environment.credentials import Origin, bare, origin_of
from cogsmith.errors import InstallError

if TYPE_CHECKING:
    import http.client
    import ssl

__all__ = ["Connections", "proxy_for"]

TIMEOUT = 30.0  # seconds without a byte, where UV_HTTP_TIMEOUT does not say (uv's own value)


class Connections:
    """The connections of one thread, one for each origin."""

    def __init__(self, variables: Mapping[str, str], opened: Callable[[socket.socket], None]):
        self.variables, self.opened = variables, opened
        self.timeout = _number(variables.get("UV_HTTP_TIMEOUT", ""), TIMEOUT)
        self._kept: dict[Origin, http.client.HTTPConnection] = {}

    def get(self, url: str, headers: Mapping[str, str]) -> http.client.HTTPResponse:
        """Ask for a URL; the answer has to be read, or its connection dropped.

        A connection that was kept may have been closed by the other end: then there is
        another one. Raises OSError and HTTPException.
        """
        import http.client

        origin = origin_of(url)
        if kept := self._kept.get(origin):
            with contextlib.suppress(http.client.RemoteDisconnected, ConnectionError):
                return self._ask(kept, url, headers)
            self.drop(url)
        self._kept[origin] = self._connect(url)
        return self._ask(self._kept[origin], url, headers)

    def drop(self, url: str) -> None:
        """Close the connection to a URL's origin: what is left on it is not wanted."""
        if connection := self._kept.pop(origin_of(url), None):
            connection.close()

    def close(self) -> None:
        """Close all of them."""
        while self._kept:
            self._kept.popitem()[1].close()

    def _ask(
        self, connection: http.client.HTTPConnection, url: str, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        proxy = proxy_for(url, self.variables)
        if proxy and parts.scheme == "http":
            host = bare(f"http://{parts.netloc}")
            connection.request("GET", host + path, headers={**headers, **_login(proxy)})
        else:
            connection.request("GET", path, headers=dict(headers))
        return connection.getresponse()

    def _connect(self, url: str) -> http.client.HTTPConnection:
        import http.client

        scheme, host, port = origin_of(url)
        proxy = proxy_for(url, self.variables)
        place = _address(proxy) if proxy else (host, port)
        if scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                *place, timeout=self.timeout, context=_trust(url, self.variables)
            )
            if proxy:
                connection.set_tunnel(host, port, _login(proxy))
        else:
            connection = http.client.HTTPConnection(*place, timeout=self.timeout)
        connection.connect()
        self.opened(connection.sock)
        return connection


def _number(text: str, otherwise: float) -> float:
    try:
        return float(text)
    except ValueError:
        return otherwise


def proxy_for(url: str, variables: Mapping[str, str]) -> str:
    """The proxy that leads to a URL, "" for none.

    >>> proxy_for("https://pypi.example/x", {"HTTPS_PROXY": "http://p:3128"})
    'http://p:3128'
    """
    scheme, host, port = origin_of(url)

    def said(name: str) -> str:
        return variables.get(name.lower()) or variables.get(name) or ""

    if _passes(host, port, said("NO_PROXY")):
        return ""
    return said(f"{scheme.upper()}_PROXY") or said("ALL_PROXY")


def _passes(host: str, port: int, no_proxy: str) -> bool:
    """Whether NO_PROXY names a host, a domain above it, its network, or all (``*``)."""
    for word in filter(None, (word.strip().lower() for word in no_proxy.split(","))):
        name = word.removesuffix(f":{port}").lstrip("*").lstrip(".")
        if word == "*" or host == name or (name and host.endswith(f".{name}")):
            return True
        if "/" in word and _in_network(host, word):
            return True
    return False


def _in_network(host: str, network: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _address(proxy: str) -> tuple[str, int]:
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme != "http" or not parts.hostname:
        raise InstallError(
            f"the proxy {bare(proxy)} is not one that we can use", hint="set it to http://HOST:PORT"
        )
    return parts.hostname, parts.port or 80


def _login(proxy: str) -> dict[str, str]:
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if not parts.username:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _trust(url: str, variables: Mapping[str, str]) -> ssl.SSLContext:
    """Whom we believe to be this host: SSL_CERT_FILE, SSL_CERT_DIR, UV_INSECURE_HOST."""
    import ssl

    _, host, port = origin_of(url)
    file, folder, own = (
        variables.get(name) or None for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_CLIENT_CERT")
    )
    try:
        context = ssl.create_default_context(cafile=file, capath=folder)
        if own:
            context.load_cert_chain(own)
    except OSError as error:
        named = ", ".join(filter(None, (file, folder, own)))
        raise InstallError(
            f"these certificates cannot be read: {named}",
            hint="check SSL_CERT_FILE, SSL_CERT_DIR, SSL_CLIENT_CERT",
        ) from error
    trusted = variables.get("UV_INSECURE_HOST", "").replace(",", " ").split()
    if {host, f"{host}:{port}", f"https://{host}", f"https://{host}:{port}"} & set(trusted):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
