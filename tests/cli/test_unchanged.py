"""The note that a build leaves: it holds as long as nothing has changed, and no longer."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cogsmith.cli import unchanged
from cogsmith.cli.unchanged import Note, inputs_of, note_for
from cogsmith.environment import Settings

REPORT = {"digest": f"sha256:{hashlib.sha256(b'manifest').hexdigest()}", "names": ["one:latest"]}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "cog.yaml").write_text("predict: x\n")
    (folder / "src" / "a.py").write_text("a = 1\n")
    return folder


@pytest.fixture
def facts(tmp_path: Path) -> dict[str, Any]:
    store = tmp_path / "store"
    blob = store / "blobs" / "sha256" / "abc"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"12345")
    name = {"org.opencontainers.image.ref.name": "docker.io/library/one:latest"}
    entry = {"digest": REPORT["digest"], "annotations": name}
    (store / "index.json").write_text(json.dumps({"manifests": [entry]}))
    return {
        "store": str(store), "references": ["docker.io/library/one:latest"],
        "blobs": [["sha256/abc", 5]], "engine": "unwanted", "ids": [],
    }  # fmt: skip


@pytest.fixture
def note(tmp_path: Path, project: Path, facts: dict[str, Any]) -> Note:
    made = Note(tmp_path / "notes" / "x.json")
    made.leave(REPORT, inputs_of(project), facts, time.time_ns() + 10**10)
    assert made.recall() == REPORT
    return made


def write_again(project: Path, _store: Path) -> None:
    (project / "src" / "a.py").write_text("a = 2\n")


def touch_with_the_old_time(project: Path, _store: Path) -> None:
    path = project / "src" / "a.py"
    before = path.stat()
    path.write_text("a = 3\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def put_another_file(project: Path, _store: Path) -> None:
    (project / "src" / "b.py").write_text("")


def take_a_file(project: Path, _store: Path) -> None:
    (project / "src" / "a.py").unlink()


def make_executable(project: Path, _store: Path) -> None:
    (project / "src" / "a.py").chmod(0o755)


def lose_a_blob(_project: Path, store: Path) -> None:
    (store / "blobs" / "sha256" / "abc").unlink()


def cut_a_blob(_project: Path, store: Path) -> None:
    (store / "blobs" / "sha256" / "abc").write_bytes(b"123")


def lose_the_name(_project: Path, store: Path) -> None:
    (store / "index.json").write_text('{"manifests": []}')


def lose_the_store(_project: Path, store: Path) -> None:
    (store / "index.json").unlink()


@pytest.mark.parametrize(
    "change",
    [
        write_again, touch_with_the_old_time, put_another_file, take_a_file, make_executable,
        lose_a_blob, cut_a_blob, lose_the_name, lose_the_store,
    ],
    ids=lambda change: change.__name__,
)  # fmt: skip
def test_every_change_is_seen(
    change: Callable[[Path, Path], None], note: Note, project: Path, facts: dict[str, Any]
) -> None:
    change(project, Path(facts["store"]))
    assert note.recall() is None


def test_what_was_written_during_the_build_is_not_believed(
    tmp_path: Path, project: Path, facts: dict[str, Any]
) -> None:
    note = Note(tmp_path / "x.json")
    note.leave(REPORT, inputs_of(project), facts, time.time_ns())
    assert note.recall() is None
    coarse = 1_700_000_000 * 10**9  # a file system that counts whole seconds
    for path in project.rglob("*"):
        os.utime(path, ns=(coarse, coarse))
    assert not unchanged._is_fresh([0, coarse, coarse, 0, 0], coarse + 3 * 10**9)
    assert unchanged._is_fresh([0, coarse, coarse, 0, 0], coarse + 10**9)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": {}, "report": 1}'])
def test_a_broken_note_is_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    assert Note(path).recall() is None
    assert Note(tmp_path / "absent.json").recall() is None


def test_an_engine_that_has_lost_it(note: Note, facts: dict[str, Any], project: Path) -> None:
    facts = {**facts, "engine": f"unix://{project}/no.sock", "ids": ["sha256:x"]}
    note.leave(REPORT, inputs_of(project), facts, time.time_ns() + 10**10)
    assert note.recall() is None


def test_another_question_has_another_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"COGSMITH_CACHE_DIR": str(tmp_path), "LS_COLORS": "x"}
    one = note_for({"tags": ["a"]}, environ).path
    assert note_for({"tags": ["a"]}, {**environ, "LS_COLORS": "y"}).path == one
    others = [
        note_for({"tags": ["b"]}, environ),
        note_for({"tags": ["a"]}, {**environ, "COGSMITH_BASE_IMAGE": "x"}),
    ]
    monkeypatch.chdir(tmp_path)
    others.append(note_for({"tags": ["a"]}, environ))
    assert len({one, *(note.path for note in others)}) == 4


@pytest.mark.parametrize(
    "environ",
    [{}, {"XDG_CACHE_HOME": "/x"}, {"XDG_CACHE_HOME": "x"}, {"COGSMITH_CACHE_DIR": "~/c"}],
    ids=["home", "xdg", "relative", "told"],
)
def test_notes_lie_in_the_cache(environ: dict[str, str]) -> None:
    cache = Settings.of(environ, home=Path.home()).cache
    assert note_for({}, environ).path.is_relative_to(cache / "unchanged")


def test_the_quick_way_imports_next_to_nothing() -> None:
    import subprocess
    import sys

    program = "import sys, cogsmith.cli.build; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    heavy = {"pydantic", "yaml", "rich", "http.client", "cogsmith.config", "cogsmith.image"}
    assert heavy & set(ran.stdout.split()) == set()
