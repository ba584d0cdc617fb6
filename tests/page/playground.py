"""The playground as a person uses it: what can be seen and done, without the page's insides."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.page.fake import Fake


class Playground:
    """An open page. Waiting is the browser's: every look waits until it can be had."""

    def __init__(self, tab: Any, url: str, *, locked: bool = False) -> None:
        from playwright.sync_api import expect

        expect.set_options(timeout=20_000)  # a busy machine is slow, not wrong
        self.tab, self.expect = tab, expect
        tab.goto(url)
        if not locked:
            expect(tab.locator("#fields")).not_to_contain_text("Reading the model")

    # --- the form

    def field(self, name: str) -> Any:
        return self.tab.locator(f'[data-name="{name}"]')

    def fill(self, name: str, value: str) -> None:
        self.unfold()
        self.tab.locator(f"#input-{name}").fill(value)

    def choose(self, name: str, label: str) -> None:
        self.unfold()
        self.tab.locator(f"#input-{name}").select_option(label=label)

    def give(self, name: str, *files: Path) -> None:
        """Choose files, as in the dialog that the button opens."""
        self.unfold()
        with self.tab.expect_file_chooser() as dialog:
            self.field(name).get_by_role("button", name="Choose file").last.click()
        dialog.value.set_files(list(files))
        self.expect(self.field(name).locator(".file-name").last).to_contain_text(files[-1].name)

    def unfold(self) -> None:
        if self.tab.locator("#more").is_visible() and not self.tab.locator("#more[open]").count():
            self.tab.locator("#more-title").click()

    def shown(self) -> list[str]:
        """The names of the inputs, in the order in which they stand."""
        return self.tab.locator(".field").evaluate_all("all => all.map(one => one.dataset.name)")

    def problem(self, name: str) -> str:
        self.expect(self.field(name).locator(".problem")).to_be_visible()
        return self.field(name).locator(".problem").inner_text()

    # --- a run

    def run(self) -> None:
        self.tab.locator("#run").click()

    def ended(self, status: str = "Succeeded") -> None:
        self.expect(self.tab.locator("#status")).to_have_text(status)
        self.expect(self.tab.locator("#run")).to_be_enabled()

    def output(self, text: str | re.Pattern[str]) -> None:
        """Wait until the output is this text."""
        self.expect(self.tab.locator("#output")).to_have_text(text)

    def log(self) -> str:
        return self.tab.locator("#logs-text").text_content()

    def metrics(self) -> dict[str, str]:
        names = self.tab.locator("#metrics dt").all_text_contents()
        return dict(zip(names, self.tab.locator("#metrics dd").all_text_contents(), strict=True))

    def error(self) -> str:
        self.expect(self.tab.locator("#error")).to_be_visible()
        return self.tab.locator("#error").inner_text()

    # --- code

    def code(self, language: str) -> str:
        self.tab.get_by_role("tab", name=language, exact=True).click()
        return self.tab.locator("#code").text_content()


def with_output(fake: Fake, schema: dict[str, Any]) -> None:
    """Let the fake's model be one of a single text and of this output."""
    text = {"type": "string", "default": "", "title": "Text", "x-order": 0}
    schemas = fake.document["components"]["schemas"]
    changed = {**schemas, "Output": schema, "Input": {"properties": {"text": text}}}
    fake.document = {**fake.document, "components": {"schemas": changed}}
