"""The API's page: every endpoint of the document, readable."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.page.fake import Fake

pytestmark = pytest.mark.browser


@pytest.fixture
def docs(page: Any, fake: Fake) -> Any:
    page.goto(f"{fake.url}/docs")
    page.locator("#content section").first.wait_for()
    return page


def test_every_endpoint_is_there(docs: Any, zoo: dict[str, Any]) -> None:
    listed = docs.locator("#list a").all_inner_texts()
    wanted = {f"{method.upper()}{path}" for path, item in zoo["paths"].items() for method in item}
    assert {"".join(one.split()) for one in listed} == wanted
    assert listed[0].split() == ["POST", "/predictions"]  # what people come for
    assert docs.locator("#content section").count() == len(wanted)


def test_the_inputs_are_a_table(docs: Any) -> None:
    predict = docs.locator("#post-predictions")
    row = predict.locator("tr", has=docs.get_by_text("input.temperature", exact=True)).first
    assert "number" in row.inner_text()
    assert "How wild." in row.inner_text()
    assert "at least 0 · at most 2 · default 0.7" in row.inner_text()
    style = predict.locator("tr", has=docs.get_by_text("input.style", exact=True)).first
    assert 'one of "calm", "bold", "plain"' in style.inner_text()
    prompt = predict.locator("tr", has=docs.get_by_text("input.prompt", exact=True)).first
    assert "required" in prompt.inner_text()
    assert "What to <b>answer</b>." in prompt.inner_text()


def test_answers_unfold(docs: Any) -> None:
    refused = docs.locator("#post-predictions details", has_text="422")
    refused.locator("summary").click()
    assert "detail" in refused.locator("table").inner_text()


def test_the_example_can_be_run(docs: Any, fake: Fake) -> None:
    fake.answer = (200, {"status": "succeeded"})
    code = docs.locator("#post-predictions pre").inner_text()
    done = subprocess.run(
        ["sh", "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(done.stdout) == {"status": "succeeded"}
    method, path, _, body = fake.asked[-1]
    assert (method, path) == ("POST", "/predictions")
    assert set(body["input"]) == {"prompt", "picture", "token"}


def test_it_leads_to_the_playground_and_back(docs: Any) -> None:
    docs.get_by_role("link", name="Try it").click()
    docs.locator("#form").wait_for()
    docs.get_by_role("link", name="API", exact=True).click()
    docs.locator("#post-predictions").wait_for()


def test_a_key_is_asked_for_in_the_page(page: Any, fake: Fake) -> None:
    fake.key = "sesame"
    page.goto(f"{fake.url}/docs")
    page.get_by_label("This server asks for an API key").fill("sesame")
    page.keyboard.press("Enter")
    page.locator("#post-predictions").wait_for()
    assert "$API_KEY" in page.locator("#post-predictions pre").inner_text()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_the_screen(docs: Any, width: int) -> None:
    docs.set_viewport_size({"width": width, "height": 800})
    assert docs.evaluate("document.documentElement.scrollWidth") <= width
