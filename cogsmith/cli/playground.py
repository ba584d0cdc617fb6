"""``cogsmith playground``: our page in front of any Cog server, or of the model that is here."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable
from urllib.parse import urlsplit

import click

from cogsmith.cli import options
from cogsmith.cli.console import Console
from cogsmith.cli.relay import Relay, Target
from cogsmith.errors import CogsmithError, UsageError

PORT = 8393  # where cogsmith serve, and Cog's, listen
USUAL = f"http://localhost:{PORT}"
WEBHOOK_HOST = "host.docker.internal"  # Docker Desktop's name for this machine; Cog's default
PATIENCE = 600.0  # seconds until a model that is served here takes connections
PIECE = 1 << 16  # bytes of an answer that are looked at
SOON = 2.0  # seconds for a server on this machine to take a connection


def _address(_context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.BadParameter(f"{value!r} is not the address of a server", param=option)
    return value.rstrip("/")


@click.command("playground")
@options.model
@click.option(
    "--target", metavar="URL", callback=_address,
    help=f"The server that runs the model.  [default: {USUAL}, if one answers there]",
)  # fmt: skip
@click.option(
    "-p", "--port", type=click.IntRange(0, 65535), default=0,
    help="The port of the page; 0 takes a free one.  [default: 0]",
)  # fmt: skip
@click.option(
    "--host", default="127.0.0.1", show_default=True,
    help="The address to listen at; 0.0.0.0 lets webhooks of containers in.",
)  # fmt: skip
@click.option(
    "--webhook-host", default=WEBHOOK_HOST, show_default=True, metavar="HOST",
    help="What a model in a container calls this machine, for webhooks.",
)  # fmt: skip
@click.option("--no-open", is_flag=True, help="Open no browser.")
def command(
    model: str | None, file: str | None, target: str | None, port: int, host: str,
    webhook_host: str, no_open: bool,
) -> None:  # fmt: skip
    """Open a page in the browser that runs predictions on a model.

    The page stands in front of any server that speaks Cog's HTTP API: --target says which.
    The server needs no CORS headers, and may be an older one without a page of its own.
    Without --target, a server at this machine's port 8393 is taken; where none answers, or a
    MODEL is named, the model is served, as cogsmith serve does it.

    Webhooks that are sent to /webhook/NAME are told here, and at /events?token=NAME.

    \b
    Examples:
      cogsmith playground --target http://gpu-box:5000
      cogsmith playground llama
    """  # noqa: D301 - the escapes are meant: click keeps the lines after the first
    console = Console.of_terminal()
    named = model or file
    if target and named:
        raise UsageError("--target and a model are given", hint="one of them is enough")
    opens = not no_open and sys.stderr.isatty()
    if target is None and not named and _answers(USUAL):
        target = USUAL
    if target is None:
        _serve(model, file, (host, port), opens=opens)
        return
    _relay(Target(target), (host, port), webhook_host, _opener(opens), console)


def _opener(opens: bool) -> Callable[[str], object]:
    """What is done with the page's address, once it is there."""
    return webbrowser.open if opens else lambda _url: None


def _relay(
    target: Target, address: tuple[str, int], webhook_host: str, opened: Callable[[str], object],
    console: Console,
) -> None:  # fmt: skip
    """Stand in front of a server until somebody ends it."""

    def heard(name: str, body: bytes) -> None:
        console.note(f"webhook {name}: {_status(body)}")

    try:
        server = Relay(address, target, webhook_host=webhook_host, heard=heard)
    except OSError as error:
        where = f"{address[0]}:{address[1]}"
        raise CogsmithError(f"cannot listen: {error.strerror or error}", where=where) from error
    with server:
        url = f"http://{_named(address[0])}:{server.server_port}"
        console.done(f"Playground of {target.url} at {url}; Ctrl-C ends it")
        if not _answers(target.url):
            console.note(f"{target.url} does not answer yet; the page waits for it")
        opened(url)
        server.serve_forever(poll_interval=0.1)


def _status(body: bytes) -> str:
    """What a webhook says of its prediction, for people."""
    try:
        told = json.loads(body)
        return f"{told['id']} {told['status']}" if told.get("id") else str(told["status"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{len(body)} bytes"


def _named(host: str) -> str:
    """A host as a browser writes it."""
    if host in ("0.0.0.0", "::", "127.0.0.1", "::1"):  # noqa: S104 - they are compared with
        return "localhost" if host != "127.0.0.1" else host
    return host


def _answers(url: str) -> bool:
    """Whether a Cog server is there: it tells of its health."""
    target, parts = Target(url), urlsplit(url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=SOON)
    with contextlib.closing(connection):
        try:
            connection.request("GET", target.path("/health-check"))
            return b'"status"' in connection.getresponse().read(PIECE)
        except (OSError, http.client.HTTPException):
            return False


def _serve(model: str | None, file: str | None, address: tuple[str, int], *, opens: bool) -> None:
    """Serve the model that is here, whose server has the page."""
    from cogsmith.cli import serve  # it imports the server

    host, port = address
    port = port or PORT
    words = ["--host", host, "--port", str(port)]
    words += ["--file", file] if file else []
    words += [model] if model else []
    if opens:
        threading.Thread(target=_open_when_there, args=(host, port), daemon=True).start()
    serve.command.main(words, prog_name="cogsmith playground", standalone_mode=False)


def _open_when_there(host: str, port: int) -> None:
    """Open the page as soon as something takes connections: it shows how the model loads."""
    end = time.monotonic() + PATIENCE
    named = _named(host)
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection((named, port), SOON):
            webbrowser.open(f"http://{named}:{port}")
            return
        time.sleep(0.2)
