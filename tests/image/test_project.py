from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cogsmith.errors import ConfigError, InvalidLayer
from cogsmith.image import Delivery, ProjectFile, Recipe, Store, User, project_recipes, survey
from cogsmith.image.weights import LARGE, grouped, weights_of
from cogsmith.oci import Layer, Member, TarReader, reader
from tests.image.bases import project_at

USER = User(named="1000", uid=1000, gid=1000, home="/home/cog")
DELIVERY = Delivery(user=USER, budget=4)
FILES: dict[str, str | bytes] = {
    "predict.py": "print('hi')\n",
    "run.sh": "#!/bin/sh\n",
    "lib/a.py": "",
    "lib/__pycache__/a.pyc": b"x",
    ".git/HEAD": "ref",
    "pylock.toml": "[[packages]]",
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    made = project_at(tmp_path / "project", FILES)
    (made / "run.sh").chmod(0o775)
    (made / "empty").mkdir()
    (made / "current").symlink_to("lib/a.py")
    return made


def members(layer: Layer) -> dict[str, Member]:
    with layer.uncompressed() as stream:
        return {member.path.rstrip("/"): member for member in TarReader(stream)}


def made(store: Store, recipes: tuple[Recipe, ...]) -> list[Layer]:
    return [store.make(recipe) for recipe in recipes]


def test_the_code_is_what_the_project_holds(store: Store, project: Path) -> None:
    recipes = project_recipes(survey(project, store), {"openapi": "3.0.2"}, DELIVERY)
    (layer,) = made(store, recipes)
    found = members(layer)
    assert sorted(found) == [
        "src", "src/.cog", "src/.cog/openapi_schema.json", "src/current", "src/empty", "src/lib",
        "src/lib/a.py", "src/predict.py", "src/run.sh",
    ]  # fmt: skip
    assert {(member.uid, member.gid) for member in found.values()} == {(1000, 1000)}
    assert {path: member.mode for path, member in found.items() if member.kind == "file"} == {
        "src/.cog/openapi_schema.json": 0o644, "src/lib/a.py": 0o644, "src/predict.py": 0o644,
        "src/run.sh": 0o755,
    }  # fmt: skip
    assert found["src/current"].target == "lib/a.py"
    assert found["src/empty"].mode == 0o755


def test_dockerignore_counts(store: Store, project: Path) -> None:
    (project / ".dockerignore").write_text("lib\n!lib/a.py\nrun.sh\ncurrent\n!pylock.toml\n")
    paths = [file.path for file in survey(project, store)]
    assert paths == ["empty", "lib/a.py", "predict.py", "pylock.toml"]


def test_environments_are_left_out(store: Store, project: Path) -> None:
    project_at(project, {"env/pyvenv.cfg": "home = /usr/bin", "env/lib/x.py": ""})
    assert not any(file.path.startswith("env") for file in survey(project, store))


def test_the_same_files_are_the_same_layer_whoever_has_them(
    store: Store, project: Path, tmp_path: Path
) -> None:
    umask = os.umask(0o077)
    try:
        other = project_at(tmp_path / "elsewhere" / "other name", FILES)
        (other / "run.sh").chmod(0o700)
        (other / "empty").mkdir()
        (other / "current").symlink_to("lib/a.py")
    finally:
        os.umask(umask)
    os.utime(other / "predict.py", (1, 1))
    first = project_recipes(survey(project, store), {}, DELIVERY)
    second = project_recipes(survey(other, Store.at(tmp_path / "store2")), {}, DELIVERY)
    assert [recipe.key for recipe in first] == [recipe.key for recipe in second]
    digests = [[layer.digest for layer in made(store, recipes)] for recipes in (first, second)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("change", ["content", "mode", "name", "link", "schema", "owner", "folder"])
def test_every_change_is_another_layer(store: Store, project: Path, change: str) -> None:
    before = project_recipes(survey(project, store), {}, DELIVERY)
    schema, delivery = {}, DELIVERY
    if change == "content":
        (project / "predict.py").write_text("print('ho')\n")
    elif change == "mode":
        (project / "predict.py").chmod(0o755)
    elif change == "name":
        (project / "predict.py").rename(project / "other.py")
    elif change == "link":
        (project / "current").unlink()
        (project / "current").symlink_to("lib")
    elif change == "schema":
        schema = {"a": 1}
    elif change == "owner":
        delivery = Delivery(user=User(named="5", uid=5, gid=5, home="/"), budget=4)
    else:
        (project / "empty").rmdir()
    after = project_recipes(survey(project, store), schema, delivery)
    assert {r.key for r in before}.isdisjoint(r.key for r in after)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "lib/../../../x"])
