"""Which proxy leads to a host, by the variables that other programs read, too."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network


def proxy_for(scheme: str, host: str, environ: Mapping[str, str]) -> str:
    """The URL of the proxy, "" for none.

    ``HTTPS_PROXY`` or ``HTTP_PROXY`` by the scheme, else ``ALL_PROXY``; names in lower case
    come first. This machine itself is never reached by way of a proxy, nor is what
    ``NO_PROXY`` lists: hosts with all that end in them, addresses, networks, or ``*``.

    >>> there = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "internal.example, 10.0.0.0/8"}
    >>> proxy_for("https", "example.com", there), proxy_for("https", "a.internal.example", there)
    ('http://proxy:3128', '')
    """
    proxy = _variable(f"{scheme}_proxy", environ) or _variable("all_proxy", environ)
    if not proxy or _is_here(host):
        return ""
    kept = _variable("no_proxy", environ).split(",")
    return "" if any(_matches(host, entry.strip().lower()) for entry in kept) else proxy


def _variable(name: str, environ: Mapping[str, str]) -> str:
    return environ.get(name) or environ.get(name.upper(), "")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _matches(host: str, entry: str) -> bool:
    if not entry or entry == "*":
        return bool(entry)
    try:
        return ip_address(host) in ip_network(entry, strict=False)
    except ValueError:
        return f".{host}".endswith(f".{entry.lstrip('*').lstrip('.')}")
