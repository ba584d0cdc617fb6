"""A run on the page: live, canceled, failed, without a stream, and looked at again."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.page.fake import READY, Fake
from tests.page.playground import Playground, with_output

pytestmark = pytest.mark.browser

TEXTS = {
    "type": "array", "items": {"type": "string"},
    "x-cog-array-type": "iterator", "x-cog-array-display": "concatenate",
}  # fmt: skip
URI = {"type": "string", "format": "uri"}


@pytest.fixture
def simple(page: Any, fake: Fake) -> Playground:
    """A model of one optional text that streams texts."""
    with_output(fake, TEXTS)
    return Playground(page, fake.url)


@pytest.fixture
def show(page: Any, fake: Fake) -> Any:
    """Run a model whose output has this schema and this value; answers the output's place."""

    def run(schema: dict[str, Any], output: Any) -> Any:
        with_output(fake, schema)
        playground = Playground(page, fake.url)
        fake.finish(output=output)
        playground.run()
        playground.ended()
        return page.locator("#output")

    return run


def test_tokens_show_as_they_come(simple: Playground, fake: Fake) -> None:
    simple.run()
    fake.say("start", id="x", status="processing")
    simple.expect(simple.tab.locator("#status")).to_have_text("Running")
    fake.write("Once ")
    simple.output("Once ")
    fake.write("upon\n", "a  time")
    simple.output("Once upon\na  time")
    assert simple.tab.locator("#output").get_attribute("aria-busy") == "true"
    assert simple.tab.locator("#run").is_disabled()
    fake.finish(output=["Once ", "upon\n", "a  time"])
    simple.ended()
    assert simple.tab.locator("#output").get_attribute("aria-busy") == "false"
    assert simple.tab.locator("#output pre").text_content() == "Once upon\na  time"


def test_logs_and_metrics_are_told(simple: Playground, fake: Fake) -> None:
    simple.run()
    fake.say("log", data="seed 1\n", source="stdout")
    simple.expect(simple.tab.locator("#logs-text")).to_have_text("seed 1\n")
    fake.say("metric", name="tags", value="fast", mode="append")
    fake.write("a")
    told = {"predict_time": 0.25, "output_token_count": 1200, "timing": {"load": 0.5}}
    fake.finish(output=["a"], logs="seed 1\nbye\n", metrics=told)
    simple.ended()
    assert simple.log() == "seed 1\nbye\n"
    metrics = simple.metrics()
    assert metrics["predict time"] == "250 ms"
    assert metrics["output token count"] == "1,200"
    assert metrics["tokens per second"] == "4800.0"
    assert metrics["timing.load"] == "0.5"
    assert "first output" in metrics  # as this browser saw it


def test_cancel_reaches_the_server(simple: Playground, fake: Fake) -> None:
    simple.run()
    fake.write("half a ")
    simple.output("half a ")
    simple.tab.locator("#cancel").click()
    simple.ended("Canceled")
    [(path, _, _)] = fake.predictions()
    assert ("POST", f"{path}/cancel") in [(method, where) for method, where, _, _ in fake.asked]
    simple.output("half a ")
    simple.expect(simple.tab.locator("#cancel")).to_be_hidden()


def test_a_failure_keeps_what_came_before_it(simple: Playground, fake: Fake) -> None:
    fake.write("so ", "far")
    fake.finish(status="failed", error="ValueError: <i>no</i>", logs="Traceback", output=None)
    simple.run()
    simple.ended("Failed")
    assert simple.error() == "ValueError: <i>no</i>"
    simple.output("so far")
    assert simple.tab.locator("#logs-text").is_visible()


def test_without_a_stream_the_answer_is_json(simple: Playground, fake: Fake) -> None:
    fake.streams = False
    fake.answer = (200, {"status": "succeeded", "output": ["whole"], "metrics": {}, "logs": ""})
    simple.run()
    simple.ended()
    simple.output("whole")
    simple.run()
    simple.ended()
    accepted = [headers["Accept"] for _, headers, _ in fake.predictions()]
    assert accepted == ["text/event-stream", "application/json", "application/json"]
    assert "event-stream" not in simple.code("curl")


def test_a_stream_that_breaks_off_is_no_success(simple: Playground, fake: Fake) -> None:
    fake.write("half")
    fake.break_off()
    simple.run()
    simple.ended("Failed")
    assert simple.error() == "The connection ended before the prediction did."
    simple.output("half")
    [(path, _, _)] = fake.predictions()
    assert ("GET", path) in [(method, where) for method, where, _, _ in fake.asked]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((409, {"error": "At capacity - all prediction slots busy"}), "At capacity"),
        ((503, {"error": "Setup has not finished yet."}), "Setup has not finished yet. (503)"),
        ((413, "length limit exceeded"), "length limit exceeded (413)"),
        ((500, {"detail": {"odd": True}}), '{"odd":true} (500)'),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(
    simple: Playground, fake: Fake, answer: tuple[int, Any], said: str
) -> None:
    fake.answer = answer
    simple.run()
    simple.ended("Failed")
    assert said in simple.error()


