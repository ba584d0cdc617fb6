"""Builds and pushes after an edit: the short road, and that nothing tells it from the whole one."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogsmith.oci import Digest, Layout, Reference, validate
from cogsmith.registry import Client
from tests.cli.workshop import PREDICTOR, Workshop, workshop

NAME = "hello:1"
WHOLE = "cogsmith.cli.building"  # the module that only the whole road imports
LISTED = {"PYTHONPROFILEIMPORTTIME": "1"}  # Python lists what it imports on standard error


@pytest.fixture
def place(tmp_path: Path, command_environment: dict[str, str]) -> Iterator[Workshop]:
    with workshop(tmp_path, command_environment) as opened:
        project = opened.project
        (project / "notes").mkdir()
        (project / "notes" / "a.txt").write_text("a\n")
        (project / "model.bin").write_bytes(b"1" * (10 << 20))
        git(project, "init", "-q")
        commit(project)
        yield opened


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def commit(project: Path) -> None:
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "a commit")


def write_a_comment(project: Path) -> None:
    (project / "predict.py").write_text(f"# hello\n{PREDICTOR}")


def take_another_input(project: Path) -> None:
    text = PREDICTOR.replace("name: str", "name: int").replace('"World"', "7")
    (project / "predict.py").write_text(text)


def commit_an_edit(project: Path) -> None:
    write_a_comment(project)
    commit(project)


def put_a_file(project: Path) -> None:
    (project / "notes" / "b.txt").write_text("b\n")


def put_a_link(project: Path) -> None:
    (project / "link").symlink_to("notes/a.txt")


def take_a_file(project: Path) -> None:
    (project / "notes" / "a.txt").unlink()


def take_a_folder(project: Path) -> None:
    shutil.rmtree(project / "notes")


def make_executable(project: Path) -> None:
    (project / "notes" / "a.txt").chmod(0o755)


def train_the_weights(project: Path) -> None:
    (project / "model.bin").write_bytes(b"2" * (10 << 20))


def put_weights(project: Path) -> None:
    (project / "more.bin").write_bytes(b"3" * (11 << 20))


def leave_out_notes(project: Path) -> None:
    (project / ".dockerignore").write_text("notes\n")


def ask_for_a_package(project: Path) -> None:
    (project / "requirements.txt").write_text("thing==1.0\n# of whom?\n")


def put_another_model(project: Path) -> None:
    (project / "cog.tiny.yaml").write_text((project / "cog.yaml").read_text())


def name_the_image(project: Path) -> None:
    config = project / "cog.yaml"
    config.write_text(f"{config.read_text()}environment:\n  - A=1\n")


SHORT = (
    write_a_comment, take_another_input, put_a_file, put_a_link, make_executable,
    train_the_weights, put_weights, commit_an_edit, take_a_file, take_a_folder,
)  # fmt: skip
LONG = (leave_out_notes, ask_for_a_package, put_another_model, name_the_image)


def built(place: Workshop) -> str:
    """Build until there is a note: the first build writes the lock, which is an input, too."""
    place.fine("build", "-t", NAME)
    return place.fine("build", "-t", NAME).stdout


def pushed(place: Workshop, *words: str) -> str:
    """As ``built``."""
    place.fine("push", *words)
    return place.fine("push", *words).stdout


def whole(place: Workshop) -> tuple[str, set[str]]:
    """What the whole road makes in a store that has nothing: the digest, and what is attached."""
    store = str(place.folder / "other-store")
    digest = place.fine("build", "-t", NAME, "--no-cache", COGSMITH_STORE=store).stdout.strip()
    return digest, attached(Layout.at(Path(store)))


def attached(layout: Layout) -> set[str]:
    subject = layout.find(Reference.parse(NAME)).digest
    return {str(entry.digest) for entry in layout.referrers(subject)}


def test_an_edit_makes_what_the_whole_road_makes(place: Workshop) -> None:
    built(place)
    for edit in SHORT:
        edit(place.project)
        ran = place.fine("build", "-t", NAME, **LISTED)
        assert WHOLE not in ran.stderr, edit
        assert (ran.stdout.strip(), attached(place.layout)) == whole(place), edit
        assert validate(place.image(NAME)) == (), edit
    ours = {entry.digest for entry in place.layout.index().manifests if entry.annotations == {}}
    assert {str(digest) for digest in ours} == attached(place.layout)  # none of earlier images
    again = place.fine("build", "-t", NAME, **LISTED)
    assert again.stdout == ran.stdout
    assert "cogsmith.oci" not in again.stderr  # nothing has changed since


def test_what_decides_more_takes_the_whole_road(place: Workshop) -> None:
    built(place)
    for edit in LONG:
        edit(place.project)
        assert WHOLE in place.fine("build", "-t", NAME, **LISTED).stderr, edit


def test_an_edit_that_cannot_be_understood_is_told_as_ever(place: Workshop) -> None:
    before = built(place)
    (place.project / "predict.py").write_text("from cog import BasePredictor\n")
    ran = place.run("build", "-t", NAME)
    again = place.run("build", "-t", NAME, "--no-cache")
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", again.stderr)
    (place.project / "predict.py").unlink()
    ran = place.run("build", "-t", NAME)
    assert "predict.py" in ran.stderr
    assert ran.returncode == 1
    assert f"{place.image(NAME).digest}\n" == before


def test_a_store_that_has_lost_something_takes_the_whole_road(place: Workshop) -> None:
    built(place)
    image = place.image(NAME)
    place.layout.path(image.layers[1].digest).unlink()
    write_a_comment(place.project)
    ran = place.fine("build", "-t", NAME, **LISTED)
    assert WHOLE in ran.stderr
    assert validate(place.image(NAME)) == ()


def test_a_note_of_another_shape_takes_the_whole_road(place: Workshop) -> None:
    built(place)
    [note] = (place.folder / "cache" / "unchanged").glob("*.json")
    for number, key in enumerate(("entry", "attached", "below", "predict", "base")):
        told = json.loads(note.read_text())
        told["ground"]["code"][key] = None
        note.write_text(json.dumps(told))
        (place.project / "predict.py").write_text(f"# {number}\n{PREDICTOR}")
        assert WHOLE in place.fine("build", "-t", NAME, **LISTED).stderr, key


def test_a_push_without_news_asks_one_question(place: Workshop) -> None:
    name = f"{place.host}/ada/hello:1"
    first = pushed(place, name)
    before = place.registry.count("HEAD")
    ran = place.fine("push", name, **LISTED)
    assert ran.stdout == first
    assert "it was there already" in ran.stderr
    assert "pydantic" not in ran.stderr
    assert place.registry.count("HEAD") == before + 1


def test_an_edit_is_pushed_by_the_short_road(place: Workshop) -> None:
    name = f"{place.host}/ada/hello:1"
    pushed(place, name)
    write_a_comment(place.project)
    ran = place.fine("push", name, **LISTED)
    assert WHOLE not in ran.stderr
    assert "2 blobs sent" in ran.stderr  # the code, and the config
    place.fine("build", "-t", NAME)
    digest, documents = whole(place)
    assert ran.stdout == f"{digest}\n"
    with Client() as client:
        reference = Reference.parse(name)
        assert str(client.fetch(reference).digest) == digest
        assert {str(entry.digest) for entry in client.referrers(reference)} == documents


def test_a_registry_that_has_lost_it_gets_it_again(place: Workshop) -> None:
    name = f"{place.host}/ada/hello:1"
    digest = pushed(place, name, "--no-attest")
    reference = Reference.parse(name)
    with Client() as client:
        client.delete(reference.with_digest(Digest.parse(digest.strip())))
        assert client.find(reference) is None
        assert place.fine("push", name, "--no-attest").stdout == digest
        found = client.find(reference)
    assert found is not None
    assert f"{found.digest}\n" == digest
