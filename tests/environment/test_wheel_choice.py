"""Which wheel of a lock an image takes: by the target's tags, never by this machine's."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.environment import Target
from cogsmith.environment.wheel_choice import choose, file_name, fits
from cogsmith.errors import InstallError
from tests.environment.locks import ARM, X86, lock_of, wheels_of

BEST_FIRST = [
    "x-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    "x-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
    "x-1.0-cp311-cp311-manylinux1_x86_64.whl",
    "x-1.0-cp311-cp311-linux_x86_64.whl",
    "x-1.0-cp311-abi3-manylinux_2_17_x86_64.whl",
    "x-1.0-cp38-abi3-manylinux_2_17_x86_64.whl",
    "x-1.0-py3-none-manylinux_2_17_x86_64.whl",
    "x-1.0-py311-none-any.whl",
    "x-1.0-py2.py3-none-any.whl",
]
UNFIT = [
    "x-1.0-cp312-cp312-manylinux_2_17_x86_64.whl",
    "x-1.0-cp312-abi3-manylinux_2_17_x86_64.whl",
    "x-1.0-cp311-cp311-manylinux_2_31_x86_64.whl",
    "x-1.0-cp311-cp311-manylinux_2_17_aarch64.whl",
    "x-1.0-cp311-cp311-musllinux_1_2_x86_64.whl",
    "x-1.0-cp311-cp311-macosx_11_0_arm64.whl",
    "x-1.0-cp311-cp311-win_amd64.whl",
    "x-1.0-py2-none-any.whl",
]
NOTHING = "no wheel for Python 3.11, linux-x86_64, cpu and no source to build one from"


@given(st.lists(st.sampled_from(BEST_FIRST + UNFIT), unique=True, min_size=1), st.randoms())
def test_the_best_wheel_is_taken_in_whatever_order_they_are_listed(
    names: list[str], chance: random.Random
) -> None:
    shuffled = names.copy()
    chance.shuffle(shuffled)
    fitting = [name for name in BEST_FIRST if name in names]
    if not fitting:
        with pytest.raises(InstallError, match=r"x 1\.0 has no wheel"):
            choose(lock_of(wheels_of("x", *shuffled)), X86)
        return
    (choice,) = choose(lock_of(wheels_of("x", *shuffled)), X86)
    assert file_name(choice.entry) == fitting[0]


@given(st.permutations(["a", "b", "c", "d"]))
def test_packages_are_sorted_whatever_their_order_in_the_lock(names: list[str]) -> None:
    packages = [wheels_of(name, f"{name}-1.0-py3-none-any.whl") for name in names]
    assert [choice.name for choice in choose(lock_of(*packages), X86)] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("name", UNFIT)
def test_wheels_that_do_not_run_there(name: str) -> None:
    assert fits(name, X86) is None


def test_another_platform_takes_its_own_wheel() -> None:
    lock = lock_of(
        wheels_of(
            "x",
            "x-1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
            "x-1.0-cp311-cp311-manylinux_2_17_aarch64.whl",
        )
    )
    assert "aarch64" in file_name(choose(lock, ARM)[0].entry)


def test_among_equals_the_highest_build_number_is_taken() -> None:
    names = ("x-1.0-2-py3-none-any.whl", "x-1.0-10-py3-none-any.whl", "x-1.0-py3-none-any.whl")
    assert file_name(choose(lock_of(wheels_of("x", *names)), X86)[0].entry) == names[1]


def test_markers_are_read_for_the_target() -> None:
    lock = lock_of(
        wheels_of("arm", "arm-1.0-py3-none-any.whl", marker='platform_machine == "aarch64"'),
        wheels_of("old", "old-1.0-py3-none-any.whl", marker='python_version < "3.11"'),
        wheels_of("tests", "tests-1.0-py3-none-any.whl", marker='"test" in dependency_groups'),
        wheels_of("main", "main-1.0-py3-none-any.whl", marker='"main" in dependency_groups'),
        **{"dependency-groups": ["test", "main"], "default-groups": ["main"]},
    )
    assert [choice.name for choice in choose(lock, ARM)] == ["arm", "main"]
    assert [choice.name for choice in choose(lock, X86)] == ["main"]


def test_a_source_is_taken_where_no_wheel_fits() -> None:
    package = wheels_of("x", "x-1.0-cp311-cp311-win_amd64.whl")
    sdist = {"url": "https://host.invalid/x-1.0.tar.gz", "hashes": {"sha256": "0" * 64}}
    (choice,) = choose(lock_of({**package, "sdist": sdist}), X86)
    assert (choice.kind, choice.direct) == ("sdist", False)


def test_an_archive_that_is_a_wheel_needs_no_build() -> None:
    archive = {"url": "https://host.invalid/x-1.0-py3-none-any.whl", "hashes": {"sha256": "0" * 64}}
    (choice,) = choose(lock_of({"name": "x", "archive": archive}), X86)
    assert (choice.kind, choice.direct, choice.version) == ("wheel", True, "1.0")


def test_all_that_cannot_be_had_is_said_at_once() -> None:
    lock = lock_of(
        wheels_of("b", "b-1.0-cp311-cp311-win_amd64.whl"),
        wheels_of("a", "a-1.0-cp39-cp39-manylinux_2_17_x86_64.whl"),
        wheels_of("new", "new-1.0-py3-none-any.whl", **{"requires-python": ">=3.12"}),
        wheels_of("fine", "fine-1.0-py3-none-any.whl"),
        wheels_of("twice", "twice-1.0-py3-none-any.whl"),
        wheels_of("twice", "twice-1.0-1-py3-none-any.whl"),
    )
    with pytest.raises(InstallError) as caught:
        choose(lock, X86)
    assert [problem.message for problem in caught.value.problems] == [
        f"a 1.0 has {NOTHING} (the lock has a-1.0-cp39-cp39-manylinux_2_17_x86_64.whl)",
        f"b 1.0 has {NOTHING} (the lock has b-1.0-cp311-cp311-win_amd64.whl)",
        "new asks for Python >=3.12; the image has 3.11",
        "twice is in the lock 2 times for this target",
    ]


def test_a_patch_of_the_targets_python_is_enough() -> None:
    package = wheels_of("x", "x-1.0-py3-none-any.whl", **{"requires-python": ">=3.11.4"})
    assert len(choose(lock_of(package), X86)) == 1


def test_what_is_no_platform_of_images_is_refused() -> None:
    mac = Target(python="3.11", platform="macos-arm64", accelerator="cpu")
    with pytest.raises(InstallError, match="images are not made for macos-arm64"):
        choose(lock_of(wheels_of("x", "x-1.0-py3-none-any.whl")), mac)
