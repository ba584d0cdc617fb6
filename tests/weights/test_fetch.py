"""Sources over real HTTP and from disk: listed, fetched, gone on with, checked."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest

from cogsmith.errors import CogsmithError, DigestMismatch, WeightsError
from cogsmith.oci import Digest
from cogsmith.testing.hub import FakeHub
from cogsmith.weights import (
    FileProgress,
    Settings,
    Store,
    WeightFile,
    fetch,
    look,
    parse_source,
    set_digest,
)
from tests.weights.conftest import Bring

STORIES = "hf://ada/stories"


def contents(store: Store, files: tuple[WeightFile, ...]) -> dict[str, bytes]:
    return {file.path: store.path(file.digest).read_bytes() for file in files}


class TestHub:
    def test_a_repository_comes_whole_and_right(
        self, hub: FakeHub, store: Store, bring: Bring
    ) -> None:
        files = bring(STORIES)
        assert contents(store, files) == hub.repositories["ada/stories"].files
        assert list(files) == sorted(files)

    def test_listing_it_takes_no_bytes_and_knows_large_files_by_their_sha256(
        self, hub: FakeHub, settings: Settings, tmp_path: Path, checkpoint: dict[str, bytes]
    ) -> None:
        listing = look(parse_source(STORIES), settings, project=tmp_path)
        assert hub.count("resolve|lfs") == 0
        assert listing.fingerprint == f"commit:{hub.repositories['ada/stories'].commit}"
        known = {file.path: file.digest for file in listing.files if file.digest}
        assert known["model.safetensors"] == Digest.of(checkpoint["model.safetensors"])
        assert "config.json" not in known
        assert "onnx/model.onnx" in known
        assert hub.count("tree") == 5  # 8 files and a folder, in pages of two

    def test_a_second_time_nothing_travels(self, hub: FakeHub, bring: Bring) -> None:
        first = bring(STORIES)
        asked = hub.count("resolve")
        states: list[FileProgress] = []
        assert bring(STORIES, tell=states.append) == first
        assert hub.count("resolve") == asked
        assert {event.state for event in states} == {"known"}

    def test_a_revision_is_pinned_to_its_commit(self, hub: FakeHub, bring: Bring) -> None:
        repository = hub.repositories["ada/stories"]
        repository.revisions.add("refs/pr/1")
        bring(f"{STORIES}@refs/pr/1", only=["config.json"])
        assert hub.count(f"resolve/{repository.commit}/config.json") == 1
        assert hub.count("revision/refs%2Fpr%2F1") == 1

    def test_the_token_goes_to_the_hub_and_not_behind_the_redirect(
        self, hub: FakeHub, settings: Settings, tmp_path: Path
    ) -> None:
        hub.repositories["ada/stories"].private = True
        known = Settings(store=settings.store, hub=hub.url, token=hub.token)
        listing = look(parse_source(STORIES), known, project=tmp_path)
        fetch(listing, listing.files, known)
        stored = [seen for seen in hub.seen if "/lfs/" in seen.line]
        assert stored
        assert {seen.authorization for seen in stored} == {""}
        assert all(seen.host.startswith("localhost") for seen in stored)
        others = [seen for seen in hub.seen if "/lfs/" not in seen.line]
        assert {seen.authorization for seen in others} == {f"Bearer {hub.token}"}
        assert hub.token not in repr(known)

    def test_the_hubs_own_login_counts(self, hub: FakeHub, tmp_path: Path) -> None:
        hub.repositories["ada/stories"].private = True
        (tmp_path / "hf").mkdir()
        (tmp_path / "hf" / "token").write_text(f"{hub.token}\n")
        environ = {"HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": f"{hub.url}/"}
        settings = Settings.of(environ, cache=tmp_path, home=tmp_path)
        assert look(parse_source(STORIES), settings, project=tmp_path).files

    @pytest.mark.parametrize(
        ("uri", "gate", "said", "advice"),
        [
            ("hf://ada/nowhere", "", "HTTP 401", "HF_TOKEN"),
            ("hf://ada/stories@v9", "", "HTTP 404", "names of repository and revision"),
            (STORIES, "private", "HTTP 401", "HF_TOKEN"),
            (STORIES, "gated", "HTTP 401", "HF_TOKEN"),
        ],
        ids=["no repository", "no revision", "private", "gated"],
    )
    def test_a_refusal_says_what_to_do(
        self, hub: FakeHub, bring: Bring, uri: str, gate: str, said: str, advice: str
    ) -> None:
        if gate:
            setattr(hub.repositories["ada/stories"], gate, True)
        with pytest.raises(WeightsError) as caught:
            bring(uri)
        assert said in caught.value.message
        assert advice in caught.value.hint
        assert caught.value.where == uri

    def test_conditions_that_are_not_accepted_are_told_apart(
        self, hub: FakeHub, settings: Settings, tmp_path: Path
    ) -> None:
        hub.repositories["ada/stories"].gated = True
        known = Settings(store=settings.store, hub=hub.url, token=hub.token)
        with pytest.raises(WeightsError) as caught:
            look(parse_source(STORIES), known, project=tmp_path)
        assert "accept its conditions" in caught.value.hint

    def test_a_connection_that_breaks_goes_on_where_it_was(
        self, hub: FakeHub, store: Store, bring: Bring
    ) -> None:
        hub.fail("GET /lfs", cut=1_500_000, times=2)
        events: list[FileProgress] = []
        files = bring(STORIES, only=["model.safetensors"], tell=events.append)
        assert contents(store, files).keys() == {"model.safetensors"}
        ranges = [seen.range for seen in hub.seen if "/lfs/" in seen.line]
        assert ranges == ["", "bytes=1500000-", "bytes=3000000-"]
        assert [event.note for event in events if event.state == "retrying"]

    def test_what_a_killed_import_left_is_gone_on_with(
        self, hub: FakeHub, settings: Settings, bring: Bring
    ) -> None:
        hub.fail("GET /lfs", cut=2_000_000)
        hub.fail("GET /lfs", status=400)
        with pytest.raises(WeightsError, match="400"):
            bring(STORIES, only=["model.safetensors"])
        hub.seen.clear()
        bring(STORIES, only=["model.safetensors"])
        assert [s.range for s in hub.seen if "/lfs/" in s.line] == ["bytes=2000000-"]

    def test_what_passes_is_tried_again_and_what_does_not_is_told(
        self, hub: FakeHub, bring: Bring
    ) -> None:
        hub.fail("tree", status=503, times=2)
        hub.fail("resolve", status=429, headers={"Retry-After": "0"})
        assert bring(STORIES)
        hub.fail("revision", status=503, times=99)
        with pytest.raises(WeightsError, match="503"):
            bring(STORIES)
        assert hub.count("revision") == 1 + 5

    @pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
    def test_bytes_that_are_others_are_refused_and_not_kept(
        self, hub: FakeHub, store: Store, bring: Bring, name: str
    ) -> None:
        hub.fail("/lfs/|resolve/.*/config.json", corrupt=True, times=2)
        if name == "model.safetensors":
            hub.faults[0].pattern = "/lfs/"
        else:
            hub.faults[0].pattern = "config.json"
        with pytest.raises(DigestMismatch, match="was named"):
            bring(STORIES, only=[name])
        assert not [path for path in store.root.glob("files/*/*/*") if path.stat().st_size]
        hub.faults.clear()
        assert bring(STORIES, only=[name])

    def test_a_hub_that_is_not_there(self, settings: Settings, tmp_path: Path) -> None:
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            gone = Settings(
                store=settings.store, hub=f"http://127.0.0.1:{held.getsockname()[1]}",
                tries=2, pause=0.001,
            )  # fmt: skip
            with pytest.raises(WeightsError, match="cannot be reached") as caught:
                look(parse_source(STORIES), gone, project=tmp_path)
        assert "HF_ENDPOINT" in caught.value.hint


class TestSite:
    def test_one_file_with_the_name_of_its_address(
        self, hub: FakeHub, settings: Settings, store: Store, tmp_path: Path
    ) -> None:
        hub.files["m/big model.pth"] = b"p" * 100_000
        listing = look(parse_source(f"{hub.url}/m/big%20model.pth"), settings, project=tmp_path)
        assert hub.count("GET") == 0
        files = fetch(listing, listing.files, settings)
        assert contents(store, files) == {"big model.pth": b"p" * 100_000}
        tag = hashlib.md5(b"p" * 100_000, usedforsecurity=False).hexdigest()
        assert listing.fingerprint_of(files) == f'etag:"{tag}"'

    @pytest.mark.parametrize("tag", ["", 'W/"weak"'], ids=["none", "weak"])
    def test_without_a_strong_tag_the_content_is_the_fingerprint(
        self, hub: FakeHub, settings: Settings, tmp_path: Path, tag: str
    ) -> None:
        hub.files["a.bin"], hub.tags["a.bin"] = b"abc", tag
        listing = look(parse_source(f"{hub.url}/a.bin"), settings, project=tmp_path)
        files = fetch(listing, listing.files, settings)
        assert listing.fingerprint_of(files) == str(Digest.of(b"abc"))

    def test_the_same_tag_is_not_fetched_again_and_another_is(
        self, hub: FakeHub, store: Store, bring: Bring
    ) -> None:
        uri = f"{hub.url}/a.bin"
        hub.files["a.bin"] = b"one"
        bring(uri)
        bring(uri)
        assert hub.count("GET") == 1
        hub.files["a.bin"] = b"two"
        assert contents(store, bring(uri)) == {"a.bin": b"two"}

    def test_a_file_that_changes_under_our_hands_is_never_mixed(
        self, hub: FakeHub, settings: Settings, tmp_path: Path
    ) -> None:
        hub.files["a.bin"] = b"1" * 3_000_000
        hub.fail("GET /a.bin", cut=2_000_000)
        listing = look(parse_source(f"{hub.url}/a.bin"), settings, project=tmp_path)

        def change(event: FileProgress) -> None:
            if event.state == "retrying":
                hub.files["a.bin"] = b"2" * 3_000_000

        with pytest.raises(WeightsError, match="changed meanwhile"):
            fetch(listing, listing.files, settings, tell=change)

    def test_without_a_tag_a_break_begins_anew(
        self, hub: FakeHub, store: Store, bring: Bring
    ) -> None:
        hub.files["a.bin"], hub.tags["a.bin"] = b"1" * 3_000_000, ""
        hub.fail("GET /a.bin", cut=2_000_000)
        assert contents(store, bring(f"{hub.url}/a.bin")) == {"a.bin": b"1" * 3_000_000}
        assert [seen.range for seen in hub.seen if seen.line.startswith("GET")] == ["", ""]

    def test_no_such_file(self, hub: FakeHub, bring: Bring) -> None:
        with pytest.raises(WeightsError, match="404"):
            bring(f"{hub.url}/nothing.bin")

    def test_a_server_that_knows_no_head(self, hub: FakeHub, store: Store, bring: Bring) -> None:
        hub.files["a.bin"] = b"abc"
        hub.fail("HEAD", status=405)
        assert contents(store, bring(f"{hub.url}/a.bin")) == {"a.bin": b"abc"}

    def test_endless_redirects_and_other_schemes_end(self, hub: FakeHub, bring: Bring) -> None:
        hub.fail("/loop.bin", status=302, headers={"Location": "/loop.bin"}, times=99)
        with pytest.raises(WeightsError, match="redirects more than"):
            bring(f"{hub.url}/loop.bin")
        hub.fail("/file.bin", status=302, headers={"Location": "file:///etc/passwd"}, times=9)
        with pytest.raises(WeightsError, match="not allowed"):
            bring(f"{hub.url}/file.bin")


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "w" / "sub").mkdir(parents=True)
        (tmp_path / "w" / "a.bin").write_bytes(b"a" * 1000)
        (tmp_path / "w" / "sub" / "b.json").write_bytes(b"{}")
        for path in (tmp_path / "w").rglob("*"):
            os.utime(path, (1e9, 1e9))
        return tmp_path / "w"

    @pytest.mark.parametrize("form", ["w", "file://./w", "{}", "file://{}"])
    def test_relative_and_absolute(
        self, folder: Path, store: Store, bring: Bring, form: str
    ) -> None:
        files = bring(form.format(folder))
        assert contents(store, files) == {"a.bin": b"a" * 1000, "sub/b.json": b"{}"}

    def test_it_is_hashed_once_and_again_when_it_changes(self, folder: Path, bring: Bring) -> None:
        def hashed() -> list[str]:
            events: list[FileProgress] = []
            bring("w", tell=events.append)
            return sorted(event.path for event in events if event.state == "hashing")

        assert hashed() == ["a.bin", "sub/b.json"]
        assert hashed() == []
        (folder / "a.bin").write_bytes(b"b" * 1000)
        assert hashed() == ["a.bin"]

    def test_a_file_that_was_changed_just_now_is_not_trusted_by_its_time(
        self, folder: Path, store: Store, bring: Bring
    ) -> None:
        about = (folder / "a.bin").stat()
        (folder / "a.bin").write_bytes(b"x" * 1000)
        now = (folder / "a.bin").stat().st_mtime_ns
        bring("w")
        (folder / "a.bin").write_bytes(b"y" * 1000)
        os.utime(folder / "a.bin", ns=(now, now))
        assert contents(store, bring("w"))["a.bin"] == b"y" * 1000
        assert about.st_size == 1000

    def test_its_fingerprint_is_that_of_all_its_files(
        self, folder: Path, settings: Settings, bring: Bring
    ) -> None:
        listing = look(parse_source(str(folder)), settings, project=folder)
        assert listing.fingerprint == str(set_digest(bring("w")))

    def test_what_is_no_file_is_refused_all_at_once(self, folder: Path, bring: Bring) -> None:
        (folder / "link.bin").symlink_to("a.bin")
        (folder / "links").symlink_to("sub")
        os.mkfifo(folder / "pipe")
        (folder / ".cog").mkdir()
        (folder / ".cog" / "ready").write_text("")
        with pytest.raises(WeightsError) as caught:
            bring("w")
        told = {problem.where: problem.message for problem in caught.value.problems}
        assert set(told) == {"link.bin", "links", "pipe", ".cog/ready"}
        assert "is a link" in told["links"]
        assert "is a pipe" in told["pipe"]

    @pytest.mark.parametrize(
        ("uri", "said"),
        [("nothing", "not found"), ("w/a.bin", "not a directory"), ("empty", "no files")],
    )
    def test_what_is_no_folder_of_files(
        self, folder: Path, bring: Bring, uri: str, said: str
    ) -> None:
        (folder.parent / "empty").mkdir()
        with pytest.raises(WeightsError, match=said):
            bring(uri)

    def test_a_file_that_changes_while_it_is_taken_is_refused(
        self, folder: Path, settings: Settings
    ) -> None:
        listing = look(parse_source(str(folder)), settings, project=folder)
        (folder / "a.bin").write_bytes(b"z" * 1000)
        with pytest.raises(CogsmithError, match="was named"):
            fetch(listing, listing.files, settings)
        (folder / "a.bin").unlink()
        with pytest.raises(WeightsError, match="cannot be read"):
            fetch(listing, listing.files, settings)
