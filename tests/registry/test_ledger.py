"""What is remembered of uploads: by one process at a time, for a day, and never in the way."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cogsmith.oci import Digest
from cogsmith.registry.ledger import KEPT, Ledger
from cogsmith.registry.uploads import Session

DIGEST = Digest.of(b"blob")
SESSION = Session("https://r.example/upload/1?_state=secret", 96, 5)
WHERE = "https://r.example", "a/b", DIGEST


def write(ledger: Ledger, session: Session = SESSION, now: float = 1000.0) -> None:
    with ledger.page(*WHERE, now) as page:
        page.write(session)


def read(ledger: Ledger, now: float = 1000.0) -> Session | None:
    with ledger.page(*WHERE, now) as page:
        return page.read()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def test_what_was_written_is_read(ledger: Ledger) -> None:
    write(ledger)
    assert read(ledger) == SESSION


def test_a_shorter_entry_after_a_longer_one(ledger: Ledger) -> None:
    write(ledger)
    write(ledger, Session("u", 1))
    assert read(ledger) == Session("u", 1)


def test_only_its_owner_reads_it(ledger: Ledger, tmp_path: Path) -> None:
    write(ledger)
    (file,) = (tmp_path / "ledger").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_each_upload_has_its_own(ledger: Ledger) -> None:
    write(ledger)
    for other in (("https://s.example", "a/b"), ("https://r.example", "a/c")):
        with ledger.page(*other, DIGEST, 1000.0) as page:
            assert page.read() is None


def test_what_is_over_leaves_no_file(ledger: Ledger, tmp_path: Path) -> None:
    write(ledger)
    with ledger.page(*WHERE, 1000.0) as page:
        page.clear()
    assert list((tmp_path / "ledger").iterdir()) == []


def test_what_is_too_old_is_forgotten(ledger: Ledger) -> None:
    write(ledger)
    assert read(ledger, 1000.0 + KEPT - 1) == SESSION
    assert read(ledger, 1000.0 + KEPT + 1) is None


@pytest.mark.parametrize("text", ["", "{", '{"location": "u"}', "[]", '{"a": 1}x', "\0\0"])
def test_a_torn_page(ledger: Ledger, tmp_path: Path, text: str) -> None:
    write(ledger)
    (file,) = (tmp_path / "ledger").iterdir()
    file.write_text(text)
    assert read(ledger) is None
    write(ledger)
    assert read(ledger) == SESSION


def test_who_comes_second_remembers_nothing(ledger: Ledger) -> None:
    with ledger.page(*WHERE, 1000.0) as first:
        first.write(SESSION)
        with ledger.page(*WHERE, 1000.0) as second:
            assert second.read() is None
            second.write(Session("other"))
            second.clear()
        assert first.read() == SESSION
    assert read(ledger) == SESSION


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for ledger in (Ledger(tmp_path / "file" / "ledger"), Ledger(None)):
        write(ledger)
        assert read(ledger) is None
