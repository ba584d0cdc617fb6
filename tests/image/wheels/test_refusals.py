"""Wheels that are broken, or would do what no wheel may: refused, naming wheel and member."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from cogsmith.errors import InstallError
from cogsmith.image import wheel_recipes
from tests.image.wheels.made import BIG, VENV, contents, packed, wheel_at, write

INFO = "box-1.0.dist-info"


def refused(path: Path, match: str) -> None:
    (recipe,) = wheel_recipes([wheel_at(path)], VENV)
    with pytest.raises(InstallError, match=match) as caught:
        packed(recipe)
    assert path.name in caught.value.where


def at(tmp_path: Path) -> Path:
    return tmp_path / "box-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("../out.py", "empty, . or .."),
        ("a/../../out.py", "empty, . or .."),
        ("/etc/passwd", "is absolute"),
        ("C:/x", "is absolute"),
        ("a//b.py", "empty, . or .."),
        ("a\\b.py", "has a backslash"),
        ("A.PY", "differs from a.py in capital letters alone"),
        ("box-1.0.data/nowhere/x", "may hold only purelib"),
        ("other-1.0.dist-info/METADATA", "one folder that ends with .dist-info"),
    ],
)
def test_names_that_no_wheel_may_have(tmp_path: Path, name: str, match: str) -> None:
    write(at(tmp_path), contents("box", "1.0", {"a.py": b"", name: b"x"}))
    refused(at(tmp_path), match)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_twice(tmp_path: Path) -> None:
    write(at(tmp_path), contents("box", "1.0", {"a.py": b""}))
    with zipfile.ZipFile(at(tmp_path), "a") as archive:
        archive.writestr("a.py", b"")
    refused(at(tmp_path), "comes twice")


def test_a_symbolic_link(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    files = contents("box", "1.0", {"link": b"/etc"})
    write(at(tmp_path), {link if name == "link" else name: data for name, data in files.items()})
    refused(at(tmp_path), "symbolic link")


def changed(tmp_path: Path, name: str, data: bytes) -> None:
    """A wheel with another file in a place, and RECORD as it was."""
    files = contents("box", "1.0", {"a.py": b"a", "large": BIG})
    write(at(tmp_path), {**files, name: data})


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        ("a.py", b"b", "has the sha256 .*RECORD says"),
        ("large", BIG[::-1], "has the sha256 .*RECORD says"),
        ("a.py", b"ab", "has 2 bytes, and the wheel's RECORD says 1"),
        ("b.py", b"b", "is not listed in the wheel's RECORD"),
        (f"{INFO}/WHEEL", b"Wheel-Version: 2.0\n", "of the version '2.0', and 1 can be read"),
        (f"{INFO}/RECORD", b"a.py,md5=abc,1\n", "not of sha256"),
        (f"{INFO}/RECORD", b"\xff", "is no UTF-8"),
        (f"{INFO}/entry_points.txt", b"[console_scripts]\nx = a\n", "RECORD"),
    ],
)
def test_what_record_and_wheel_say(tmp_path: Path, name: str, data: bytes, match: str) -> None:
    changed(tmp_path, name, data)
    refused(at(tmp_path), match)


@pytest.mark.parametrize("text", ["x = a", "../x = a:b", "x = a:b;c", "x = os.system('a'):b"])
def test_programs_that_cannot_be_made(tmp_path: Path, text: str) -> None:
    points = f"[console_scripts]\n{text}\n".encode()
    write(at(tmp_path), contents("box", "1.0", {f"{INFO}/entry_points.txt": points}))
    refused(at(tmp_path), "names a program that cannot be made")


def test_a_wheel_without_record(tmp_path: Path) -> None:
    files = contents("box", "1.0", {"a.py": b""})
    files.pop(f"{INFO}/RECORD")
    write(at(tmp_path), files)
    refused(at(tmp_path), "is missing: every wheel has it")


@pytest.mark.parametrize("name", ["a.py", "large"])
@pytest.mark.parametrize("method", [0, 8])
def test_a_flipped_byte_is_found(tmp_path: Path, name: str, method: int) -> None:
    files = contents("box", "1.0", {"a.py": b"some text that is long enough", "large": BIG})
    write(at(tmp_path), files, method)
    with zipfile.ZipFile(at(tmp_path)) as archive:
        info = archive.getinfo(name)
    data = bytearray(at(tmp_path).read_bytes())
    data[info.header_offset + 30 + len(name) + info.compress_size // 2] ^= 0x10
    at(tmp_path).write_bytes(data)
    refused(at(tmp_path), "CRC|inflated|deflate stream|bytes than")


@pytest.mark.parametrize("keep", [0, 10, -30])
def test_what_is_no_wheel(tmp_path: Path, keep: int) -> None:
    write(at(tmp_path), contents("box", "1.0", {"a.py": b""}))
    at(tmp_path).write_bytes(at(tmp_path).read_bytes()[:keep])
    refused(at(tmp_path), "cannot be read as a wheel")


def test_an_encrypted_member(tmp_path: Path) -> None:
    write(at(tmp_path), contents("box", "1.0", {"a.py": b"x"}))
    data = bytearray(at(tmp_path).read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1
    at(tmp_path).write_bytes(data)
    refused(at(tmp_path), "is encrypted")
