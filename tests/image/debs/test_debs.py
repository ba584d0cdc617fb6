"""System packages become layers: the whole road, over http, with an archive made here."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cogsmith.errors import LockError, SystemPackageError
from cogsmith.image import Pins, Recipe, System
from cogsmith.image.debs import Debs, DebSettings, deb_recipes
from cogsmith.image.progress import LayerProgress
from cogsmith.oci import decompress
from tests.image.debs.archive import NOW, STATUS, Archive, base, deb, make_key, served


@dataclass
class Bench:
    """An archive that is served, and a cache."""

    archive: Archive
    settings: DebSettings
    asked: list[str]

    def add(
        self,
        *packages: str,
        system: System | None = None,
        pinned: Pins | None = None,
        **changes: Any,
    ) -> Debs:
        self.archive.publish()
        system = system or base(self.archive.key)
        settings = replace(self.settings, **changes)
        return deb_recipes(packages, system, settings, lambda _: None, pinned)

    def refused(self, *packages: str, system: System | None = None) -> SystemPackageError:
        with pytest.raises(SystemPackageError) as caught:
            self.add(*packages, system=system)
        return caught.value


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    archive = Archive.at(tmp_path / "archive")
    archive.folder.mkdir()
    with served(archive.folder) as (url, asked):
        yield Bench(archive, DebSettings(cache=tmp_path / "cache", mirror=url), asked)


def bytes_of(recipe: Recipe) -> bytes:
    out = io.BytesIO()
    recipe.pack(out.write)
    return out.getvalue()


def unpacked(recipe: Recipe) -> dict[str, tarfile.TarInfo]:
    plain = b"".join(decompress([bytes_of(recipe)], "gzip"))
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        return {member.name: member for member in archive}


def text_of(recipe: Recipe, path: str) -> str:
    plain = b"".join(decompress([bytes_of(recipe)], "gzip"))
    with tarfile.open(fileobj=io.BytesIO(plain)) as archive:
        found = archive.extractfile(path)
        assert found is not None
        return found.read().decode()


def test_a_package_comes_with_what_it_depends_on(bench: Bench) -> None:
    bench.archive.package("git", {"./usr/bin/git": b"#!"}, Depends="libcurl (>= 7), libc6")
    bench.archive.package("libcurl", {"./usr/lib/libcurl.so.4": b"\x7fELF"}, version="7.88-1")
    debs = bench.add("git")
    assert [f"{one.name} {one.version}" for one in debs.installed] == [
        "git 1.0-1",
        "libcurl 7.88-1",
    ]
    assert all(recipe.kind == "system" for recipe in debs.recipes)
    files, database = debs.recipes
    assert {"usr/bin/git", "usr/lib/libcurl.so.4", "var/lib/dpkg/info/git.list"} <= {
        *unpacked(files)
    }
    status = text_of(database, "var/lib/dpkg/status")
    assert status.startswith(STATUS.rstrip("\n"))
    assert "Package: git\nStatus: install ok installed\n" in status
    assert text_of(files, "var/lib/dpkg/info/git.list") == "/.\n/usr/bin/git\n"


def test_pins_do_not_name_the_mirror(bench: Bench) -> None:
    bench.archive.package("git", {"./usr/bin/git": b"#!"})
    pins = bench.add("git").pins
    assert pins
    (deb,) = pins.packages
    assert (deb.name, deb.version, deb.architecture, len(deb.sha256)) == (
        "git",
        "1.0-1",
        "amd64",
        64,
    )
    assert deb.url == "http://archive.example/debian/pool/git_1.0-1_amd64.deb"
    assert Pins.read(pins.document(), "pylock.toml") == pins


def test_what_a_lock_pins_is_taken_though_there_are_newer_ones(
    bench: Bench, tmp_path: Path
) -> None:
    bench.archive.package("git", {"./usr/bin/git": b"#!"}, Depends="libcurl")
    bench.archive.package("libcurl", {"./usr/lib/libcurl.so.4": b"\x7fELF"})
    first = bench.add("git")
    bench.archive.package("git", {"./usr/bin/git": b"#! newer"}, version="2.0-1")
    elsewhere = tmp_path / "another machine"
    again = bench.add("git", pinned=first.pins, cache=elsewhere)
    assert again.installed == first.installed
    assert [bytes_of(recipe) for recipe in again.recipes] == [
        bytes_of(recipe) for recipe in first.recipes
    ]
    newer = bench.add("git", cache=tmp_path / "a third one")
    assert [deb.version for deb in newer.installed] == ["2.0-1"]


def test_pins_for_other_names_or_another_base_do_not_count(bench: Bench) -> None:
    bench.archive.package("git", {"./usr/bin/git": b"#!"})
    bench.archive.package("sox", {"./usr/bin/sox": b"#!"})
    pins = bench.add("git").pins
    assert pins
    assert [deb.name for deb in bench.add("sox", pinned=pins).installed] == ["sox"]
    other = replace(pins, base="sha256:" + "0" * 64, packages=())
    assert [deb.name for deb in bench.add("git", pinned=other).installed] == ["git"]


@pytest.mark.parametrize("broken", [{}, {"base": "b", "asked": ["git"], "packages": ["git 1.0"]}])
def test_pins_that_cannot_be_read_say_so(broken: dict[str, Any]) -> None:
    with pytest.raises(LockError, match=r"pylock.toml: tool.cogsmith.debs"):
        Pins.read(broken, "pylock.toml")


def test_files_go_through_the_links_of_the_base(bench: Bench) -> None:
    bench.archive.package(
        "ps",
        {
            "./bin/": b"", "./bin/ps": b"#!", "./bin/also": "=./bin/ps", "./usr/bin/ps2": "ps",
            "./lib/x86_64-linux-gnu/": b"", "./lib/x86_64-linux-gnu/libps.so.1": b"\x7fELF",
        },
    )  # fmt: skip
    found = unpacked(bench.add("ps").recipes[0])
    assert {"bin", "lib", "usr", "usr/bin"} & {*found} == set()
    assert found["usr/bin/also"].linkname == "usr/bin/ps"
    assert found["usr/bin/ps2"].linkname == "ps"
    assert found["usr/bin/ps"].mode == 0o755
    assert found["usr/bin/ps"].mtime == 1_600_000_000
    assert "usr/lib/x86_64-linux-gnu/libps.so.1" in found


def test_files_go_through_the_links_of_other_packages(bench: Bench) -> None:
    bench.archive.package("a", {"./opt/real/": b"", "./opt/short": "real", "./opt/real/a": b"a"})
    bench.archive.package("b", {"./opt/short/": b"", "./opt/short/b": b"b"})
    found = unpacked(bench.add("a", "b").recipes[0])
    assert found["opt/short"].issym()
    assert "opt/real/b" in found


def test_a_folder_of_the_base_is_not_replaced_by_a_link(bench: Bench) -> None:
    bench.archive.package("odd", {"./usr/share": "/elsewhere", "./usr/bin/odd": b""})
    assert "usr/share" not in unpacked(bench.add("odd").recipes[0])


def test_documentation_is_left_out_and_licences_stay(bench: Bench) -> None:
    bench.archive.package(
        "doc",
        {
            "./usr/share/doc/doc/copyright": b"GPL", "./usr/share/doc/doc/README": b"",
            "./usr/share/man/man1/doc.1.gz": b"", "./usr/share/locale/de/doc.mo": b"",
            "./usr/share/doc/doc-dev": "doc",
            "./usr/share/doc/doc/same": "=./usr/share/doc/doc/README",
        },
    )  # fmt: skip
    found = unpacked(bench.add("doc").recipes[0])
    assert [path for path in found if path.startswith("usr/")] == [
        "usr/share/doc/doc", "usr/share/doc/doc/copyright", "usr/share/doc/doc-dev",
    ]  # fmt: skip


def test_the_same_input_makes_the_same_bytes(bench: Bench, tmp_path: Path) -> None:
    bench.archive.package("a", {"./usr/bin/a": b"a", "./usr/share/x/": b""}, end="gz")
    bench.archive.package("b", {"./usr/bin/b": b"b", "./usr/share/x/": b""}, end="")
    once = bench.add("a", "b")
    again = bench.add("b", "a", cache=tmp_path / "other")
    assert [recipe.key for recipe in once.recipes] == [recipe.key for recipe in again.recipes]
    assert [*map(bytes_of, once.recipes)] == [*map(bytes_of, again.recipes)]


def test_another_version_is_another_layer(bench: Bench, tmp_path: Path) -> None:
    bench.archive.package("a", {"./usr/bin/a": b"a"})
    once = bench.add("a")
    bench.archive.package("a", {"./usr/bin/a": b"a"}, version="2.0-1")
    assert bench.add("a").recipes == once.recipes  # as long as nobody asks for newer ones
    newer = bench.add("a", refresh=True)
    assert newer.installed[0].version == "2.0-1"
    assert {r.key for r in newer.recipes} & {r.key for r in once.recipes} == set()


def test_a_known_set_asks_nobody(bench: Bench) -> None:
    bench.archive.package("a", {"./usr/bin/a": b"a"})
    bench.add("a")
    bench.asked.clear()
    bytes_of(bench.add("a").recipes[0])
    assert bench.asked == []


def test_a_package_that_somebody_threw_away_is_fetched_again(bench: Bench) -> None:
    bench.archive.package("a", {"./usr/bin/a": b"a"})
    debs = bench.add("a")
    (bench.settings.folder / debs.installed[0].sha256).unlink()
    assert "usr/bin/a" in unpacked(debs.recipes[0])


def test_what_the_base_has_is_not_added(bench: Bench) -> None:
    bench.archive.package("libc6", {"./usr/lib/libc.so.6": b""}, version="2.36-9")
    debs = bench.add("libc6")
    assert (debs.recipes, debs.installed) == ((), ())


def test_no_packages_need_no_archive(bench: Bench) -> None:
    system = replace(base(bench.archive.key), files={})
    assert deb_recipes((), system, bench.settings, lambda _: None) == Debs(recipes=(), installed=())


def test_progress_ends_with_all_bytes(bench: Bench) -> None:
    bench.archive.package("a", {"./usr/bin/a": b"a"})
    bench.archive.publish()
    told: list[LayerProgress] = []
    deb_recipes(("a",), base(bench.archive.key), bench.settings, told.append)
    assert told[-1].state == "made"
    assert told[-1].done == told[-1].total > 0


def test_distroless_bases_get_a_file_for_each_package(bench: Bench) -> None:
    bench.archive.package("a", {"./usr/bin/a": b"a"})
    have = base(bench.archive.key)
    status = {
        "var/lib/dpkg/status.d/libc6": b"Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\n"
    }
    files = {path: data for path, data in have.files.items() if path != "var/lib/dpkg/status"}
    debs = bench.add("a", system=replace(have, files={**files, **status}))
    (recipe,) = debs.recipes
    assert "Version: 1.0-1\n" in text_of(recipe, "var/lib/dpkg/status.d/a")


def test_a_newer_version_may_lie_above_the_older_one(bench: Bench) -> None:
    system = base(
        bench.archive.key,
        **{
            "var/lib/dpkg/info/libc6:amd64.list": "/.\n/usr/lib/libc.so.6\n/usr/share/doc/libc6/x\n"
        },
    )
    bench.archive.package(
        "libc6", {"./lib/libc.so.6": b"new"}, version="2.36-10", Multi_Arch="same"
    )
    bench.archive.package("libc6-dev", {"./usr/include/a.h": b""}, Depends="libc6 (= 2.36-10)")
    debs = bench.add("libc6-dev", system=system)
    assert [one.name for one in debs.installed] == ["libc6", "libc6-dev"]
    status = text_of(debs.recipes[-1], "var/lib/dpkg/status")
    assert status.count("Package: libc6\n") == 1
    assert "Version: 2.36-10\n" in status
    assert "var/lib/dpkg/info/libc6:amd64.list" in unpacked(debs.recipes[0])


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        pytest.param("/.\n/usr/lib/old.so\n", "has no usr/lib/old.so", id="a file would stay"),
        pytest.param(None, "does not say which files libc6 2.36-9 has", id="nobody knows"),
    ],
)
def test_an_upgrade_that_leaves_files_behind_is_refused(
    bench: Bench, listed: str | None, words: str
) -> None:
    files = {"var/lib/dpkg/info/libc6:amd64.list": listed} if listed else {}
    bench.archive.package("libc6", {"./lib/libc.so.6": b"new"}, version="2.36-10")
    bench.archive.package("libc6-dev", {}, Depends="libc6 (= 2.36-10)")
    error = bench.refused("libc6-dev", system=base(bench.archive.key, **files))
    assert words in error.message
    assert "--builder docker" in error.hint


def test_scripts_that_matter_are_refused_all_at_once(bench: Bench) -> None:
    for name in ("one", "two"):
        script = "#!/bin/sh\nset -e\nadduser --system $NAME\n"
        bench.archive.package(name, {}, postinst=script)
    bench.archive.package("fine", {}, postinst="#!/bin/sh\nset -e\nldconfig\n")
    error = bench.refused("one", "two", "fine")
    assert [problem.message.split()[0] for problem in error.problems] == ["one", "two"]
    assert "adduser --system $NAME" in error.message
    assert error.hint == "build with --builder docker"


def test_a_refusal_says_who_needs_the_package(bench: Bench) -> None:
    bench.archive.package("asked", {}, Depends="between")
    bench.archive.package("between", {}, Depends="virtual")
    script = "#!/bin/sh\nadduser x\n"
    bench.archive.package("deep", {}, Provides="virtual", postinst=script)
    assert bench.refused("asked").message.startswith("deep (needed by asked) runs a script")


def test_files_that_another_package_watches(bench: Bench) -> None:
    bench.archive.package("apache", {"./usr/bin/apache": b""}, triggers="interest /etc/apache\n")
    bench.archive.package("site", {"./etc/apache/site": b""})
    error = bench.refused("apache", "site")
    assert error.message == "site has etc/apache/site, of which apache must be told"


def test_alternatives_are_linked(bench: Bench) -> None:
    script = "#!/bin/sh\nset -e\nupdate-alternatives --install /usr/lib/libblas.so.3 \\\n"
    for name, priority in (("libblas3", 10), ("openblas", 100)):
        bench.archive.package(
            name,
            {f"./usr/lib/{name}/libblas.so.3": b"\x7fELF"},
            postinst=f"{script}    libblas.so.3 /usr/lib/{name}/libblas.so.3 {priority}\nexit 0\n",
        )
    database = bench.add("libblas3", "openblas").recipes[-1]
    found = unpacked(database)
    assert found["usr/lib/libblas.so.3"].linkname == "/etc/alternatives/libblas.so.3"
    assert found["etc/alternatives/libblas.so.3"].linkname == "/usr/lib/openblas/libblas.so.3"
    assert text_of(database, "var/lib/dpkg/alternatives/libblas.so.3") == (
        "auto\n/usr/lib/libblas.so.3\n\n/usr/lib/libblas3/libblas.so.3\n10\n"
        "/usr/lib/openblas/libblas.so.3\n100\n\n"
    )


def test_the_certificates_bundle_is_made(bench: Bench) -> None:
    folder = "./usr/share/ca-certificates/mozilla"
    bench.archive.package(
        "ca-certificates", {f"{folder}/B.crt": b"bbb\n", f"{folder}/A.crt": b"aaa"},
        postinst="#!/bin/sh\nupdate-ca-certificates\n",
    )  # fmt: skip
    recipe = bench.add("ca-certificates").recipes[0]
    assert text_of(recipe, "etc/ssl/certs/ca-certificates.crt") == "aaa\nbbb\n"
    assert text_of(recipe, "etc/ca-certificates.conf") == "mozilla/A.crt\nmozilla/B.crt\n"
    link = unpacked(recipe)["etc/ssl/certs/A.pem"]
    assert link.linkname == "/usr/share/ca-certificates/mozilla/A.crt"


def test_two_packages_with_one_file(bench: Bench) -> None:
    bench.archive.package("old", {"./usr/bin/x": b"old", "./usr/bin/old": b""})
    bench.archive.package("new", {"./usr/bin/x": b"new"}, Replaces="old (<< 2)")
    assert text_of(bench.add("old", "new").recipes[0], "usr/bin/x") == "new"
    bench.archive.package("rude", {"./usr/bin/x": b"rude"})
    assert bench.refused("old", "rude").message == "old and rude both have usr/bin/x"


def test_conffiles_are_in_the_status(bench: Bench) -> None:
    made = deb("a", {"./etc/a.conf": b"x"}, scripts={"conffiles": "/etc/a.conf\n"})
    bench.archive.add(made, "a")
    status = text_of(bench.add("a").recipes[-1], "var/lib/dpkg/status")
    assert "Conffiles:\n /etc/a.conf 9dd4e461268c8034f5c8564e155c67a6\n" in status


def test_another_key_is_not_believed(bench: Bench) -> None:
    bench.archive.package("a", {})
    error = bench.refused("a", system=base(make_key()))
    assert error.where.endswith("/dists/bookworm/InRelease")
    assert "is not signed by a key of the base image" in error.message
    assert "\n" not in error.message


def test_a_base_without_keys_is_refused(bench: Bench) -> None:
    bench.archive.package("a", {})
    have = base(bench.archive.key)
    files = {path: data for path, data in have.files.items() if "trusted" not in path}
    error = bench.refused("a", system=replace(have, files=files))
    assert "no key" in error.message


def test_the_key_that_a_source_names_is_the_one_that_counts(bench: Bench) -> None:
    bench.archive.package("a", {})
    source = "Types: deb\nURIs: http://archive.example/debian\nSuites: bookworm\nComponents: main\n"
    named = f"{source}Signed-By: /usr/share/keyrings/mine.gpg\n"
    changes = {"etc/apt/sources.list": "", "etc/apt/sources.list.d/debian.sources": named}
    wrong = base(bench.archive.key, **changes)
    other = bytes(make_key().extract_certificate())
    right = bytes(bench.archive.key.extract_certificate())
    place = "usr/share/keyrings/mine.gpg"
    bench.refused("a", system=replace(wrong, files={**wrong.files, place: other}))
    assert bench.add("a", system=replace(wrong, files={**wrong.files, place: right})).installed


def test_an_old_release_is_not_shown_as_a_new_one(bench: Bench) -> None:
    bench.archive.package("a", {})
    bench.archive.until = NOW - timedelta(minutes=1)
    assert "was valid until" in bench.refused("a").message


def test_a_release_from_the_future(bench: Bench) -> None:
    bench.archive.package("a", {})
    bench.archive.date = NOW + timedelta(days=3)
    assert "still to come" in bench.refused("a").message


def test_a_changed_index_is_noticed(bench: Bench) -> None:
    bench.archive.package("a", {})
    bench.archive.publish()
    index = next(bench.archive.folder.rglob("Packages.xz"))
    index.write_bytes(b"something else")
    with pytest.raises(SystemPackageError, match="has not the hash"):
        deb_recipes(("a",), base(bench.archive.key), bench.settings, lambda _: None)


def test_a_changed_package_is_noticed_and_not_kept(bench: Bench) -> None:
    bench.archive.package("a", {})
    file = next(bench.archive.folder.rglob("a_*.deb"))
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert "has not the hash" in bench.refused("a").message
    assert not [path for path in bench.settings.folder.iterdir() if path.name.startswith(".")]


def test_a_package_that_the_mirror_lacks(bench: Bench) -> None:
    bench.archive.package("a", {})
    next(bench.archive.folder.rglob("a_*.deb")).unlink()
    error = bench.refused("a")
    assert "404" in error.message
    assert "--no-cache" in error.hint


@pytest.mark.parametrize("name", ["alpine", "fedora"])
def test_other_systems_are_refused_by_name(bench: Bench, name: str) -> None:
    release = f'ID={name}\nPRETTY_NAME="{name.title()} 3"\n'
    error = bench.refused("a", system=base(bench.archive.key, **{"etc/os-release": release}))
    assert error.message.startswith(f"the base image is {name.title()} 3")
    assert "--builder docker" in error.hint


def test_a_source_that_no_mirror_replaces(bench: Bench) -> None:
    lines = "deb file:/var/cache/here ./\ndeb [trusted=yes] http://x.example/debs ./\n"
    error = bench.refused("a", system=base(bench.archive.key, **{"etc/apt/sources.list": lines}))
    assert [problem.message for problem in error.problems] == [
        "file:/var/cache/here is not reached by http",
        "http://x.example/debs is to be trusted without a signature",
    ]


def test_names_that_are_unknown_are_told_together(bench: Bench) -> None:
    bench.archive.package("ffmpeg", {})
    bench.archive.package("git", {})
    error = bench.refused("ffmpge", "git=7", "nonsense")
    assert [(problem.message, problem.hint) for problem in error.problems] == [
        ("there is no package ffmpge", "did you mean ffmpeg?"),
        ("git=7: there is no such version of git", "there is 1.0-1"),
        ("there is no package nonsense", "the base image's archives lack it"),
    ]


def test_broken_notes_are_made_again(bench: Bench) -> None:
    bench.archive.package("a", {"./usr/bin/a": b"a"})
    once = bench.add("a")
    for note in bench.settings.folder.glob("*.json"):
        note.write_text(json.dumps({"other": 1}))
    assert bench.add("a").recipes == once.recipes
