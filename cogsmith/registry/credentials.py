"""Who we are: the credentials that logins have left on this machine, read, kept, forgotten.

Files in this order, the first that knows the registry: ``$REGISTRY_AUTH_FILE``;
``$DOCKER_CONFIG/config.json`` (``~/.docker``); podman's ``$XDG_RUNTIME_DIR/containers/auth.json``
and ``~/.config/containers/auth.json``. Secrets in a key store are asked for and given by
Docker's helper protocol: ``docker-credential-NAME get|store|erase``, JSON on both streams.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from cogsmith.errors import CommandFailed, MissingProgram, UsageError
from cogsmith.process import run
from cogsmith.registry.docker_config import (
    Document,
    erased,
    find,
    has_own_helper,
    helper_for,
    parse,
    render,
    server_name,
    stored,
)
from cogsmith.registry.tokens import NOBODY, Credentials

__all__ = ["Keychain"]

_log = logging.getLogger(__name__)

TOKEN_USER = "<token>"  # noqa: S105 - in a helper's Username it says that Secret is an identity token
NOT_THERE = ("credentials not found", "no credentials", "not exist")  # what helpers say
# process.run gives a program nothing to read. The shell's own printf does, and shows the text
# in no list of processes; the helper does not inherit the variable.
_ASK = 'request=$COGSMITH_REQUEST; unset COGSMITH_REQUEST; printf %s "$request" | "$0" "$1"'


class Keychain:
    """The credentials of one person, as the environment says where they are."""

    def __init__(self, environ: Mapping[str, str], *, home: Path) -> None:
        self._environ, self._home = environ, home

    def find(self, host: str, repository: str = "") -> Credentials:
        """Who we are for a registry; nobody when no file knows it.

        A helper that fails is logged and passed over: it should not keep anybody from an
        image that is open to all. Raises UsageError for a file that cannot be read.
        """
        problems = []
        for path in self._files():
            document = self._load(path)
            try:
                found = self._look(document, host, repository)
            except CommandFailed as error:
                problems.append(error.message.partition("\n")[0])
                continue
            if found is not None:
                return replace(found, source=str(path))
        for text in problems:
            _log.warning("no credentials for %s: %s", host, text)
        return replace(NOBODY, source="; ".join(problems))

    def store(self, host: str, credentials: Credentials) -> str:
        """Keep credentials for a registry, as ``docker login`` would; where, for people.

        The file has mode 0600, what else is in it stays, and it is never half-written.
        Raises UsageError when it cannot be, CommandFailed when a helper fails.
        """
        path = self._own_file()
        with _locked(path):
            document = self._load(path)
            helper = helper_for(document, host)
            if helper:
                secret = credentials.identity_token or credentials.password
                username = TOKEN_USER if credentials.identity_token else credentials.username
                server = server_name(host)
                request = {"ServerURL": server, "Username": username, "Secret": secret}
                self._ask(helper, "store", json.dumps(request), (secret,))
            kept = stored(document, host, None if helper else credentials)
            _save(path, render(kept))
        return f"docker-credential-{helper}" if helper else str(path)

    def erase(self, host: str) -> tuple[str, ...]:
        """Forget a registry in every file and helper that knows it; their names, for people."""
        changed = []
        for path in self._files():
            with _locked(path):
                document = self._load(path)
                helper = helper_for(document, host)
                if helper and self._forget(helper, host):
                    changed.append(f"docker-credential-{helper}")
                kept = erased(document, host)
                if kept is not document:
                    _save(path, render(kept))
                    changed.append(str(path))
        return tuple(dict.fromkeys(changed))

    def _look(self, document: Document, host: str, repository: str) -> Credentials | None:
        helper = helper_for(document, host)
        if helper and has_own_helper(document, host):
            return self._helped(helper, host)
        found = find(document, host, repository)
        return found or (self._helped(helper, host) if helper else None)

    def _helped(self, helper: str, host: str) -> Credentials | None:
        answer = self._told(helper, "get", server_name(host))
        if answer is None:
            return None
        try:
            said = json.loads(answer)
            username, secret = str(said["Username"]), str(said["Secret"])
        except (ValueError, KeyError, TypeError):
            words = (f"docker-credential-{helper}", "get")
            raise CommandFailed(words, 0, "its answer names no Username and Secret") from None
        if username == TOKEN_USER:
            return Credentials(identity_token=secret)
        return Credentials(username, secret)

    def _forget(self, helper: str, host: str) -> bool:
        return self._told(helper, "erase", server_name(host)) is not None

    def _told(self, helper: str, action: str, request: str) -> str | None:
        """A helper's answer; None when it knows nothing of that registry."""
        try:
            return self._ask(helper, action, request)
        except MissingProgram:
            raise
        except CommandFailed as error:
            if any(words in error.tail.lower() for words in NOT_THERE):
                return None
            raise

    def _ask(self, helper: str, action: str, request: str, secrets: tuple[str, ...] = ()) -> str:
        program = f"docker-credential-{helper}"
        environ = {**self._environ, "COGSMITH_REQUEST": request}
        command = ("sh", "-c", _ASK, program, action)
        try:
            return run(command, env=environ, secrets=secrets).output
        except CommandFailed as error:
            if error.exit_code == 127:
                raise MissingProgram(program, "there is no such program here") from error
            raise CommandFailed((program, action), error.exit_code, error.tail) from error

    def _files(self) -> Iterator[Path]:
        """The files that exist, the most wanted first."""
        runtime = self._environ.get("XDG_RUNTIME_DIR", "")
        config = self._environ.get("XDG_CONFIG_HOME", "") or str(self._home / ".config")
        told = self._environ.get("REGISTRY_AUTH_FILE", "")
        paths = [Path(told)] if told else []
        paths.append(self._docker_file())
        paths += [Path(place, "containers", "auth.json") for place in (runtime, config) if place]
        yield from (path for path in paths if path.is_file())

    def _own_file(self) -> Path:
        """Where a login is kept."""
        told = self._environ.get("REGISTRY_AUTH_FILE", "")
        return Path(told) if told else self._docker_file()

    def _docker_file(self) -> Path:
        told = self._environ.get("DOCKER_CONFIG", "")
        return (Path(told) if told else self._home / ".docker") / "config.json"

    def _load(self, path: Path) -> Document:
        try:
            text = path.read_text("utf-8")
        except FileNotFoundError:
            return {}
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"it cannot be read: {error}", where=str(path)) from error
        return parse(text, where=str(path))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One login at a time: each keeps what the other wrote."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path.parent, os.O_RDONLY)
    except OSError as error:
        raise UsageError(f"it cannot be written: {error}", where=str(path)) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _save(path: Path, text: str) -> None:
    """Write a file that only its owner may read, all of it or nothing; a link stays a link."""
    place = path.resolve()
    try:
        with tempfile.NamedTemporaryFile(  # made with mode 0600
            "w", encoding="utf-8", dir=place.parent, prefix=f".{place.name}.", delete=False
        ) as file:
            try:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, place)  # noqa: PTH105 - as the call says what it does
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise UsageError(f"it cannot be written: {error}", where=str(path)) from error
