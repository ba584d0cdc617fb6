"""Whom we trust, and the proxies that lead there."""

from __future__ import annotations

import base64
import ssl
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cogsmith.errors import UsageError
from cogsmith.registry.messages import shown
from cogsmith.registry.settings import Settings

__all__ = ["proxy_address", "proxy_headers", "tls"]


def tls(settings: Settings, insecure: bool) -> ssl.SSLContext:
    """Whom we trust. Raises UsageError when a certificate that was named cannot be read."""
    if insecure:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
    file, folder, more = (
        settings.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "COG_CA_CERT")
    )
    try:
        context = ssl.create_default_context(cafile=file or None, capath=folder or None)
        if more and more.lstrip().startswith("-----BEGIN"):
            context.load_verify_locations(cadata=more)
        elif more:
            folder_or_file = (None, more) if Path(more).is_dir() else (more, None)
            context.load_verify_locations(*folder_or_file)
    except (OSError, ssl.SSLError) as error:
        names = ", ".join(filter(None, (file, folder, more and more[:200])))
        message = f"these certificates cannot be read: {names}"
        raise UsageError(message, hint="check SSL_CERT_FILE, SSL_CERT_DIR, COG_CA_CERT") from error
    return context


def proxy_address(proxy: str) -> tuple[str, int]:
    """Raises UsageError for what we cannot go through."""
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme != "http" or not parts.hostname:
        message = f"the proxy {shown(proxy)} is not one that we can use"
        raise UsageError(message, hint="set HTTPS_PROXY to http://HOST:PORT")
    return parts.hostname, parts.port or 80


def proxy_headers(proxy: str) -> dict[str, str]:
    """What tells a proxy who we are, if its URL does."""
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if not parts.username:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return {"proxy-authorization": f"Basic {base64.b64encode(pair).decode()}"}
