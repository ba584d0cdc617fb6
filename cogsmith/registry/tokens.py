"""The token service: which request gets a token, and how long the token holds. Pure.

Both ways of the distribution's token specification: GET with a user name and password (or
as nobody), and OAuth2's POST with an *identity token*, which some logins leave instead of a
password.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from dataclasses import field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from cogsmith.registry.challenge import Challenge, Scope
from cogsmith.values import dataclass

__all__ = ["Credentials", "Token", "TokenRequest", "parse_token", "token_request"]

CLIENT = "cogsmith"
SHORTEST = 60.0  # seconds that a token holds when its service says nothing (the specification)
EARLY = 10.0  # seconds before its end that a token is no longer used


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are for one registry: a name with a password, or an identity token.

    Secrets are not shown by ``repr``.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    source: str = field(default="", compare=False)

    @property
    def anonymous(self) -> bool:
        """Whether this is nobody."""
        return not (self.username or self.identity_token or self.registry_token)

    @property
    def basic(self) -> str:
        """The value of an ``Authorization`` header, "" when there is no password."""
        if not self.username or self.identity_token:
            return ""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


NOBODY = Credentials()


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One request to a token service; ``form`` is the body of a POST, None makes it a GET."""

    url: str
    authorization: str = field(default="", repr=False)
    form: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Token:
    """What a token service gave: the token and when it ends, on the clock that was given."""

    value: str = field(repr=False)
    ends_at: float

    def holds(self, now: float) -> bool:
        """Whether it can still be used."""
        return now < self.ends_at - EARLY


def token_request(
    challenge: Challenge, scopes: Iterable[Scope], credentials: Credentials
) -> TokenRequest:
    """The request that a ``Bearer`` challenge asks for. Raises ValueError when it names no realm.

    >>> challenge = Challenge("bearer", {"realm": "https://auth.example/token", "service": "r"})
    >>> token_request(challenge, [Scope("a/b")], NOBODY).url
    'https://auth.example/token?service=r&scope=repository%3Aa%2Fb%3Apull'
    """
    realm = urlsplit(challenge["realm"])
    if realm.scheme not in ("http", "https") or not realm.netloc:
        raise ValueError(f"its realm is {challenge['realm']!r}, which is no address")
    service = [("service", challenge["service"])] if challenge["service"] else []
    words = [str(scope) for scope in scopes]
    if credentials.identity_token:
        form = [
            ("grant_type", "refresh_token"), ("refresh_token", credentials.identity_token),
            ("client_id", CLIENT), *service, ("scope", " ".join(words)),
        ]  # fmt: skip
        return TokenRequest(urlunsplit(realm), form=urlencode(form).encode())
    account = [("account", credentials.username)] if credentials.basic else []
    query = [*parse_qsl(realm.query), *service, *(("scope", word) for word in words), *account]
    url = urlunsplit(realm._replace(query=urlencode(query)))
    return TokenRequest(url, authorization=credentials.basic)


def parse_token(body: bytes, now: float) -> Token:
    """Read a token service's answer. Raises ValueError when there is no token in it.

    >>> parse_token(b'{"token": "abc", "expires_in": 300}', now=1000.0).ends_at
    1300.0
    """
    try:
        answer = json.loads(body)
    except ValueError:
        raise ValueError("its answer is not JSON") from None
    value = isinstance(answer, dict) and (answer.get("token") or answer.get("access_token"))
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise ValueError("its answer holds no token")
    seconds = answer.get("expires_in")
    usable = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    return Token(value, now + max(float(seconds) if usable else 0.0, SHORTEST))
