"""What people read when a registry says no."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import Denied, NotFound, RegistryError, TooManyRequests, Unauthorized
from cogsmith.registry.messages import Origin, Refusal, refusal, shown


def body(**entry: object) -> bytes:
    return json.dumps({"errors": [entry]}).encode()


def error_of(status: int, said: bytes) -> RegistryError:
    return refusal(
        Refusal.parse(status, said), "cannot push", where="r.example/a:1", host="r.example"
    )


@pytest.mark.parametrize(
    ("status", "said", "kind", "message", "hint"),
    [
        (401, body(code="UNAUTHORIZED", message="who?"), Unauthorized,
         "cannot push: 401 Unauthorized: UNAUTHORIZED: who?", "cogsmith login r.example"),
        (403, body(code="DENIED", message="not yours"), Denied,
         "cannot push: 403 Forbidden: DENIED: not yours", "cogsmith login r.example"),
        (404, body(code="NAME_UNKNOWN", message="no such"), NotFound,
         "cannot push: 404 Not Found: NAME_UNKNOWN: no such", "made before the first push"),
        (404, body(code="MANIFEST_UNKNOWN", message="m", detail={"Tag": "1"}), NotFound,
         "cannot push: 404 Not Found: MANIFEST_UNKNOWN: m", "check the tag"),
        (404, b"404 page not found\n", NotFound, "404 Not Found: 404 page not found", ""),
        (429, body(code="TOOMANYREQUESTS", message="slow down", detail="100 in 6 h"),
         TooManyRequests,
         "429 Too Many Requests: TOOMANYREQUESTS: slow down: 100 in 6 h", "wait, or log in"),
        (413, b"<html>413</html>", RegistryError, "cannot push: 413 Content Too Large", "proxy"),
        (502, b"", RegistryError, "cannot push: 502 Bad Gateway", "a problem of its own"),
        (599, b"\xff\x00", RegistryError, "cannot push: 599", "a problem of its own"),
        (405, body(code="UNSUPPORTED", message="no"), RegistryError, "405", "does not allow it"),
    ],
)  # fmt: skip
def test_an_error_is_the_registrys_words_and_what_to_do(
    status: int, said: bytes, kind: type[RegistryError], message: str, hint: str
) -> None:
    error = error_of(status, said)
    assert type(error) is kind
    assert message in error.message
    assert hint in error.hint
    assert (error.where, error.status) == ("r.example/a:1", status)


def test_every_code_once() -> None:
    entries = [{"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown"}] * 40
    said = Refusal.parse(400, json.dumps({"errors": entries}).encode())
    assert said.codes == ("MANIFEST_BLOB_UNKNOWN",)
    assert str(said) == "400 Bad Request: MANIFEST_BLOB_UNKNOWN: blob unknown"


@pytest.mark.parametrize(
    "said", [b"{}", b"[]", b'{"errors": 5}', b'{"errors": [5, null]}', b'{"errors": [{}]}', b"null"]
)
def test_an_answer_that_is_no_error_document(said: bytes) -> None:
    assert Refusal.parse(400, said).codes == ()


def test_words_are_short_and_hide_credentials() -> None:
    said = Refusal.parse(500, body(code="X", message="at https://me:sesame@h/ " + "long " * 1000))
    assert "sesame" not in said.words
    assert len(said.words) <= 401


def test_words_cannot_move_the_cursor() -> None:
    said = Refusal.parse(400, body(code="X", message="a\x1b[2J\r\nb", detail="\u202ec"))
    assert said.words == "X: a[2J b: c"


def test_a_full_disk() -> None:
    assert error_of(507, b"").hint == "the registry's disk is full"


@given(st.binary(max_size=300))
def test_any_body_has_words_that_can_be_shown(said: bytes) -> None:
    assert str(Refusal.parse(400, said)).isprintable()


def test_shown_urls_keep_their_secrets() -> None:
    assert shown("https://me:sesame@h/p?sig=abc#f") == "https://****@h/p"


def test_origins() -> None:
    assert Origin.of("https://R.example/v2/") == Origin.of("https://r.example:443/token?x")
    assert Origin.of("https://r.example/") != Origin.of("http://r.example/")
    assert Origin.of("https://r.example/") != Origin.of("https://r.example:444/")
    assert str(Origin.of("http://[::1]:5000/x")) == "http://[::1]:5000"
    for url in ("ftp://a/", "/v2/", "https:///x"):
        with pytest.raises(ValueError, match="is no address"):
            Origin.of(url)
