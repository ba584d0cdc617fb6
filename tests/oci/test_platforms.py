"""Which machine an image is for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import InvalidReference, OciError
from cogsmith.oci import Descriptor, Index, Platform

PARSED = st.builds(
    "/".join,
    st.tuples(
        st.sampled_from(["linux", "windows", "Linux"]),
        st.sampled_from(["amd64", "x86_64", "arm64", "aarch64", "arm", "armhf", "riscv64"]),
        st.sampled_from(["", "v7", "8", "v8", "v1", "power9"]),
    ).map(lambda parts: [part for part in parts if part]),
)


@pytest.mark.parametrize(
    ("text", "usual"),
    [
        ("linux/amd64", "linux/amd64"),
        ("Linux/x86_64", "linux/amd64"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/v9", "linux/arm64/v9"),
        ("linux/armhf", "linux/arm"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/arm/6", "linux/arm/v6"),
    ],
)
def test_people_say_the_same_in_many_ways(text: str, usual: str) -> None:
    assert str(Platform.parse(text)) == usual


@given(PARSED)
def test_reading_and_writing_are_inverse(text: str) -> None:
    platform = Platform.parse(text)
    assert Platform.parse(str(platform)) == platform == platform.normal


@pytest.mark.parametrize("text", ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/amd 64"])
def test_what_is_no_platform(text: str) -> None:
    with pytest.raises(InvalidReference, match="is not a platform") as caught:
        Platform.parse(text)
    assert "linux/amd64" in caught.value.hint


@pytest.mark.parametrize(
    ("built", "machine", "runs"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/amd64", "linux/amd64/v3", True),
        ("linux/amd64/v3", "linux/amd64", False),
        ("linux/amd64/v3", "linux/amd64/v4", True),
        ("linux/arm/v6", "linux/arm/v7", True),
        ("linux/arm/v7", "linux/arm/v6", False),
        ("linux/arm64", "linux/arm64/v9", True),
        ("linux/arm/v7", "linux/arm64", False),
        ("windows/amd64", "linux/amd64", False),
        ("linux/ppc64le/power9", "linux/ppc64le/power9", True),
        ("linux/ppc64le/power9", "linux/ppc64le/power8", False),
    ],
)
def test_a_machine_runs_its_own_variant_and_older_ones(
    built: str, machine: str, runs: bool
) -> None:
    assert Platform.parse(built).serves(Platform.parse(machine)) is runs


def index(*platforms: str) -> Index:
    entries = []
    for text in platforms:
        os, architecture, variant = (*text.split("/"), "")[:3]
        platform = Platform(os=os, architecture=architecture, variant=variant)
        entries.append(replace(Descriptor.of(text.encode(), "x"), platform=platform))
    return Index(manifests=tuple(entries))


def test_the_newest_variant_that_runs_is_taken() -> None:
    several = index(
        "unknown/unknown", "linux/amd64", "linux/amd64/v2", "linux/amd64/v4", "linux/arm64"
    )
    for wanted, found in (
        ("linux/amd64", 1), ("linux/amd64/v3", 2), ("linux/amd64/v4", 3), ("linux/arm64/v8", 4),
    ):  # fmt: skip
        assert several.select(Platform.parse(wanted)) == several.manifests[found]


def test_what_there_is_not_is_told_with_what_there_is() -> None:
    with pytest.raises(
        OciError, match=r"for linux/386 here: there are .* linux/amd64, linux/arm64"
    ):
        index("linux/amd64", "linux/arm64", "unknown/unknown").select(Platform.parse("linux/386"))
    with pytest.raises(OciError, match="a platform must be named"):
        index("linux/amd64", "linux/arm64").select(None)
    with pytest.raises(OciError, match="no platform"):
        index().select(None)


def test_the_only_image_needs_no_name() -> None:
    one = index("linux/arm64", "unknown/unknown")
    assert one.select(None) == one.manifests[0]
    assert one.platforms == (Platform(os="linux", architecture="arm64"),)
