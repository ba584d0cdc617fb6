"""The archive that a layer is: one form, read by everybody; and everybody's, read here."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import InvalidLayer
from cogsmith.oci import (
    EPOCH,
    Digest,
    Directory,
    Entry,
    File,
    Hardlink,
    Symlink,
    TarReader,
    tar,
)
from cogsmith.oci.entries import arrange
from tests.oci.images import ENTRIES, trees


def archive(entries: Iterable[Entry], **options: Any) -> bytes:
    return b"".join(tar(entries, **options))


def with_python(data: bytes) -> dict[str, tuple[tarfile.TarInfo, bytes]]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as opened:
        for info in opened:
            file = opened.extractfile(info) if info.isreg() else None
            found[info.name] = info, file.read() if file else b""
    return found


KINDS = {File: tarfile.REGTYPE, Directory: tarfile.DIRTYPE, Symlink: tarfile.SYMTYPE}


@given(trees())
def test_python_reads_what_was_meant(entries: list[Entry]) -> None:
    found = with_python(archive(entries))
    for entry in entries:
        info, data = found[entry.path]
        assert (info.mode, info.uid, info.gid) == (entry.mode, entry.uid, entry.gid)
        assert info.type == KINDS[type(entry)]
        assert info.mtime == EPOCH
        if isinstance(entry, File):
            with entry.open() as stream:
                assert data == stream.read()
        if isinstance(entry, Symlink):
            assert info.linkname == entry.target


@given(trees())
def test_we_read_what_was_meant(entries: list[Entry]) -> None:
    reader = TarReader(io.BytesIO(archive(entries)))
    found = {m.path.rstrip("/"): (m, b"".join(reader.content())) for m in reader}
    assert reader.rest()
    for entry in entries:
        member, data = found[entry.path]
        assert (member.mode, member.uid, member.gid) == (entry.mode, entry.uid, entry.gid)
        assert member.kind == type(entry).__name__.lower()
        assert member.target == getattr(entry, "target", "")
        if isinstance(entry, File):
            with entry.open() as stream:
                assert data == stream.read()


@given(trees(), st.randoms(use_true_random=False))
def test_the_order_of_entries_plays_no_part(entries: list[Entry], random: Any) -> None:
    first = Digest.of(archive(entries))
    random.shuffle(entries)
    assert Digest.of(archive(entries)) == first


def test_the_bytes_are_known() -> None:
    """A golden value: another one would change the digest of every layer out there."""
    assert str(Digest.of(archive(ENTRIES))) == (
        "sha256:64014e118835ab98afce2069b07ff8f0e66be72a0c0d57eccc63b6ad353abf97"
    )


def test_folders_come_before_what_is_in_them_and_hard_links_last() -> None:
    found = [member.path for member in TarReader(io.BytesIO(archive(ENTRIES)))]
    assert found[:6] == [
        "srv/", "srv/Grüße/", "srv/Grüße/世界", "srv/app/", "srv/app/empty", "srv/app/predict.py",
    ]  # fmt: skip
    assert found[-1] == "srv/again"
    assert found.index("srv/private/") > 0


def test_a_hard_link_has_its_files_mode() -> None:
    """Engines set mode and owner again when they meet the link."""
    entries = [
        File.of("a", b"x", mode=0o4755),
        Hardlink(path="0", target="a", mode=0o600, uid=7),
    ]
    *_, link = TarReader(io.BytesIO(archive(entries)))
    assert (link.path, link.target, link.mode, link.uid) == ("0", "a", 0o4755, 0)


def test_folders_of_lower_layers_are_not_made_again() -> None:
    entries = [File.of("usr/lib/app/x", b"")]
    assert [e.path for e in arrange(entries, lower={"usr", "usr/lib"})] == [
        "usr/lib/app", "usr/lib/app/x",
    ]  # fmt: skip
    named = arrange([*entries, Directory(path="usr", mode=0o700)], lower={"usr"})
    assert [e.path for e in named] == ["usr", "usr/lib", "usr/lib/app", "usr/lib/app/x"]


def test_times() -> None:
    entries = [File.of("a", b""), Directory(path="b", mtime=5)]
    found = {m.path: m.mtime for m in TarReader(io.BytesIO(archive(entries, mtime=7)))}
    assert found == {"a": 7, "b/": 5}


@pytest.mark.parametrize(
    ("path", "records"),
    [
        ("a" * 100, 0),
        ("a" * 101, 1),
        (f"{'a' * 155}/{'b' * 100}", 0),
        (f"{'a' * 156}/{'b' * 99}", 1),
        (f"{'a' * 50}/{'b' * 100}", 0),
        (f"{'a' * 50}/{'b' * 101}", 1),
        ("/".join(["long"] * 80), 1),
        ("ä", 1),
    ],
)
def test_records_are_there_where_a_header_cannot_say_it(path: str, records: int) -> None:
    data = archive([File.of(path, b"x")], lower=[path[:n] for n in range(len(path))])
    assert [m.path for m in TarReader(io.BytesIO(data))] == [path]
    assert data.count(b"PaxHeaders.0/") == records
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        assert opened.getnames() == [path]


def test_a_file_of_8_gib_and_more() -> None:
    class Zeros(io.RawIOBase):
        left = size = (8 << 30) + 1

        def read(self, size: int = -1) -> bytes:
            data = bytes(min(size, self.left))
            self.left -= len(data)
            return data

    file = File(path="big", size=Zeros.size, open=Zeros)  # type: ignore[arg-type]
    pieces = tar([file])
    head = next(pieces)
    info = tarfile.TarInfo.fromtarfile(_opened(head))
    assert (info.name, info.size) == ("big", Zeros.size)
    member = next(iter(TarReader(io.BytesIO(head))))
    assert member.size == Zeros.size


def _opened(head: bytes) -> tarfile.TarFile:
    opened = tarfile.TarFile.__new__(tarfile.TarFile)
    opened.fileobj, opened.encoding, opened.errors = io.BytesIO(head), "utf-8", "strict"  # type: ignore[misc]
    opened.pax_headers, opened.offset = {}, 0
    return opened


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (File.of("/etc/passwd", b""), "is absolute"),
        (File.of("../x", b""), "leads out of the layer"),
        (File.of("a/../../x", b""), "leads out of the layer"),
        (File.of("a//b", b""), "has an empty part"),
        (File.of("./a", b""), "has an empty part, or one that is a dot"),
        (Directory(path="a/"), "has an empty part"),
        (Directory(path=""), "has an empty part"),
        (File.of("a/.wh.b", b""), "no name may begin with .wh."),
        (File.of(".wh..wh..opq/b", b""), "no name may begin with .wh."),
        (File.of("a\0b", b""), "has a NUL in it"),
        (File.of("a\udc80", b""), "is no Unicode"),
        (File.of("a" * 256, b""), "is too long"),
        (File.of("/".join(["a" * 100] * 41), b""), "is too long"),
        (Symlink(path="a", target=""), "is a link to nothing"),
        (Symlink(path="a", target="\0"), "has a NUL in it"),
        (Hardlink(path="a", target="b"), "is a hard link to b, which is no file of this layer"),
        (File.of("a", b"", mode=0o100644), "is more than permission bits"),
        (Directory(path="a", uid=-1), "below 0"),
        (Directory(path="a", mtime=-1), "below 0"),
        (File(path="a", size=-1, open=io.BytesIO), "has -1 bytes"),
    ],
)
def test_what_no_layer_may_hold(entry: Entry, message: str) -> None:
    with pytest.raises(InvalidLayer) as caught:
        tar([entry])
    assert message in caught.value.message


def test_all_that_is_wrong_is_told_at_once() -> None:
    entries: list[Entry] = [
        File.of("../a", b""), File.of("b", b"1"), File.of("b", b"1"), File.of("b/c", b""),
        Symlink(path="d", target="/"), File.of("d/e/f", b""), Directory(path="g"),
        Directory(path="g"), Directory(path="h"), Directory(path="h", mode=0o700),
    ]  # fmt: skip
    with pytest.raises(InvalidLayer) as caught:
        tar(entries)
    assert [str(problem) for problem in caught.value.problems] == [
        "../a: leads out of the layer: no part may be ..",
        "b: comes twice",
        "h: comes twice, and not as the same",
        "b/c: lies in b, which is a file",
        "d/e/f: lies in d, which is a symlink",
    ]


@pytest.mark.parametrize(("size", "message"), [(3, "has more bytes"), (5, "has fewer bytes")])
def test_a_file_that_changes_meanwhile(size: int, message: str) -> None:
    entries = [File(path="a", size=size, open=lambda: io.BytesIO(b"1234"))]
    with pytest.raises(InvalidLayer, match=message) as caught:
        archive(entries)
    assert caught.value.where == "a"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    entries = [File(path="a", size=1, open=(tmp_path / "none").open)]  # type: ignore[arg-type]
    with pytest.raises(InvalidLayer, match="cannot be read: No such file") as caught:
        archive(entries)
    assert caught.value.where == "a"


def tool(name: str) -> str:
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.mark.parametrize("name", ["tar", "bsdtar", "busybox"])
def test_real_programs_unpack_it(name: str, tmp_path: Path) -> None:
    words = [tool(name), *(["tar"] if name == "busybox" else []), "-x", "-C", str(tmp_path)]
    done = subprocess.run([*words, "-f", "-"], input=archive(ENTRIES), capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "srv/current/predict.py").read_bytes() == b"print('hello')\n" * 40
    assert (tmp_path / "srv/Grüße/世界").read_bytes() == b"not ASCII"
    assert (tmp_path / "srv/again").stat().st_ino == (tmp_path / "srv/app/run").stat().st_ino
    assert (tmp_path / "srv/app/run").stat().st_mtime == EPOCH


@pytest.mark.parametrize("form", ["ustar", "gnu", "pax", "v7", "oldgnu"])
def test_what_real_tar_writes_is_read(form: str, tmp_path: Path) -> None:
    inside = tmp_path / "in"
    (inside / "dir").mkdir(parents=True)
    (inside / "dir/file").write_bytes(b"x" * 700)
    (inside / "link").symlink_to("dir/file")
    (inside / "hard").hardlink_to(inside / "dir/file")
    if form != "v7" and form != "ustar":
        (inside / ("n" * 150)).write_bytes(b"long")
        (inside / "Grüße").write_bytes(b"hello")
    words = [tool("tar"), "-c", "--format", form, "--sort=name", "-C", str(inside), "."]
    data = subprocess.run(words, capture_output=True, check=True).stdout
    reader = TarReader(io.BytesIO(data))
    found = {m.path.removeprefix("./").rstrip("/"): (m, b"".join(reader.content())) for m in reader}
    assert reader.rest()
    assert found["dir"][0].kind == "directory"
    assert found["dir/file"] == (found["dir/file"][0], b"x" * 700)
    assert found["link"][0].target == "dir/file"
    assert found["hard"][0].kind == "hardlink"
    if form != "v7" and form != "ustar":
        assert found["n" * 150][1] == b"long"
        assert found["Grüße"][1] == b"hello"


@given(st.binary(max_size=3000))
def test_any_bytes_are_an_archive_or_refused(data: bytes) -> None:
    reader = TarReader(io.BytesIO(data))
    try:
        for _ in reader:
            list(reader.content())
    except InvalidLayer as error:
        message = error.message
        assert "(byte " in message


@given(trees(), st.data())
def test_a_changed_header_is_found_or_read(entries: list[Entry], draw: st.DataObject) -> None:
    data = bytearray(archive(entries))
    for _ in range(draw.draw(st.integers(1, 4))):
        data[draw.draw(st.integers(0, min(len(data), 2048) - 1))] = draw.draw(st.integers(0, 255))
    for start in range(0, len(data) - 511, 512):  # a checksum that fits, as an attacker's would
        if data[start + 257 : start + 262] == b"ustar":
            data[start + 148 : start + 156] = b" " * 8
            data[start + 148 : start + 156] = b"%06o\0 " % sum(data[start : start + 512])
    reader = TarReader(io.BytesIO(bytes(data)))
    try:
        for member in reader:
            assert member.size >= 0
            list(reader.content())
    except InvalidLayer as error:
        message = error.message
        assert "(byte " in message


def block(**changes: bytes) -> bytes:
    """A header with other bytes in some fields, and a checksum that fits."""
    places = {"size": (124, 12), "kind": (156, 1), "uid": (108, 8), "mtime": (136, 12)}
    data = bytearray(next(tar([File.of("x", b"")]))[:512])
    for name, value in changes.items():
        start, length = places[name]
        data[start : start + length] = value.ljust(length, b"\0")
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data)
    return bytes(data)


def extended(*records: bytes, kind: bytes = b"x") -> bytes:
    data = b"".join(records)
    head = block(kind=kind, size=b"%011o" % len(data))
    return head + data + bytes(-len(data) % 512) + block()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (block(size=b"12345678999"), "a size that is no octal number"),
        (block(size=b"-1"), "a size that is no octal number"),
        (block(size=b"\xff" * 12), "a size below 0 or beyond 2^63"),
        (block(size=b"\x80" + b"\x7f" * 11), "a size below 0 or beyond 2^63"),
        (block(uid=b"\xff" * 8), "a uid below 0"),
        (block(size=b"777"), "ends 511 bytes before an entry does"),
        (block(kind=b"S"), "an entry of the type b'S'"),
        (block(kind=b"L", size=b"77777777"), "has records of 16777215 bytes"),
        (block(kind=b"L"), "ends with a record that is for no entry"),
        (extended(b"x path=a\n"), "a pax record without a length"),
        (extended(b"10000000000 path=a\n"), "a pax record without a length"),
        (extended(b"0 path=a\n"), "a pax record that is none"),
        (extended(b"9 path=ab"), "a pax record that is none"),
        (extended(b"7 patha\n"), "a pax record that is none"),
        (extended(b"11 size=-1\n"), "has size='-1' in a record"),
        (extended(b"12 size=1e3\n"), "has size='1e3' in a record"),
        (extended(b"13 mtime=abc\n"), "has mtime='abc' in a record"),
        (extended(b"22 GNU.sparse.major=1\n"), "has a sparse file"),
        (extended(b"9 path=a\n", kind=b"g"), "names entries in a record that is for all"),
        (block()[:-1], "ends within a header"),
        (b"x" * 512, "a checksum that is no octal number"),
        (block()[:200] + b"x" + block()[201:], "whose checksum is another"),
    ],
)
def test_what_is_no_archive(data: bytes, message: str) -> None:
    with pytest.raises(InvalidLayer) as caught:
        list(TarReader(io.BytesIO(data)))
    assert message in caught.value.message


def test_what_other_programs_write() -> None:
    times = block(mtime=b"\xff" * 12), block(mtime=b"\x80" + bytes(10) + b"\x05")
    assert [m.mtime for m in TarReader(io.BytesIO(b"".join(times)))] == [-1, 5]
    data = extended(b"18 comment=2097e72\n"[:19].replace(b"18", b"19"), kind=b"g")
    assert [m.path for m in TarReader(io.BytesIO(data))] == ["x"]
    empty = extended(b"8 size=\n", b"8 path=\n")
    assert [(m.path, m.size) for m in TarReader(io.BytesIO(empty))] == [("x", 0)]
    old = extended(b"20 mtime=-1.5000000\n", b"10 path=y\n"[:10].replace(b"10", b" 9")[1:])
    assert [(m.path, m.mtime) for m in TarReader(io.BytesIO(old))] == [("y", -1)]


def test_what_follows_the_end_is_seen() -> None:
    for rest, clean in ((b"", True), (bytes(9000), True), (bytes(512) + b"x", False)):
        reader = TarReader(io.BytesIO(archive(ENTRIES) + rest))
        list(reader)
        assert reader.rest() is clean
