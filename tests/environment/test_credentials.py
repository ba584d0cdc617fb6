"""Names and passwords: found where uv finds them, sent to their own origin, never shown."""

from __future__ import annotations

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.environment.credentials import bare, best_for, credentials_in, url_variables
from cogsmith.environment.fetch.connections import proxy_for

SECRETS = st.text(string.ascii_letters + string.digits + "!$&'()*+,;=:%~@", min_size=6)
HOSTS = st.from_regex(r"[a-z]{1,8}\.invalid(:[1-9][0-9]{0,3})?", fullmatch=True)


@given(SECRETS, HOSTS, st.from_regex(r"(/[a-z0-9@.-]{0,8}){0,3}", fullmatch=True))
def test_a_url_without_credentials_never_holds_the_secret(
    secret: str, host: str, path: str
) -> None:
    plain = f"https://{host}{path}"
    assert bare(f"https://me:{secret}@{host}{path}") == plain
    assert bare(f"https://{secret}@{host}{path}") == plain
    assert bare(plain) == plain


@given(SECRETS, HOSTS)
def test_a_password_is_found_again_and_stays_with_its_origin(secret: str, host: str) -> None:
    known = credentials_in({"UV_INDEX_URL": f"https://me:{quote(secret, safe='')}@{host}/simple"})
    found = best_for(f"https://{host}/files/x.whl", known)
    assert found
    assert (found.user, found.password) == ("me", secret)
    assert best_for(f"http://{host}/files/x.whl", known) is None
    assert best_for(f"https://other.{host}/x.whl", known) is None
    assert secret not in repr(known)


@pytest.mark.parametrize(
    "variables",
    [
        {"UV_DEFAULT_INDEX": "https://me:sesame@host/simple"},
        {"UV_DEFAULT_INDEX": "mine=https://me:sesame@host/simple"},
        {"UV_INDEX": "https://other/simple mine=https://me:sesame@host/simple"},
        {"UV_EXTRA_INDEX_URL": "https://other/a https://me:sesame@host/simple"},
        {"UV_FIND_LINKS": "/wheels,https://me:sesame@host/links"},
        {
            "UV_INDEX": "my-own=https://host/simple",
            "UV_INDEX_MY_OWN_USERNAME": "me",
            "UV_INDEX_MY_OWN_PASSWORD": "sesame",
        },
    ],
    ids=["default", "default-named", "index", "extra", "find-links", "named"],
)
def test_where_credentials_are_found(variables: dict[str, str]) -> None:
    found = best_for("https://host:443/packages/x.whl", credentials_in(variables))
    assert found
    assert (found.user, found.password) == ("me", "sesame")


def test_of_two_indexes_on_one_host_the_nearer_one_counts() -> None:
    known = credentials_in(
        {"UV_EXTRA_INDEX_URL": "https://a:1@host/team-a/x https://b:2@host/team-b/x"}
    )
    found = best_for("https://host/team-b/files/y.whl", known)
    assert found
    assert found.user == "b"


def test_the_credentials_of_a_requirements_url_are_kept_for_fetching() -> None:
    line = "x @ https://me:${TOKEN}@host/x-1.0-py3-none-any.whl"
    variables = url_variables([line, "six"], {"TOKEN": "s/sa:me"})
    found = best_for("https://host/x-1.0-py3-none-any.whl", credentials_in(variables))
    assert found
    assert found.password == "s/sa:me"


@pytest.mark.parametrize(
    ("url", "variables", "proxy"),
    [
        ("https://a.example/x", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ("http://a.example/x", {"HTTPS_PROXY": "http://p:1"}, ""),
        ("http://a.example/x", {"ALL_PROXY": "http://p:1"}, "http://p:1"),
        ("https://a.example/x", {"https_proxy": "http://p:2", "HTTPS_PROXY": "p"}, "http://p:2"),
        ("https://a.example/x", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".example"}, ""),
        ("https://a.example/x", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "b, example"}, ""),
        (
            "https://an.example/x",
            {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "n.example"},
            "http://p:1",
        ),
        ("https://10.1.2.3/x", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, ""),
        ("https://a.example/x", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, ""),
    ],
    ids=[
        "https",
        "other-scheme",
        "all",
        "lower-case",
        "domain",
        "list",
        "not-a-domain",
        "network",
        "star",
    ],
)
def test_proxies(url: str, variables: dict[str, str], proxy: str) -> None:
    assert proxy_for(url, variables) == proxy
