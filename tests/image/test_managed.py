"""Weights beside an image: what it says of them, and that their files stay out."""

from __future__ import annotations

import json
import tarfile
from io import BytesIO
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cogsmith.image import Ignore, Store, managed_recipe, survey
from cogsmith.oci import EPOCH, Digest, Layer, reader
from cogsmith.weights import LockedWeight, Provenance, WeightFile, WeightsLock

FOLDERS = st.lists(st.from_regex(r"[a-c*?\[\]!]{1,3}", fullmatch=True), min_size=1, max_size=3).map(
    "/".join
)


def lock(name: str = "alpha", when: str = "2026-01-01T00:00:00Z") -> WeightsLock:
    file = WeightFile("model.bin", 3, Digest.of(b"abc"))
    source = Provenance(uri="hf://ada/a", fingerprint="commit:1", imported_at=when)
    weight = LockedWeight(
        name=name, target="/src/a", sources=(source,), digest=Digest.of(b"manifest"),
        files=(file,), layers=(), layer_of={"model.bin": Digest.of(b"layer")},
    )  # fmt: skip
    return WeightsLock(weights=(weight,))


def made(locked: WeightsLock) -> bytes:
    pieces: list[bytes] = []
    recipe = managed_recipe(locked, EPOCH)
    descriptor, diff_id = recipe.pack(pieces.append)
    data = b"".join(pieces)
    layer = Layer(descriptor=descriptor, diff_id=diff_id, open=lambda: reader([data]))
    with layer.uncompressed() as stream:
        return stream.read()


def test_the_layer_has_the_document_that_anybody_may_read() -> None:
    with tarfile.open(fileobj=BytesIO(made(lock()))) as archive:
        names = {member.name: member for member in archive}
        assert list(names) == [".cog", ".cog/weights.json"]
        assert names[".cog/weights.json"].mode & 0o444 == 0o444
        file = archive.extractfile(".cog/weights.json")
        assert file
        [weight] = json.load(file)["weights"]
    assert (weight["name"], weight["target"]) == ("alpha", "/src/a")
    assert weight["setDigest"].startswith("sha256:")


def test_only_what_the_document_says_makes_another_layer() -> None:
    """Not the time of an import."""
    first, later = managed_recipe(lock(), EPOCH), managed_recipe(lock(when="2027"), EPOCH)
    assert first.key == later.key
    assert made(lock()) == made(lock(when="2027"))
    assert managed_recipe(lock("beta"), EPOCH).key != first.key


def test_folders_of_weights_stay_out_whatever_is_brought_back(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "weights" / "a").mkdir(parents=True)
    (project / "weights" / "a" / "model.bin").write_text("a")
    (project / "weights" / "notes").write_text("n")
    (project / ".dockerignore").write_text("!weights/a/model.bin\n")
    files = survey(project, Store.at(tmp_path / "store"), ["weights/a"])
    assert [file.path for file in files] == ["weights", "weights/notes"]


@given(folder=FOLDERS, below=FOLDERS)
def test_a_folder_is_named_as_it_is_and_not_as_a_pattern(folder: str, below: str) -> None:
    ignore = Ignore.parse("").without([folder])
    assert ignore.skips(folder)
    assert ignore.skips(f"{folder}/{below}")
    assert not ignore.skips(f"{folder}x")
    assert not ignore.skips(f"x/{folder}")
