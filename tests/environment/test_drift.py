"""Drift, by its laws."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cogsmith.environment import Drift, Lock, Requirements, Target, answers, drift

TARGET = Target(python="3.11", platform="linux-x86_64", accelerator="cpu")

names = st.sampled_from(["torch", "numpy", "idna", "beta", "-e .", "./x-1-py3-none-any.whl"])
lines = st.builds(
    lambda name, version: name if name[0] in "-." else f"{name}{version}",
    names,
    st.sampled_from(["", "==1", "<2", ">=3; python_version < '3.12'"]),
)
some = st.lists(lines, max_size=5, unique=True).map(tuple)
requirements = st.builds(
    Requirements, packages=some, constraints=some, overrides=some,
    options=st.lists(st.sampled_from(["--pre", "--find-links x", "--find-links y"]), unique=True)
    .map(tuple),
)  # fmt: skip
targets = st.builds(
    Target, python=st.sampled_from(["3.11", "3.12"]), platform=st.just("linux-x86_64"),
    accelerator=st.sampled_from(["cpu", "cuda"]),
)  # fmt: skip


def locked(asked: Requirements, target: Target = TARGET) -> Lock:
    return Lock(document={"packages": []}, answers=answers(asked, target))


@given(requirements, targets)
def test_a_lock_answers_what_it_was_made_for(asked: Requirements, target: Target) -> None:
    found = drift(locked(asked, target), answers(asked, target))
    assert not found
    assert found.lines() == ()


@given(requirements, targets, requirements, targets)
def test_no_drift_means_the_same_checksum(
    before: Requirements, old: Target, after: Requirements, new: Target
) -> None:
    moved = bool(drift(locked(before, old), answers(after, new)))
    assert moved == (answers(before, old).checksum != answers(after, new).checksum)


@given(requirements, requirements)
def test_the_way_back_is_the_mirror_image(before: Requirements, after: Requirements) -> None:
    there = drift(locked(before), answers(after, TARGET))
    back = drift(locked(after), answers(before, TARGET))
    assert (there.added, there.removed) == (back.removed, back.added)
    assert there.changed == tuple((old, new) for new, old in back.changed)


@given(requirements, requirements)
def test_drift_applied_to_the_old_gives_the_new(before: Requirements, after: Requirements) -> None:
    found = drift(locked(before), answers(after, TARGET))
    old = set(answers(before, TARGET).texts)
    gone = {*found.removed, *(line for line, _ in found.changed)}
    new = {*found.added, *(line for _, line in found.changed)}
    assert gone <= old
    assert (old - gone) | new == set(answers(after, TARGET).texts)


@given(requirements, st.randoms())
def test_order_plays_no_part(asked: Requirements, random: object) -> None:
    shuffled = list(asked.packages)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert not drift(locked(asked), answers(replace(asked, packages=tuple(shuffled)), TARGET))


def test_a_line_for_each_difference() -> None:
    before = Requirements(packages=("torch==2.0", "idna"), constraints=("numpy<2",))
    after = Requirements(packages=("torch==2.1", "numpy"), constraints=("numpy<3",))
    found = drift(locked(before), answers(after, replace(TARGET, python="3.12")))
    assert found.lines() == (
        "requirements now ask for numpy",
        "requirements no longer ask for idna",
        "requirements ask for the constraint numpy<3 where the lock answers the constraint numpy<2",
        "requirements ask for torch==2.1 where the lock answers torch==2.0",
        "the config asks for Python 3.12 where the lock answers Python 3.11",
    )


def test_another_target_is_told_by_what_differs() -> None:
    there = Target(python="3.11", platform="macos-arm64", accelerator="cuda")
    found = drift(locked(Requirements(), TARGET), answers(Requirements(), there))
    (line,) = found.lines()
    assert line.startswith("the config asks for macos-arm64, CUDA builds where the lock answers ")
    assert line.endswith("answers linux-x86_64, CPU builds")


def test_a_lock_of_another_tool_has_drifted() -> None:
    found = drift(Lock(document={"packages": []}, answers=None), answers(Requirements(), TARGET))
    assert found == Drift(foreign=True)
    assert found.lines() == ("the lock does not say what it answers: another tool made it",)
