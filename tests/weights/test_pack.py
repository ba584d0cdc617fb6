"""Files → layers → files: which go together, the same bytes every time, nothing lost."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import CogsmithError, DigestMismatch, InvalidLayer, WeightsError
from cogsmith.oci import Digest
from cogsmith.weights import (
    Bundle,
    FileProgress,
    LockedLayer,
    LockedWeight,
    PackedLayer,
    Provenance,
    Store,
    Wanted,
    WeightFile,
    missing_layers,
    pack,
    parse_source,
    plan_layers,
    unpack,
)
from cogsmith.weights.artifact import lock_weight
from tests.weights.conftest import Bring

MIB = 1 << 20


def keep(store: Store, contents: dict[str, bytes]) -> list[WeightFile]:
    made = []
    for path, data in contents.items():
        with store.incoming(path) as coming:
            coming.restart()
            coming.write(data)
            made.append(coming.keep(path))
    return made


def whole(layer: PackedLayer) -> bytes:
    with layer.layer.open() as stream:
        return stream.read()


class TestPlan:
    @given(
        st.dictionaries(
            st.text("abc/", min_size=1, max_size=5),
            st.integers(0, 100 * MIB) | st.just(64 * MIB) | st.just(64 * MIB - 1),
            max_size=20,
        )
    )
    def test_every_file_is_in_one_layer_and_bundles_stay_small(self, sizes: dict[str, int]) -> None:
        files = [WeightFile(path, size, Digest.of(path.encode())) for path, size in sizes.items()]
        bundles = plan_layers(reversed(files))
        assert sorted(file for bundle in bundles for file in bundle.files) == sorted(files)
        assert bundles == plan_layers(files)
        for bundle in bundles:
            if bundle.compression == "none":
                assert len(bundle.files) == 1
                assert bundle.size >= 64 * MIB
            else:
                assert bundle.size <= 256 * MIB
                assert all(file.size < 64 * MIB for file in bundle.files)
                assert list(bundle.files) == sorted(bundle.files)

    def test_bundles_are_filled_before_the_next_begins(self) -> None:
        files = [WeightFile(f"{n:02}", 60 * MIB, Digest.of(b"")) for n in range(9)]
        assert [len(bundle.files) for bundle in plan_layers(files)] == [4, 4, 1]


class TestPack:
    def test_the_bytes_are_those_that_the_descriptor_names(
        self, store: Store, bring: Bring
    ) -> None:
        for bundle in plan_layers(bring("hf://ada/stories")):
            made = pack(bundle, store)
            data = whole(made)
            assert (Digest.of(data), len(data)) == (made.layer.digest, made.layer.size)
            with made.layer.uncompressed() as stream:
                plain = stream.read()
            assert Digest.of(plain) == made.layer.diff_id
            with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
                assert [m.name for m in archive if m.isfile()] == [f.path for f in bundle.files]

    def test_a_layer_that_was_made_before_is_not_made_again(
        self, store: Store, bring: Bring
    ) -> None:
        (bundle,) = plan_layers(bring("hf://ada/stories"))
        events: list[FileProgress] = []
        first = pack(bundle, store, events.append)
        assert events[-1].done == events[-1].total
        events.clear()
        assert pack(bundle, store, events.append).layer.digest == first.layer.digest
        assert events == []

    def test_a_large_file_is_its_bytes_with_a_head_and_an_end(self, store: Store) -> None:
        data = bytes(range(256)) * 4096
        (file,) = keep(store, {"deep/model.safetensors": data})
        made = pack(Bundle((file,), "none"), store)
        assert made.layer.descriptor.media_type == "application/vnd.oci.image.layer.v1.tar"
        assert made.layer.digest == made.layer.diff_id
        assert data in whole(made)

    def test_the_same_in_another_process_at_another_time_by_another_umask(
        self, store: Store, tmp_path: Path, checkpoint: dict[str, bytes]
    ) -> None:
        files = keep(store, checkpoint)
        (bundle,) = plan_layers(files)
        mine = pack(bundle, store).layer.digest
        program = (
            "import os, sys, pathlib; os.umask(0o077)\n"
            "from tests.weights.test_pack import keep, plan_layers, pack, Store\n"
            "store = Store(pathlib.Path(sys.argv[1]))\n"
            "folder = pathlib.Path(sys.argv[2])\n"
            "files = keep(store, {p.name: p.read_bytes() for p in folder.iterdir()})\n"
            "print(pack(plan_layers(files)[0], store).layer.digest)\n"
        )
        folder = tmp_path / "copy"
        folder.mkdir()
        for name, data in checkpoint.items():
            (folder / name).write_bytes(data)
        theirs = subprocess.run(
            [sys.executable, "-c", program, tmp_path / "other", folder],
            capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
            env={"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "PATH": "", "LC_ALL": "C"},
        ).stdout  # fmt: skip
        assert theirs.strip() == str(mine)

    def test_a_file_that_has_rotted_in_the_store_is_not_packed(self, store: Store) -> None:
        (file,) = keep(store, {"a.bin": b"good" * 100})
        path = store.path(file.digest)
        path.chmod(0o644)
        path.write_bytes(b"evil" * 100)
        with pytest.raises(DigestMismatch):
            pack(Bundle((file,), "gzip"), store)


@pytest.fixture
def packed(store: Store, bring: Bring) -> list[PackedLayer]:
    files = bring("hf://ada/stories")
    small = [file for file in files if file.size < MIB]
    large = [file for file in files if file.size >= MIB]
    bundles = [Bundle(tuple(small), "gzip"), *(Bundle((file,), "none") for file in large)]
    return [pack(bundle, store) for bundle in bundles]


@pytest.fixture
def stories(packed: list[PackedLayer]) -> LockedWeight:
    wanted = Wanted(name="stories", target="/src/w", source=parse_source("hf://ada/stories"))
    return lock_weight(wanted, Provenance(uri="hf://ada/stories", fingerprint="x:y"), packed)


def layer_of(stories: LockedWeight, made: PackedLayer) -> LockedLayer:
    return next(layer for layer in stories.layers if layer.digest == made.layer.digest)


class TestUnpack:
    def test_layers_in_any_order_give_the_files_back(
        self, stories: LockedWeight, packed: list[PackedLayer], store: Store, tmp_path: Path
    ) -> None:
        there = Store(tmp_path / "there")
        assert set(missing_layers(stories, there)) == {layer.digest for layer in stories.layers}
        for made in reversed(packed):
            seen: list[int] = []
            layer = layer_of(stories, made)
            unpack(made.layer.open(), layer, stories, there, seen.append)
            assert seen[-1] == layer.size
        assert missing_layers(stories, there) == {}
        for file in stories.files:
            theirs, ours = there.path(file.digest), store.path(file.digest)
            assert theirs.read_bytes() == ours.read_bytes()

    def test_only_layers_with_files_that_are_missing_are_named(
        self, stories: LockedWeight, store: Store
    ) -> None:
        gone = next(file for file in stories.files if file.path == "config.json")
        store.drop(gone.digest)
        assert missing_layers(stories, store) == {stories.layer_of["config.json"]: (gone,)}

    @pytest.mark.parametrize(
        ("kind", "said"),
        [
            ("other path", "not in weights.lock"), ("climbing", "not in weights.lock"),
            ("link", "unexpected symlink"), ("other bytes", "was named"),
            ("too few", "lacks files"), ("no archive", "archive"),
        ],
    )  # fmt: skip
    def test_a_strangers_layer_is_refused_and_nothing_of_it_is_kept(
        self, stories: LockedWeight, tmp_path: Path, kind: str, said: str
    ) -> None:
        file = next(file for file in stories.files if file.path == "model.safetensors")
        layer = next(x for x in stories.layers if x.digest == stories.layer_of[file.path])
        there = Store(tmp_path / "there")
        with pytest.raises((WeightsError, DigestMismatch, InvalidLayer), match=said):
            unpack(io.BytesIO(evil(kind, file)), layer, stories, there)
        assert not list(there.root.glob("files/*/*/*"))
        assert not (tmp_path / "escaped").exists()

    def test_a_layer_that_ends_too_early_is_an_error(
        self, stories: LockedWeight, packed: list[PackedLayer], tmp_path: Path
    ) -> None:
        for made in packed:
            cut = whole(made)[: made.layer.size // 2]
            with pytest.raises(CogsmithError):
                unpack(io.BytesIO(cut), layer_of(stories, made), stories, Store(tmp_path / "t"))


def evil(kind: str, file: WeightFile) -> bytes:
    """Archives that no honest importer makes."""
    if kind == "no archive":
        return b"#!/bin/sh\n" * 200
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for info, data in members(kind, file):
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def members(kind: str, file: WeightFile) -> Iterable[tuple[tarfile.TarInfo, bytes]]:
    names = {"other path": "other.bin", "climbing": "../escaped"}
    info = tarfile.TarInfo(names.get(kind, file.path))
    if kind == "link":
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    else:
        info.size = file.size
    if kind != "too few":
        yield info, b"e" * info.size
