"""The archive of a layer: the very bytes that Go's archive/tar writes for Cog."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.oci import TarReader
from cogsmith.weights.archive import END, archive_size, before, folders, padding

LONG = "d" * 60 + "/" + "e" * 60


def entry(path: str, text: str) -> bytes:
    data = text.encode()
    return before(path, len(data)) + data + padding(len(data))


def archive(files: dict[str, str]) -> bytes:
    heads = b"".join(before(folder, None) for folder in folders(files))
    return heads + b"".join(entry(path, text) for path, text in files.items()) + END


def test_it_is_what_go_writes_with_the_headers_of_cog() -> None:
    """Measured: Go 1.27's archive/tar, format PAX, all three times 0 (see Cog's packer)."""
    made = b"".join(before(folder, None) for folder in ("a", "a/b", "d" * 60, "größe"))
    made += entry("config.json", "{}\n") + entry("a/b/x.bin", "x" * 513) + entry(LONG, "long")
    made += entry("größe/ü.txt", "u") + entry("n" * 120, "n") + entry("empty", "") + END
    assert hashlib.sha256(made).hexdigest() == (
        "40f81dac36ac0027d1a24998f5f4ba5a4f30c2d30f726db8009e34d01eab5c12"
    )


def test_a_layer_of_a_real_model_is_as_long_as_cogs() -> None:
    """examples/resnet/weights.lock of Cog: 102 482 854 bytes make a layer of 102 485 504."""
    assert archive_size([("model.safetensors", 102_482_854)]) == 102_485_504


@pytest.mark.parametrize("size", [0o77777777777, 0o77777777777 + 1, 9 << 30])
def test_files_from_8_gib_on_say_their_size_in_a_record(size: int) -> None:
    head = before("big.safetensors", size)
    record = f"size={size}\n".encode()
    assert (record in head) == (size > 0o77777777777)
    assert next(iter(TarReader(io.BytesIO(head)))).size == size


@given(
    st.dictionaries(
        st.lists(st.text("ab.-ü", min_size=1, max_size=70), min_size=1, max_size=3).map("/".join),
        st.text("xyz", max_size=1025),
        min_size=1,
        max_size=4,
    )
)
def test_any_reader_finds_the_files_again(files: dict[str, str]) -> None:
    files = {
        path: text
        for path, text in files.items()
        if not any(other.startswith(f"{path}/") for other in files)
    }
    data = archive(files)
    assert len(data) == archive_size((p, len(t.encode())) for p, t in files.items())
    found = {}
    reader = TarReader(io.BytesIO(data))
    for member in reader:
        assert (member.uid, member.gid, member.mtime) == (0, 0, 0)
        assert member.mode == (0o755 if member.kind == "directory" else 0o644)
        if member.kind == "file":
            found[member.path] = b"".join(reader.content()).decode()
    assert found == files
    with tarfile.open(fileobj=io.BytesIO(data)) as theirs:
        assert {m.name for m in theirs if m.isfile()} == set(files)
        assert {m.name for m in theirs if m.isdir()} == set(folders(files))
