"""How one registry learns who we are: challenges are answered, tokens kept for each scope.

The network is whatever ``send`` is, the clock whatever ``clock`` is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from cogsmith.errors import Denied, RegistryError, Unauthorized
from cogsmith.registry.challenge import Challenge, Scope, merged, parse_scopes
from cogsmith.registry.messages import Refusal, shown
from cogsmith.registry.tokens import Credentials, Token, TokenRequest, parse_token, token_request

__all__ = ["Authorizer", "Find"]

Find = Callable[[str, str], Credentials]  # (registry, repository) -> who we are there
Send = Callable[[TokenRequest], tuple[int, bytes]]
Scopes = tuple[Scope, ...]


class Authorizer:
    """The state of one registry's authorization. Threads may share it.

    It begins with nothing: what a registry wants is known when it has refused once, and all
    that follows is right at the first try.
    """

    def __init__(self, host: str, find: Find, send: Send, clock: Callable[[], float]) -> None:
        self.host = host
        self._find, self._send, self._clock = find, send, clock
        self._lock = threading.RLock()
        self._who: dict[str, Credentials] = {}
        self._challenge: Challenge | None = None
        self._tokens: dict[Scopes, Token] = {}

    def header(self, scopes: Iterable[Scope]) -> str:
        """The ``Authorization`` header for these scopes, "" while none is known to be needed."""
        with self._lock:
            if self._challenge is None:
                return ""
            wanted = merged(scopes)
            who = self._credentials(wanted)
            if self._challenge.scheme == "basic":
                return who.basic
            if who.registry_token:
                return f"Bearer {who.registry_token}"
            return f"Bearer {self._token(wanted, who).value}"

    def answer(self, challenges: Iterable[Challenge], scopes: Iterable[Scope], used: str) -> bool:
        """Take in a refusal of what was ``used``; whether another try makes sense.

        Raises Unauthorized or Denied when the token service refuses, too.
        """
        with self._lock:
            challenge = _chosen(challenges)
            if challenge is None:
                return False
            wanted = merged([*parse_scopes(challenge["scope"]), *scopes])
            self._challenge = challenge
            self._forget(used)
            return bool(now := self.header(wanted)) and now != used

    def source(self, scopes: Iterable[Scope]) -> str:
        """Where the credentials came from, for people; "" for nobody."""
        return self._credentials(merged(scopes)).source

    def is_anonymous(self, scopes: Iterable[Scope]) -> bool:
        """Whether we have said nothing of who we are."""
        return self._credentials(merged(scopes)).anonymous

    def _credentials(self, scopes: Scopes) -> Credentials:
        """Those for the repository that is written to, else the one that is read."""
        names = sorted(scopes, key=lambda scope: "push" not in scope.actions)
        repository = names[0].name if names else ""
        if repository not in self._who:
            self._who[repository] = self._find(self.host, repository)
        return self._who[repository]

    def _token(self, scopes: Scopes, who: Credentials) -> Token:
        now = self._clock()
        for known, token in self._tokens.items():
            if token.holds(now) and all(any(k.covers(s) for k in known) for s in scopes):
                return token
        token = self._fetch(scopes, who)
        self._tokens = {known: t for known, t in self._tokens.items() if t.holds(now)}
        self._tokens[scopes] = token
        return token

    def _forget(self, used: str) -> None:
        """The token that was refused is not used again."""
        self._tokens = {
            known: token for known, token in self._tokens.items() if f"Bearer {token.value}" != used
        }

    def _fetch(self, scopes: Scopes, who: Credentials) -> Token:
        assert self._challenge
        try:
            request = token_request(self._challenge, scopes, who)
            status, body = self._send(request)
            if status == 200:
                return parse_token(body, self._clock())
        except ValueError as error:
            raise RegistryError(f"its token service is of no use: {error}") from error
        raise self._refused(request, Refusal.parse(status, body), who)

    def _refused(self, request: TokenRequest, said: Refusal, who: Credentials) -> RegistryError:
        kinds: dict[int, type[RegistryError]] = {401: Unauthorized, 403: Denied}
        kind = kinds.get(said.status, RegistryError)
        taken = f" the credentials from {who.source}" if who.source and not who.anonymous else " us"
        return kind(
            f"the token service {shown(request.url)} does not take{taken}: {said}",
            hint=f"cogsmith login {self.host}",
            status=said.status, reasons=said.codes,
        )  # fmt: skip


def _chosen(challenges: Iterable[Challenge]) -> Challenge | None:
    """A token if the registry gives tokens: a password is then not sent with every request."""
    ours = [c for c in challenges if c.scheme in ("bearer", "basic")]
    return min(ours, key=lambda challenge: challenge.scheme != "bearer", default=None)
