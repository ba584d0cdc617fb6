"""The page on the real server: the browser, the wire and the worker together."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from cogsmith.runtime.page import HEADERS
from cogsmith.testing import PREDICTORS
from tests.conftest import ROOT
from tests.page.fake import HERE
from tests.page.playground import Playground
from tests.page.serving import runtime, started

pytestmark = pytest.mark.browser

Open = Callable[..., Playground]


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Serve one of the predictors that we ship, or of this folder; answers the address."""
    with ExitStack() as servers:

        def start(name: str, project: Path = PREDICTORS, **environ: str) -> str:
            reference = name if ":" in name else f"{name}.py:Predictor"
            return servers.enter_context(runtime(reference, project, **environ))

        yield start


@pytest.fixture
def opened(page: Any, serve: Callable[..., str]) -> Open:
    """The page of a model that is ready."""

    def open_(name: str, project: Path = PREDICTORS, **environ: str) -> Playground:
        playground = Playground(page, serve(name, project, **environ))
        playground.expect(page.locator("#health")).to_have_text("Ready")
        return playground

    return open_


def ask(url: str, **headers: str) -> tuple[dict[str, str], bytes]:
    with urlopen(Request(url, headers=headers), timeout=60) as answer:
        return {name.lower(): value for name, value in answer.headers.items()}, answer.read()


