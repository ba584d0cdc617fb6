"""The order of a rollout, on a target that does what it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.deploy import Release, Replica, Running, Spec, parse, roll_back, roll_out
from cogsmith.errors import DeployError, RolledBack

NOTHING = Spec("")
OLD, NEW = Spec.of([{"version": "old"}]), Spec.of([{"version": "new"}])


@dataclass
class ScriptedTarget:
    """A target in memory. ``fails`` names the steps that do not hold."""

    spec: Spec | None = OLD
    previous: Spec = NOTHING
    fails: frozenset[str] = frozenset()
    shares: bool = True
    reverts: bool = False  # goes back by itself, as Swarm does
    done: list[str] = field(default_factory=list)

    def running(self) -> Running | None:
        if self.spec is None:
            return None
        replica = Replica(name="a.1", state="running", ready=True, image="a")
        return Running(
            name="a", image="a", wanted=1, replicas=(replica,), spec=self.spec,
            previous=self.previous,
        )  # fmt: skip

    def _do(self, step: str) -> None:
        self.done.append(step)
        if step in self.fails:
            raise DeployError(f"{step} fails")

    @contextmanager
    def trial(self, release: Release) -> Iterator[str]:
        self._do("trial")
        yield "http://trial"
        self.done.append("end of trial")

    def canary(self, release: Release) -> None:
        self._do("canary")

    def put(self, spec: Spec, previous: Spec) -> None:
        if spec == NEW and "put" in self.fails and self.reverts:
            self.done.append("put, and back")
            raise RolledBack("it went back")
        self.spec, self.previous = spec, previous
        self._do("put" if spec == NEW else "put old")

    @contextmanager
    def reached(self) -> Iterator[str]:
        yield "http://all"

    def remove(self) -> None:
        self.spec = None
        self.done.append("remove")


def release(rollout: str = "{}") -> Release:
    text = f"{{name: a, model: b, rollout: {rollout}, targets: {{kubernetes: }}}}"
    return Release(deployment=parse(text, where="d"), spec=NEW)


def silent(_text: str) -> None:
    pass


def test_a_new_version_is_tried_tested_and_put() -> None:
    target, asked = ScriptedTarget(), []

    def tests(address: str) -> bool:
        asked.append(address)
        return True

    assert roll_out(target, release(), tests, silent)
    assert target.done == ["trial", "end of trial", "put"]
    assert asked == ["http://trial"]
    assert (target.spec, target.previous) == (NEW, OLD)


def test_without_a_trial_all_are_tested() -> None:
    target, asked = ScriptedTarget(), []
    tests = lambda address: not asked.append(address)  # type: ignore[func-returns-value]  # noqa: E731
    roll_out(target, release("{trial: false}"), tests, silent)
    assert target.done == ["put"]
    assert asked == ["http://all"]


def test_a_canary_comes_between() -> None:
    target = ScriptedTarget()
    roll_out(target, release("{canary: {percent: 10}}"), None, silent)
    assert target.done == ["trial", "end of trial", "canary", "put"]


def test_where_there_are_no_shares_there_is_no_canary() -> None:
    target = ScriptedTarget(shares=False)
    roll_out(target, release("{canary: {percent: 10}}"), None, silent)
    assert "canary" not in target.done


def test_what_runs_already_is_left_alone() -> None:
    target = ScriptedTarget(spec=NEW)
    assert not roll_out(target, release(), None, silent)
    assert target.done == []


def test_a_version_that_fails_its_tests_changes_nothing() -> None:
    target = ScriptedTarget()
    with pytest.raises(RolledBack, match="fails its tests"):
        roll_out(target, release(), lambda _: False, silent)
    assert target.done == ["trial", "end of trial"]
    assert target.spec == OLD


def test_a_version_that_does_not_start_changes_nothing() -> None:
    target = ScriptedTarget(fails=frozenset({"trial"}))
    with pytest.raises(RolledBack, match="does not start: trial fails"):
        roll_out(target, release(), None, silent)
    assert target.done == ["trial"]


def test_what_does_not_hold_is_taken_back() -> None:
    target = ScriptedTarget(fails=frozenset({"put"}), previous=Spec("before"))
    with pytest.raises(RolledBack, match="did not hold: put fails"):
        roll_out(target, release(), None, silent)
    assert target.done[-2:] == ["put", "put old"]
    assert (target.spec, target.previous) == (OLD, Spec("before"))


def test_a_target_that_went_back_by_itself_is_not_put_again() -> None:
    target = ScriptedTarget(fails=frozenset({"put"}), reverts=True)
    with pytest.raises(RolledBack, match="it went back"):
        roll_out(target, release(), None, silent)
    assert target.done[-1] == "put, and back"


def test_a_first_version_that_does_not_hold_is_taken_away() -> None:
    target = ScriptedTarget(spec=None)
    with pytest.raises(DeployError, match="fails its tests") as caught:
        roll_out(target, release(), lambda _: False, silent)
    assert not isinstance(caught.value, RolledBack)
    assert target.done == ["put", "remove"]


def test_rollback_is_there_and_back() -> None:
    target = ScriptedTarget()
    roll_out(target, release(), None, silent)
    assert roll_back(target, silent).spec == OLD
    assert roll_back(target, silent).spec == NEW


def test_there_is_nothing_to_return_to() -> None:
    with pytest.raises(DeployError, match="has run in no other version"):
        roll_back(ScriptedTarget(), silent)
    with pytest.raises(DeployError, match="nothing runs"):
        roll_back(ScriptedTarget(spec=None), silent)


@given(
    fails=st.frozensets(st.sampled_from(["trial", "canary", "put"])),
    passes=st.booleans(),
    there=st.booleans(),
    reverts=st.booleans(),
    trial=st.booleans(),
)
def test_whatever_fails_what_runs_is_whole(
    fails: frozenset[str], passes: bool, there: bool, reverts: bool, trial: bool
) -> None:
    """Either the new version, when all went well; or else exactly what ran before."""
    target = ScriptedTarget(spec=OLD if there else None, fails=fails, reverts=reverts)
    asked = release(f"{{trial: {str(trial).lower()}, canary: {{}}}}")
    try:
        roll_out(target, asked, lambda _: passes, silent)
    except DeployError:
        assert target.spec == (OLD if there else None)
    else:
        assert target.spec == NEW
        assert passes


def test_a_spec_is_what_it_was_made_of() -> None:
    manifests = [{"b": "ü", "a": ["$$", 1, None]}]
    assert Spec.of(manifests).manifests == manifests
    assert list(OLD.differences(OLD, "a")) == []
    assert list(OLD.differences(NEW, "a"))[-2:] == ["-version: old", "+version: new"]


def test_an_unready_deployment_is_put_again() -> None:
    """The same version, and not all of it there: apply is how one asks for it."""
    target = ScriptedTarget(spec=NEW)
    running = target.running()
    assert running
    target.running = lambda: replace(running, wanted=2)  # type: ignore[method-assign]
    assert roll_out(target, release("{trial: false}"), None, silent)
    assert target.done == ["put"]
