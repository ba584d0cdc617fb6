"""Image layouts on the disk: whole or not there, found by name, shared by processes."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from cogsmith.errors import DigestMismatch, InvalidDocument, InvalidLayer, NotInLayout, OciError
from cogsmith.oci import (
    Artifact,
    Blob,
    Descriptor,
    Digest,
    File,
    Image,
    Index,
    Layout,
    Platform,
    Reference,
    media_types,
    reader,
    tar,
    validate,
)
from tests.oci.images import AMD64, ENTRIES, image, made_of, two_layers

ONE, TWO = Reference.parse("localhost:5000/me/one:1"), Reference.parse("two")


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "store")


def blobs(layout: Layout) -> list[Path]:
    return sorted(layout.root.glob("blobs/*/*"))


def leftovers(layout: Layout) -> list[str]:
    return sorted(p.name for p in layout.ingest.iterdir() if p.suffix)


def test_an_image_is_kept_and_read_back(layout: Layout) -> None:
    kept = two_layers()
    entry = layout.add(kept, ONE)
    found = Layout.at(layout.root)
    assert found.find(ONE) == entry
    assert found.image(entry) == kept
    assert validate(found.image(entry)) == ()
    assert validate(found) == ()
    assert len(blobs(layout)) == 4
    assert leftovers(layout) == []


def test_it_is_a_plain_layout(layout: Layout) -> None:
    layout.add(two_layers(), ONE)
    assert json.loads((layout.root / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((layout.root / "index.json").read_bytes())
    assert index["manifests"][0]["annotations"] == {
        "org.opencontainers.image.ref.name": "localhost:5000/me/one:1"
    }
    assert index["manifests"][0]["platform"] == {"os": "linux", "architecture": "amd64"}


def test_a_name_is_one_images(layout: Layout) -> None:
    old, new = two_layers(), image(made_of([File.of("a", b"")]))
    layout.add(old, ONE)
    layout.add(old, TWO)
    layout.add(new, ONE)
    assert layout.references() == {TWO: layout.find(TWO), ONE: layout.find(ONE)}
    assert layout.find(ONE).digest == new.digest
    assert layout.find(TWO).digest == old.digest
    assert len(layout.index().manifests) == 2


def test_without_a_name_an_image_is_found_by_digest(layout: Layout) -> None:
    kept = two_layers()
    entry = layout.add(kept)
    assert layout.add(kept) == entry
    by_digest = replace(ONE, tag="", digest=kept.digest)
    assert layout.find(by_digest) == entry
    named = layout.add(kept, TWO)
    assert layout.index().manifests == (named,)
    layout.add(kept)
    assert layout.index().manifests == (named,)


def test_what_is_not_there(layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(NotInLayout, match="there is no image localhost:5000/me/one:1 here"):
        layout.find(ONE)
    with pytest.raises(NotInLayout, match="there is no blob sha256:"):
        layout.image(two_layers().descriptor)
    with pytest.raises(NotInLayout, match="is no image layout"):
        Layout.at(tmp_path / "none")
    assert not layout.has(two_layers().descriptor)


def test_prune_takes_what_nobody_names(layout: Layout) -> None:
    kept, gone = two_layers(), image(made_of([File.of("a", b"x" * 999)]), cmd=("other",))
    layout.add(kept, ONE)
    before = blobs(layout)
    layout.add(gone, TWO)
    layout.remove(layout.find(TWO))
    (layout.ingest / "broken.new").write_bytes(b"12345")
    size = sum(blob.size for blob in gone.blobs) + len(gone.manifest.render())
    pruned = layout.prune()
    assert (pruned.files, pruned.size) == (4, size + 5)
    assert blobs(layout) == before
    assert validate(layout) == ()
    assert layout.prune().files == 0


def test_what_is_about_an_image_goes_with_it(layout: Layout) -> None:
    kept = two_layers()
    layout.add(kept, ONE)
    sbom = Artifact.of("a/sbom", [Blob.of(b"[1]", "a/json")], subject=kept.manifest.descriptor)
    entry = layout.add(sbom)
    about = Artifact.of("a/signature", [], subject=sbom.manifest.descriptor)
    layout.add(about)
    assert layout.referrers(kept.digest) == (entry,)
    assert layout.artifact(entry) == sbom
    assert layout.prune().files == 0
    assert validate(layout) == ()
    layout.remove(layout.find(ONE))
    layout.prune()
    assert layout.index().manifests == ()
    assert blobs(layout) == []


def test_artifacts_go_with_the_manifest_that_they_are_about(layout: Layout) -> None:
    def about(kept: Image) -> Artifact:
        document = Blob.of(b"{}", "application/json")
        return Artifact.of("application/json", [document], subject=kept.manifest.descriptor)

    old, new = image(made_of(ENTRIES)), two_layers()
    first, second = about(old), about(new)
    entries = layout.add_all([(old, ONE), (old, TWO), (first, None)])
    assert [entry.digest for entry in entries] == [old.digest, old.digest, first.digest]
    replaced = {old.digest: [first.digest]}
    layout.add_all([(new, ONE), (second, None)], replaced)
    assert len(layout.referrers(old.digest)) == 1  # TWO is still the old one
    layout.add_all([(new, TWO)], replaced)
    assert layout.referrers(old.digest) == ()
    assert [entry.digest for entry in layout.referrers(new.digest)] == [second.digest]
    assert len(layout.index().manifests) == 3


def test_prune_waits_for_nobody(layout: Layout) -> None:
    with layout.session():
        made = layout.layer(lambda: tar(ENTRIES))
        with pytest.raises(OciError, match="somebody else is using the layout") as caught:
            layout.prune()
        assert caught.value.code == "busy"
        layout.add(image(made), ONE)
    assert layout.prune().files == 0


def test_an_image_for_several_platforms(layout: Layout) -> None:
    arm = Platform(os="linux", architecture="arm64")
    made = two_layers()
    other = made.with_config(lambda config: replace(config, platform=arm))
    for each in (made, other):
        layout.add(each)
    index = Index(manifests=(made.descriptor, other.descriptor))
    layout.write(Blob.of(index.render(), index.media_type))
    entry = layout.name(index.descriptor, ONE)
    for each in (made, other):
        layout.remove(each.descriptor)
    assert layout.prune().files == 0
    assert layout.image(entry, arm) == other
    assert layout.image(entry, AMD64) == made
    with pytest.raises(OciError, match="there are images for linux/amd64, linux/arm64"):
        layout.image(entry)
    assert validate(layout) == ()
    layout.path(other.layers[0].digest).write_bytes(b"")
    assert any(str(other.digest) in str(problem) for problem in validate(layout))


def test_wrong_bytes_get_no_name(layout: Layout) -> None:
    blob = Blob.of(b"right", "text/plain")
    with pytest.raises(DigestMismatch):
        layout.write(replace(blob, open=lambda: io.BytesIO(b"wrong")))
    assert not layout.has(blob.descriptor)
    assert leftovers(layout) == []


def test_a_document_with_other_bytes_is_not_believed(layout: Layout) -> None:
    entry = layout.add(two_layers())
    path = layout.path(entry.digest)
    path.write_bytes(path.read_bytes().replace(b"amd64", b"arm64").replace(b"layer", b"Layer", 1))
    with pytest.raises(DigestMismatch):
        layout.image(entry)


def test_a_blob_of_another_size_is_not_there(layout: Layout) -> None:
    """What a loss of power may leave behind, on disks that lie."""
    blob = Blob.of(b"right", "text/plain")
    layout.write(blob)
    layout.path(blob.digest).write_bytes(b"")
    assert not layout.has(blob.descriptor)
    layout.write(blob)
    assert layout.path(blob.digest).read_bytes() == b"right"


def test_a_failing_source_leaves_nothing(layout: Layout) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"x" * 1_000_000
        raise InvalidLayer("broken")

    with pytest.raises(InvalidLayer):
        layout.layer(pieces)
    blob = Blob(descriptor=Descriptor.of(b"", "a/b"), open=lambda: reader(pieces()))
    with pytest.raises((InvalidLayer, DigestMismatch)):
        layout.write(blob)
    assert leftovers(layout) == blobs(layout) == []


def test_a_layer_is_made_and_kept_in_one_pass(layout: Layout) -> None:
    asked = []

    def archive() -> Iterator[bytes]:
        asked.append(1)
        return tar(ENTRIES)

    made = layout.layer(archive, "zstd")
    assert made == made_of(ENTRIES, "zstd")
    assert validate(image(made)) == ()
    layout.add(image(made), ONE)
    assert len(asked) == 1


CONTENT = bytes(range(256)) * 4096
COMING = Descriptor.of(CONTENT, "text/plain")


def test_a_download_goes_on_where_it_ended(layout: Layout) -> None:
    with pytest.raises(ConnectionError), layout.incoming(COMING) as coming:
        assert (coming.size, coming.whole) == (0, False)
        coming.write(CONTENT[:1000])
        raise ConnectionError
    with pytest.raises(DigestMismatch, match="bytes, and 2000 came"), layout.incoming(COMING) as c:
        assert c.size == 1000
        c.write(CONTENT[1000:2000])
    with layout.incoming(COMING) as coming:
        assert coming.size == 2000
        coming.write(CONTENT[2000:])
    assert layout.path(COMING.digest).read_bytes() == CONTENT
    with layout.incoming(COMING) as coming:
        assert coming.whole
    assert [name for name in leftovers(layout) if not name.endswith(".lock")] == []


def test_a_download_may_begin_anew(layout: Layout) -> None:
    with pytest.raises(ConnectionError), layout.incoming(COMING) as coming:
        coming.write(b"nonsense")
        raise ConnectionError
    with layout.incoming(COMING) as coming:
        coming.restart()
        assert coming.size == 0
        coming.write(CONTENT)
    assert layout.has(COMING)


def test_a_wrong_download_is_forgotten(layout: Layout) -> None:
    for wrong in (CONTENT[::-1], CONTENT + b"x"):
        with pytest.raises(DigestMismatch), layout.incoming(COMING) as coming:
            coming.write(wrong)
        with pytest.raises(ConnectionError), layout.incoming(COMING) as coming:
            assert coming.size == 0
            raise ConnectionError
    assert not layout.has(COMING)


def test_two_downloads_of_one_blob(layout: Layout) -> None:
    def download(_: int) -> int:
        with layout.incoming(COMING) as coming:
            wanted = 0 if coming.whole else COMING.size
            for at in range(coming.size, wanted, 65536):
                coming.write(CONTENT[at : at + 65536])
            return wanted

    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(download, range(8)))
    assert sorted(sent) == [0] * 7 + [COMING.size]
    assert validate_bytes(layout)


def validate_bytes(layout: Layout) -> bool:
    return all(Digest.of(path.read_bytes()).hex == path.name for path in blobs(layout))


def test_many_writers_at_once(layout: Layout) -> None:
    """Each names its own image, and all of them share a layer."""
    shared = made_of(ENTRIES)

    def build(number: int) -> Image:
        made = image(shared, made_of([File.of("n", b"%d" % number)]))
        layout.add(made, Reference.parse(f"me/x:{number}"))
        return made

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(build, range(24)))
    assert {str(r.tag): e.digest for r, e in layout.references().items()} == {
        str(number): one.digest for number, one in enumerate(made)
    }
    assert validate(layout) == ()


WRITER = """
import sys
from pathlib import Path
from cogsmith.oci import File, Layout, Reference, tar
from tests.oci.images import image

