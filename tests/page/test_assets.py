"""The files of the page: a fixed set that asks for nothing outside it."""

from __future__ import annotations

import re
import string
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.runtime.page import HEADERS, asset

PAGES = ("/", "/docs")
SCRIPTS = ("/_page/app.js", "/_page/docs.js")


class Tags(HTMLParser):
    """Every tag of a page, with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.inside.append(tag)

    def handle_data(self, data: str) -> None:
        if data.strip() and self.inside[-1] in ("script", "style"):
            self.found.append((f"inline {self.inside[-1]}", {}))


def text(path: str) -> str:
    found = asset(path)
    assert found is not None
    return found[0].decode()


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "text/html"), ("/docs", "text/html"), ("/_page/app.js", "text/javascript"),
     ("/_page/docs.js", "text/javascript"), ("/_page/style.css", "text/css"),
     ("/_page/icon.svg", "image/svg+xml")],
)  # fmt: skip
def test_each_asset_has_a_body_and_its_type(path: str, kind: str) -> None:
    found = asset(path)
    assert found is not None
    assert found[0]
    assert found[1].startswith(kind)


@pytest.mark.parametrize(
    "path",
    ["", "index.html", "/index.html", "/_page/", "/_page/__init__.py", "/_page/../__init__.py",
     "/_page/%2e%2e/__init__.py", "/docs/", "//docs", "/_page/app.js/", "/etc/passwd", "/_page"],
)  # fmt: skip
def test_nothing_else_is_an_asset(path: str) -> None:
    assert asset(path) is None


@given(st.text(alphabet=string.ascii_letters + "/._%0\\", max_size=40))
def test_no_path_leads_out(path: str) -> None:
    assert asset(f"/_page/../{path}") is None


@pytest.mark.parametrize("path", PAGES)
def test_pages_ask_for_nothing_outside_the_set(path: str) -> None:
    routes = {"/openapi.json"}
    for tag, attributes in Tags(text(path)).found:
        for name in ("src", "href"):
            target = attributes.get(name)
            if target and not target.startswith("#"):
                where = urljoin(f"http://here{path}", target).removeprefix("http://here")
                assert not target.startswith("/"), f"{tag}: works only at the top of a host"
                assert where in routes or asset(where) is not None, target


@pytest.mark.parametrize("path", PAGES)
def test_pages_fit_a_policy_without_inline_code(path: str) -> None:
    for tag, attributes in Tags(text(path)).found:
        assert not tag.startswith("inline"), tag
        assert not [name for name in attributes if name == "style" or name.startswith("on")], tag


@pytest.mark.parametrize("path", [*SCRIPTS, "/_page/style.css"])
def test_scripts_and_styles_name_no_other_host(path: str) -> None:
    hosts = set(re.findall(r"(?:https?:)?//([\w-]+\.[\w.-]+)", text(path)))
    assert hosts <= {"example.com"}  # the example of an address, in the API's page
    assert "@import" not in text(path)


@pytest.mark.parametrize("path", SCRIPTS)
def test_scripts_never_make_markup_of_text(path: str) -> None:
    words = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(")
    assert [word for word in words if word in text(path)] == []


def test_the_policy_lets_scripts_in_from_here_alone() -> None:
    policy = dict(
        part.split(" ", 1) for part in HEADERS["Content-Security-Policy"].split("; ") if " " in part
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == policy["style-src"] == "'self'"
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
