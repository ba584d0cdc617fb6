from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from cogsmith.errors import InvalidLayer, OciError
from cogsmith.image import LayerProgress, Recipe, Store
from cogsmith.oci import CHUNK, Descriptor, Digest, File, pack, tar
from tests.image.bases import image_of, recipe_of


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


def files_of(store: Store) -> list[Path]:
    return sorted(path for path in store.folder.glob("blobs/*/*"))


def test_a_layer_is_made_once_and_known_by_what_it_is_made_of(store: Store) -> None:
    recipe = recipe_of("a", File.of("a", b"content"))
    assert store.known(recipe) is None
    made = store.make(recipe)
    known = Store.at(store.folder).known(recipe_of("a"))  # its bytes are not asked for again
    assert known is not None
    assert (known.descriptor, known.diff_id) == (made.descriptor, made.diff_id)
    with known.uncompressed() as archive:
        assert Digest.of(archive.read()) == made.diff_id


@pytest.mark.parametrize("size", [0, 1])
def test_a_layer_whose_bytes_are_gone_or_cut_is_not_known(store: Store, size: int) -> None:
    recipe = recipe_of("a", File.of("a", b"content"))
    blob = store.layout.path(store.make(recipe).digest)
    blob.write_bytes(blob.read_bytes()[:size]) if size else blob.unlink()
    assert store.known(recipe) is None
    store.make(recipe)
    assert store.known(recipe) is not None


@pytest.mark.parametrize("row", [b"", b"[]", b"{}", b'{"digest": "sha256:1"}', b"\xff"])
def test_a_broken_row_of_the_table_is_as_none(store: Store, row: bytes) -> None:
    recipe = recipe_of("a", File.of("a", b"content"))
    store.make(recipe)
    (path,) = store.folder.glob("layers/*/*")
    path.write_bytes(row)
    assert store.known(recipe) is None


def test_what_is_raised_while_a_layer_is_made_leaves_nothing(store: Store) -> None:
    def broken(write: object) -> tuple[Descriptor, Digest]:
        write(b"half of it")  # type: ignore[operator]
        raise InvalidLayer("no more")

    recipe = Recipe(key="k", kind="wheel", title="t", created_by="c", size=1, pack=broken)
    with pytest.raises(InvalidLayer, match="no more"):
        store.make(recipe)
    assert files_of(store) == []
    assert [path for path in store.layout.ingest.iterdir() if path.suffix == ".new"] == []
    assert store.known(recipe) is None


def test_progress_is_told_and_can_end_the_making(store: Store) -> None:
    content = os.urandom(5 * CHUNK)
    recipe = recipe_of("large", File.of("a", content), size=len(content))
    heard: list[LayerProgress] = []
    store.make(recipe, heard.append)
    assert [word.state for word in heard] == ["making"] * len(heard)
    assert [word.done for word in heard] == sorted(word.done for word in heard)
    assert len(heard) > 3
    assert all(word.done <= word.total == len(content) for word in heard)

    def stop(_: LayerProgress) -> None:
        raise OciError("enough")

    other = recipe_of("other", File.of("b", content))
    with pytest.raises(OciError, match="enough"):
        store.make(other, stop)
    assert store.known(other) is None


def test_two_at_once_make_the_same_layer(store: Store) -> None:
    recipe = recipe_of("same", File.of("a", os.urandom(CHUNK)))
    made = []
    threads = [threading.Thread(target=lambda: made.append(store.make(recipe))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len({layer.digest for layer in made}) == len(files_of(store)) == 1


KILLED = """
import os, sys
from pathlib import Path
from cogsmith.image import Recipe, Store

def pack(write):
    while True:
        write(os.urandom(1 << 16))
        print("wrote", flush=True)

store = Store.at(Path(sys.argv[1]))
store.make(Recipe(key="k", kind="wheel", title="t", created_by="c", size=1, pack=pack))
"""


def test_a_killed_process_leaves_nothing_that_is_used(store: Store) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(store.folder)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    recipe = recipe_of("t")
    assert files_of(store) == []
    assert store.known(recipe) is None
    assert store.prune().files == 1  # what it had written
    assert [path for path in store.layout.ingest.iterdir() if path.suffix == ".new"] == []


def test_prune_keeps_what_a_kept_image_has(store: Store) -> None:
    kept, gone = recipe_of("kept", File.of("a", b"1")), recipe_of("gone", File.of("b", b"2"))
    with store.session():
        image = image_of([File.of("base", b"0")]).append([store.make(kept)])
        store.make(gone)
        with pytest.raises(OciError, match="using the layout"):
            store.prune()
        store.layout.add(image)
    store.prune()
    assert store.known(kept) is not None
    assert store.known(gone) is None
    assert len(list(store.folder.glob("layers/*/*"))) == 1


def test_a_large_file_is_read_once_until_it_changes(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"a" * (2 * CHUNK))
    old = time.time() - 60
    os.utime(path, (old, old))
    first, seen = store.sha256(path)
    assert first == Digest.of(b"a" * (2 * CHUNK)).hex
    (row,) = store.folder.glob("files/*/*")
    row.write_text('{"sha256": "' + "0" * 64 + '"}')  # to see that the table is asked
    assert store.sha256(path) == ("0" * 64, seen)
    with path.open("r+b") as file:  # as many bytes, and the old time
        file.write(b"b")
    os.utime(path, (old, old))
    again, _ = store.sha256(path)
    assert again == Digest.of(b"b" + b"a" * (2 * CHUNK - 1)).hex


def test_a_file_that_was_written_just_now_is_not_remembered(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(bytes(2 * CHUNK))
    store.sha256(path)
    assert list(store.folder.glob("files/*/*")) == []


def test_a_file_that_cannot_be_read_is_said(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InvalidLayer, match="cannot be read"):
        store.sha256(tmp_path / "none")


def test_a_store_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OciError) as caught:
        Store.at(tmp_path / "file" / "store")
    assert caught.value.code == "disk"


def test_notes_are_found_again_and_go_with_what_they_are_about(store: Store) -> None:
    image = image_of([File.of("a", b"1")])
    store.note("n", {"x": 1}, about=image.digest)
    assert store.recall("n")["x"] == 1
    assert store.recall("other") == {}
    store.layout.add(image)
    store.prune()
    assert store.recall("n")["x"] == 1
    store.layout.remove(store.layout.index().manifests[0])
    store.prune()
    assert store.recall("n") == {}


def test_a_layer_can_be_made_of_an_archive_as_before(store: Store) -> None:
    layer = store.layout.layer(lambda: tar([File.of("a", b"1")]))
    assert (layer.descriptor, layer.diff_id) == pack(tar([File.of("a", b"1")]))
