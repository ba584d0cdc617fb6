"""Where two images differ is said to the file; what a remote image claims is never believed."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogsmith.errors import InvalidLayer
from cogsmith.image import Differences, FileDifference, differences
from cogsmith.image.trust.archives import first_difference
from cogsmith.oci import (
    ContainerConfig,
    Digest,
    Directory,
    Entry,
    File,
    Hardlink,
    History,
    Image,
    ImageConfig,
    Layer,
    Symlink,
    layer,
    reader,
    tar,
)
from tests.oci.images import AMD64, made_of, trees

CODE = (
    Directory(path="src"),
    File.of("src/cog.yaml", b"predict: predict.py:Predictor\n"),
    File.of("src/predict.py", b"print(1)\n"),
    Symlink(path="src/weights", target="/weights"),
)
WHEEL = (File.of("opt/venv/lib/x.py", b"X = 1\n"),)


def image(*layers: Layer, titles: Iterable[str] = (), **config: object) -> Image:
    history = tuple(History(created_by=title) for title in titles)
    made = ImageConfig(platform=AMD64, config=ContainerConfig(**config), history=history)  # type: ignore[arg-type]
    return Image.of(made, layers)


def with_code(*entries: Entry) -> Image:
    return image(made_of(WHEEL), made_of(entries), titles=("wheel x 1.0", "the project"))


def changed(*entries: Entry) -> tuple[Entry, ...]:
    """The project with these entries instead of those at the same paths, or besides."""
    return tuple({e.path: e for e in (*CODE, *entries)}.values())


def the_file(found: Differences) -> FileDifference:
    assert found.layer
    assert found.layer.file
    return found.layer.file


def test_the_same_image_differs_in_nothing() -> None:
    found = differences(with_code(*CODE), with_code(*CODE))
    assert not found
    assert found == Differences(ours=with_code(*CODE).digest, theirs=with_code(*CODE).digest)


def test_one_file_of_the_project() -> None:
    theirs = with_code(*changed(File.of("src/predict.py", b"print(2)\n")))
    found = differences(with_code(*CODE), theirs)
    assert found
    assert found.values == ()
    assert (found.only_ours, found.only_theirs) == (("the project",), ("the project",))
    assert found.layer
    assert (found.layer.number, found.layer.title) == (1, "the project")
    file = the_file(found)
    assert (file.path, file.change) == ("src/predict.py", "content")
    assert file.ours
    assert file.theirs
    assert file.ours.content == Digest.of(b"print(1)\n")
    assert file.theirs.content == Digest.of(b"print(2)\n")


@pytest.mark.parametrize(
    ("theirs", "path", "change"),
    [
        (changed(File.of("src/a.py", b"")), "src/a.py", "only theirs"),
        (changed(File.of("src/z.py", b"")), "src/z.py", "only theirs"),
        (tuple(e for e in CODE if e.path != "src/predict.py"), "src/predict.py", "only ours"),
        (tuple(e for e in CODE if e.path != "src/weights"), "src/weights", "only ours"),
        (changed(File.of("src/cog.yaml", b"")), "src/cog.yaml", "content"),
        (changed(File.of("src/predict.py", b"print(1)\n", mode=0o755)), "src/predict.py", "mode"),
        (changed(Symlink(path="src/weights", target="/w")), "src/weights", "target"),
        (changed(Symlink(path="src/predict.py", target="x")), "src/predict.py", "kind"),
        (changed(Directory(path="src", uid=1000)), "src", "owner"),
        (changed(Directory(path="src", mtime=1)), "src", "time"),
        ((*changed(File.of("src/a.py", b"")), File.of("src/z.py", b"")), "src/a.py", "only theirs"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_may_differ(theirs: tuple[Entry, ...], path: str, change: str) -> None:
    file = the_file(differences(with_code(*CODE), with_code(*theirs)))
    assert (file.path, file.change) == (path, change)
    assert (file.ours is None) == (change == "only theirs")
    assert (file.theirs is None) == (change == "only ours")


def test_of_several_files_it_is_the_first_of_both() -> None:
    """Theirs has one more before the one that ours has more."""
    ours = changed(File.of("src/m.py", b"ours"))
    theirs = changed(File.of("src/b.py", b"theirs"))
    assert the_file(differences(with_code(*ours), with_code(*theirs))).path == "src/b.py"
    assert the_file(differences(with_code(*theirs), with_code(*ours))).path == "src/b.py"


def test_a_file_with_another_name_comes_first_by_the_smaller_name() -> None:
    one, two = (with_code(*changed(File.of(f"src/{name}.py", b""))) for name in "xy")
    assert the_file(differences(one, two)).path == "src/x.py"
    assert the_file(differences(two, one)).path == "src/x.py"


def test_values_of_the_config() -> None:
    ours = image(made_of(WHEEL), env=("A=1", "B=1"), labels={"by": "me"}, cmd=("run",))
    theirs = image(made_of(WHEEL), env=("A=1", "B=2"), labels={"to": "you"}, cmd=("walk",))
    found = differences(ours, theirs)
    assert found.layer is None
    assert list(map(str, found.values)) == [
        "label by: ours is me, theirs has none",
        "env B: ours is 1, theirs is 2",
        'config Cmd: ours is ["run"], theirs is ["walk"]',
        "label to: ours has none, theirs is you",
    ]


def test_a_long_value_is_shown_where_it_differs() -> None:
    words = "x" * 5000
    ours = image(made_of(WHEEL), labels={"schema": f"{words}ours{words}"})
    theirs = image(made_of(WHEEL), labels={"schema": f"{words}theirs{words}"})
    (value,) = differences(ours, theirs).values
    assert "xours" in str(value)
    assert "xtheirs" in str(value)
    assert len(str(value)) < 600


def test_the_order_of_variables_alone() -> None:
    ours, theirs = (image(made_of(WHEEL), env=env) for env in (("A=1", "B=2"), ("B=2", "A=1")))
    found = differences(ours, theirs)
    assert found
    assert list(map(str, found.values)) == ["env: ours is A B, theirs is B A"]


def test_only_compressed_in_another_way() -> None:
    ours = image(made_of(WHEEL), made_of(CODE))
    theirs = image(made_of(WHEEL, "zstd"), made_of(CODE, "none"))
    found = differences(ours, theirs)
    assert found.layer is None
    assert found.recompressed == (0, 1)


def test_another_file_counts_more_than_another_compression() -> None:
    ours = image(made_of(WHEEL), made_of(CODE))
    theirs = image(made_of(WHEEL, "zstd"), made_of(changed(File.of("src/a", b""))))
    assert the_file(differences(ours, theirs)).path == "src/a"


def test_a_config_that_lies_about_its_layer_is_not_believed() -> None:
    """Its diff id is ours, and its bytes hold another file."""
    ours = with_code(*CODE)
    evil = made_of(changed(File.of("src/predict.py", b"import evil\n")))
    theirs = image(
        made_of(WHEEL), replace(evil, diff_id=ours.layers[1].diff_id),
        titles=("wheel x 1.0", "the project"),
    )  # fmt: skip
    found = differences(ours, theirs)
    assert found.recompressed == ()
    assert (the_file(found).path, the_file(found).change) == ("src/predict.py", "content")


def test_a_layer_more_does_not_hide_that_the_others_are_the_same() -> None:
    layers = [made_of([File.of(f"opt/{name}", name.encode())]) for name in "abcd"]
    ours = image(layers[0], layers[1], layers[3], titles="abd")
    theirs = image(*layers, titles="abcd")
    found = differences(ours, theirs)
    assert (found.only_ours, found.only_theirs, found.counts) == ((), ("c",), (3, 4))
    assert found.layer
    assert (found.layer.number, found.layer.title, found.layer.their_title) == (2, "", "c")
    assert (found.layer.ours, found.layer.theirs) == (None, layers[2].digest)
    back = differences(theirs, ours)
    assert back.layer
    assert (back.layer.number, back.layer.title) == (2, "c")


def test_the_same_layers_in_another_order() -> None:
    one, two = made_of(WHEEL), made_of(CODE)
    assert the_file(differences(image(one, two), image(two, one))).path


def test_only_layers_that_differ_are_read() -> None:
    opened: list[Digest] = []

    def watched(made: Layer) -> Layer:
        def opening() -> BinaryIO:
            opened.append(made.digest)
            return made.open()

        return replace(made, open=opening)

    ours = with_code(*CODE)
    theirs = with_code(*changed(File.of("src/predict.py", b"")))
    far = replace(theirs, layers=tuple(map(watched, theirs.layers)))
    assert the_file(differences(ours, far)).path == "src/predict.py"
    assert opened == [theirs.layers[1].digest]


def test_the_same_files_in_an_archive_of_another_program() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        info = tarfile.TarInfo("./opt/x")
        info.size, info.mtime, info.mode = 1, 946684800, 0o644
        archive.addfile(info, io.BytesIO(b"x"))
    theirs = image(layer(lambda: [file.getvalue()]))
    ours_layer = made_of([File.of("opt/x", b"x")])
    found = differences(image(ours_layer), theirs)
    assert found.layer
    assert found.layer.file
    assert (found.layer.file.path, found.layer.file.change) == ("opt", "only ours")


def test_a_broken_layer_is_an_error_of_ours() -> None:
    broken = replace(made_of(CODE), open=lambda: io.BytesIO(b"\x1f\x8b no"))
    theirs = image(made_of(WHEEL), replace(broken, diff_id=Digest.of(b"x")))
    with pytest.raises(InvalidLayer):
        differences(with_code(*CODE), theirs)


def archive(entries: Iterable[Entry]) -> BinaryIO:
    return reader(tar(entries))


@given(trees())
@settings(max_examples=60)
def test_an_archive_does_not_differ_from_itself(entries: list[Entry]) -> None:
    assert first_difference(archive(entries), archive(entries)) is None


@given(trees(), trees())
@settings(max_examples=150)
def test_two_archives_differ_alike_from_both_sides(one: list[Entry], two: list[Entry]) -> None:
    """And whenever they are not the same bytes: every byte of an archive of ours is told."""
    there = first_difference(archive(one), archive(two))
    back = first_difference(archive(two), archive(one))
    assert (there is None) == (archive(one).read() == archive(two).read())
    assert (there is None) == (back is None)
    if there and back:
        assert (there.ours, there.theirs) == (back.theirs, back.ours) or there.path != back.path


@given(trees(), st.randoms())
@settings(max_examples=60)
def test_the_order_of_an_archive_is_no_difference(entries: list[Entry], random: object) -> None:
    raw, mixed = io.BytesIO(archive(entries).read()), io.BytesIO()
    with tarfile.open(fileobj=raw) as source, tarfile.open(fileobj=mixed, mode="w") as target:
        members = source.getmembers()
        random.shuffle(members)  # type: ignore[attr-defined]
        for member in members:
            target.addfile(member, source.extractfile(member) if member.isreg() else None)
    mixed.seek(0)
    assert first_difference(archive(entries), mixed) is None


def test_hard_links_are_told_apart() -> None:
    first = File.of("a", b"")
    both = [first, File.of("b", b""), Hardlink(path="c", target="a")]
    other = [first, File.of("b", b""), Hardlink(path="c", target="b")]
    found = first_difference(archive(both), archive(other))
    assert found
    assert (found.path, found.change) == ("c", "target")


def test_memory_stays_flat() -> None:
    """A file of 200 MB in both, and one more in theirs: a few pieces are held, no file."""
    size = 200 << 20
    short = [File(path="large", size=size, open=partial(_zeros, size))]
    long = [File(path="also", size=size, open=partial(_zeros, size)), *short]
    tracemalloc.start()
    try:
        found = first_difference(archive(short), archive(long))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found
    assert (found.path, found.change) == ("also", "only theirs")
    assert peak < 20 << 20


def _zeros(size: int) -> BinaryIO:
    piece = bytes(1 << 20)
    return reader(piece for _ in range(size >> 20))
