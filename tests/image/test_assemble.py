from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cogsmith import __version__, config, oci
from cogsmith.errors import InvalidLayer
from cogsmith.image import (
    Delivery,
    Folder,
    Ingredients,
    LayerProgress,
    Plan,
    Recipe,
    Store,
    assemble,
    plan,
    project_recipes,
    server_recipes,
    server_wheel,
    survey,
    user_of,
)
from cogsmith.oci import Descriptor, Digest, File, Image, TarReader
from tests.image.bases import VENV, base_of, project_at, recipe_of

YAML = 'build: {python_version: "3.11"}\npredict: predict.py:Predictor\n'
FILES: dict[str, str | bytes] = {"cog.yaml": YAML, "predict.py": "class Predictor: ...\n"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


def planned(store: Store, *recipes: Recipe) -> Plan:
    return plan(
        Ingredients(
            config=config.parse(YAML, where="cog.yaml"),
            schema={},
            base=base_of(store),
            venv=VENV,
            recipes=recipes,
        )
    )


def whole(store: Store, project: Path) -> Plan:
    """The plan of a project, with its code and the server."""
    base = base_of(store)
    delivery = Delivery(user=user_of(base, VENV.interpreter), budget=4)
    code = project_recipes(survey(project, store), {"a": 1}, delivery)
    return planned(store, *server(store), *code)


def server(store: Store) -> tuple[Recipe, ...]:
    place = Folder(python="3.11", interpreter=VENV.interpreter, folder="/opt/cogsmith")
    return server_recipes([server_wheel(store)], place, 4, None)


def files_of(image: Image) -> dict[str, oci.Member]:
    found = {}
    for layer in image.layers:
        with layer.uncompressed() as stream:
            found.update({m.path.rstrip("/"): m for m in TarReader(stream)})
    return found


def test_an_image_of_a_project(store: Store, tmp_path: Path) -> None:
    made = whole(store, project_at(tmp_path / "project", FILES))
    image = assemble(made, store)
    assert oci.validate(image) == ()
    assert image.layers[0].digest == made.base.image.layers[0].digest
    assert image.config.config == made.container
    assert image.config.created == "2000-01-01T00:00:00Z"
    assert [entry.created_by for entry in image.config.history[1:]] == [
        "cogsmith: /opt/venv for /usr/bin/python3.11", f"cogsmith wheels cogsmith=={__version__}",
        "cogsmith: code in /src",
    ]  # fmt: skip
    files = files_of(image)
    assert {member.mtime for member in files.values()} == {oci.EPOCH}
    assert files["opt/venv/bin/python"].target == "/usr/bin/python3.11"
    assert files["home/cog"].uid == files["src/predict.py"].uid == 1000
    assert files["opt/cogsmith/cogsmith/runtime/probe.py"].uid == 0


def test_our_folders_never_replace_those_of_the_base(store: Store, tmp_path: Path) -> None:
    image = assemble(whole(store, project_at(tmp_path / "project", FILES)), store)
    above = Image.of(image.config, image.layers[1:])
    assert {"opt", "home", "etc", "usr"}.isdisjoint(files_of(above))


def test_only_what_runs_in_an_image_is_in_the_server_s_layer(store: Store) -> None:
    layer = store.make(server(store)[0])
    with layer.uncompressed() as stream:
        paths = [member.path for member in TarReader(stream) if member.kind == "file"]
    ours = [path for path in paths if path.startswith("opt/cogsmith/cogsmith/")]
    rooms = {path.split("/")[3].removesuffix(".py") for path in ours}
    assert rooms == {
        "engine",
        "errors",
        "prediction",
        "runtime",
        "signature",
        "values",
        "__init__",
    }
    assert "opt/cogsmith/__main__.py" in paths
    assert any(path.endswith("page/app.js") for path in paths)


def test_the_server_s_wheel_is_the_same_in_every_store(store: Store, tmp_path: Path) -> None:
    first, second = server_wheel(store), server_wheel(Store.at(tmp_path / "other"))
    assert first.sha256 == second.sha256 == oci.Digest.of(first.path.read_bytes()).hex
    assert first.path != second.path
    store.prune()
    assert first.path.exists()  # a build that runs may need it


BUILD = """
import os, sys
from pathlib import Path
from tests.image.test_assemble import assemble, whole
from cogsmith.image import Store
os.umask(int(sys.argv[2], 8))
store = Store.at(Path(sys.argv[1]) / "store")
print(assemble(whole(store, Path(sys.argv[1]) / "project"), store).digest)
"""


def test_the_same_project_is_the_same_image_everywhere(tmp_path: Path) -> None:
    """Two folders, two times, two umasks, two seeds for hashes, two time zones."""
    digests = set()
    for number, (umask, zone) in enumerate((("022", "UTC"), ("077", "Asia/Tokyo"))):
        folder = tmp_path / ("a" * (number + 1)) / "x"
        project_at(folder / "project", FILES)
        os.utime(folder / "project" / "predict.py", (number * 10**6, number * 10**6))
        told = subprocess.run(
            [sys.executable, "-c", BUILD, str(folder), umask], check=True, text=True,
            capture_output=True, cwd=Path(__file__).parents[2],
            env={"TZ": zone, "PYTHONHASHSEED": str(number), "LANG": "C", "HOME": str(folder)},
        )  # fmt: skip
        digests.add(told.stdout.strip())
    assert len(digests) == 1


def test_known_layers_are_not_made_again(store: Store, tmp_path: Path) -> None:
    project = project_at(tmp_path / "project", FILES)
    first = assemble(whole(store, project), store)
    words: list[LayerProgress] = []
    assert assemble(whole(store, project), store, words.append).digest == first.digest
    assert [word.state for word in words] == ["known"] * 3
    (project / "predict.py").write_text("class Predictor: pass\n")
    words.clear()
    assert assemble(whole(store, project), store, words.append).digest != first.digest
    assert [(w.title, w.state) for w in words if w.state != "making"] == [
        ("environment", "known"), (f"server: cogsmith {__version__}", "known"), ("code", "made"),
    ]  # fmt: skip


def test_layers_keep_the_plan_s_order_whoever_is_done_first(store: Store) -> None:
    recipes = [recipe_of(str(n), File.of(f"f{n}", os.urandom(n * 7000))) for n in range(12)]
    image = assemble(planned(store, *recipes), store)
    known = [store.known(recipe) for recipe in recipes]
    assert [layer.digest for layer in image.layers[2:]] == [
        layer and layer.digest for layer in known
    ]


def test_an_error_of_one_layer_ends_the_others(store: Store) -> None:
    begun = threading.Event()
    ended: list[str] = []

    def broken(write: object) -> tuple[Descriptor, Digest]:
        begun.wait(60)
        raise InvalidLayer("is broken", where="torch")

    def endless(write: object) -> tuple[Descriptor, Digest]:
        try:
            while True:
                write(bytes(1 << 20))  # type: ignore[operator]
                begun.set()
        finally:
            ended.append("endless")

    recipes = [
        Recipe(key=name, kind="wheel", title=name, created_by=name, size=9, pack=pack)
        for name, pack in (("broken", broken), ("endless", endless))
    ]
    with pytest.raises(InvalidLayer, match="torch: is broken"):
        assemble(planned(store, *recipes), store)
    assert ended == ["endless"] or os.cpu_count() == 1
    assert [path for path in store.layout.ingest.iterdir() if path.suffix == ".new"] == []
    assert [store.known(recipe) for recipe in recipes] == [None, None]


def test_an_interruption_while_layers_are_made_ends_them(store: Store) -> None:
    def endless(write: object) -> tuple[Descriptor, Digest]:
        while True:
            write(bytes(1 << 20))  # type: ignore[operator]

    recipes = [
        Recipe(key="endless", kind="wheel", title="x", created_by="x", size=9, pack=endless),
        recipe_of("small", File.of("a", b"1"), size=10),
    ]

    def tell(word: LayerProgress) -> None:
        if word.state == "made":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        assemble(planned(store, *recipes), store, tell)
    assert [path for path in store.layout.ingest.iterdir() if path.suffix == ".new"] == []


def test_what_is_told_is_told_by_one_at_a_time(store: Store) -> None:
    inside = threading.Lock()
    clashes: list[str] = []

    def tell(word: LayerProgress) -> None:
        if not inside.acquire(blocking=False):
            clashes.append(word.title)
            return
        inside.release()

    recipes = [recipe_of(str(n), File.of("f", os.urandom(3 << 20))) for n in range(4)]
    assemble(planned(store, *recipes), store, tell)
    assert clashes == []
