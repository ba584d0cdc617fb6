"""``cogsmith verify``: an image is what source and lock make, or it is said where it is not."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cogsmith.cli.checkout import read_checkout
from cogsmith.cli.verdict import Claims, Verdict, claims_of, plain
from cogsmith.image import Checkout, differences
from cogsmith.image.provenance import statement
from cogsmith.oci import (
    ContainerConfig,
    Digest,
    File,
    History,
    Image,
    ImageConfig,
    Platform,
    Reference,
    validate,
)
from cogsmith.registry import Client, Shipment
from tests.cli.workshop import PREDICTOR, Workshop, workshop
from tests.environment.wheels import make_wheel
from tests.image.materials import CHECKOUT, INVOCATION, materials
from tests.oci.images import made_of

REFERENCE = Reference.parse("registry.example/me/llama:3")
LABELS = {
    "run.cogsmith.version": "1.0", "run.cogsmith.recipes": "1", "run.cogsmith.lock": "aa",
    "org.opencontainers.image.base.digest": str(Digest.of(b"base")),
}  # fmt: skip


def image(code: bytes = b"print(1)\n", path: str = "src/predict.py", **labels: str) -> Image:
    more = {name.replace("__", "."): value for name, value in labels.items()}
    config = ImageConfig(
        platform=Platform.parse("linux/amd64"),
        config=ContainerConfig(labels={**LABELS, **more}),
        history=tuple(map(titled, ("cogsmith: torch 2.13.0", "cogsmith: the project in /src"))),
    )
    wheel, project = made_of([File.of("opt/torch.py", b"")]), made_of([File.of(path, code)])
    return Image.of(config, [wheel, project])


def titled(title: str) -> History:
    return History(created_by=title)


def verdict(theirs: Image, ours: Image, **more: Any) -> Verdict:
    told = {"claims": claims_of(theirs, {}), "pinned": True, "where": "registry", **more}
    return Verdict(
        reference=REFERENCE, theirs=theirs, ours=ours, differences=differences(ours, theirs), **told
    )


def test_the_same_image() -> None:
    found = verdict(image(), image())
    assert found.good
    assert found.sentence == (
        f"registry.example/me/llama:3 is what this source and lock make: {image().digest}"
    )
    assert list(found.lines()) == list(found.reasons()) == []
    document = found.document()
    assert document["verified"] is True
    assert document["digest"] == document["built"] == str(image().digest)
    assert document["layer"] is None


def test_another_file_of_the_project() -> None:
    theirs, ours = image(b"print(1)\n"), image(b"print(2)\n")
    found = verdict(theirs, ours)
    assert not found.good
    assert str(theirs.digest) in found.sentence
    assert str(ours.digest) in found.sentence
    lines = list(found.lines())
    assert lines[:2] == [
        "the first layer that differs is 1: the project in /src",
        "  the first file that differs is /src/predict.py: it has other content",
    ]
    assert f"    in the image: file of 9 bytes, {Digest.of(b'print(1)' + bytes([10]))}" in lines[2]
    assert list(found.reasons()) == ["other files of the project"]
    layer = found.document()["layer"]
    assert (layer["number"], layer["file"]["path"]) == (1, "/src/predict.py")
    assert layer["file"]["change"] == "content"


def test_a_file_more_or_less() -> None:
    theirs, ours = image(path="src/a.py"), image(path="src/b.py")
    assert "/src/a.py: it is in the image alone" in "\n".join(verdict(theirs, ours).lines())
    document = verdict(theirs, ours).document()
    assert document["layer"]["file"]["change"] == "only image"
    assert document["layer"]["file"]["build"] is None


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"run__cogsmith__version": "0.9"}, "it was made by cogsmith 0.9, and this is 1.0"),
        ({"run__cogsmith__recipes": "2"}, "this version of cogsmith makes layers in another way"),
        ({"run__cogsmith__lock": "bb"}, "another lock: other packages, or other versions of them"),
        (
            {"org__opencontainers__image__base__digest": "sha256:x"},
            f"another base image: it stands on sha256:x, and the build on {Digest.of(b'base')}",
        ),
    ],
)
def test_what_may_be_the_reason(labels: dict[str, str], reason: str) -> None:
    found = verdict(image(**labels), image())
    assert list(found.reasons()) == [reason]
    assert found.document()["reasons"] == [reason]
    assert found.document()["values"][0]["path"].startswith("label ")


def test_an_image_of_somebody_else() -> None:
    theirs = Image.of(ImageConfig(platform=Platform.parse("linux/amd64")), [made_of([])])
    assert list(verdict(theirs, image()).reasons()) == ["it was not made by cogsmith"]


def test_commits_that_differ() -> None:
    claims = Claims(labels=LABELS, commit="a" * 40, dirty=True)
    found = verdict(
        image(b"1"), image(b"2"), claims=claims, checkout=Checkout(commit="b" * 40, dirty=True)
    )
    assert list(found.reasons()) == [
        "it says to be built from commit aaaaaaaaaaaa, and here is bbbbbbbbbbbb",
        "it says to be built from files that differ from commit aaaaaaaaaaaa",
        "files here differ from commit bbbbbbbbbbbb",
    ]


def test_an_image_with_broken_documents_is_not_good() -> None:
    problems = validate(Image(manifest=image().manifest, config=image(x="y").config), layers=False)
    found = verdict(image(), image(), problems=problems)
    assert problems
    assert not found.good
    assert found.sentence.endswith("but not all of it is right")
    assert len(found.document()["problems"]) == len(problems)


def test_nothing_that_an_image_says_moves_the_cursor() -> None:
    theirs = image(path="src/\x1b[2Jpredict.py")
    lines = [plain(line) for line in verdict(theirs, image()).lines()]
    assert "\\x1b[2J" in "".join(lines)
    assert all(line.isprintable() for line in lines)


# Claims


def test_what_provenance_says_is_read(tmp_path: Path) -> None:
    one = image()
    said = json.loads(json.dumps(statement(one, materials(tmp_path), INVOCATION)))
    claims = claims_of(one, said)
    assert claims.accelerator == "cpu"
    assert claims.flags == {"separate-weights": True}
    assert (claims.commit, claims.dirty) == (CHECKOUT.commit, False)


@pytest.mark.parametrize(
    "statement",
    [
        {}, {"subject": None}, {"subject": [3]}, {"subject": [{"digest": []}], "predicate": {}},
        {"subject": [{"digest": {"sha256": "00"}}], "predicate": {"buildDefinition": {
            "externalParameters": {"accelerator": "cuda"}, "resolvedDependencies": []}}},
    ],
    ids=range(5),
)  # fmt: skip
def test_a_statement_about_something_else_says_nothing(statement: Any) -> None:
    assert claims_of(image(), statement) == Claims(labels=LABELS)


def test_words_that_we_do_not_know_are_no_wish() -> None:
    claims = Claims(parameters={"accelerator": "quantum", "flags": ["x"]})
    assert claims.accelerator is None
    assert claims.flags == {}


# The checkout


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in {
        "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b", "GIT_CEILING_DIRECTORIES": str(tmp_path.parent),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)

    def run(*words: str) -> str:
        done = subprocess.run(("git", *words), cwd=tmp_path, check=True, capture_output=True)
        return done.stdout.decode().strip()

    return run


def test_a_folder_without_a_repository(tmp_path: Path, git: Any) -> None:
    assert read_checkout(tmp_path) is None


def test_a_repository_without_a_commit(tmp_path: Path, git: Any) -> None:
    git("init", "-q")
    assert read_checkout(tmp_path) is None


def test_a_checkout(tmp_path: Path, git: Any) -> None:
    """Clean, then with a new file, then seen from a folder that has none of it."""
    project, other = tmp_path / "models" / "llama", tmp_path / "other"
    for folder in (project, other):
        folder.mkdir(parents=True)
        (folder / "file").write_text("x")
    git("init", "-q")
    git("remote", "add", "origin", "https://me:sesame@git.example/o/m.git")
    git("add", ".")
    git("commit", "-qm", "first")
    commit = git("rev-parse", "HEAD")
    clean = Checkout(commit=commit, remote="https://git.example/o/m.git", path="models/llama")
    assert read_checkout(project) == clean
    (project / "new.py").write_text("x")
    assert read_checkout(project) == Checkout(
        commit=commit, remote=clean.remote, path=clean.path, dirty=True
    )
    assert read_checkout(other) == Checkout(commit=commit, remote=clean.remote, path="other")


def test_a_repository_starts_no_program_of_its_own(tmp_path: Path, git: Any) -> None:
    """``core.fsmonitor`` of somebody else's repository would be run by a bare ``git status``."""
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    git("config", "core.fsmonitor", str(trap))
    assert read_checkout(tmp_path)
    assert not (tmp_path / "sprung").exists()
    git("status")
    assert (tmp_path / "sprung").exists(), "the trap is one"


