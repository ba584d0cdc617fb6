"""Which hosts may speak plain http, and which proxy leads where."""

from __future__ import annotations

import pytest

from cogsmith.registry import Settings
from cogsmith.registry.settings import proxy_for


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        ("localhost", True), ("localhost:5000", True), ("127.0.0.1:5000", True),
        ("127.8.8.8", True),
        ("[::1]:5000", True), ("registry.localhost", True),
        ("registry.example", False), ("10.0.0.1:5000", False), ("localhost.example", False),
        ("127.0.0.1.example", False),
    ],
)  # fmt: skip
def test_http_on_this_machine_only(host: str, plain: bool) -> None:
    assert Settings().may_be_plain(host) is plain
    assert not Settings().is_insecure(host)


def test_unless_told() -> None:
    told = Settings.of({"COGSMITH_INSECURE_REGISTRIES": "Registry.example:5000, other.example"})
    assert told.may_be_plain("registry.example:5000")
    assert not told.may_be_plain("registry.example")
    assert told.may_be_plain("other.example:1234")
    assert Settings(insecure=frozenset({"*"})).may_be_plain("any.example")


def test_secrets_of_the_environment_are_not_shown() -> None:
    told = Settings.of({"HTTPS_PROXY": "http://me:sesame@proxy"})
    assert "sesame" not in repr(told)


PROXIES = {
    "HTTPS_PROXY": "http://secure:1", "http_proxy": "http://plain:1", "HTTP_PROXY": "http://no:1",
    "NO_PROXY": "internal.example, .corp.example *.wild.example,10.0.0.0/8,one.example:443",
}  # fmt: skip


@pytest.mark.parametrize(
    ("scheme", "host", "proxy"),
    [
        ("https", "example.com", "http://secure:1"), ("http", "example.com", "http://plain:1"),
        ("https", "internal.example", ""), ("https", "a.internal.example", ""),
        ("https", "notinternal.example", "http://secure:1"), ("https", "a.corp.example", ""),
        ("https", "a.wild.example", ""), ("https", "10.2.3.4", ""), ("https", "11.2.3.4", "http://secure:1"),
        ("https", "one.example", ""), ("http", "localhost", ""), ("http", "127.0.0.1", ""),
    ],
)  # fmt: skip
def test_proxies(scheme: str, host: str, proxy: str) -> None:
    assert proxy_for(scheme, host, PROXIES) == proxy


def test_one_proxy_for_all_and_none_for_anything() -> None:
    assert proxy_for("http", "a", {"ALL_PROXY": "http://all:1"}) == "http://all:1"
    assert proxy_for("http", "a", {"ALL_PROXY": "http://all:1", "no_proxy": "*"}) == ""
    assert proxy_for("http", "a", {}) == ""
