"""Wheels become layers: what lies in them, the same everywhere, readable by everybody."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest
from uv import find_uv_bin

from cogsmith.environment import Wheel
from cogsmith.errors import InstallError
from cogsmith.image import Folder, Venv, conflicts, wheel_recipes, wheels_key
from cogsmith.image.wheels.archive import Archive
from cogsmith.image.wheels.archive import Member as Packed
from cogsmith.image.wheels.recipes import above
from cogsmith.image.wheels.splice import contents as contents_of
from cogsmith.image.wheels.spread import spread
from cogsmith.oci import Digest, File, pack, reader, tar, validate
from tests.image.wheels.made import (
    BIG,
    SITE,
    VENV,
    contents,
    files_of,
    members,
    packed,
    row,
    wheel_at,
    write,
)
from tests.image.wheels.made import wheel as made
from tests.oci.images import image

EVERYTHING = {
    "box/__init__.py": b"VALUE = 1\n",
    "box/large.bin": BIG,
    "box/empty.py": b"",
    "box-1.0.dist-info/entry_points.txt": (
        b"[console_scripts]\nbox = box.tool:main.run [extra]\n[gui_scripts]\nbox-gui = box:gui\n"
    ),
    "box-1.0.data/scripts/old": b"#!python -s\nprint(1)\n",
    "box-1.0.data/scripts/shell": b"#!/bin/sh\necho\n",
    "box-1.0.data/purelib/pure.py": b"pure = 1\n",
    "box-1.0.data/platlib/plat.py": b"plat = 1\n",
    "box-1.0.data/headers/box.h": b"int box;\n",
    "box-1.0.data/data/share/man/man1/box.1": b".TH\n",
}


def one(wheel: Wheel) -> dict[str, bytes]:
    (recipe,) = wheel_recipes([wheel], VENV)
    return files_of(packed(recipe)[1])


def test_a_wheel_is_spread_by_the_standard(tmp_path: Path) -> None:
    found = one(made(tmp_path, "box", EVERYTHING))
    assert found[f"{SITE}/box/large.bin"] == BIG
    assert found[f"{SITE}/box/empty.py"] == b""
    assert found["opt/venv/bin/old"] == b"#!/opt/venv/bin/python -s\nprint(1)\n"
    assert found["opt/venv/bin/shell"] == b"#!/bin/sh\necho\n"
    assert found[f"{SITE}/pure.py"] == b"pure = 1\n"
    assert found[f"{SITE}/plat.py"] == b"plat = 1\n"
    assert found["opt/venv/include/site/python3.11/box/box.h"] == b"int box;\n"
    assert found["opt/venv/share/man/man1/box.1"] == b".TH\n"
    assert found[f"{SITE}/box-1.0.dist-info/INSTALLER"] == b"cogsmith\n"
    assert found["opt/venv/bin/box"] == (
        b"#!/opt/venv/bin/python\nimport sys\n\nfrom box.tool import main\n\n"
        b'if __name__ == "__main__":\n    sys.exit(main.run())\n'
    )
    assert not [path for path in found if ".data/" in path or "REQUESTED" in path]


def test_record_lists_every_file_where_it_lies(tmp_path: Path) -> None:
    found = one(made(tmp_path, "box", EVERYTHING))
    text = found[f"{SITE}/box-1.0.dist-info/RECORD"].decode()
    listed = {line.split(",")[0] for line in text.splitlines()}
    assert listed == {os.path.relpath(path, SITE) for path in found}
    assert "../../../bin/box" in listed
    assert text.splitlines() == sorted(text.splitlines())
    for line in text.splitlines():
        name, hash_, size = line.split(",")
        if hash_:
            data = found[os.path.normpath(f"{SITE}/{name}")]
            assert (len(data), hash_) == (int(size), expected(data))


def expected(data: bytes) -> str:
    return row("x", data).split(",")[1]


def test_modes_are_755_for_programs_and_644_for_the_rest(tmp_path: Path) -> None:
    files = contents("box", "1.0", EVERYTHING)
    entries: dict[str | zipfile.ZipInfo, bytes] = {}
    for name, data in files.items():
        info = zipfile.ZipInfo(name)
        info.external_attr = (0o100010 if name == "box/large.bin" else 0o100600) << 16
        info.compress_type = zipfile.ZIP_DEFLATED
        entries[info] = data
    path = tmp_path / "box-1.0-py3-none-any.whl"
    write(path, entries)
    (recipe,) = wheel_recipes([wheel_at(path)], VENV)
    modes = {m.path: m.mode for m, _ in members(packed(recipe)[1]) if m.kind == "file"}
    programs = {path for path in modes if path.startswith("opt/venv/bin/")}
    assert {p for p, mode in modes.items() if mode == 0o755} == programs | {f"{SITE}/box/large.bin"}
    assert set(modes.values()) == {0o755, 0o644}


def test_splicing_changes_the_bytes_and_not_the_archive(tmp_path: Path) -> None:
    wheel = made(tmp_path, "box", EVERYTHING)
    (recipe,) = wheel_recipes([wheel], VENV)
    data, layer = packed(recipe)
    with Archive(wheel) as archive, zipfile.ZipFile(wheel.path) as zipped:
        placed = spread(wheel, archive.members, archive.contents, VENV)
        plain = [
            File(
                path=f.path, size=f.size, mode=0o755 if f.executable else 0o644,
                open=lambda f=f: reader(contents_of(archive, f)),  # type: ignore[misc]
            )
            for f in placed
        ]  # fmt: skip
        _, diff_id = pack(tar(plain, lower=above(VENV)))
        info = zipped.getinfo("box/large.bin")
        raw = wheel.path.read_bytes()[info.header_offset + 30 + len(info.filename) :]
        assert raw[: info.compress_size] in data  # the wheel's own bytes
    assert layer.diff_id == diff_id


@pytest.mark.parametrize("method", [0, 8, 12, 14])
def test_every_method_of_a_zip_gives_the_same_archive(tmp_path: Path, method: int) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (left,) = wheel_recipes([made(tmp_path, "box", EVERYTHING, method=method)], VENV)
    (right,) = wheel_recipes([made(other, "box", EVERYTHING)], VENV)
    assert packed(left)[1].diff_id == packed(right)[1].diff_id


def test_everybody_reads_the_layer(tmp_path: Path) -> None:
    (recipe,) = wheel_recipes([made(tmp_path, "box", EVERYTHING)], VENV)
    data, layer = packed(recipe)
    assert validate(image(layer)) == ()
    assert Digest.of(data) == layer.digest
    assert Digest.of(gzip.GzipFile(fileobj=io.BytesIO(data)).read()) == layer.diff_id
    path = tmp_path / "layer.tar.gz"
    path.write_bytes(data)
    names = set(files_of(layer))
    with tarfile.open(path) as archive:
        assert {m.name for m in archive if m.isfile()} == names
    for tool in ("gzip", "unpigz", "igzip"):
        if shutil.which(tool):
            subprocess.run([tool, "-t", str(path)], check=True)
    listed = subprocess.run(["tar", "-tzf", str(path)], capture_output=True, text=True, check=True)
    assert names <= set(listed.stdout.splitlines())


def test_the_same_wheels_give_the_same_digests_in_any_order_and_thread(tmp_path: Path) -> None:
    wheels = [made(tmp_path, f"p{n}", {f"p{n}/x.py": BIG[: n * 9000]}) for n in range(12)]
    once = [packed(recipe)[1].digest for recipe in wheel_recipes(wheels, VENV)]
    again = wheel_recipes(reversed(wheels), VENV)
    with ThreadPoolExecutor(4) as pool:
        assert [layer.digest for _, layer in pool.map(packed, again)] == once


@pytest.mark.parametrize("extra", [-1, 0, 1])
@pytest.mark.parametrize("level", [0, 6])
def test_large_files_are_inflated_piece_by_piece(tmp_path: Path, extra: int, level: int) -> None:
    """At the borders of pieces, where zlib holds the end of a stream back."""
    data = (bytes(1 << 20) * 9)[: (9 << 20) - 1] + b"x" * (1 + extra)
    path = tmp_path / "box-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in contents("box", "1.0", {"box.bin": data}).items():
            archive.writestr(name, content)
    assert one(wheel_at(path))[f"{SITE}/box.bin"] == data


def test_what_follows_a_deflate_stream_is_refused(tmp_path: Path) -> None:
    """It would stand between a gzip member and its end. zipfile cannot write that: patched in."""
    for size in (100_000, 9 << 20):
        member = Deflated(b"\0" * size, rest=b"more")
        archive = Archive(made(tmp_path, "box", {}))
        with archive, pytest.raises(InstallError, match="goes on after the end"):
            list(archive.plain(member.member, [member.raw]))


class Deflated:
    def __init__(self, data: bytes, rest: bytes) -> None:
        stream = zlib.compressobj(6, zlib.DEFLATED, -15)
        self.raw = stream.compress(data) + stream.flush() + rest
        self.member = Packed("x", 8, zlib.crc32(data), len(data), len(self.raw), 0, False)


def test_data_descriptors_and_64_bit_sizes(tmp_path: Path) -> None:
    """As a zip is that was written to a pipe."""
    path = tmp_path / "box-1.0-py3-none-any.whl"
    with path.open("wb") as file, zipfile.ZipFile(Pipe(file), "w", 8) as archive:  # type: ignore[arg-type]
        for name, data in contents("box", "1.0", EVERYTHING).items():
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
                member.write(data)
    other = tmp_path / "other"
    other.mkdir()
    assert one(wheel_at(path)) == one(made(other, "box", EVERYTHING))


class Pipe:
    """A file that knows neither where it is nor how to go back."""

    def __init__(self, file: BinaryIO) -> None:
        self.write, self.flush = file.write, file.flush


def test_a_digest_that_must_not_change(tmp_path: Path) -> None:
    """A golden form: whoever changes it changes recipes.VERSION too."""
    (recipe,) = wheel_recipes([made(tmp_path, "box", EVERYTHING)], VENV)
    assert packed(recipe)[1].diff_id.hex == (
        "dbb0c314f408e257baaa18108f817766b99aaa387ac6e18dcf98b1edb4fc5ba4"
    )


def test_where_a_wheel_came_from_is_written_down(tmp_path: Path) -> None:
    plain = made(tmp_path, "box", {"box.py": b""})
    url = {"url": "https://example.com/box.whl"}
    told = wheel_at(plain.path, direct_url=url)
    assert one(told)[f"{SITE}/box-1.0.dist-info/direct_url.json"] == (
        b'{"url": "https://example.com/box.whl"}'
    )
    assert wheels_key([plain], VENV) != wheels_key([told], VENV)


def test_no_wheel_is_opened_before_its_layer_is_made(tmp_path: Path) -> None:
    wheel = made(tmp_path, "box", EVERYTHING)
    wheel.path.unlink()
    (recipe,) = wheel_recipes([wheel], VENV)
    assert recipe.title == "box 1.0"
    with pytest.raises(InstallError, match="cannot be read as a wheel"):
        packed(recipe)


def test_a_plain_folder_is_a_place_too(tmp_path: Path) -> None:
    place = Folder(python="3.11", interpreter="/usr/bin/python3.11", folder="/opt/cogsmith")
    (recipe,) = wheel_recipes([made(tmp_path, "box", EVERYTHING)], place)
    found = files_of(packed(recipe)[1])
    assert found["opt/cogsmith/box/__init__.py"] == b"VALUE = 1\n"
    assert found["opt/cogsmith/bin/box"].startswith(b"#!/usr/bin/python3.11\n")
    assert {path.split("/")[1] for path in found} == {"cogsmith"}


def test_folders_above_the_place_are_left_to_the_layers_below(tmp_path: Path) -> None:
    (recipe,) = wheel_recipes([made(tmp_path, "box", EVERYTHING)], VENV)
    folders = {m.path.rstrip("/") for m, _ in members(packed(recipe)[1]) if m.kind == "directory"}
    assert "opt/venv" in folders
    assert "opt" not in folders


def test_wheels_of_one_folder_share_what_is_the_same(tmp_path: Path) -> None:
    wheels = [
        made(tmp_path, name, {"shared/__init__.py": b"", f"shared/{name}.py": b"x = 1\n"})
        for name in ("one", "two")
    ]
    assert conflicts(wheels, VENV) == ()
    recipes = wheel_recipes(wheels, VENV, budget=1)
    assert len(recipes) == 1
    assert f"{SITE}/shared/two.py" in files_of(packed(recipes[0])[1])


@pytest.mark.parametrize(
    ("left", "right", "told"),
    [
        ({"a/x.py": b"1"}, {"a/x.py": b"2"}, f"/{SITE}/a/x.py: one and two both bring it"),
        ({"a/x.py": b"1"}, {"A/x.py": b"1"}, "differ in capital letters alone"),
        (
            {"one-1.0.data/scripts/run": b"#!python\n1"},
            {"two-1.0.dist-info/entry_points.txt": b"[console_scripts]\nrun = a:b\n"},
            "/opt/venv/bin/run: one and two both bring it",
        ),
    ],
    ids=["content", "case", "programs"],
)
def test_wheels_that_clash(
    tmp_path: Path, left: dict[str, bytes], right: dict[str, bytes], told: str
) -> None:
    wheels = [made(tmp_path, "one", left), made(tmp_path, "two", right)]
    (problem,) = conflicts(wheels, VENV)
    assert told in str(problem)
    with pytest.raises(InstallError, match="one"):
        packed(wheel_recipes(wheels, VENV, budget=1)[0])


def uv_files(tmp_path: Path, wheel: Path) -> tuple[Path, dict[str, bytes]]:
    root = tmp_path / "venv"
    uv = find_uv_bin()
    subprocess.run([uv, "venv", "-q", "-p", sys.executable, str(root)], check=True)
    before = set(root.rglob("*"))
    command = [uv, "pip", "install", "-q", "--offline", "--no-deps", "-p", str(root), str(wheel)]
    subprocess.run(command, check=True)
    new = sorted(set(root.rglob("*")) - before)
    return root, {str(p.relative_to(root)): p.read_bytes() for p in new if p.is_file()}


OWN = {"REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json", ".lock"}


def beside_uv(tmp_path: Path, wheel: Wheel) -> set[str]:
    """The files that differ from what uv installs; their names and modes never do."""
    python = f"python3.{sys.version_info.minor}"
    place = Venv(python=python.removeprefix("python"), interpreter="/usr/bin/python3")
    root, theirs = uv_files(tmp_path, wheel.path)
    theirs = {path: data for path, data in theirs.items() if path.rsplit("/", 1)[-1] not in OWN}
    (recipe,) = wheel_recipes([wheel], place)
    layer = packed(recipe)[1]
    found = list(members(layer))
    ours = {m.path[len("opt/venv/") :]: data for m, data in found if m.kind == "file"}
    assert ours.keys() == theirs.keys()
    for member, _ in found:
        path = member.path[len("opt/venv/") :]
        if member.kind == "file":
            assert (root / path).stat().st_mode & 0o100 == member.mode & 0o100, path
    return {path for path in ours if ours[path] != theirs[path]}


def test_uv_puts_the_same_files_into_an_environment(tmp_path: Path) -> None:
    info = f"lib/python3.{sys.version_info.minor}/site-packages/box-1.0.dist-info"
    assert beside_uv(tmp_path, made(tmp_path, "box", EVERYTHING)) == {
        f"{info}/INSTALLER", f"{info}/RECORD", "bin/box", "bin/box-gui", "bin/old",
    }  # fmt: skip


@pytest.mark.network
@pytest.mark.parametrize("name", ["greenlet", "sympy==1.14.0", "tqdm", "uv"])
def test_real_wheels_beside_uv(tmp_path: Path, name: str) -> None:
    """With headers, manual pages, programs, compiled programs."""
    folder = tmp_path / "wheels"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
    subprocess.run([*command, "--only-binary", ":all:", name], check=True)
    (path,) = folder.iterdir()
    different = beside_uv(tmp_path, wheel_at(path))
    assert {p.rsplit("/", 1)[-1] for p in different if not p.startswith("bin/")} == {
        "INSTALLER", "RECORD",
    }  # fmt: skip
