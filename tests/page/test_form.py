"""The form that the schema makes, and what it sends."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from tests.page.fake import Fake
from tests.page.playground import Playground

pytestmark = pytest.mark.browser


def sent(fake: Fake) -> dict[str, Any]:
    """The one input that was sent."""
    [(_, _, body)] = fake.predictions()
    return body["input"]


def required(playground: Playground, picture: Path) -> None:
    playground.fill("prompt", "Hello")
    playground.give("picture", picture)
    playground.fill("token", "hunter2")


def inline(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def test_inputs_stand_in_the_authors_order_the_required_ones_first(
    playground: Playground, zoo: dict[str, Any]
) -> None:
    properties = zoo["components"]["schemas"]["Input"]["properties"]
    assert playground.shown() == list(properties)
    assert playground.field("prompt").is_visible()
    assert not playground.field("temperature").is_visible()
    playground.unfold()
    assert playground.field("temperature").is_visible()


def test_types_bounds_and_defaults_are_told(playground: Playground) -> None:
    def about(name: str) -> str:
        return playground.field(name).text_content()

    assert "number · 0 – 2 · default 0.7" in about("temperature")
    assert "at least 2 characters · at most 12 characters · default Untitled" in about("title")
    assert "file · image/*" in about("picture")
    assert "matches ^[a-z]+$" in about("code")
    assert "list of file" in about("extras")
    assert "text or number" in about("guide")
    assert "deprecated" in about("old_style")
    assert "An enumeration" not in about("style")


def test_what_was_left_alone_is_not_sent(playground: Playground, fake: Fake, picture: Path) -> None:
    required(playground, picture)
    fake.finish(output=["ok"])
    playground.run()
    playground.ended()
    assert sent(fake) == {
        "prompt": "Hello", "picture": inline(picture, "image/png"), "token": "hunter2",
    }  # fmt: skip


def test_every_kind_of_input_is_sent_as_its_type(
    playground: Playground, fake: Fake, picture: Path, tmp_path: Path
) -> None:
    required(playground, picture)
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text("1")
    two.write_text("2")
    tab = playground.tab
    playground.fill("prompt", "two\nlines")
    playground.fill("temperature", "1.5")
    playground.fill("count", "7")
    playground.fill("seed", "0")
    playground.choose("style", "bold")
    playground.choose("size", "1024")
    tab.locator("#input-polish").uncheck()
    playground.fill("title", "Ünï")
    playground.fill("code", "abc")
    playground.fill("stops", "STOP")
    playground.field("stops").get_by_role("button", name="+ Add").click()
    tab.keyboard.type("HALT")
    playground.field("extras").get_by_role("button", name="+ Add").click()
    playground.give("extras", one, two)
    playground.fill("messages", '[{"role": "user", "content": "Hi"}]')
    playground.fill("options", '{"deep": [1, null, true]}')
    playground.field("guide").get_by_label("type of guide").select_option(label="number")
    playground.fill("guide", "2.5")
    playground.fill("nickname", "")
    fake.finish(output=["ok"])
    playground.run()
    playground.ended()
    assert sent(fake) == {
        "prompt": "two\nlines", "picture": inline(picture, "image/png"), "token": "hunter2",
        "temperature": 1.5, "count": 7, "seed": 0, "style": "bold", "size": 1024,
        "polish": False, "title": "Ünï", "code": "abc", "stops": ["STOP", "HALT"],
        "extras": [inline(one, "text/plain"), inline(two, "text/plain")],
        "messages": [{"role": "user", "content": "Hi"}], "options": {"deep": [1, None, True]},
        "guide": 2.5, "nickname": None,
    }  # fmt: skip


def test_a_slider_and_its_number_are_one_value(playground: Playground) -> None:
    playground.unfold()
    number = playground.tab.locator("#input-temperature")
    slider = playground.field("temperature").locator("input[type=range]")
    number.fill("1.25")
    assert slider.input_value() == "1.25"
    slider.fill("0.5")
    assert number.input_value() == "0.5"
    assert playground.field("seed").locator("input[type=range]").count() == 0  # too many steps


def test_a_wide_slider_reaches_small_numbers_too(page: Any, fake: Fake) -> None:
    wide = {"type": "integer", "minimum": 1, "maximum": 32768, "default": 512, "x-order": 0}
    schemas = fake.document["components"]["schemas"] | {"Input": {"properties": {"size": wide}}}
    fake.document = fake.document | {"components": {"schemas": schemas}}
    playground = Playground(page, fake.url)
    slider = playground.field("size").locator("input[type=range]")
    values = []
    for part in ("0", "0.03", "0.1", "0.25", "0.5", "1"):
        slider.fill(part)
        values.append(int(page.locator("#input-size").input_value()))
    assert values == [1, 2, 34, 510, 4100, 32768]


def test_mistakes_are_told_at_their_fields_and_nothing_is_sent(
    playground: Playground, fake: Fake
) -> None:
    playground.fill("temperature", "9")
    playground.fill("count", "2.5")
    playground.fill("title", "x")
    playground.fill("code", "ABC")
    playground.fill("messages", '{"role": "user"}')
    playground.fill("options", "{")
    playground.fill("picture", "ftp://example.com/a.png")
    playground.run()
    assert playground.problem("prompt") == "This is needed."
    assert playground.problem("token") == "This is needed."
    assert playground.problem("temperature") == "At most 2."
    assert playground.problem("count") == "A whole number is needed."
    assert playground.problem("title") == "At least 2 characters, not 1."
    assert playground.problem("code") == "Does not match ^[a-z]+$."
    assert playground.problem("messages") == "A list, in [ ], is needed."
    assert playground.problem("options").startswith("Not JSON: ")
    assert playground.problem("picture").startswith("An address starts with")
    assert fake.predictions() == []
    playground.expect(playground.tab.locator("#input-prompt")).to_be_focused()
    assert playground.tab.locator("#input-prompt").get_attribute("aria-invalid") == "true"
    playground.fill("prompt", "now")
    playground.expect(playground.field("prompt").locator(".problem")).to_be_hidden()


def test_the_servers_refusal_is_told_at_the_fields(
    playground: Playground, fake: Fake, picture: Path
) -> None:
    def wrong(*loc: str, msg: str) -> dict[str, Any]:
        return {"loc": ["body", *loc], "msg": msg, "type": "value_error"}

    required(playground, picture)
    detail = [
        wrong("input", "count", msg="must be odd"),
        wrong("input", "prompt", msg="too polite"),
        wrong("id", msg="is taken"),
    ]
    fake.answer = (422, {"detail": detail})
    playground.run()
    assert playground.problem("count") == "must be odd"
    assert playground.field("count").is_visible()  # among those that were folded away
    assert playground.problem("prompt") == "too polite"
    assert playground.tab.locator("#form-problem").inner_text() == "id: is taken"
    playground.ended("Not run")
    assert playground.tab.locator("#history").is_hidden()


def test_files_can_be_dropped_looked_at_and_taken_away(
    playground: Playground, fake: Fake, picture: Path
) -> None:
    data = base64.b64encode(picture.read_bytes()).decode()
    dropped = playground.tab.evaluate_handle(
        """data => {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "dot.png", { type: "image/png" }));
            return transfer;
        }""",
        data,
    )
    zone = playground.field("picture").locator(".file")
    zone.dispatch_event("drop", {"dataTransfer": dropped})
    playground.expect(zone).to_contain_text("dot.png")
    assert zone.locator("img").get_attribute("src") == inline(picture, "image/png")
    zone.get_by_role("button", name="Remove").click()
    playground.fill("picture", "https://example.com/cat.png")
    playground.fill("prompt", "x")
    playground.fill("token", "y")
    fake.finish(output=[])
    playground.run()
    playground.ended()
    assert sent(fake)["picture"] == "https://example.com/cat.png"


def test_a_value_and_the_whole_form_go_back_to_their_defaults(playground: Playground) -> None:
    playground.fill("temperature", "1.9")
    playground.field("temperature").get_by_role("button", name="Reset").click()
    assert playground.tab.locator("#input-temperature").input_value() == "0.7"
    playground.fill("prompt", "gone")
    playground.fill("count", "9")
    playground.tab.locator("#reset").click()
    assert playground.tab.locator("#input-prompt").input_value() == ""
    assert playground.tab.locator("#input-count").input_value() == "3"


def test_what_the_author_wrote_is_text(playground: Playground) -> None:
    assert "What to <b>answer</b>." in playground.field("prompt").inner_text()
    assert playground.field("prompt").locator("b").count() == 0


def test_a_secret_is_hidden_until_asked_for(playground: Playground) -> None:
    box = playground.tab.locator("#input-token")
    assert box.get_attribute("type") == "password"
    playground.field("token").get_by_role("button", name="Show").click()
    assert box.get_attribute("type") == "text"


def test_every_control_has_a_name_for_those_who_cannot_see_it(playground: Playground) -> None:
    playground.unfold()
    nameless = playground.tab.evaluate(
        """() => [...document.querySelectorAll("input, select, textarea, button, [role=tab]")]
            .filter((one) => one.type !== "file" && !one.closest("[aria-hidden=true]"))
            .filter((one) => !one.labels?.length && !one.getAttribute("aria-label")
                && !one.textContent.trim())
            .map((one) => one.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_the_page_fits_the_screen(playground: Playground, width: int) -> None:
    playground.tab.set_viewport_size({"width": width, "height": 800})
    playground.unfold()
    wide = playground.tab.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
