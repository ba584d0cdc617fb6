from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import OciError
from cogsmith.image import (
    Base,
    Store,
    System,
    Venv,
    interpreter_of,
    read_system,
    real_path,
    release_of,
)
from cogsmith.oci import (
    Directory,
    Entry,
    File,
    Hardlink,
    Image,
    Layer,
    Symlink,
    media_types,
    pack,
    tar,
)
from tests.image.bases import AMD64, SYSTEM, image_of


def whiteout(path: str) -> Layer:
    """A layer that takes something away, which our own writer refuses to make."""
    archive = b"".join(tar([File.of(path.replace(".wh.", "-wh-"), b"")]))
    raw = bytearray(archive)
    while (at := raw.find(b"-wh-")) >= 0:
        raw[at : at + 4] = b".wh."
        block = at // 512 * 512
        head = raw[block : block + 148] + b" " * 8 + raw[block + 156 : block + 512]
        raw[block + 148 : block + 156] = b"%06o\0 " % sum(head)
    whole = bytes(raw)
    descriptor, diff_id = pack([whole], "none")
    return Layer(descriptor=descriptor, diff_id=diff_id, open=lambda: BytesIO(whole))


def read(store: Store, *layers: list[Entry] | Layer) -> System:
    image = image_of()
    for one in layers:
        image = image.append([one] if isinstance(one, Layer) else image_of(one).layers)
    return read_system(image, store)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


def test_a_base_image_is_told_by_what_a_build_needs(store: Store) -> None:
    system = read(store, list(SYSTEM))
    assert system.files["usr/lib/os-release"] == b"ID=debian\n"
    assert {"etc", "usr/bin", "root"} <= system.folders
    assert system.links == {"bin": "usr/bin", "usr/bin/python3": "python3.11"}
    assert system.programs == {"usr/bin/python3.11"}
    assert system.platform == AMD64


def test_it_is_read_once(store: Store) -> None:
    image = image_of(SYSTEM)
    first = read_system(image, store)

    def never() -> BytesIO:
        raise AssertionError("a layer is read again")

    layers = [
        Layer(descriptor=one.descriptor, diff_id=one.diff_id, open=never) for one in image.layers
    ]
    assert read_system(Image.of(image.config, layers), store) == first


def test_upper_layers_replace_and_take_away(store: Store) -> None:
    lower: list[Entry] = [
        File.of("etc/passwd", b"old"),
        File.of("usr/bin/a", b"", mode=0o755),
        File.of("gone/x", b""),
    ]
    upper: list[Entry] = [File.of("etc/passwd", b"new"), File.of("usr/bin/a", b"", mode=0o644)]
    system = read(store, lower, upper, whiteout(".wh.gone"))
    assert system.files == {"etc/passwd": b"new"}
    assert system.programs == frozenset()
    assert "gone" not in system.folders
    assert "etc" in system.folders


def test_an_opaque_folder_hides_what_is_below(store: Store) -> None:
    lower: list[Entry] = [File.of("etc/apt/sources.list", b"x"), Symlink(path="etc/a", target="b")]
    system = read(store, lower, whiteout("etc/.wh..wh..opq"))
    assert system.files == {}
    assert system.links == {}
    assert "etc" in system.folders
    assert "etc/apt" not in system.folders


def test_paths_lead_through_the_links_of_lower_layers(store: Store) -> None:
    raw = b"".join(tar([File.of("bin/tool", b"", mode=0o755)], lower=["bin"]))
    descriptor, diff_id = pack([raw], "none")
    tool = Layer(descriptor=descriptor, diff_id=diff_id, open=lambda: BytesIO(raw))
    system = read(store, [Directory(path="usr/bin"), Symlink(path="bin", target="/usr/bin")], tool)
    assert system.programs == {"usr/bin/tool"}


def test_a_folder_replaces_a_link_and_a_file_replaces_a_folder(store: Store) -> None:
    system = read(
        store,
        [Symlink(path="lib", target="usr/lib"), File.of("data/sbin/a", b"", mode=0o755)],
        [Directory(path="lib"), File.of("data", b"")],
    )
    assert system.links == {}
    assert "lib" in system.folders
    assert system.programs == frozenset()
    assert "data" not in system.folders


