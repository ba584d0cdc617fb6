"""Apt's sources and the words of a base image about itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cogsmith.image import System
from cogsmith.image.debs import DebSettings
from cogsmith.image.debs.sources import Source, keys_of, sources_of
from tests.image.debs.archive import base, make_key

DEB822 = """\
# Debian's own
Types: deb deb-src
URIs: http://deb.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian.gpg

Types: deb
URIs: http://deb.example/debian-security/
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: x
Components: main

Types: deb
URIs: http://arm.example/debs
Suites: x
Architectures: arm64
Components: main
"""
ONE_LINE = """\
# deb http://no.example/debian x main
deb http://deb.example/debian bookworm main # words
deb [arch=amd64,arm64 signed-by=/usr/share/keyrings/cuda.gpg] https://cuda.example/debian12 /
deb [ arch=arm64 ] http://arm.example/debian x main
deb-src http://deb.example/debian bookworm main
"""


def system(**files: str) -> System:
    have = base(make_key())
    kept = {path: data for path, data in have.files.items() if path != "etc/apt/sources.list"}
    new = {path: text.encode() for path, text in files.items()}
    return replace(have, files={**kept, **new})


def sources(where: str, text: str, **settings: str) -> list[Source]:
    told = DebSettings(cache=Path("/nowhere"), **settings)  # type: ignore[arg-type]
    return list(sources_of(system(**{where: text}), told, "amd64"))


def test_deb822() -> None:
    found = sources("etc/apt/sources.list.d/debian.sources", DEB822)
    assert [one.folder for one in found] == [
        "http://deb.example/debian/dists/bookworm",
        "http://deb.example/debian/dists/bookworm-updates",
        "http://deb.example/debian-security/dists/bookworm-security",
    ]
    assert found[0].components == ("main", "contrib")
    assert found[0].signed_by == "/usr/share/keyrings/debian.gpg"


def test_one_line() -> None:
    found = sources("etc/apt/sources.list", ONE_LINE)
    assert [one.folder for one in found] == [
        "http://deb.example/debian/dists/bookworm", "https://cuda.example/debian12",
    ]  # fmt: skip
    assert found[1].components == ()
    assert found[1].signed_by == "/usr/share/keyrings/cuda.gpg"


def test_mirrors_are_for_the_distribution_alone() -> None:
    text = f"{ONE_LINE}deb http://deb.example/debian-security bookworm-security main\n"
    found = sources(
        "etc/apt/sources.list",
        text,
        mirror="http://m.example/d",
        security_mirror="http://m.example/s",
    )
    assert [one.folder for one in found] == [
        "http://m.example/d/dists/bookworm",
        "https://cuda.example/debian12",
        "http://m.example/s/dists/bookworm-security",
    ]


def test_settings_are_read_from_variables() -> None:
    variables = {"COGSMITH_DEBIAN_MIRROR": "http://m.example/d/"}
    told = DebSettings.of(variables, cache=Path("/c"), refresh=True)
    assert told == DebSettings(cache=Path("/c"), mirror="http://m.example/d", refresh=True)
    assert told.folder == Path("/c/debs")


@pytest.mark.parametrize(
    ("signed_by", "keys"),
    [
        ("", [b"all"]),
        ("/usr/share/keyrings/a.gpg", [b"a"]),
        ("/usr/share/keyrings/gone.gpg", []),
        ("\n -----BEGIN PGP X-----\n .\n abc", [b"-----BEGIN PGP X-----\n\nabc"]),
    ],
    ids=["trusted", "named", "missing", "embedded"],
)  # fmt: skip
def test_keys(signed_by: str, keys: list[bytes]) -> None:
    have = replace(
        system(),
        files={
            "etc/apt/trusted.gpg.d/all.asc": b"all", "etc/apt/trusted.gpg.d/notes": b"x",
            "usr/share/keyrings/a.gpg": b"a",
        },
    )  # fmt: skip
    assert keys_of(Source(url="http://x", suite="y", signed_by=signed_by), have) == keys
