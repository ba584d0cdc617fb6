"""The store and the folders made of it: whole or not at all, shared, gone when they should be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from cogsmith.errors import DigestMismatch, WeightsError
from cogsmith.oci import Digest
from cogsmith.testing.hub import FakeHub
from cogsmith.weights import (
    LocalLink,
    LockedWeight,
    Mount,
    Provenance,
    Settings,
    Store,
    Wanted,
    WeightFile,
    assembled,
    linked,
    local_links,
    pack,
    parse_source,
    plan_layers,
    plan_mounts,
)
from cogsmith.weights.artifact import lock_weight
from tests.weights.conftest import Bring

KILLED = """
import os, signal, sys, pathlib
from cogsmith.weights import *
settings = Settings(store=pathlib.Path(sys.argv[1]), hub=sys.argv[2])
listing = look(parse_source("hf://ada/stories"), settings, project=pathlib.Path("/"))
def tell(event):
    if event.path == "model.safetensors" and event.done > 2_000_000:
        os.kill(os.getpid(), signal.SIGKILL)
fetch(listing, listing.files, settings, tell=tell)
"""


class TestStore:
    def test_it_lies_where_cogs_own_cache_does(self, store: Store) -> None:
        digest = Digest.of(b"x")
        place = store.root / "files" / "sha256" / digest.hex[:2] / digest.hex
        assert store.path(digest) == place

    def test_cogs_cache_is_shared_where_it_is_named(self, tmp_path: Path) -> None:
        ours = Settings.of({}, cache=tmp_path / "ours", home=tmp_path)
        cogs = Settings.of({"COG_CACHE_DIR": "/c"}, cache=tmp_path / "ours", home=tmp_path)
        assert (ours.store, cogs.store) == (tmp_path / "ours" / "weights", Path("/c/weights"))

    def test_a_file_that_is_kept_cannot_be_written_to(self, store: Store) -> None:
        with store.incoming("a") as coming:
            coming.write(b"abc")
            file = coming.keep("a.bin")
        assert store.has(file)
        assert store.path(file.digest).stat().st_mode & 0o222 == 0
        assert not list((store.root / "incoming").iterdir())

    def test_what_is_wrong_is_not_kept(self, store: Store) -> None:
        with store.incoming("a") as coming:
            coming.write(b"abc")
            with pytest.raises(DigestMismatch):
                coming.keep("a.bin", digest=Digest.of(b"abd"))
            assert coming.size == 0
        assert not list(store.root.glob("files/*/*/*"))

    def test_a_cut_off_file_in_the_store_is_not_taken_for_whole(self, store: Store) -> None:
        file = WeightFile("a", 3, Digest.of(b"abc"))
        store.path(file.digest).parent.mkdir(parents=True)
        store.path(file.digest).write_bytes(b"ab")
        assert store.missing([file]) == (file,)

    def test_killed_at_any_moment_nothing_half_written_is_used(
        self, hub: FakeHub, store: Store, bring: Bring
    ) -> None:
        died = subprocess.run([sys.executable, "-c", KILLED, store.root, hub.url], check=False)
        assert died.returncode == -signal.SIGKILL
        for path in store.root.glob("files/*/*/*"):
            assert Digest.of(path.read_bytes()).hex == path.name
        assert any(path.stat().st_size >= 2_000_000 for path in store.root.glob("incoming/*"))
        hub.seen.clear()
        files = bring("hf://ada/stories")
        assert store.missing(files) == ()
        (resumed,) = [seen.range for seen in hub.seen if "/lfs/" in seen.line and seen.range]
        assert int(resumed.removeprefix("bytes=").removesuffix("-")) >= 2_000_000
        assert not list((store.root / "incoming").glob("*.part"))

    def test_two_that_want_the_same_file_fetch_it_once(self, hub: FakeHub, bring: Bring) -> None:
        results = []
        threads = [
            threading.Thread(
                target=lambda: results.append(bring("hf://ada/stories", only=["model.safetensors"]))
            )
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(results)) == 1
        assert len(results) == 4
        assert hub.count("GET /lfs/") == 1

    def test_notes_that_are_broken_are_as_if_not_there(self, store: Store) -> None:
        store.note_file("key", WeightFile("a", 3, Digest.of(b"abc")))
        assert store.known_file("b", "key") == WeightFile("b", 3, Digest.of(b"abc"))
        for path in store.root.glob("known/*/*/*"):
            path.write_text('{"key": "key", "note": {"size"')
        assert store.known_file("b", "key") is None
        assert store.known_file("b", "other") is None

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_what_the_disk_refuses_is_told_in_our_words(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with pytest.raises(WeightsError, match="denied"), Store(tmp_path / "s").incoming("a"):
            pass

    def test_a_file_where_the_store_should_be(self, tmp_path: Path) -> None:
        (tmp_path / "s").write_text("")
        with pytest.raises(WeightsError) as caught, Store(tmp_path / "s").incoming("a"):
            pass
        assert caught.value.code == "disk"


@pytest.fixture
def stories(store: Store, bring: Bring) -> LockedWeight:
    packed = [pack(bundle, store) for bundle in plan_layers(bring("hf://ada/stories"))]
    wanted = Wanted(name="stories", target="/src/w/s", source=parse_source("hf://ada/stories"))
    return lock_weight(wanted, Provenance(uri="hf://ada/stories", fingerprint="x:y"), packed)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


class TestMounts:
    def test_a_container_gets_folders_of_hard_links_that_go_away(
        self, stories: LockedWeight, store: Store, project: Path
    ) -> None:
        with assembled([stories], store, project) as mounts:
            ((source, target),) = [(mount.source, mount.target) for mount in mounts]
            assert target == "/src/w/s"
            assert source.is_relative_to(project / ".cog" / "mounts")
            file = source / "onnx" / "model.onnx"
            assert file.stat().st_nlink >= 2
            assert (source / ".cog" / "ready").is_file()
            found = {p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()}
            assert found == {f.path for f in stories.files} | {".cog/ready"}
        assert not (project / ".cog").exists()
        assert store.missing(stories.files) == ()

    def test_files_that_are_not_here_are_an_error_and_leave_nothing(
        self, stories: LockedWeight, store: Store, project: Path
    ) -> None:
        store.drop(stories.files[0].digest)
        with (
            pytest.raises(WeightsError, match="not fully cached locally") as caught,
            assembled([stories], store, project),
        ):
            pass
        assert "weights pull" in caught.value.hint
        assert not (project / ".cog").exists()

    def test_no_weights_need_no_folder(self, store: Store, project: Path) -> None:
        with assembled([], store, project) as mounts:
            assert mounts == ()
        assert not (project / ".cog").exists()

    def test_the_plan_alone(self, stories: LockedWeight) -> None:
        assert plan_mounts([stories], Path("/x")) == (Mount(Path("/x/stories"), "/src/w/s"),)


class TestLocally:
    def test_src_is_the_project_here(self, stories: LockedWeight, project: Path) -> None:
        assert local_links([stories], project) == (LocalLink(stories, project / "w" / "s"),)

    def test_targets_elsewhere_have_to_be_there_and_those_that_are_not_are_all_told(
        self, stories: LockedWeight, store: Store, project: Path, tmp_path: Path
    ) -> None:
        names = {name: str(tmp_path / "nowhere" / name) for name in ("a", "b")}
        others = [replace(stories, name=name, target=target) for name, target in names.items()]
        links = local_links([*others, stories], project)
        assert [link.inside for link in links] == [False, False, True]
        with pytest.raises(WeightsError) as caught, linked(links, store):
            pass
        assert all(f"{name} ({target})" in caught.value.message for name, target in names.items())
        assert not (project / "w").exists()

    def test_a_target_elsewhere_that_holds_the_files_is_fine(
        self, stories: LockedWeight, store: Store, project: Path, tmp_path: Path
    ) -> None:
        with linked([LocalLink(stories, tmp_path / "mounted")], store):
            elsewhere = replace(stories, target=str(tmp_path / "mounted"))
            with linked(local_links([elsewhere], project), store):
                assert (tmp_path / "mounted" / "config.json").is_file()

    def test_the_files_are_there_while_it_runs_and_no_longer(
        self, stories: LockedWeight, store: Store, project: Path, checkpoint: dict[str, bytes]
    ) -> None:
        links = local_links([stories], project)
        with linked(links, store) as made:
            assert made == (project / "w" / "s",)
            assert (project / "w/s/config.json").read_bytes() == checkpoint["config.json"]
        assert not (project / "w" / "s").exists()

    def test_two_runs_at_once_and_the_last_one_tidies(
        self, stories: LockedWeight, store: Store, project: Path
    ) -> None:
        links = local_links([stories], project)
        with linked(links, store):
            with linked(links, store):
                pass
            assert (project / "w/s/config.json").is_file()
        assert not (project / "w" / "s").exists()

    def test_what_a_killed_run_left_is_used_and_then_taken_away(
        self, stories: LockedWeight, store: Store, project: Path
    ) -> None:
        links = local_links([stories], project)
        with linked(links, store):
            target = (project / "w" / "s").readlink()
        (project / "w" / "s").symlink_to(target)
        with linked(links, store) as made:
            assert made
        assert not (project / "w" / "s").is_symlink()

    def test_a_place_that_holds_the_very_files_stays_as_it_is(
        self, stories: LockedWeight, store: Store, project: Path
    ) -> None:
        place = project / "w" / "s"
        for file in stories.files:
            (place / file.path).parent.mkdir(parents=True, exist_ok=True)
            (place / file.path).write_bytes(store.path(file.digest).read_bytes())
        store.drop(stories.files[0].digest)
        with linked(local_links([stories], project), store) as made:
            assert made == ()
        assert (place / "config.json").is_file()

    def test_a_link_to_an_older_import_is_made_anew(
        self, stories: LockedWeight, store: Store, project: Path
    ) -> None:
        fewer = replace(stories, files=stories.files[1:])
        with linked(local_links([fewer], project), store):
            target = (project / "w" / "s").readlink()
        (project / "w" / "s").symlink_to(target)
        with linked(local_links([stories], project), store):
            assert (project / "w" / "s" / stories.files[0].path).is_file()

    def test_somebody_elses_broken_link_is_not_touched(
        self, stories: LockedWeight, store: Store, project: Path
    ) -> None:
        (project / "w").mkdir()
        (project / "w" / "s").symlink_to("/nowhere")
        with pytest.raises(WeightsError), linked(local_links([stories], project), store):
            pass
        assert (project / "w" / "s").is_symlink()

    def test_a_place_that_holds_anything_else_is_an_error(
        self, stories: LockedWeight, store: Store, project: Path
    ) -> None:
        (project / "w" / "s").mkdir(parents=True)
        (project / "w" / "s" / "mine.txt").write_text("precious")
        with (
            pytest.raises(WeightsError, match="holds other files"),
            linked(local_links([stories], project), store),
        ):
            pass
        assert (project / "w" / "s" / "mine.txt").read_text() == "precious"