def test_a_hard_link_is_the_file(store: Store) -> None:
    entries: list[Entry] = [
        File.of("usr/bin/a", b"", mode=0o755),
        Hardlink(path="usr/bin/b", target="usr/bin/a"),
        File.of("etc/group", b"g"),
    ]
    assert read(store, entries).programs == {"usr/bin/a", "usr/bin/b"}


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("docker", [False, True])
def test_every_kind_of_layer_is_read(store: Store, compression: str, docker: bool) -> None:
    data: list[bytes] = []
    descriptor, diff_id = pack(tar(SYSTEM), compression, write=data.append)  # type: ignore[arg-type]
    if docker:
        named = media_types.to_docker(descriptor.media_type)
        descriptor = type(descriptor)(
            media_type=named, digest=descriptor.digest, size=descriptor.size
        )
    layer = Layer(descriptor=descriptor, diff_id=diff_id, open=lambda: BytesIO(b"".join(data)))
    whole = image_of()
    image = Image(manifest=whole.manifest, config=whole.config, layers=(layer,))
    assert read_system(image, store).programs == {"usr/bin/python3.11"}


def system_of(programs: set[str], links: dict[str, str] | None = None, **files: bytes) -> System:
    return System(
        digest=image_of().digest, platform=AMD64, files=files, folders=frozenset(),
        links=links or {}, programs=frozenset(programs),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("programs", "links", "found"),
    [
        ({"usr/bin/python3.11"}, {}, "/usr/bin/python3.11"),
        ({"usr/bin/python3.11", "usr/local/bin/python3.11"}, {}, "/usr/local/bin/python3.11"),
        ({"opt/conda/bin/python3.11"}, {}, "/opt/conda/bin/python3.11"),
        (
            {"opt/py/bin/python3.11"},
            {"usr/local/bin/python3.11": "/opt/py/bin/python3.11"},
            "/opt/py/bin/python3.11",
        ),
        (
            {"root/.pyenv/shims/python3.11", "root/.pyenv/versions/3.11.9/bin/python3.11"},
            {},
            "/root/.pyenv/versions/3.11.9/bin/python3.11",
        ),
    ],
)
def test_the_interpreter_is_found(programs: set[str], links: dict[str, str], found: str) -> None:
    assert interpreter_of(system_of(programs, links), "3.11") == found


def test_a_missing_interpreter_is_said_with_those_there_are() -> None:
    system = system_of({"usr/bin/python3.9", "usr/bin/python3.12", "usr/bin/python3-config"})
    with pytest.raises(OciError) as caught:
        interpreter_of(system, "3.11")
    (problem,) = caught.value.problems
    assert "3.9 (/usr/bin/python3.9), 3.12 (/usr/bin/python3.12)" in problem.message
    assert "--base-image python:3.11-slim" in problem.hint
    assert 'python_version: "3.9"' in problem.hint


def test_no_interpreter_at_all_is_said() -> None:
    with pytest.raises(OciError, match="has none"):
        interpreter_of(system_of(set()), "3.11")


def test_alpine_is_refused() -> None:
    system = system_of({"usr/bin/python3.11"}, **{"etc/alpine-release": b"3.20\n"})
    with pytest.raises(OciError, match="Alpine"):
        interpreter_of(system, "3.11")


STATUS = b"""\
Package: python3.11-minimal-dbg
Version: 3.11.9-1

Package: python3.11-minimal
Status: install ok installed
Version: %s
Depends: libc6

Package: other
Version: 3.11.8-1
"""


@pytest.mark.parametrize(
    ("program", "version", "variable", "found"),
    [
        ("usr/bin/python3.11", b"3.11.2-6+deb12u6", "", "3.11.2"),
        ("usr/bin/python3.11", b"1:3.11.2-6", "", "3.11.2"),
        ("usr/bin/python3.11", b"3.11.0~rc1-1", "", ""),
        ("usr/local/bin/python3.11", b"3.11.2-6", "3.11.9", "3.11.9"),
        ("usr/local/bin/python3.11", b"3.11.2-6", "3.12.1", ""),
        ("opt/conda/bin/python3.11", b"3.11.2-6", "3.11.9", ""),
    ],
)
def test_the_release_of_its_python_is_told_where_the_image_says_it(
    store: Store, program: str, version: bytes, variable: str, found: str
) -> None:
    entries = [
        File.of(program, b"elf", mode=0o755), File.of("var/lib/dpkg/status", STATUS % version)
    ]  # fmt: skip
    image = image_of(entries, env=(f"PYTHON_VERSION={variable}",) if variable else ())
    base = Base(reference="x", image=image, system=read_system(image, store))
    assert release_of(base, Venv(python="3.11", interpreter=f"/{program}")) == found


parts = st.sampled_from(["a", "b", "c", "..", "."])
paths = st.lists(parts, min_size=1, max_size=4).map("/".join)


@given(paths, st.dictionaries(st.sampled_from(["a", "b", "a/b", "c", "b/c"]), paths, max_size=4))
def test_a_real_path_has_no_link_on_its_way_or_never_ends(path: str, links: dict[str, str]) -> None:
    real = real_path(path, links)
    steps = real.split("/")
    loops = real == path
    assert loops or not any("/".join(steps[:n]) in links for n in range(1, len(steps) + 1))
    assert loops or ".." not in steps