def test_browsers_get_the_page_and_programs_get_json(serve: Callable[..., str]) -> None:
    url = serve("echo")
    headers, body = ask(f"{url}/", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert b"<title>Playground</title>" in body
    assert {name: headers[name.lower()] for name in HEADERS} == dict(HEADERS)
    for accept in ("*/*", "application/json"):
        _, body = ask(f"{url}/", Accept=accept)
        assert json.loads(body)["docs_url"] == "/docs"
    headers, _ = ask(f"{url}/_page/app.js")
    assert headers["content-type"].startswith("text/javascript")


def test_a_model_streams_into_the_page(opened: Open) -> None:
    playground = opened("async_stream")
    playground.fill("count", "5")
    playground.fill("seconds", "0.01")
    playground.run()
    playground.ended()
    playground.output("0 1 2 3 4 ")
    assert {"first output", "predict time"} <= set(playground.metrics())


def test_a_stream_is_canceled_where_it_runs(opened: Open) -> None:
    playground = opened("async_stream")
    asked: list[str] = []
    playground.tab.on("request", lambda one: one.method == "PUT" and asked.append(one.url))
    playground.fill("count", "1000000")
    playground.fill("seconds", "0.01")
    playground.run()
    playground.output(re.compile("0 1 2 "))
    playground.tab.locator("#cancel").click()
    playground.ended("Canceled")
    _, body = ask(asked[0])
    assert json.loads(body)["status"] == "canceled"


def test_every_kind_of_input_arrives_as_its_type(
    opened: Open, picture: Path, tmp_path: Path
) -> None:
    playground = opened("zoo", HERE)
    extra = tmp_path / "extra.txt"
    extra.write_text("more")
    playground.fill("prompt", "two  spaces,\nand a line")
    playground.give("picture", picture)
    playground.fill("token", "hunter2")
    playground.fill("temperature", "1.5")
    playground.choose("style", "bold")
    playground.choose("size", "1024")
    playground.tab.locator("#input-polish").uncheck()
    playground.field("extras").get_by_role("button", name="+ Add").click()
    playground.give("extras", extra)
    playground.fill("messages", '[{"role": "user", "content": "Hi"}]')
    playground.fill("options", '{"deep": [1, null, true]}')
    playground.field("guide").get_by_label("type of guide").select_option(label="number")
    playground.fill("guide", "2.5")
    playground.fill("nickname", "")
    playground.run()
    playground.ended()
    response = json.loads(playground.tab.locator("#response-text").text_content())
    assert json.loads(" ".join(response["output"])) == {
        "prompt": "two  spaces,\nand a line", "picture": picture.read_bytes().hex(), "token": 7,
        "temperature": 1.5, "count": 3, "seed": None, "style": "bold", "size": 1024,
        "polish": False, "title": "Untitled", "code": None, "stops": ["END"],
        "extras": ["more"], "messages": [{"role": "user", "content": "Hi"}],
        "options": {"deep": [1, None, True]}, "guide": 2.5, "nickname": None, "old_style": "",
    }  # fmt: skip
    assert "inputs" in playground.log()


def test_the_servers_checks_reach_the_field(opened: Open) -> None:
    playground = opened("zoo", HERE)
    playground.fill("prompt", "x")
    playground.fill("picture", "https://example.com/a.png")
    playground.fill("token", "y")
    playground.fill("options", "[1]")
    playground.run()
    assert "object" in playground.problem("options")
    playground.ended("Not run")


def test_files_go_in_and_come_out(opened: Open, tmp_path: Path) -> None:
    playground = opened("files")
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text("quiet")
    two.write_text("calm")
    playground.give("files", one, two)
    playground.run()
    playground.ended()
    texts = playground.tab.locator("#output figure pre").all_inner_texts()
    assert texts == ["QUIET", "CALM"]


def test_a_failure_shows_its_error_and_its_log(opened: Open) -> None:
    playground = opened("fail")
    playground.fill("words", "out of luck")
    playground.fill("after", "2")
    playground.run()
    playground.ended("Failed")
    assert "out of luck" in playground.error()
    assert "about to fail" in playground.log()


def test_a_crash_is_told_and_the_next_run_works(opened: Open) -> None:
    playground = opened("crash")
    playground.run()
    playground.ended("Failed")
    assert "crash" in playground.error().lower()
    playground.expect(playground.tab.locator("#health")).to_have_text("Ready")


def test_a_model_that_cannot_stream_shows_its_log_while_it_works(opened: Open) -> None:
    playground = opened("sleep")
    playground.run()
    playground.expect(playground.tab.locator("#logs-text")).to_have_text("asleep\n")
    playground.tab.locator("#cancel").click()
    playground.ended("Canceled")
    assert playground.log() == "asleep\nwoken\n"


def test_the_log_of_a_success_without_a_stream_is_whole(opened: Open) -> None:
    playground = opened("noisy")
    playground.run()
    playground.ended()
    assert playground.log().startswith("one\n")
    assert playground.log().endswith("no newline")


def test_a_secret_stays_one(opened: Open) -> None:
    playground = opened("secret")
    playground.fill("token", "hunter2")
    playground.run()
    playground.ended()
    playground.output("7 characters")
    assert "hunter2" not in playground.tab.locator("#result").text_content()


def test_a_key_opens_the_model(page: Any, serve: Callable[..., str]) -> None:
    page.goto(serve("echo", COGSMITH_API_KEY="sesame"))
    page.locator("#key-value").fill("sesame")
    page.keyboard.press("Enter")
    page.locator("#input-text").fill("let me in")
    page.locator("#run").click()
    page.locator("#output", has_text="let me in").wait_for()


def test_a_model_that_never_gets_ready_shows_why(page: Any, serve: Callable[..., str]) -> None:
    playground = Playground(page, serve("never_set_up", HOW="raise"))
    playground.expect(page.locator("#health")).to_have_text("Setup failed")
    playground.expect(page.locator("#notice-log")).to_contain_text("no weights")


def test_the_code_of_a_request_can_be_run(opened: Open) -> None:
    playground = opened("async_stream")
    playground.fill("count", "4")
    code = playground.code("Python")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["0", "1", "2", "3", "succeeded"]


def test_the_document_shows_every_route(page: Any, serve: Callable[..., str]) -> None:
    url = serve("function.py:predict", COG_TRAIN_TYPE_STUB="function.py:train")
    _, body = ask(f"{url}/openapi.json")
    paths = json.loads(body)["paths"]
    page.goto(f"{url}/docs")
    page.locator("#content section").first.wait_for()
    titles = page.locator("#content h2").all_inner_texts()
    assert len(titles) == sum(len(set(item) & {"get", "put", "post"}) for item in paths.values())


@pytest.mark.network
@pytest.mark.engine
def test_llama_tells_a_story(page: Any, command_environment: dict[str, str]) -> None:
    words = ("cogsmith", "serve", "--host", "127.0.0.1", "-p", "0")
    with started(*words, cwd=ROOT, **command_environment) as url:
        playground = Playground(page, url)
        playground.expect(page.locator("#health")).to_have_text("Ready", timeout=120_000)
        playground.fill("prompt", "Once upon a time")
        playground.fill("max_tokens", "40")
        playground.fill("temperature", "0")
        playground.run()
        playground.expect(page.locator("#status")).to_have_text("Succeeded", timeout=120_000)
        words_ = page.locator("#output").inner_text()
        assert len(re.findall(r"\b(the|a|was|and|in|to|she|he)\b", words_)) >= 3, words_
        assert {"output token count", "tokens per second"} <= set(playground.metrics())
        assert playground.tab.get_by_role("tab", name="OpenAI").is_visible()
