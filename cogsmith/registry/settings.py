"""How we speak to registries: limits, hosts without TLS, certificates, proxies. One value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from ipaddress import ip_address, ip_network
from pathlib import Path

from cogsmith.registry.mirrors import parse_mirrors
from cogsmith.registry.retry import Backoff
from cogsmith.values import dataclass

__all__ = ["Settings"]

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a person or a machine may want otherwise; seconds and bytes.

    ``insecure`` names hosts (with their port, if it is part of the reference; ``*``: all)
    where plain http is allowed and certificates are not checked. This machine itself
    (localhost, 127.0.0.0/8, ::1) may always speak plain http.

    ``mirrors`` names, for a registry, others that are asked before it when something is read.

    A blob of at most ``whole`` bytes travels in one request, a larger one in chunks of
    ``chunk`` bytes: proxies such as Cloudflare's refuse bodies above 100 MB.

    ``idle_timeout`` is the longest silence on a connection, ``reply_timeout`` the longest
    wait for the answer to something small, ``commit_timeout`` for a registry that may read a
    whole blob again before it answers.

    ``lanes`` blobs travel at a time, and ``checks`` are looked for. Progress of one blob is
    told every ``tell_every`` seconds.

    ``ledger`` is the folder that remembers uploads under way, so that a process that was
    killed can go on (None: nothing is remembered).
    """

    insecure: frozenset[str] = frozenset()
    mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    ledger: Path | None = None
    lanes: int = 4
    checks: int = 8
    tell_every: float = 0.1
    whole: int = 128 * MIB
    chunk: int = 96 * MIB
    connect_timeout: float = 15.0
    reply_timeout: float = 60.0
    idle_timeout: float = 60.0
    commit_timeout: float = 900.0
    backoff: Backoff = field(default_factory=Backoff)

    @classmethod
    def of(cls, environ: Mapping[str, str], *, ledger: Path | None = None) -> Settings:
        """As environment variables say.

        ``COGSMITH_INSECURE_REGISTRIES``: hosts, separated by commas or blanks.
        ``COGSMITH_REGISTRY_MIRRORS``: ``docker.io=mirror.example:5000``, likewise.
        ``SSL_CERT_FILE``, ``SSL_CERT_DIR``: instead of the system's certificates.
        ``COG_CA_CERT``: besides them (a file, a folder, or the certificate itself).
        ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``.

        >>> sorted(Settings.of({"COGSMITH_INSECURE_REGISTRIES": "a:5000, b"}).insecure)
        ['a:5000', 'b']
        """
        told = environ.get("COGSMITH_INSECURE_REGISTRIES", "")
        hosts = frozenset(told.replace(",", " ").lower().split())
        mirrors = parse_mirrors(environ.get("COGSMITH_REGISTRY_MIRRORS", ""))
        return cls(insecure=hosts, mirrors=mirrors, environ=dict(environ), ledger=ledger)

    def is_insecure(self, host: str) -> bool:
        """Whether a person has said so of this host (``name`` or ``name:port``)."""
        return bool({"*", host.lower(), hostname(host)} & self.insecure)

    def may_be_plain(self, host: str) -> bool:
        """Whether plain http is allowed there."""
        return is_here(hostname(host)) or self.is_insecure(host)


def hostname(host: str) -> str:
    """The host without its port.

    >>> hostname("[::1]:5000"), hostname("Example.com:443"), hostname("localhost")
    ('::1', 'example.com', 'localhost')
    """
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def is_here(name: str) -> bool:
    """Whether a host name is this machine itself."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def proxy_for(scheme: str, name: str, environ: Mapping[str, str]) -> str:
    """The URL of the proxy that leads to a host, "" for none.

    Names in lower case come first. This machine itself is never reached by way of a proxy,
    nor is what ``NO_PROXY`` lists: hosts with all that end in them, addresses, networks, ``*``.

    >>> proxy_for("https", "a.b", {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "c, 10.0.0.0/8"})
    'http://proxy:3128'
    """
    proxy = _variable(f"{scheme}_proxy", environ) or _variable("all_proxy", environ)
    if not proxy or is_here(name):
        return ""
    kept = _variable("no_proxy", environ).replace(",", " ").lower().split()
    return "" if any(_matches(name, entry) for entry in kept) else proxy


def _variable(name: str, environ: Mapping[str, str]) -> str:
    return environ.get(name) or environ.get(name.upper(), "")


def _matches(name: str, entry: str) -> bool:
    if entry == "*":
        return True
    try:
        return ip_address(name) in ip_network(entry, strict=False)
    except ValueError:
        return f".{name}".endswith(f".{entry.lstrip('*').lstrip('.').partition(':')[0]}")
