"""How work is shown: lines, bars, JSON, and words for bytes and seconds."""

from __future__ import annotations

import doctest
import io
import json

import pytest

from cogsmith.cli import amounts, images, naming
from cogsmith.cli.console import Console
from cogsmith.cli.progress import Display, showing
from cogsmith.environment import Notice, Progress
from cogsmith.image import LayerProgress
from cogsmith.oci import Descriptor
from cogsmith.registry import BlobProgress

BIG = Descriptor.of(b"x", "text/plain")
LARGE = Descriptor(media_type=BIG.media_type, digest=BIG.digest, size=5_000_000)


def told(display: Display) -> None:
    """Some of everything."""
    display.step(Progress(step="resolve", text="resolving", whole=True))
    display.step(Progress(step="download", text="a frame", done=1, total=9, unit="B"))
    display.step(Notice(text="by the way", hint="do this"))
    display.layer(LayerProgress(title="torch 1.0", state="known", done=1, total=1))
    display.layer(LayerProgress(title="code", state="making", done=1, total=2))
    display.layer(LayerProgress(title="code", state="made", done=2, total=2))
    hear = display.blobs("Pushing", "Pushed", {LARGE.digest: "torch 1.0"}, 5_000_000)
    hear(BlobProgress(blob=LARGE, state="running", done=1_000_000, rate=2e6))
    hear(BlobProgress(blob=LARGE, state="retrying", done=0, note="the connection broke"))
    hear(BlobProgress(blob=LARGE, state="done", done=5_000_000))
    amount = display.amount("Loading")
    for done in range(1, 2_000_001, 1000):
        amount(done, 2_000_000)
    amount(2_000_000, 2_000_000)


def shown(**console: bool) -> str:
    stream = io.StringIO()
    with showing(Console(stream, **console)) as display:
        told(display)
    return stream.getvalue()


def test_lines() -> None:
    assert shown().splitlines() == [
        "resolving", "by the way", "do this", "Packed code",
        "torch 1.0: the connection broke; trying again", "Pushed torch 1.0 (5.00 MB)",
    ]  # fmt: skip


def test_quiet_is_quiet() -> None:
    assert shown(quiet=True) == ""


def test_json_tells_all_of_it() -> None:
    events = [json.loads(line) for line in shown(json=True).splitlines()]
    kinds = [event["type"] for event in events]
    assert kinds[:9] == [
        "step", "step", "note", "note", "layer", "layer", "layer", "blob", "blob",
    ]  # fmt: skip
    assert events[7] == {
        "type": "blob", "doing": "pushing", "title": "torch 1.0", "digest": str(LARGE.digest),
        "state": "running", "done": 1_000_000, "total": 5_000_000, "rate": 2_000_000, "note": "",
    }  # fmt: skip
    loads = [event for event in events if event.get("step") == "load"]
    assert loads[-1]["done"] == loads[-1]["total"] == 2_000_000
    assert len(loads) < 100  # of two thousand words


def test_bars_leave_lines_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(terminal=True)
    assert text == ""  # all went through the bars' own screen
    lines = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert "by the way" in lines
    assert "torch 1.0: the connection broke; trying again" in lines


def test_a_screen_without_work_shows_no_bar() -> None:
    stream = io.StringIO()
    with showing(Console(stream, terminal=True)) as display:
        display.layer(LayerProgress(title="torch 1.0", state="known", done=1, total=1))
        display.console.note("nothing to do")
    assert stream.getvalue() == "nothing to do\n"


@pytest.mark.parametrize("module", [amounts, images, naming], ids=lambda m: m.__name__)
def test_examples(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