layout = Layout.create(Path(sys.argv[1]))
for number in range(1000):
    content = b"%d" % number * 30_000
    made = layout.layer(lambda: tar([File.of("n", content)]), "none")
    layout.add(image(made, cmd=(str(number),)), Reference.parse("me/x:latest"))
    print(number, flush=True)
"""


def test_a_process_that_is_killed_leaves_nothing_half_written(tmp_path: Path) -> None:
    root = tmp_path / "store"
    for round_number in range(4):
        words = [sys.executable, "-c", WRITER, str(root)]
        with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(0.011 * round_number)
            process.send_signal(signal.SIGKILL)
        layout = Layout.at(root)
        assert validate(layout) == ()
        assert validate_bytes(layout)
        assert layout.image(layout.find(Reference.parse("me/x"))).layers
    layout.prune()
    assert len(blobs(layout)) == 3
    assert leftovers(layout) == []


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("oci-layout", b"", InvalidDocument),
        ("oci-layout", b'{"imageLayoutVersion":"2.0.0"}', OciError),
        ("oci-layout", b'{"imageLayoutVersion":7}', InvalidDocument),
        ("index.json", b"{", InvalidDocument),
        ("index.json", b" " * (5 << 20), InvalidDocument),
    ],
)
def test_a_broken_layout(layout: Layout, name: str, data: bytes, error: type[OciError]) -> None:
    (layout.root / name).write_bytes(data)
    with pytest.raises(error) as caught:
        Layout.at(layout.root).references()
    assert str(layout.root) in caught.value.where


def test_validate_tells_of_an_index_that_cannot_be_read(layout: Layout) -> None:
    (layout.root / "index.json").write_bytes(b"{")
    (problem,) = validate(layout)
    assert "is not JSON" in problem.message
    layout = Layout.create(layout.root.parent / "other")
    layout.name(two_layers().descriptor, ONE)
    (missing,) = validate(layout)
    assert "there is no blob" in missing.message


def test_a_name_that_is_no_reference_is_left_out(layout: Layout) -> None:
    entry = layout.add(two_layers(), ONE)
    text = (layout.root / "index.json").read_text()
    (layout.root / "index.json").write_text(text.replace(str(ONE), "Not a Name"))
    assert layout.references() == {}
    assert layout.index().manifests[0].digest == entry.digest


def test_what_the_disk_refuses_is_told_with_its_place(layout: Layout) -> None:
    (layout.root / "blobs").rename(layout.root / "gone")
    (layout.root / "blobs").write_bytes(b"")
    with pytest.raises(OciError) as caught:
        layout.add(two_layers())
    assert caught.value.code == "disk"
    assert str(layout.root) in caught.value.where
    assert leftovers(layout) == []


def test_a_full_disk(layout: Layout) -> None:
    """A real one: the process may write no file of more than so many bytes."""
    code = """