def test_the_keyboard_runs_it(simple: Playground, fake: Fake) -> None:
    fake.finish(output=["ok"])
    simple.fill("text", "by hand")
    simple.tab.keyboard.press("Control+Enter")
    simple.ended()
    assert [body for _, _, body in fake.predictions()] == [{"input": {"text": "by hand"}}]


def test_the_focus_stays_on_the_button_and_a_second_press_runs_nothing(
    simple: Playground, fake: Fake
) -> None:
    button = simple.tab.locator("#run")
    button.focus()
    simple.tab.keyboard.press("Enter")
    fake.write("a")
    simple.output("a")
    simple.expect(button).to_be_focused()
    simple.tab.keyboard.press("Enter")
    fake.finish(output=["a"])
    simple.ended()
    simple.expect(button).to_be_focused()
    assert len(fake.predictions()) == 1


def test_inputs_may_be_called_as_javascript_calls_its_own(page: Any, fake: Fake) -> None:
    with_output(fake, TEXTS)
    schemas = fake.document["components"]["schemas"]
    text = {"type": "string", "default": "kept"}
    schemas["Input"] = {"properties": {"constructor": text, "toString": text, "__proto__": text}}
    playground = Playground(page, fake.url)
    playground.fill("constructor", "new")
    fake.finish(output=["ok"])
    playground.run()
    playground.ended()
    page.locator("#runs button").click()
    assert page.locator("#input-toString").input_value() == "kept"
    assert [body["input"] for _, _, body in fake.predictions()] == [{"constructor": "new"}]


def test_former_runs_can_be_looked_at_again(simple: Playground, fake: Fake) -> None:
    for text in ("first", "second"):
        simple.fill("text", text)
        fake.finish(output=[text.upper()])
        simple.run()
        simple.output(text.upper())
        simple.ended()
    runs = simple.tab.locator("#runs button")
    assert ["SECOND" in runs.first.inner_text(), "FIRST" in runs.last.inner_text()] == [True, True]
    runs.last.click()
    simple.output("FIRST")
    assert simple.tab.locator("#input-text").input_value() == "first"
    assert '"first"' in simple.code("curl")


def test_nothing_is_asked_of_any_other_host(page: Any, fake: Fake) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    Playground(page, fake.url)
    page.goto(f"{fake.url}/docs")
    assert [url for url in asked if not url.startswith((fake.url, "data:"))] == []


def test_it_works_under_a_path_of_another_server(page: Any, fake: Fake) -> None:
    with_output(fake, TEXTS)
    fake.prefix = "/models/mine"
    playground = Playground(page, f"{fake.url}/models/mine/")
    fake.finish(output=["there"])
    playground.run()
    playground.ended()
    playground.output("there")
    assert f"{fake.url}/models/mine/predictions" in playground.code("curl")
    page.get_by_role("link", name="API", exact=True).click()
    page.locator("#post-predictions").wait_for()


# --- outputs by type


def test_a_text_is_text(show: Any) -> None:
    shown = show({"type": "string"}, "<img src=x onerror=alert(1)> & more")
    assert shown.inner_text() == "<img src=x onerror=alert(1)> & more"
    assert shown.locator("img").count() == 0


def test_an_object_is_readable_json_with_its_files_beside_it(show: Any) -> None:
    picture = "data:image/png;base64," + "A" * 400
    schema = {"type": "object", "properties": {"image": URI, "score": {"type": "number"}}}
    shown = show(schema, {"image": picture, "score": 0.5})
    assert '"score": 0.5' in shown.locator("pre").inner_text()
    assert "more characters)" in shown.locator("pre").inner_text()
    assert shown.locator("img").get_attribute("src") == picture


def test_numbers_stand_in_a_row(show: Any) -> None:
    shown = show({"type": "array", "items": {"type": "number"}}, [0.5, 1, 2.25])
    assert shown.inner_text() == "[0.5,1,2.25]"


def test_items_stand_apart(show: Any) -> None:
    shown = show({"type": "array", "items": {"type": "string"}}, ["one", "two"])
    assert shown.locator("pre").all_inner_texts() == ["one", "two"]


@pytest.mark.parametrize(
    ("kind", "tag"),
    [
        ("image/png", "img"),
        ("image/svg+xml", "img"),
        ("audio/wav", "audio"),
        ("video/mp4", "video"),
    ],
)
def test_media_is_shown(show: Any, kind: str, tag: str) -> None:
    shown = show(URI, f"data:{kind};base64,AAAA")
    assert shown.locator(tag).get_attribute("src") == f"data:{kind};base64,AAAA"


