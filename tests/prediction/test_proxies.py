"""Which proxy leads to a host."""

from __future__ import annotations

import pytest

from cogsmith.prediction.proxies import proxy_for

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("scheme", "environ", "found"),
    [
        ("https", {"HTTPS_PROXY": PROXY}, True),
        ("https", {"https_proxy": PROXY}, True),
        ("http", {"HTTPS_PROXY": PROXY}, False),
        ("http", {"HTTP_PROXY": PROXY}, True),
        ("https", {"HTTP_PROXY": PROXY}, False),
        ("http", {"ALL_PROXY": PROXY}, True),
        ("https", {"https_proxy": PROXY, "HTTPS_PROXY": "http://other"}, True),
        ("https", {}, False),
        ("https", {"HTTPS_PROXY": ""}, False),
    ],
)
def test_the_variable_of_the_scheme(scheme: str, environ: dict[str, str], found: bool) -> None:
    assert proxy_for(scheme, "example.com", environ) == (PROXY if found else "")


@pytest.mark.parametrize(
    ("host", "kept", "direct"),
    [
        ("example.com", "example.com", True),
        ("a.example.com", "example.com", True),
        ("a.example.com", ".example.com", True),
        ("a.example.com", "*.example.com", True),
        ("badexample.com", "example.com", False),
        ("example.com", "a.example.com", False),
        ("example.com", "x, EXAMPLE.com ,y", True),
        ("example.com", "*", True),
        ("example.com", "", False),
        ("example.com", ",", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("fd00::1", "fd00::/8", True),
        ("10.1.2.3", "fd00::/8", False),
    ],
)
def test_what_is_reached_without_one(host: str, kept: str, direct: bool) -> None:
    environ = {"HTTPS_PROXY": PROXY, "NO_PROXY": kept}
    assert proxy_for("https", host, environ) == ("" if direct else PROXY)


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "127.8.8.8", "::1"])
def test_this_machine_needs_none(host: str) -> None:
    assert proxy_for("http", host, {"ALL_PROXY": PROXY}) == ""
