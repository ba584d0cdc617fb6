"""Routes and keys, over real sockets."""

from __future__ import annotations

import pytest

from cogsmith.runtime.server.front import Front, own_origin
from cogsmith.runtime.server.http import Exchange
from tests.serving.wire import Answer, ask, request, run, serving


class Routes:
    """A front with some routes, what they were asked for, and what was observed."""

    def __init__(self, *keys: str) -> None:
        self.asked: list[str] = []
        self.seen: list[tuple[str, int]] = []
        self.front = front = Front(keys, lambda e, status: self.seen.append((e.route, status)))
        front.route("GET", "/livez", self.exact)
        front.route("GET", "/metrics", self.exact)
        front.route("GET", "/_page/app.js", self.exact, free=True)
        front.route("POST", "/predictions", self.exact)
        front.named("PUT", "predictions", self.named)
        front.named("GET", "predictions", self.named)
        front.named("POST", "predictions", self.named, after="cancel")
        front.below("GET", "/v1/models/", self.exact)

    def exact(self, exchange: Exchange) -> None:
        self.asked.append(exchange.path)
        exchange.reply(200, b"{}")

    def named(self, exchange: Exchange, name: str) -> None:
        self.asked.append(name)
        exchange.reply(200, b"{}")

    def ask(self, path: str, *headers: str, method: str = "GET", body: bytes = b"") -> Answer:
        """One request, one answer."""
        found: list[Answer] = []

        async def scenario() -> None:
            async with serving(self.front.handle, gate=self.front) as (_, port):
                asked = request(path, *headers, method=method, body=body)
                found.extend(await ask(port, asked))

        run(scenario)
        return found[0]


@pytest.fixture
def routes() -> Routes:
    return Routes()


def test_a_path(routes: Routes) -> None:
    assert routes.ask("/livez?x=1").status == 200
    assert routes.seen == [("/livez", 200)]


@pytest.mark.parametrize(
    "name", ["abc", "a%2Fb", "..%2F..%2Fetc", "%2E%2E", "a%00b", "a%20b", "%C3%A4", "a;b", "a%25b"]
)
def test_a_name_is_unquoted_once_and_is_one_name(name: str, routes: Routes) -> None:
    assert routes.ask(f"/predictions/{name}", method="PUT").status == 200
    expected = {
        "a%2Fb": "a/b", "..%2F..%2Fetc": "../../etc", "%2E%2E": "..", "a%00b": "a\0b",
        "a%20b": "a b", "%C3%A4": "ä", "a%25b": "a%b",
    }  # fmt: skip
    assert routes.asked == [expected.get(name, name)]
    assert routes.seen == [("/predictions/{id}", 200)]  # counted by pattern: names have no end


def test_a_name_that_is_not_utf_8_is_refused(routes: Routes) -> None:
    """Or two names would become one."""
    assert routes.ask("/predictions/%FF", method="PUT").status == 400
    assert routes.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/predictions/", "//predictions", "/predictions/a/", "/predictions/a/cancel/", "/livez/",
        "/predictions/a/b", "/Livez", "/%6Civez", "/nothing", "/predictions//cancel", "/v1/models/",
    ],
)  # fmt: skip
def test_paths_that_are_not_there(path: str, routes: Routes) -> None:
    """As in Cog, a slash at the end is another path."""
    answer = routes.ask(path)
    assert (answer.status, answer.body) == (404, b"")
    assert routes.seen == [("other", 404)]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/livez", "GET, HEAD"), ("GET", "/predictions", "POST"),
        ("DELETE", "/predictions/a", "GET, HEAD, PUT"), ("GET", "/predictions/a/cancel", "POST"),
        ("POST", "/v1/models/a", "GET, HEAD"), ("OPTIONS", "/predictions", "POST"),
    ],
)  # fmt: skip
def test_methods_that_are_not_there(method: str, path: str, allow: str, routes: Routes) -> None:
    answer = routes.ask(path, method=method)
    assert (answer.status, answer.body) == (405, b"")
    assert answer.headers["allow"] == allow
    assert routes.asked == []


def test_what_is_below(routes: Routes) -> None:
    assert routes.ask("/v1/models/meta/llama").status == 200
    assert routes.seen == [("/v1/models/{name}", 200)]


def test_options_of_the_whole_server(routes: Routes) -> None:
    assert routes.ask("*", method="OPTIONS").status == 204


@pytest.mark.parametrize("path", ["/livez", "/_page/app.js"])
def test_probes_and_pages_ask_for_no_key(path: str) -> None:
    assert Routes("key").ask(path).status == 200


@pytest.mark.parametrize("path", ["/metrics", "/predictions/a", "/nothing", "/v1/models/a"])
def test_everything_else_does(path: str) -> None:
    routes = Routes("key", "other")
    answer = routes.ask(path)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert routes.asked == []
    for shown in ("Bearer", "Bearer ", "Bearer wrong", "Basic key", "key", "Bearer key key"):
        assert routes.ask(path, f"Authorization: {shown}").status == 401
    for shown in ("Bearer key", "bearer   key ", "Bearer other"):
        assert routes.ask(path, f"Authorization: {shown}").status in (200, 404)


def test_a_large_body_is_not_read_without_a_key() -> None:
    routes = Routes("key")
    answer = routes.ask("/predictions", "Content-Length: 1000000", method="POST")
    assert answer.status == 401
    assert routes.seen == [("/predictions", 401)]


@pytest.mark.parametrize(
    ("origin", "own"),
    [
        (None, True), ("http://here", True), ("https://here", True), ("http://elsewhere", False),
        ("null", False), ("http://here.elsewhere", False), ("http://here:8080", False),
    ],
)  # fmt: skip
def test_pages_of_another_origin_are_known(origin: str | None, own: bool) -> None:
    found: list[bool] = []

    def handler(exchange: Exchange) -> None:
        found.append(own_origin(exchange))
        exchange.reply(200)

    async def scenario() -> None:
        async with serving(handler) as (_, port):
            await ask(port, request("/", *([f"Origin: {origin}"] if origin else [])))

    run(scenario)
    assert found == [own]