def test_inside_of_a_hook_it_is_the_projects_repository(
    tmp_path: Path, git: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    commit = git("rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert read_checkout(tmp_path) == Checkout(commit=commit)


# The command


@pytest.fixture
def place(tmp_path: Path, command_environment: dict[str, str]) -> Iterator[Workshop]:
    """A project with a lock, whose image is in the registry."""
    with workshop(tmp_path, command_environment) as opened:
        opened.fine("lock")
        opened.fine("push", name_of(opened))
        yield opened


def name_of(place: Workshop) -> str:
    return f"{place.host}/ada/hello:1"


def pushed(place: Workshop) -> Image:
    with Client() as client:
        return client.image(Reference.parse(name_of(place)))


def test_what_was_pushed_is_what_the_source_makes(place: Workshop) -> None:
    """On another machine, with an empty store; and nothing in the project changes."""
    lock = (place.project / "pylock.toml").read_bytes()
    elsewhere = {"COGSMITH_STORE": str(place.folder / "other")}
    ran = place.fine("verify", name_of(place), "--deep", **elsewhere)
    assert ran.stdout == (
        f"{name_of(place)} is what this source and lock make: {pushed(place).digest}\n"
    )
    assert "warning" not in ran.stderr
    assert (place.project / "pylock.toml").read_bytes() == lock
    document = json.loads(place.fine("verify", name_of(place), "--json").stdout)
    assert (document["verified"], document["base_pinned_by_lock"]) == (True, True)


def test_a_changed_file_is_named(place: Workshop) -> None:
    (place.project / "predict.py").write_text(PREDICTOR.replace("hello", "bye"))
    before = place.registry.count("GET /v2/ada/hello/blobs/")
    ran = place.run("verify", name_of(place))
    assert ran.returncode == 1, ran.stderr
    # Config, provenance, and of all layers the one that differs.
    assert place.registry.count("GET /v2/ada/hello/blobs/") == before + 3
    lines = ran.stdout.splitlines()
    assert "is not what this source and lock make" in lines[0]
    assert lines[1].startswith("the first layer that differs is ")
    assert lines[2] == "  the first file that differs is /src/predict.py: it has other content"
    assert lines[-1] == "perhaps: other files of the project"
    ran = place.run("verify", name_of(place), "--json")
    document = json.loads(ran.stdout)
    assert (ran.returncode, document["verified"]) == (1, False)
    assert document["layer"]["file"]["path"] == "/src/predict.py"
    assert document["layer"]["file"]["change"] == "content"


def test_another_lock_is_the_reason(place: Workshop) -> None:
    make_wheel(place.index.folder, "thing", "1.1")
    (place.project / "requirements.txt").write_text("thing==1.1\n")
    place.fine("lock")
    ran = place.run("verify", name_of(place))
    assert ran.returncode == 1, ran.stderr
    assert "perhaps: another lock: other packages, or other versions of them" in ran.stdout
    assert "thing==1.0" in ran.stdout
    assert "thing==1.1" in ran.stdout


def test_a_lock_must_be_there(place: Workshop) -> None:
    (place.project / "pylock.toml").unlink()
    ran = place.run("verify", name_of(place))
    assert ran.returncode == 1
    assert "cogsmith lock" in ran.stderr
    assert not (place.project / "pylock.toml").exists()


def test_a_layer_that_somebody_has_replaced(place: Workshop) -> None:
    """Its config claims the diff id of the right one; the file in it is found all the same."""
    right = pushed(place)
    code = made_of([File.of("src/predict.py", b"import evil\n")])
    wrong = replace(code, diff_id=right.layers[-1].diff_id)
    forged = Image.of(right.config, [*right.layers[:-1], wrong])
    with Client() as client:
        reference = Reference.parse(name_of(place))
        client.push(client.plan_push(reference, Shipment.of(forged)))
    ran = place.run("verify", name_of(place), "--deep")
    assert ran.returncode == 1
    assert f"it is {forged.digest}" in ran.stdout
    assert "the first file that differs is " in ran.stdout
    assert f"the config says {right.layers[-1].diff_id}, and the archive is" in ran.stderr


def test_where_the_lock_pins_no_base_the_image_is_believed_and_that_is_said(
    place: Workshop,
) -> None:
    path = place.project / "pylock.toml"
    path.write_text(path.read_text().partition("[tool.cogsmith.base]")[0])
    ran = place.fine("verify", name_of(place))
    assert "warning: the lock pins no base image" in ran.stderr
    assert json.loads(place.fine("verify", name_of(place), "--json").stdout)[
        "base_pinned_by_lock"
    ] is False  # fmt: skip


def test_an_image_that_is_only_in_the_store(place: Workshop) -> None:
    place.fine("build", "-t", f"{place.host}/ada/kept:1")
    ran = place.fine("verify", f"{place.host}/ada/kept:1")
    assert "the image in the store is looked at" in ran.stderr
    document = json.loads(place.fine("verify", name_of(place), "--local", "--json").stdout)
    assert (document["where"], document["verified"]) == ("store", True)


def test_an_image_that_is_nowhere(place: Workshop) -> None:
    ran = place.run("verify", f"{place.host}/ada/nowhere:1")
    assert ran.returncode == 1
    assert "error:" in ran.stderr
    assert ran.stdout == ""


def test_a_registry_that_lists_no_referrers_is_no_reason_to_stop(place: Workshop) -> None:
    """Provenance helps to build the same again; here the defaults are the same."""
    place.registry.fail("GET /v2/ada/hello/referrers/", status=403, times=9)
    assert place.fine("verify", name_of(place)).stdout.endswith(f"{pushed(place).digest}\n")