def test_a_text_file_is_read_and_can_be_saved(show: Any, page: Any) -> None:
    data = base64.b64encode("<b>grüß</b>".encode()).decode()
    shown = show({"type": "array", "items": URI}, [f"data:text/plain;base64,{data}"])
    assert shown.locator("pre").inner_text() == "<b>grüß</b>"
    with page.expect_download() as download:
        shown.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "output.txt"
    assert Path(download.value.path()).read_bytes().decode() == "<b>grüß</b>"


@pytest.mark.parametrize(
    "uri",
    ["data:text/plain;base64,%%%", "data:text/plain,%E0%A4%A", "data:constructor/x;base64,AA=="],
)
def test_broken_files_break_nothing_else(show: Any, uri: str) -> None:
    shown = show(
        {"type": "array", "items": URI}, [uri, "https://example.com/whole.txt", "https://["]
    )
    assert shown.locator("figcaption").first.is_visible()
    assert shown.get_by_role("link", name="whole.txt").is_visible()
    assert "https://[" in shown.inner_text()


def test_an_address_is_a_link_and_only_if_it_is_of_the_web(show: Any) -> None:
    shown = show(
        {"type": "array", "items": URI}, ["https://example.com/a.zip", "javascript:alert()"]
    )
    assert [a.get_attribute("href") for a in shown.locator("a").all()] == [
        "https://example.com/a.zip"
    ]
    assert "javascript:alert()" in shown.inner_text()


# --- the key and the model's health


def test_the_key_is_asked_for_once(page: Any, fake: Fake) -> None:
    with_output(fake, TEXTS)
    fake.key = "sesame"
    page.goto(fake.url)
    page.locator("#key-value").fill("wrong")
    page.get_by_role("button", name="Use this key").click()
    page.locator("#key-value").fill("sesame")
    page.keyboard.press("Enter")
    page.locator("#input-text").wait_for()
    playground = Playground(page, fake.url)  # a reload remembers it
    playground.expect(page.locator("#health")).to_have_text("Ready")
    fake.finish(output=["in"])
    playground.run()
    playground.ended()
    [(_, headers, _)] = fake.predictions()
    assert headers["Authorization"] == "Bearer sesame"
    assert "$API_KEY" in playground.code("curl")
    assert "sesame" not in playground.code("Python")


def test_a_key_can_be_given_later(page: Any, fake: Fake) -> None:
    fake.key = "sesame"
    playground = Playground(page, fake.url, locked=True)
    page.get_by_role("button", name="Not now").click()
    playground.expect(page.locator("#fields")).to_contain_text("a key is needed (401)")
    assert page.locator("#run").is_disabled()
    page.get_by_role("button", name="API key").click()
    page.locator("#key-value").fill("sesame")
    page.keyboard.press("Enter")
    playground.expect(page.locator("#input-prompt")).to_be_visible()
    playground.expect(page.locator("#run")).to_be_enabled()


def test_setting_up_is_shown_with_its_log(page: Any, fake: Fake) -> None:
    with_output(fake, TEXTS)
    fake.health = {"status": "STARTING", "setup": {"logs": "loading weights\n"}}
    playground = Playground(page, fake.url)
    playground.expect(page.locator("#health")).to_have_text("Setting up")
    playground.expect(page.locator("#notice-log")).to_have_text("loading weights")
    assert page.locator("#run").is_disabled()
    fake.health = READY
    playground.expect(page.locator("#health")).to_have_text("Ready")
    playground.expect(page.locator("#run")).to_be_enabled()
    assert page.locator("#notice").is_hidden()


def test_a_setup_that_failed_shows_its_log(page: Any, fake: Fake) -> None:
    fake.health = {"status": "SETUP_FAILED", "setup": {"logs": "RuntimeError: no weights"}}
    playground = Playground(page, fake.url)
    playground.expect(page.locator("#notice-log")).to_have_text("RuntimeError: no weights")
    assert page.locator("#run").is_disabled()
    assert "nothing can be run" in page.locator("#notice").inner_text()


def test_an_unwell_model_says_so(page: Any, fake: Fake) -> None:
    fake.health = {"status": "UNHEALTHY", "user_healthcheck_error": "the GPU fell off"}
    playground = Playground(page, fake.url)
    playground.expect(page.locator("#notice")).to_contain_text("the GPU fell off")


def test_the_model_is_called_by_its_name(page: Any, fake: Fake) -> None:
    fake.models = ["stories-llama"]
    Playground(page, fake.url).expect(page).to_have_title(re.compile("^stories-llama"))


def test_a_large_stream_is_whole(simple: Playground, fake: Fake) -> None:
    words = [f"{number} " for number in range(3000)]
    fake.write(*words)
    fake.finish(output=words)
    simple.run()
    simple.ended()
    assert simple.tab.locator("#output pre").text_content() == "".join(words)
    assert json.loads(simple.tab.locator("#response-text").text_content())["output"] == words
