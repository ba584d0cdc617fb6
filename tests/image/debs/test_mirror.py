"""Real packages, from the archives that apt on this machine uses, for this machine's Debian."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogsmith.errors import SystemPackageError
from cogsmith.image import System
from cogsmith.image.debs import DebSettings, deb_recipes
from cogsmith.image.debs.sources import release_of
from cogsmith.oci import Digest, Platform, decompress

pytestmark = pytest.mark.network

PLACES = (
    "etc/os-release", "etc/apt/sources.list", "etc/apt/sources.list.d/debian.*",
    "etc/apt/trusted.gpg.d/debian*", "usr/share/keyrings/debian*.gpg",
)  # fmt: skip
# A base with as little as can be: everything else has to be found.
STATUS = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 99:0\n"


def files() -> Iterator[tuple[str, bytes]]:
    for place in PLACES:
        for path in Path("/").glob(place):
            if path.is_file():
                yield str(path)[1:], path.read_bytes()
    yield "var/lib/dpkg/status", STATUS.encode()


@pytest.fixture(scope="module")
def here() -> System:
    system = System(
        digest=Digest.of(b"this machine"),
        platform=Platform(os="linux", architecture="amd64"),
        files=dict(files()),
        folders=frozenset(["usr", "usr/bin", "usr/lib"]),
        links={"bin": "usr/bin", "lib": "usr/lib"},
        programs=frozenset(),
    )
    try:
        if release_of(system).get("ID") != "debian" or "keyrings" not in repr(system.files.keys()):
            pytest.skip("this machine is no Debian with its keyring")
    except SystemPackageError:
        pytest.skip("this machine is no Debian")
    return system


def test_a_program_with_its_libraries(here: System, tmp_path: Path) -> None:
    debs = deb_recipes(("jq",), here, DebSettings(cache=tmp_path), lambda _: None)
    assert {"jq", "libjq1", "libonig5"} <= {one.name for one in debs.installed}
    out = io.BytesIO()
    debs.recipes[0].pack(out.write)
    with tarfile.open(
        fileobj=io.BytesIO(b"".join(decompress([out.getvalue()], "gzip")))
    ) as archive:
        assert archive.getmember("usr/bin/jq").mode == 0o755


def test_a_package_that_makes_a_group_is_refused(here: System, tmp_path: Path) -> None:
    with pytest.raises(SystemPackageError, match=r"addgroup|adduser|groupadd"):
        deb_recipes(("postfix",), here, DebSettings(cache=tmp_path), lambda _: None)
