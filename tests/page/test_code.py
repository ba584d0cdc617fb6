"""The code of a request does what the request did: it is run, against the same server."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.page.fake import Fake
from tests.page.playground import Playground

pytestmark = pytest.mark.browser

AWKWARD = """it's "quoted" \\n \\ $HOME `id` {braces} é 🦊 \u2028 </script>
second line\ttab"""


def run(language: str, code: str) -> str:
    """Run code of one of the page's languages as a person would."""
    node = shutil.which("node")
    if language == "JavaScript" and not node:
        pytest.skip("node is not installed")
    if language == "curl" and not shutil.which("curl"):
        pytest.skip("curl is not installed")
    command = {
        "curl": ["sh", "-c", code],
        "Python": [sys.executable, "-c", code],
        "JavaScript": [node or "", "--input-type=module", "-e", code],
    }[language]
    environment = {**os.environ, "API_KEY": "sesame", "no_proxy": "127.0.0.1"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def filled(playground: Playground) -> None:
    playground.fill("prompt", AWKWARD)
    playground.fill("picture", "https://example.com/cat.png")
    playground.fill("token", "hunter2")
    playground.fill("options", '{"a": [1, null, true, {"b": -0.5e3}]}')
    playground.fill("nickname", "")
    playground.tab.locator("#input-polish").uncheck()


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
@pytest.mark.parametrize("streams", [True, False], ids=["stream", "json"])
def test_code_sends_what_the_page_sent(
    playground: Playground, fake: Fake, language: str, streams: bool
) -> None:
    fake.streams = streams
    if not streams:
        fake.answer = (200, {"status": "succeeded", "output": ["one ", "two"]})
    filled(playground)
    for _ in range(2):  # once for the page, once for the code
        fake.write("one ", "two")
        fake.finish(output=["one ", "two"])
    playground.run()
    playground.ended()
    (_, headers, mine) = fake.predictions()[-1]
    fake.asked.clear()
    said = run(language, playground.code(language).replace("**********", "hunter2"))
    [(method, path, others, theirs)] = fake.asked
    assert (method, path) == ("POST", "/predictions")
    assert theirs == mine
    if streams:
        assert others["Accept"] == headers["Accept"] == "text/event-stream"
    assert "one " in said
    assert "two" in said


@pytest.mark.parametrize("language", ["curl", "Python", "JavaScript"])
def test_code_shows_the_key_but_does_not_tell_it(page: Any, fake: Fake, language: str) -> None:
    page.add_init_script("sessionStorage.setItem('cogsmith.key', 'sesame')")
    fake.key = "sesame"
    code = Playground(page, fake.url).code(language)
    assert "sesame" not in code
    fake.write("one")
    fake.finish(output=["one"])
    run(language, code.replace("YOUR API KEY", "sesame"))
    assert fake.asked[-1][2]["Authorization"] == "Bearer sesame"


def test_secrets_are_starred(playground: Playground) -> None:
    playground.fill("token", "hunter2")
    for language in ("curl", "Python", "JavaScript"):
        code = playground.code(language)
        assert "hunter2" not in code
        assert '"token": "**********"' in code
    assert "Secrets are starred." in playground.tab.locator("#code-note").inner_text()


def test_files_are_cut_short(playground: Playground, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(b"x" * 30_000)
    playground.give("picture", large)
    code = playground.code("curl")
    assert len(code) < 1000
    assert "data:image/png;base64,eHh4" in code
    assert "more characters)" in code
    assert "Files are cut short" in playground.tab.locator("#code-note").inner_text()


def test_code_follows_the_form(playground: Playground) -> None:
    assert '"count"' not in playground.code("curl")
    playground.fill("count", "9")
    assert '"count": 9' in playground.code("curl")


def test_code_can_be_copied(playground: Playground) -> None:
    playground.tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    playground.fill("prompt", AWKWARD)
    playground.tab.locator("#copy-code").click()
    playground.expect(playground.tab.locator("#copy-code")).to_have_text("Copied")
    copied = playground.tab.evaluate("navigator.clipboard.readText()")
    assert copied == playground.tab.locator("#code").text_content()


def test_tabs_are_walked_with_arrows(playground: Playground) -> None:
    playground.tab.get_by_role("tab", name="curl").focus()
    playground.tab.keyboard.press("ArrowRight")
    playground.expect(playground.tab.get_by_role("tab", name="Python")).to_be_focused()
    assert "import requests" in playground.tab.locator("#code").text_content()
    playground.tab.keyboard.press("ArrowLeft")
    playground.tab.keyboard.press("ArrowLeft")
    playground.expect(playground.tab.get_by_role("tab", name="JavaScript")).to_be_focused()


def test_openai_is_offered_where_the_server_speaks_it(page: Any, fake: Fake) -> None:
    assert not Playground(page, fake.url).tab.get_by_role("tab", name="OpenAI").is_visible()
    fake.models = ["stories"]
    playground = Playground(page, fake.url)
    playground.fill("prompt", AWKWARD)
    playground.fill("temperature", "0.25")
    playground.fill("count", "4")
    code = playground.code("OpenAI")
    calls = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    [call] = [one for one in calls if ast.unparse(one.func).endswith("completions.create")]
    given = {one.arg: ast.literal_eval(one.value) for one in call.keywords}
    assert given == {
        "model": "stories", "messages": [{"role": "user", "content": AWKWARD}],
        "temperature": 0.25, "stream": True, "extra_body": {"count": 4},
    }  # fmt: skip
