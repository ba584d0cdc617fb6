"""A real browser for the page: Debian's Chromium, driven by Playwright; skips without either."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.page.fake import HERE, Fake, document, served
from tests.page.playground import Playground

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs Chromium and the playwright package")


@pytest.fixture(scope="module")  # playwright's loop would be in the way of others' tests
def browser() -> Iterator[Any]:
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("the playwright package is not installed")
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A tab that fails the test when a script of ours raises or the policy is broken."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    context.set_default_timeout(20_000)
    tab = context.new_page()
    trouble: list[str] = []
    tab.on("pageerror", lambda error: trouble.append(str(error)))
    tab.on(
        "console",
        lambda message: "Content Security" in message.text and trouble.append(message.text),
    )
    yield tab
    context.close()
    assert trouble == []


@pytest.fixture(scope="session")
def zoo() -> dict[str, Any]:
    return document(HERE / "zoo.py")


@pytest.fixture
def fake(zoo: dict[str, Any]) -> Iterator[Fake]:
    """A server of scripted answers that shows the model with every kind of input."""
    with served(zoo) as server:
        yield server


@pytest.fixture
def playground(page: Any, fake: Fake) -> Playground:
    """The page of the fake, open."""
    return Playground(page, fake.url)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A PNG of one pixel."""
    path = tmp_path / "dot.png"
    path.write_bytes(
        bytes.fromhex(
            "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
            "1f15c4890000000d49444154789c63f8cfc0f01f0005000"
            "1ff89993d1d0000000049454e44ae426082"
        )
    )
    return path
