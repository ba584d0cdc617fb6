"""Wheels are fetched once: resumed, checked, kept by their hash, and found again for nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cogsmith.environment import Event, Progress, Settings, Wheel, fetch_wheels
from cogsmith.errors import InstallError
from tests.environment.conftest import Heard, MakeSettings
from tests.environment.locks import Files, remote, serving, sha256, source_of
from tests.environment.wheels import make_wheel


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Files]:
    with serving(tmp_path / "site") as files:
        yield files


@pytest.fixture
def online(make_settings: MakeSettings) -> Settings:
    return make_settings({"UV_OFFLINE": ""})


def big_wheel(folder: Path, name: str = "big", size: int = 2_000_000) -> Path:
    """A wheel that comes in several blocks."""
    path = make_wheel(folder, name, "1.0")
    path.write_bytes(path.read_bytes() + bytes(size))
    return path


def test_wheels_come_sorted_and_by_their_hash(
    files: Files, tmp_path: Path, online: Settings, heard: Heard
) -> None:
    paths = [make_wheel(files.folder, name, "1.0") for name in ("b", "a-b", "c")]
    source = source_of(tmp_path, *(remote(files.url, path) for path in paths))
    wheels = fetch_wheels(source, online, tell=heard)
    assert [wheel.name for wheel in wheels] == ["a-b", "b", "c"]
    assert wheels[0] == Wheel(
        name="a-b", version="1.0", filename=paths[1].name,
        path=online.cache / "wheels" / sha256(paths[1]) / paths[1].name,
        sha256=sha256(paths[1]), size=paths[1].stat().st_size,
        origin=f"{files.url}/{paths[1].name}",
    )  # fmt: skip
    assert all(
        wheel.path.read_bytes() == (files.folder / wheel.filename).read_bytes() for wheel in wheels
    )
    first, last = (event for event in heard if isinstance(event, Progress) and event.whole)
    assert (first.text, last.text) == ("downloading 3 files", "downloaded 3 files")
    assert last.done == last.total == sum(wheel.size for wheel in wheels)
    assert list((online.wheels / "parts").iterdir()) == []


def test_the_second_time_nothing_is_asked_for(
    files: Files, tmp_path: Path, online: Settings, make_settings: MakeSettings, heard: Heard
) -> None:
    source = source_of(tmp_path, remote(files.url, make_wheel(files.folder, "x", "1.0")))
    first = fetch_wheels(source, online)
    assert fetch_wheels(source, make_settings({"PATH": "/nowhere"}), tell=heard) == first
    assert len(files.asked) == 1
    assert heard == []


def test_a_wheel_that_was_taken_away_is_fetched_again(
    files: Files, tmp_path: Path, online: Settings
) -> None:
    source = source_of(tmp_path, remote(files.url, make_wheel(files.folder, "x", "1.0")))
    (first,) = fetch_wheels(source, online)
    first.path.unlink()
    (second,) = fetch_wheels(source, online)
    assert second == first
    assert second.path.exists()


def test_a_broken_connection_goes_on_where_it_ended(
    files: Files, tmp_path: Path, online: Settings
) -> None:
    path = big_wheel(files.folder)
    files.script[path.name] = ["cut", 503, "cut"]
    (wheel,) = fetch_wheels(source_of(tmp_path, remote(files.url, path)), online)
    assert sha256(wheel.path) == sha256(path)
    half = path.stat().st_size // 2
    assert files.headers("range")[:3] == ["", f"bytes={half}-", f"bytes={half}-"]
    assert len(files.asked) == 4


def test_a_server_without_ranges_sends_all_of_it_again(
    files: Files, tmp_path: Path, online: Settings
) -> None:
    path = big_wheel(files.folder)
    files.ranges, files.script[path.name] = False, ["cut"]
    (wheel,) = fetch_wheels(source_of(tmp_path, remote(files.url, path)), online)
    assert sha256(wheel.path) == sha256(path)


def test_what_a_killed_process_left_is_taken_up(
    files: Files, tmp_path: Path, online: Settings
) -> None:
    path = big_wheel(files.folder)
    part = online.wheels / "parts" / f"{sha256(path)}.4711-killed"
    part.parent.mkdir(parents=True)
    part.write_bytes(path.read_bytes()[:1_000_000])
    (wheel,) = fetch_wheels(source_of(tmp_path, remote(files.url, path)), online)
    assert sha256(wheel.path) == sha256(path)
    assert files.headers("range") == ["bytes=1000000-"]
    assert not part.exists()


def test_a_leftover_of_other_bytes_costs_one_more_try(
    files: Files, tmp_path: Path, online: Settings
) -> None:
    path = big_wheel(files.folder)
    part = online.wheels / "parts" / f"{sha256(path)}.4711-killed"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"something else")
    (wheel,) = fetch_wheels(source_of(tmp_path, remote(files.url, path)), online)
    assert sha256(wheel.path) == sha256(path)
    assert len(files.asked) == 2


def test_other_bytes_than_the_locks_are_refused_and_not_kept(
    files: Files, tmp_path: Path, online: Settings
) -> None:
    wrong, right = make_wheel(files.folder, "wrong", "1.0"), make_wheel(files.folder, "ok", "1.0")
    package = remote(files.url.replace("//", "//me:sesame@"), wrong)
    stated = package["wheels"][0]["hashes"]["sha256"] = "0" * 64
    with pytest.raises(InstallError) as caught:
        fetch_wheels(source_of(tmp_path, package, remote(files.url, right)), online)
    (problem,) = caught.value.problems
    assert (
        problem.message == f"wrong 1.0: its sha256 is {sha256(wrong)}, and the lock says {stated}"
    )
    assert problem.where == f"{files.url}/{wrong.name}"
    assert "run `cogsmith lock`" in problem.hint
    assert not list(online.wheels.rglob("wrong*"))
    assert not list((online.wheels / "parts").glob(f"{stated}*"))


def test_every_stated_hash_counts(files: Files, tmp_path: Path, online: Settings) -> None:
    path = make_wheel(files.folder, "x", "1.0")
    package = remote(files.url, path)
    package["wheels"][0]["hashes"] = {"sha256": sha256(path), "sha512": "1" * 128}
    with pytest.raises(InstallError, match="its sha512 is"):
        fetch_wheels(source_of(tmp_path, package), online)


def test_another_hash_than_sha256_is_enough(files: Files, tmp_path: Path, online: Settings) -> None:
    import hashlib

    path = make_wheel(files.folder, "x", "1.0")
    package = remote(files.url, path)
    package["wheels"][0]["hashes"] = {"sha512": hashlib.sha512(path.read_bytes()).hexdigest()}
    (wheel,) = fetch_wheels(source_of(tmp_path, package), online)
    assert wheel.path.parent.name == wheel.sha256 == sha256(path)


def test_what_does_not_pass_is_said_for_each_file(
    files: Files, tmp_path: Path, make_settings: MakeSettings
) -> None:
    settings = make_settings({"UV_OFFLINE": "", "UV_HTTP_RETRIES": "1"})
    gone, down = make_wheel(files.folder, "gone", "1.0"), make_wheel(files.folder, "down", "1.0")
    files.script = {gone.name: [404]}
    with pytest.raises(InstallError, match=r"gone 1\.0 cannot be downloaded: the server says 404"):
        fetch_wheels(source_of(tmp_path, remote(files.url, gone)), settings)
    files.script = {down.name: [500, 500, 500]}
    with pytest.raises(InstallError, match=r"down 1\.0 cannot be downloaded: the server says 500"):
        fetch_wheels(source_of(tmp_path, remote(files.url, down)), settings)
    assert len(files.asked) == 3


@pytest.mark.timeout(30)
def test_an_interrupt_ends_a_silent_download_at_once_and_keeps_what_came(
    files: Files, tmp_path: Path, make_settings: MakeSettings
) -> None:
    settings = make_settings({"UV_OFFLINE": "", "UV_HTTP_TIMEOUT": "3600"})
    path = big_wheel(files.folder)
    files.script[path.name] = ["stall"]
    source = source_of(tmp_path, remote(files.url, path))

    def interrupt(event: Event) -> None:
        if isinstance(event, Progress) and event.done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_wheels(source, settings, tell=interrupt)
    (wheel,) = fetch_wheels(source, settings)
    first, second = files.headers("range")
    assert first == ""
    assert second.startswith("bytes=")
    assert sha256(wheel.path) == sha256(path)


def test_offline_nothing_is_asked_for(files: Files, tmp_path: Path, settings: Settings) -> None:
    source = source_of(tmp_path, remote(files.url, make_wheel(files.folder, "x", "1.0")))
    with pytest.raises(InstallError, match="UV_OFFLINE rules a download out"):
        fetch_wheels(source, settings)
    assert files.asked == []


def test_two_builds_at_once_both_have_the_wheel(
    files: Files, tmp_path: Path, online: Settings
) -> None:
    path = big_wheel(files.folder)
    source = source_of(tmp_path, remote(files.url, path))
    found: list[Wheel] = []
    threads = [
        threading.Thread(target=lambda: found.extend(fetch_wheels(source, online)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert {sha256(wheel.path) for wheel in found} == {sha256(path)}
    assert list((online.wheels / "parts").iterdir()) == []


def credentials(files: Files) -> Mapping[str, Mapping[str, str]]:
    index = files.url.replace("//", "//me:sesame@")
    return {
        "url": {"UV_INDEX_URL": f"{index}/simple"},
        "pip": {"PIP_INDEX_URL": f"{index}/simple"},
        "named": {
            "UV_INDEX": f"mine={files.url}/simple",
            "UV_INDEX_MINE_USERNAME": "me",
            "UV_INDEX_MINE_PASSWORD": "sesame",
        },
    }


@pytest.mark.parametrize("kind", ["url", "pip", "named"])
def test_credentials_are_those_of_the_index(
    files: Files, tmp_path: Path, make_settings: MakeSettings, kind: str
) -> None:
    files.login = "me:sesame"
    settings = make_settings({"UV_OFFLINE": "", **credentials(files)[kind]})
    source = source_of(tmp_path, remote(files.url, make_wheel(files.folder, "x", "1.0")))
    (wheel,) = fetch_wheels(source, settings)
    assert "sesame" not in wheel.origin
    texts = [p.read_text("utf-8") for p in settings.chosen.iterdir()]
    assert texts
    assert not any("sesame" in text for text in texts)


def test_a_netrc_file_counts(files: Files, tmp_path: Path, make_settings: MakeSettings) -> None:
    files.login = "me:sesame"
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password sesame\n", "utf-8")
    settings = make_settings({"UV_OFFLINE": "", "NETRC": str(netrc)})
    source = source_of(tmp_path, remote(files.url, make_wheel(files.folder, "x", "1.0")))
    assert len(fetch_wheels(source, settings)) == 1


def test_wrong_credentials_are_said_and_not_shown(
    files: Files, tmp_path: Path, make_settings: MakeSettings
) -> None:
    files.login = "me:sesame"
    guess = files.url.replace("//", "//me:guess@")
    settings = make_settings({"UV_OFFLINE": "", "UV_INDEX_URL": guess})
    source = source_of(tmp_path, remote(files.url, make_wheel(files.folder, "x", "1.0")))
    with pytest.raises(InstallError, match="the server says 401") as caught:
        fetch_wheels(source, settings)
    assert "guess" not in f"{caught.value}{caught.value.hint}"
    assert "other credentials" in caught.value.hint


def test_credentials_do_not_follow_a_redirect_to_another_host(
    files: Files, tmp_path: Path, make_settings: MakeSettings
) -> None:
    path = make_wheel(files.folder, "x", "1.0")
    files.login = "me:sesame"
    settings = make_settings({"UV_OFFLINE": "", **credentials(files)["url"]})
    with serving(files.folder) as other:
        files.script[path.name] = [f"{other.url}/{path.name}?signature=1"]
        fetch_wheels(source_of(tmp_path, remote(files.url, path)), settings)
        assert files.headers("authorization") != [""]
        assert other.headers("authorization") == [""]
        assert other.asked[0][0] == f"/{path.name}?signature=1"


def test_a_redirect_in_a_circle_ends(files: Files, tmp_path: Path, online: Settings) -> None:
    path = make_wheel(files.folder, "x", "1.0")
    files.script[path.name] = [f"{files.url}/{path.name}"] * 50
    with pytest.raises(InstallError, match="too many redirects"):
        fetch_wheels(source_of(tmp_path, remote(files.url, path)), online)


def test_a_proxy_is_gone_through(files: Files, tmp_path: Path, make_settings: MakeSettings) -> None:
    path = make_wheel(files.folder, "x", "1.0")
    proxy = files.url.replace("//", "//me:sesame@")
    settings = make_settings({"UV_OFFLINE": "", "HTTP_PROXY": proxy})
    source = source_of(tmp_path, remote("http://host.invalid/files", path))
    assert len(fetch_wheels(source, settings)) == 1
    assert files.asked[0][0] == f"http://host.invalid/files/{path.name}"
    assert files.headers("proxy-authorization")[0].startswith("Basic ")


def test_local_wheels_are_copied_and_checked(tmp_path: Path, settings: Settings) -> None:
    path = make_wheel(tmp_path / "wheels", "x", "1.0")
    hashes = {"sha256": sha256(path)}
    beside = {
        "name": "x",
        "version": "1.0",
        "wheels": [{"path": f"wheels/{path.name}", "hashes": hashes}],
    }
    (wheel,) = fetch_wheels(source_of(tmp_path, beside), settings)
    far = {"name": "x", "version": "1.0", "wheels": [{"url": path.as_uri(), "hashes": hashes}]}
    (other,) = fetch_wheels(source_of(tmp_path, far), settings)
    assert (wheel.origin, other.origin) == (f"wheels/{path.name}", "")
    assert wheel.path == other.path
    path.write_bytes(b"changed")
    assert sha256(wheel.path) == wheel.sha256
    wheel.path.unlink()
    with pytest.raises(InstallError, match=r"x 1\.0: its sha256 is"):
        fetch_wheels(source_of(tmp_path, beside), settings)
    path.unlink()
    with pytest.raises(InstallError, match="there is no such file"):
        fetch_wheels(source_of(tmp_path, beside), settings)


def test_a_wheel_asked_for_by_its_address_says_where_it_is_from(
    files: Files, tmp_path: Path, make_settings: MakeSettings
) -> None:
    path = make_wheel(files.folder, "x", "1.0")
    files.login = "me:sesame"
    settings = make_settings({"UV_OFFLINE": ""})
    archive = {"url": f"{files.url}/{path.name}", "hashes": {"sha256": sha256(path)}}
    source = source_of(tmp_path, {"name": "x", "archive": archive})
    login = {"UV_EXTRA_INDEX_URL": files.url.replace("//", "//me:sesame@") + "/"}
    (wheel,) = fetch_wheels(replace(source, variables=login), settings)
    assert wheel.version == "1.0"
    assert wheel.direct_url == {
        "url": f"{files.url}/{path.name}",
        "archive_info": {"hashes": {"sha256": sha256(path)}},
    }


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, settings: Settings) -> None:
    path = make_wheel(tmp_path / "wheels", "x", "1.0")
    entry = {"path": f"wheels/{path.name}", "hashes": {"sha256": sha256(path)}}
    settings.cache.mkdir(parents=True)
    settings.wheels.write_text("in the way", "utf-8")
    with pytest.raises(InstallError, match="the wheel cache cannot be written"):
        fetch_wheels(
            source_of(tmp_path, {"name": "x", "version": "1.0", "wheels": [entry]}), settings
        )
