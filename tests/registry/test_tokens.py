"""What we ask token services, and what we make of their answers."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.registry.challenge import Challenge, Scope
from cogsmith.registry.tokens import Credentials, parse_token, token_request

CHALLENGE = Challenge("bearer", {"realm": "https://auth.example/token?a=b", "service": "r.example"})
ADA = Credentials("ada", "sesame & co:1")
SCOPES = [Scope("a/b", ("pull", "push")), Scope("c")]


def test_a_password_travels_in_a_header() -> None:
    request = token_request(CHALLENGE, SCOPES, ADA)
    query = parse_qs(urlsplit(request.url).query)
    assert query == {
        "a": ["b"], "service": ["r.example"], "account": ["ada"],
        "scope": ["repository:a/b:pull,push", "repository:c:pull"],
    }  # fmt: skip
    assert request.authorization == "Basic YWRhOnNlc2FtZSAmIGNvOjE="
    assert request.form is None


def test_nobody_asks_without_a_name() -> None:
    request = token_request(CHALLENGE, SCOPES, Credentials())
    assert request.authorization == ""
    assert "account" not in parse_qs(urlsplit(request.url).query)


def test_an_identity_token_travels_in_a_form() -> None:
    request = token_request(CHALLENGE, SCOPES, Credentials("ada", identity_token="t0k"))
    assert request.authorization == ""
    assert request.form
    assert parse_qs(request.form.decode()) == {
        "grant_type": ["refresh_token"], "refresh_token": ["t0k"], "client_id": ["cogsmith"],
        "service": ["r.example"], "scope": ["repository:a/b:pull,push repository:c:pull"],
    }  # fmt: skip


@pytest.mark.parametrize("realm", ["", "auth.example", "file:///etc/passwd", "https://"])
def test_a_realm_that_is_no_address(realm: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        token_request(Challenge("bearer", {"realm": realm}), [], ADA)


@pytest.mark.parametrize(
    ("body", "ends_at"),
    [
        (b'{"token": "t"}', 1060),
        (b'{"access_token": "t", "expires_in": 300}', 1300),
        (b'{"token": "t", "expires_in": 5}', 1060),
        (b'{"token": "t", "expires_in": null}', 1060),
        (b'{"token": "t", "expires_in": "soon"}', 1060),
    ],
)
def test_how_long_a_token_holds(body: bytes, ends_at: float) -> None:
    token = parse_token(body, now=1000)
    assert (token.value, token.ends_at) == ("t", ends_at)
    assert token.holds(ends_at - 11)
    assert not token.holds(ends_at - 9)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"token": ""}', b'{"token": 5}', b'{"token": "a\\nb"}']
)
def test_an_answer_without_a_token(body: bytes) -> None:
    with pytest.raises(ValueError, match="its answer"):
        parse_token(body, now=0)


SECRETS = st.text("abcdefghij", min_size=12)


@given(SECRETS, SECRETS, SECRETS)
def test_no_value_shows_a_secret(password: str, identity: str, token: str) -> None:
    who = Credentials("ada", password, identity, token)
    request = token_request(CHALLENGE, SCOPES, Credentials("ada", password))
    held = parse_token(f'{{"token": "{token}"}}'.encode(), 0)
    for text in (repr(who), str(who), repr(request), repr(held), request.url):
        assert not any(secret in text for secret in (password, identity, token))