def test_a_link_that_leads_outside_is_refused(store: Store, project: Path, target: str) -> None:
    (project / "lib" / "out").symlink_to(target)
    (project / "bad").symlink_to("../elsewhere")
    with pytest.raises(ConfigError, match="outside of the project") as caught:
        survey(project, store)
    assert [problem.where for problem in caught.value.problems] == ["bad", "lib/out"]
    (project / ".dockerignore").write_text("bad\nlib/out\n")
    assert survey(project, store)


def test_what_is_no_file_is_refused(
    store: Store, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(project / "pipe")
    monkeypatch.chdir(project)  # the name of a socket has 108 bytes at most
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("sock")
        with pytest.raises(ConfigError) as caught:
            survey(project, store)
    assert [problem.where for problem in caught.value.problems] == ["pipe", "sock"]


def test_names_that_are_not_utf_8_are_refused(store: Store, project: Path) -> None:
    (project / os.fsdecode(b"caf\xe9.py")).write_text("")
    with pytest.raises(ConfigError, match="not UTF-8"):
        survey(project, store)


@pytest.mark.parametrize("size", [10, 2 << 20])
def test_a_file_that_changes_after_it_was_looked_at_is_an_error(
    store: Store, project: Path, size: int
) -> None:
    (project / "data.csv").write_bytes(bytes(size))
    (recipe,) = project_recipes(survey(project, store), {}, DELIVERY)
    (project / "data.csv").write_bytes(b"1" * size)
    with pytest.raises(InvalidLayer) as caught:
        store.make(recipe)
    assert caught.value.problems[0].where == "data.csv"
    assert "during the build" in caught.value.problems[0].message
    assert store.known(recipe) is None


@pytest.mark.parametrize("size", [3, 30])
def test_a_file_that_gets_another_size_is_an_error(store: Store, project: Path, size: int) -> None:
    (project / "data.csv").write_bytes(bytes(10))
    (recipe,) = project_recipes(survey(project, store), {}, DELIVERY)
    (project / "data.csv").write_bytes(bytes(size))
    with pytest.raises(InvalidLayer):
        store.make(recipe)


def file(path: str, size: int) -> ProjectFile:
    return ProjectFile(path=path, kind="file", size=size, open=lambda: reader(()))


BIG, BIGGER = file("w/big.safetensors", LARGE), file("w/bigger.safetensors", LARGE + 1)
SMALL, CODE = file("w/config.json", 5), file("predict.py", 5)


def test_large_files_lie_below_the_code() -> None:
    assert weights_of([BIG, SMALL, CODE], separate=False) == (BIG,)
    assert weights_of([BIG, SMALL, CODE], separate=True) == (BIG, SMALL)


def test_a_folder_with_code_in_it_is_no_folder_of_weights() -> None:
    files = [BIG, SMALL, file("w/sub/model.py", 5)]
    assert weights_of(files, separate=True) == (BIG,)


def test_each_large_file_has_a_layer_as_far_as_they_go() -> None:
    assert grouped([BIG, SMALL, BIGGER], 5) == ((SMALL,), (BIGGER,), (BIG,))
    assert grouped([BIG, SMALL, BIGGER], 2) == ((BIG, SMALL), (BIGGER,))
    assert grouped([BIG, SMALL, BIGGER], 1) == ((BIG, SMALL, BIGGER),)
    assert grouped([], 5) == ()


def test_weights_are_a_layer_of_their_own_that_outlives_a_change_of_code(
    store: Store, project: Path
) -> None:
    (project / "model.safetensors").write_bytes(os.urandom(LARGE))
    before = project_recipes(survey(project, store), {}, DELIVERY)
    (project / "predict.py").write_text("changed")
    after = project_recipes(survey(project, store), {}, DELIVERY)
    assert [recipe.kind for recipe in after] == ["weights", "code"]
    assert before[0].key == after[0].key
    assert before[1].key != after[1].key
    layer = store.make(after[0])
    assert layer.diff_id == layer.digest  # not compressed
    assert sorted(members(layer)) == ["src", "src/model.safetensors"]
    assert "src/model.safetensors" not in members(store.make(after[1]))
