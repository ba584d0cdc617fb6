"""Outputs on their way to the person: names of files, texts, JSON, and nothing half-made."""

from __future__ import annotations

import io
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cogsmith.cli.console import Console
from cogsmith.cli.output import Files, Printer, destination, saved, write_document
from cogsmith.errors import UsageError
from cogsmith.prediction import Output

from .test_console import Terminal


@pytest.fixture
def heard() -> io.StringIO:
    """What is said on standard error."""
    return io.StringIO()


def made(folder: Path, name: str, text: str = "x") -> str:
    """A file of the author's, as the worker names it: a ``file://`` URL."""
    path = folder / "author's files" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path.as_uri()


def output(value: Any, *files: str, index: int = 0) -> Output:
    return Output(json=json.dumps(value).encode(), files=files, index=index)


def files(tmp_path: Path, heard: io.StringIO, suffix: str = "") -> Files:
    return Files(tmp_path / "output", suffix, Console(heard))


# --- names


def test_one_file_keeps_its_ending(tmp_path: Path, heard: io.StringIO) -> None:
    placed = files(tmp_path, heard).place(made(tmp_path, "a picture.png"), "")
    assert placed == str(tmp_path / "output.png")
    assert Path(placed).read_text() == "x"
    assert heard.getvalue() == f"Written output to: {placed}\n"


def test_a_temporary_file_is_moved_and_an_older_one_only_copied(
    tmp_path: Path, heard: io.StringIO
) -> None:
    """A project may lie in the temporary folder, as this test's does."""
    theirs = made(tmp_path, "of the project.svg")
    time.sleep(0.05)  # more than a tick of the file system's clock
    placed = files(tmp_path, heard)
    fresh = made(tmp_path, "of the prediction.svg")
    placed.place(theirs, "0")
    placed.place(fresh, "1")
    left = sorted(path.name for path in (tmp_path / "author's files").iterdir())
    assert left == ["of the project.svg"]


def test_the_ending_that_was_asked_for_wins(tmp_path: Path, heard: io.StringIO) -> None:
    placed = files(tmp_path, heard, ".jpeg").place(made(tmp_path, "a.jpg"), "0")
    assert placed == str(tmp_path / "output.0.jpeg")


def test_files_are_named_for_their_place(tmp_path: Path, heard: io.StringIO) -> None:
    a, b, c = (made(tmp_path, name) for name in ("a.png", "b.wav", "c"))
    value = {"images": [a, "words"], "sound": {"left": b}, "raw": c, "count": 2}
    found = files(tmp_path, heard).replaced(value, frozenset((a, b, c)))
    stem = tmp_path / "output"
    assert found == {
        "images": [f"{stem}.images.0.png", "words"],
        "sound": {"left": f"{stem}.sound.left.wav"},
        "raw": f"{stem}.raw",
        "count": 2,
    }


def test_a_text_that_looks_like_a_file_is_a_text(tmp_path: Path, heard: io.StringIO) -> None:
    url = made(tmp_path, "a.png")
    assert files(tmp_path, heard).replaced([url], frozenset()) == [url]
    assert heard.getvalue() == ""


def test_a_file_replaces_an_older_one_whole(tmp_path: Path, heard: io.StringIO) -> None:
    (tmp_path / "output.txt").write_text("a longer text of the last time")
    files(tmp_path, heard).place(made(tmp_path, "a.txt", "new"), "")
    assert (tmp_path / "output.txt").read_text() == "new"
    assert sorted(os.listdir(tmp_path)) == ["author's files", "output.txt"]


def test_a_file_goes_through_a_link_and_a_pipe(tmp_path: Path, heard: io.StringIO) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "output.txt").symlink_to(tmp_path / "real.txt")
    files(tmp_path, heard).place(made(tmp_path, "a.txt", "new"), "")
    assert (tmp_path / "real.txt").read_text() == "new"
    assert (tmp_path / "output.txt").is_symlink()
    os.mkfifo(tmp_path / "output.md")
    came: list[str] = []
    reader = threading.Thread(target=lambda: came.append((tmp_path / "output.md").read_text()))
    reader.start()
    files(tmp_path, heard).place(made(tmp_path, "b.md", "through"), "")
    reader.join()
    assert came == ["through"]
    assert (tmp_path / "output.md").is_fifo()


# --- printing


def printer(tmp_path: Path, heard: io.StringIO, **kind: bool) -> Printer:
    shape = {"joined": False, "iterator": False, "text": False, **kind}
    return Printer(io.StringIO(), files(tmp_path, heard), **shape)


def shown(one: Printer) -> str:
    assert isinstance(one.stream, io.StringIO)
    return one.stream.getvalue()