import resource, signal, sys
from pathlib import Path
from cogsmith.oci import File, Layout, tar
from cogsmith.errors import OciError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    Layout.at(Path(sys.argv[1])).layer(lambda: tar([File.of("n", b"x" * 3_000_000)]), "none")
except OciError as error:
    print(error.code, error.message)
"""
    words = [sys.executable, "-c", code, str(layout.root)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == f"disk {os.strerror(errno.EFBIG)}\n"
    assert leftovers(layout) == blobs(layout) == []


def tool(name: str) -> str:
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_skopeo_reads_it(layout: Layout, compression: media_types.Compression) -> None:
    made = two_layers(compression)
    layout.add(made, ONE)
    words = [tool("skopeo"), "inspect", f"oci:{layout.root}:{ONE}"]
    done = subprocess.run(words, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert found["Digest"] == str(made.digest)
    assert found["Layers"] == [str(layer.digest) for layer in made.layers]
    assert found["Labels"] == {"by": "me"}


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_umoci_unpacks_it(
    layout: Layout, compression: media_types.Compression, tmp_path: Path
) -> None:
    layout.add(two_layers(compression), ONE)
    target = tmp_path / "bundle"
    words = [tool("umoci"), "unpack", "--rootless", "--image", f"{layout.root}:{ONE}", str(target)]
    subprocess.run(words, capture_output=True, check=True)
    rootfs = target / "rootfs/srv"
    assert (rootfs / "current/predict.py").read_bytes() == b"print('newer')\n"
    assert (rootfs / "again").stat().st_ino == (rootfs / "app/run").stat().st_ino
    assert (rootfs / "private").stat().st_mode & 0o777 == 0o700
    assert (rootfs / "Grüße/世界").read_bytes() == b"not ASCII"


def test_what_skopeo_writes_is_read(layout: Layout, tmp_path: Path) -> None:
    made = two_layers()
    layout.add(made, ONE)
    copy = ["copy", "-q", "--format", "v2s2", f"oci:{layout.root}:{ONE}", f"dir:{tmp_path}/docker"]
    policy = ["--insecure-policy"]
    subprocess.run([tool("skopeo"), *policy, *copy], capture_output=True, check=True)
    copy = ["copy", "-q", f"dir:{tmp_path}/docker", f"oci:{tmp_path}/again:tag"]
    subprocess.run([tool("skopeo"), *policy, *copy], capture_output=True, check=True)
    again = Layout.at(tmp_path / "again")
    assert validate(again) == ()
    (entry,) = again.index().manifests
    assert again.image(entry).config.diff_ids == made.config.diff_ids
