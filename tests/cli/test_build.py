"""``cogsmith build`` from end to end, with an index and a registry of our own."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogsmith.oci import Platform, Reference, validate
from tests.cli.running import running, until
from tests.cli.workshop import CONFIG, PREDICTOR, Workshop, workshop


@pytest.fixture
def place(tmp_path: Path, command_environment: dict[str, str]) -> Iterator[Workshop]:
    with workshop(tmp_path, command_environment) as opened:
        yield opened


def test_an_image_is_built_and_its_digest_printed(place: Workshop) -> None:
    ran = place.fine("build", "-t", "ada/hello:1")
    image = place.image("ada/hello:1")
    assert ran.stdout == f"{image.digest}\n"
    assert validate(image) == ()
    assert "Image built as ada/hello:1" in ran.stderr
    assert "not loaded into an engine: no Docker engine answers" in ran.stderr
    labels = image.config.config.labels
    schema = json.loads(labels["run.cog.openapi_schema"])
    assert "name" in schema["components"]["schemas"]["Input"]["properties"]
    assert "thing==1.0" in labels["run.cog.pip_freeze"]


def test_the_base_image_is_pinned_and_not_asked_for_again(place: Workshop) -> None:
    place.fine("build")
    lock = (place.project / "pylock.toml").read_text()
    base = place.image("cog-project").config.config.labels["org.opencontainers.image.base.digest"]
    assert base in lock
    place.registry.stop()
    assert place.fine("build", "--no-cache").returncode == 0


def test_nothing_changed_nothing_is_made(place: Workshop) -> None:
    first = place.fine("build").stdout
    for _ in range(2):  # the first of them looks at everything, the second at times of files
        again = place.fine("build", PYTHONPROFILEIMPORTTIME="1")
        assert again.stdout == first
        assert "none of them new" in again.stderr
    assert "cogsmith.config" not in again.stderr
    gone = place.layout.path(place.image("cog-project").layers[-1].digest)
    gone.unlink()  # what a note says counts only while the store has it
    assert "1 of them new" in place.fine("build").stderr


def test_a_changed_line_is_one_layer(place: Workshop) -> None:
    first = place.fine("build").stdout
    (place.project / "predict.py").write_text(PREDICTOR.replace("hello", "good morning"))
    [result] = place.results("build", "--progress", "json")
    assert result["made"] == 1
    assert f"{result['digest']}\n" != first
    (place.project / "predict.py").write_text(PREDICTOR)
    assert place.fine("build").stdout == first


def test_a_file_that_comes_or_goes_is_seen_at_once(place: Workshop) -> None:
    digests = set()
    for _ in range(3):
        digests.add(place.fine("build").stdout)
    (place.project / "notes.txt").write_text("new")
    digests.add(place.fine("build").stdout)
    assert len(digests) == 2
    (place.project / "notes.txt").unlink()
    digests.add(place.fine("build").stdout)
    assert len(digests) == 2


def test_two_folders_two_stores_one_digest(
    place: Workshop, tmp_path: Path, command_environment: dict[str, str]
) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    for path in place.project.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    first = place.fine("build", "-t", "one")
    environment = {
        "COGSMITH_STORE": str(tmp_path / "second"), "COGSMITH_CACHE_DIR": str(tmp_path / "cache2"),
    }  # fmt: skip
    second = place.fine("build", "-t", "two:2", folder=other, **environment)
    assert first.stdout == second.stdout


def test_layers_are_made_again_and_come_out_the_same(place: Workshop) -> None:
    first = place.fine("build").stdout
    [result] = place.results("build", "--no-cache", "--progress", "json")
    assert f"{result['digest']}\n" == first
    assert result["made"] > 1


def test_the_time_of_files(place: Workshop) -> None:
    plain = place.fine("build").stdout
    dated = place.fine("build", "--timestamp", "1700000000").stdout
    assert dated != plain
    assert place.fine("build", SOURCE_DATE_EPOCH="1700000000").stdout == dated
    assert place.fine("build", "--timestamp", "-1").stdout == plain
    assert place.image("cog-project").config.created.startswith("2000-01-01")


def test_several_names(place: Workshop) -> None:
    place.fine("build", "-t", "one", "-t", "two:2")
    assert place.image("one").digest == place.image("two:2").digest


def test_several_platforms_are_one_name(place: Workshop) -> None:
    words = ("build", "-t", "one", "--platform", "linux/amd64,linux/arm64")
    ran = place.fine(*words)
    index = place.layout.find(Reference.parse("one"))
    assert ran.stdout == f"{index.digest}\n"
    for platform in map(Platform.parse, ("linux/amd64", "linux/arm64")):
        image = place.layout.image(index, platform)
        assert image.config.platform == platform
        assert validate(image) == ()
    assert place.fine(*words).stdout == ran.stdout
    refused = place.run(*words, "-o", "x.tar")
    assert refused.returncode == 2
    assert "-o writes the image of one platform" in refused.stderr


def test_an_archive(place: Workshop) -> None:
    ran = place.fine("build", "-t", "ada/hello:1", "-o", "image.tar")
    with tarfile.open(place.project / "image.tar") as archive:
        names = archive.getnames()
        [manifest] = json.loads(archive.extractfile("manifest.json").read())  # type: ignore[union-attr]
    assert manifest["RepoTags"] == ["ada/hello:1"]
    assert "index.json" in names
    assert ran.stdout.startswith("sha256:")
    assert not [name for name in os.listdir(place.project) if name.endswith(".part")]


def test_an_archive_on_standard_output(place: Workshop) -> None:
    with running(
        "cogsmith", "build", "-o", "-", folder=place.project, environment=place.environment
    ) as command:
        assert command.process.stdout
        data = command.process.stdout.buffer.read()
        command.process.wait()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert "manifest.json" in archive.getnames()


def test_an_archive_is_not_part_of_the_next_image(place: Workshop) -> None:
    first = place.fine("build", "-o", "../image.tar").stdout
    assert place.fine("build", "-o", "../image.tar").stdout == first


def test_a_document_from_a_file(place: Workshop) -> None:
    place.fine("schema", "-o", "../schema.json")
    document = json.loads((place.folder / "schema.json").read_text())
    document["info"]["title"] = "Mine"
    (place.folder / "schema.json").write_text(json.dumps(document))
    place.fine("build", "--openapi-schema", "../schema.json")
    labels = place.image("cog-project").config.config.labels
    assert json.loads(labels["run.cog.openapi_schema"])["info"]["title"] == "Mine"
    (place.folder / "schema.json").write_text("[]")
    ran = place.run("build", "--openapi-schema", "../schema.json")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "this is not an OpenAPI document" in ran.stderr


def test_all_that_is_wrong_is_said_before_any_work(place: Workshop) -> None:
    (place.project / "cog.yaml").write_text(CONFIG + "image: Not/A Name\n".replace("build:", ""))
    text = (place.project / "cog.yaml").read_text()
    text = text.replace("predict:", "  run: [make]\n  pre_install: [ls]\npredict:")
    (place.project / "cog.yaml").write_text(text)
    (place.project / "predict.py").write_text("class Predictor: pass\n")
    ran = place.run("build", "--platform", "linux/riscv64")
    assert ran.returncode == 2
    for words in ("Not/A Name", "build.run", "build.pre_install", "linux/riscv64", "predict.py"):
        assert words in ran.stderr
    assert place.registry.count("GET .*/manifests/") == 0
    assert not (place.folder / "store").exists()
    assert not (place.project / "pylock.toml").exists()


def test_what_this_builder_has_no_use_for(place: Workshop) -> None:
    ran = place.fine(
        "build", "--secret", "id=a,src=b", "--use-cuda-base-image", "false", "--strip",
        "--precompile", "--use-cog-base-image",
    )  # fmt: skip
    for option in ("--secret", "--use-cuda-base-image", "--strip", "--precompile"):
        assert f"{option} has no effect: " in ran.stderr


def test_an_engine_that_is_wanted_must_answer(place: Workshop) -> None:
    ran = place.run("build", "--load")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "no Docker engine answers" in ran.stderr
    assert "not loaded" not in place.fine("build", "--no-load").stderr


def test_a_lock_that_must_hold(place: Workshop) -> None:
    ran = place.run("build", "--locked")
    assert ran.returncode == 1
    assert "there is no lock" in ran.stderr


def test_every_word_for_programs_is_json(place: Workshop) -> None:
    ran = place.fine("build", "--progress", "json")
    events = [json.loads(line) for line in ran.stderr.splitlines()]
    kinds = {event["type"] for event in events}
    assert {"step", "blob", "layer", "result"} <= kinds
    assert events[-1]["type"] == "result"
    wrong = place.run("build", "--progress", "json", "-f", "nothing.yaml")
    assert json.loads(wrong.stderr.splitlines()[-1])["code"] == "config"


@pytest.mark.parametrize("moment", ["thing", "thing-1.0-py3-none-any.whl", "base"])
def test_ctrl_c(moment: str, place: Workshop) -> None:
    place.index.held = moment
    if moment == "base":
        place.registry.fail("GET .*/blobs/", delay=60.0)
    with running(
        "cogsmith", "build", folder=place.project, environment=place.environment
    ) as command:
        if moment == "base":
            until(lambda: place.registry.count("GET .*/blobs/"))
        else:
            until(place.index.reached.is_set)
        command.interrupt()
        code, out, err = command.end()
        assert (code, out) == (130, "")
        assert err.rstrip().endswith("interrupted")
        assert command.left() == []
    place.index.held = ""
    place.index.released.set()
    assert place.fine("images", "-q").stdout == ""
    place.fine("build")
    assert validate(place.layout) == ()


def test_two_builds_at_once(place: Workshop) -> None:
    def start(name: str):
        words = ("cogsmith", "build", "-t", name)
        return running(*words, folder=place.project, environment=place.environment)

    with start("one") as first, start("two") as second:
        ends = [first.end(), second.end()]
    assert [code for code, _, _ in ends] == [0, 0], ends
    assert ends[0][1] == ends[1][1]
    assert validate(place.layout) == ()