def test_pieces_of_a_text_are_shown_as_they_come(tmp_path: Path, heard: io.StringIO) -> None:
    one = printer(tmp_path, heard, joined=True, iterator=True, text=True)
    one.take(output("to"))
    assert shown(one) == "to"
    one.take(output("gether", index=1))
    assert one.finish()
    assert shown(one) == "together"


@pytest.mark.parametrize(("last", "end"), [("word", "word\n"), ("line\n", "line\n"), ("", "")])
def test_on_a_terminal_a_text_ends_its_line(
    last: str, end: str, tmp_path: Path, heard: io.StringIO
) -> None:
    stream = Terminal()
    one = Printer(stream, files(tmp_path, heard), joined=True, iterator=True, text=True)
    one.take(output(last))
    one.finish()
    assert stream.getvalue() == end


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("hällo", "hällo\n"),
        (3, "3\n"),
        (True, "true\n"),
        (["a", "ü"], '[\n  "a",\n  "ü"\n]\n'),
        ({}, "{}\n"),
    ],
)
def test_a_whole_value(value: Any, text: str, tmp_path: Path, heard: io.StringIO) -> None:
    one = printer(tmp_path, heard, text=isinstance(value, str))
    one.take(output(value))
    assert shown(one) == ""
    assert one.finish()
    assert shown(one) == text


def test_items_of_an_iterator_are_one_list(tmp_path: Path, heard: io.StringIO) -> None:
    one = printer(tmp_path, heard, iterator=True)
    one.take(output("a"))
    one.take(output("b", index=1))
    one.finish()
    assert json.loads(shown(one)) == ["a", "b"]


def test_no_output_at_all(tmp_path: Path, heard: io.StringIO) -> None:
    nothing, null = printer(tmp_path, heard), printer(tmp_path, heard)
    null.take(output(None))
    assert not nothing.finish()
    assert not null.finish()
    assert shown(nothing) + shown(null) == ""


def test_files_alone_are_told_and_not_printed(tmp_path: Path, heard: io.StringIO) -> None:
    urls = [made(tmp_path, "a.png"), made(tmp_path, "b.png")]
    one = printer(tmp_path, heard, iterator=True)
    for index, url in enumerate(urls):
        one.take(output(url, url, index=index))
    assert one.finish()
    assert shown(one) == ""
    assert (tmp_path / "output.0.png").exists()
    assert (tmp_path / "output.1.png").exists()


def test_files_among_values_are_told_and_printed(tmp_path: Path, heard: io.StringIO) -> None:
    url = made(tmp_path, "a.png")
    one = printer(tmp_path, heard)
    one.take(output({"image": url, "score": 1}, url))
    one.finish()
    assert json.loads(shown(one)) == {"image": str(tmp_path / "output.image.png"), "score": 1}


# --- whole or not at all


def test_saved_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    with saved(path) as stream:
        stream.write("half")
        stream.flush()
        assert not path.exists()
    assert path.read_text() == "half"
    assert os.listdir(tmp_path) == ["out.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_saved_leaves_nothing_behind(error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("the last time's")
    with pytest.raises(error), saved(path) as stream:
        stream.write("half")
        raise error
    assert path.read_text() == "the last time's"
    assert os.listdir(tmp_path) == ["out.txt"]


def test_saved_writes_to_devices_and_keeps_links(tmp_path: Path) -> None:
    (tmp_path / "null").symlink_to(os.devnull)
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    for name in ("null", "link.txt"):
        with saved(tmp_path / name) as stream:
            stream.write("x")
    assert (tmp_path / "null").is_char_device()
    assert (tmp_path / "real.txt").read_text() == "x"
    assert sorted(os.listdir(tmp_path)) == ["link.txt", "null", "real.txt"]


def test_a_document_is_printed_or_saved(
    tmp_path: Path, heard: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    write_document({"ü": [1]}, None, Console(heard))
    write_document({"ü": [1]}, tmp_path / "a.json", Console(heard))
    text = '{\n  "ü": [\n    1\n  ]\n}\n'
    assert capsys.readouterr().out == text
    assert (tmp_path / "a.json").read_text("utf-8") == text
    assert heard.getvalue() == f"Written output to: {tmp_path / 'a.json'}\n"


# --- where -o points


def test_destinations(tmp_path: Path) -> None:
    assert destination(None, "output") is None
    assert destination(str(tmp_path), "output.json") == tmp_path / "output.json"
    assert destination(str(tmp_path / "a.txt"), "output") == tmp_path / "a.txt"
    assert destination(f"@{tmp_path}/a.txt", "output") == tmp_path / "a.txt"


def test_a_destination_without_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder") as caught:
        destination(str(tmp_path / "no" / "a.txt"), "output")
    assert caught.value.hint == f"mkdir -p {tmp_path / 'no'}"
