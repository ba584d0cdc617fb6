"""``cogsmith login``: who we are for a registry, checked and kept where Docker keeps it."""

from __future__ import annotations

import sys

import click

from cogsmith.cli.console import Console
from cogsmith.cli.transfers import client, keychain
from cogsmith.errors import InvalidReference, Unauthorized, UsageError
from cogsmith.oci import DOCKER_HUB, Reference
from cogsmith.registry import Credentials

REPLICATE = "r8.im"
TOKENS = "https://replicate.com/auth/token"
HUB_NAMES = {"docker.io", "index.docker.io", "registry-1.docker.io", "hub.docker.com"}
LONGEST = 64 * 1024  # characters of a secret on standard input; tokens have a few thousand


@click.command("login")
@click.argument("registry", required=False, metavar="[REGISTRY]")
@click.option(
    "--registry", "named", metavar="REGISTRY", envvar="COG_REGISTRY_HOST",
    help="The same as the argument, as Cog has it.",
)  # fmt: skip
@click.option("-u", "--username", metavar="USER", help="The name; asked for when left out.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option(
    "--token-stdin", is_flag=True,
    help="Read a token from standard input; it stands in the password's place.",
)  # fmt: skip
def command(
    registry: str | None, named: str | None, username: str | None, password_stdin: bool,
    token_stdin: bool,
) -> None:  # fmt: skip
    """Log in to a container registry, to push, and to pull what is not open to all.

    REGISTRY is the first part of an image's name: ghcr.io, localhost:5000. Without it,
    Replicate's (r8.im) is meant, as in Cog: its password is the token that
    https://replicate.com/auth/token shows. Other registries take a username and password;
    most give tokens that stand in the password's place.

    The registry is asked whether it takes you, and then the login is kept where docker login
    keeps it: Docker and podman find it, and theirs are found here.

    \b
    Examples:
      cogsmith login ghcr.io -u ada
      echo "$TOKEN" | cogsmith login registry.example.com -u ci --password-stdin
    """  # noqa: D301 - the one escape is meant: click keeps the lines after it
    console = Console.of_terminal()
    host = registry_of(registry or named or REPLICATE)
    from_input = password_stdin or token_stdin
    who = _asked(console, host, username, from_input=from_input)
    _check(host, who)
    place = keychain().store(host, who)
    console.done(f"Logged in to {host} as {who.username}: kept in {place}")


def registry_of(text: str) -> str:
    """The registry that a person means; they may have an address at hand. Raises UsageError."""
    name = (text.partition("://")[2] or text).partition("/")[0].lower()
    if name in HUB_NAMES:
        return DOCKER_HUB
    try:
        return Reference(registry=name, repository="x").registry
    except InvalidReference as error:
        raise UsageError(f"{text!r} is not a registry", hint=error.hint) from error


def _asked(console: Console, host: str, username: str | None, *, from_input: bool) -> Credentials:
    """Name and password: as given, else asked for on a terminal."""
    replicate = host == REPLICATE
    if from_input:
        if not username and not replicate:
            raise UsageError(
                "the password comes from standard input, and no name is given",
                hint=f"cogsmith login {host} -u NAME --password-stdin",
            )
        return Credentials(username or "token", _from_input())
    if not sys.stdin.isatty():
        raise UsageError(
            "nobody can be asked for a password: standard input is no terminal",
            hint=f'echo "$TOKEN" | cogsmith login {host} -u NAME --password-stdin',
        )
    if replicate:
        console.note(f"Your token for {host} is shown at {TOKENS}")
        return Credentials(username or "token", _prompted("Token", hide=True))
    console.note(f"Log in to {host}")
    name = username or _prompted("Username")
    return Credentials(name, _prompted("Password", hide=True))


def _prompted(what: str, *, hide: bool = False) -> str:
    """A line from the terminal. Raises UsageError for an empty one."""
    text: str = click.prompt(what, hide_input=hide, default="", show_default=False, err=True)
    if not text.strip():
        raise UsageError(f"the {what.lower()} cannot be empty")
    return text.strip()


def _from_input() -> str:
    """The secret on standard input, without the newline that echo puts behind it."""
    secret = sys.stdin.read(LONGEST).rstrip("\r\n")
    if not secret:
        raise UsageError("standard input is empty: no password came")
    return secret


def _check(host: str, who: Credentials) -> None:
    """Raise Unauthorized when the registry does not take us, with what to do about it."""
    with client(who) as registry:
        try:
            registry.check(host)
        except Unauthorized as error:
            hint = "check name and password; nothing was kept"
            if host == REPLICATE:
                hint = f"is it the token of {TOKENS}? nothing was kept"
            raise Unauthorized(
                error.message, where=error.where, hint=hint, status=error.status,
                reasons=error.reasons,
            ) from error  # fmt: skip
