"""``images``, ``inspect`` and ``prune``: what is here, what is in it, and what can go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogsmith.oci import validate
from tests.cli.workshop import PREDICTOR, Workshop, workshop


@pytest.fixture
def place(tmp_path: Path, command_environment: dict[str, str]) -> Iterator[Workshop]:
    with workshop(tmp_path, command_environment) as opened:
        yield opened


def test_images(place: Workshop) -> None:
    assert "no images yet" in place.fine("images").stderr
    digest = place.fine("build", "-t", "ada/hello:1", "-t", f"{place.host}/ada/hello:1").stdout
    names = {"ada/hello:1", f"{place.host}/ada/hello:1"}
    assert set(place.fine("images", "-q").stdout.split()) == names
    head, *rows = place.fine("images").stdout.splitlines()
    assert head.split() == ["NAME", "PLATFORM", "SIZE", "BUILT", "DIGEST"]
    assert len(rows) == 2
    assert all("linux/amd64" in row and digest[7:19] in row for row in rows)
    every = json.loads(place.fine("images", "--all", "--json").stdout)
    assert {entry["name"].partition("@")[0] for entry in every} == {
        *names, f"{place.host}/base/python:slim",
    }  # fmt: skip
    mine = next(entry for entry in every if entry["name"] == "ada/hello:1")
    assert mine["digest"] == digest.strip()
    assert mine["size"] == sum(blob.size for blob in place.image("ada/hello:1").blobs)


def test_inspect_finds_it_in_the_store_and_in_a_registry(place: Workshop) -> None:
    name = f"{place.host}/ada/hello:1"
    digest = place.fine("push", name).stdout.strip()
    here = json.loads(place.fine("inspect", name, "--json").stdout)
    there = json.loads(place.fine("inspect", name, "--json", "--remote").stdout)
    assert (here.pop("where"), there.pop("where")) == ("store", "registry")
    types = [
        sorted(entry["artifactType"] for entry in shown.pop("referrers")) for shown in (here, there)
    ]
    assert types[0] == types[1] == [
        "application/vnd.cyclonedx+json", "application/vnd.in-toto+json",
    ]  # fmt: skip
    assert here == there
    assert here["digest"] == digest
    text = place.fine("inspect", name).stdout
    for words in (digest, 'default "World"', "Who is greeted", "base image", "thing==1.0", "code"):
        assert words in text


def test_inspect_a_model_means_its_image(place: Workshop) -> None:
    place.fine("build")
    assert place.fine("inspect").stdout == place.fine("inspect", "cog-project").stdout


def test_inspect_what_is_nowhere(place: Workshop) -> None:
    ran = place.run("inspect", f"{place.host}/no/such:1")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "there is no such image, neither here nor in its registry" in ran.stderr


def test_prune_takes_what_has_no_name_any_more(place: Workshop) -> None:
    place.fine("build")
    (place.project / "predict.py").write_text(PREDICTOR.replace("hello", "bye"))
    second = place.fine("build").stdout
    before = sum(path.stat().st_size for path in (place.folder / "store").rglob("*"))
    told = place.fine("prune", "--dry-run").stderr
    assert "Would free" in told
    assert before == sum(path.stat().st_size for path in (place.folder / "store").rglob("*"))
    freed = place.fine("prune").stderr
    assert freed.splitlines()[-1].removeprefix("Freed") == told.splitlines()[-1].removeprefix(
        "Would free"
    )
    assert "blobs of images" in freed
    assert validate(place.layout) == ()
    assert place.fine("build").stdout == second
    assert place.fine("prune").stderr == "Freed 0 B\n"


def test_prune_all_of_it_and_build_again(place: Workshop) -> None:
    first = place.fine("build").stdout
    place.fine("prune", "--all")
    assert place.fine("images", "-a", "-q").stdout == ""
    assert not list((place.folder / "cache" / "wheels").rglob("*.whl"))
    assert not [p for p in (place.folder / "store" / "blobs").rglob("*") if p.is_file()]
    assert place.fine("build").stdout == first
