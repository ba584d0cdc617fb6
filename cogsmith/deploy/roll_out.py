"""The order of a rollout: look, try, test, put, and back again when it does not hold.

No target is known here: ``Target`` says what each can do.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from cogsmith.deploy.deployment import Deployment
from cogsmith.deploy.state import Running, Spec
from cogsmith.errors import CogsmithError, DeployError, Problem, RolledBack

__all__ = ["Release", "Target", "Tell", "Tests", "roll_back", "roll_out"]

Tell = Callable[[str], None]
Tests = Callable[[str], bool]  # the address of a server → whether it passes


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A version to roll out: the deployment, by digest, and its documents."""

    deployment: Deployment
    spec: Spec


class Target(Protocol):
    """Where deployments run."""

    def running(self) -> Running | None:
        """What runs there under this name; None where nothing does."""

    def trial(self, release: Release) -> AbstractContextManager[str]:
        """One replica of a version beside the others; its address once it is ready.

        Raises DeployError when it does not get ready. It is gone afterwards.
        """

    @property
    def shares(self) -> bool:
        """Whether a version can get a share of the requests."""

    def canary(self, release: Release) -> None:
        """Give a version its share of the requests for a while. Raises DeployError if it fails."""

    def put(self, spec: Spec, previous: Spec) -> None:
        """Make it so, replica by replica, and wait until all are ready.

        Raises RolledBack where the target itself has brought back what was there before, else
        DeployError.
        """

    def reached(self) -> AbstractContextManager[str]:
        """The address of what runs, for as long as it is needed. Raises DeployError."""

    def remove(self) -> None:
        """End all of it."""


def roll_out(target: Target, release: Release, tests: Tests | None, tell: Tell) -> bool:
    """Make a release run; answers whether there was anything to do.

    What is there stays, or comes back, unless the new version starts, passes its tests and takes
    over whole. Raises RolledBack then, and DeployError when nothing ran before.
    """
    before = target.running()
    if before and before.spec == release.spec and before.ready >= before.wanted:
        return False
    if before is None:
        _first(target, release, tests, tell)
        return True
    rollout = release.deployment.rollout
    if rollout.trial:
        _tried(target, release, tests, tell)
    if rollout.canary and target.shares:
        _canary(target, release, before, tell)
    previous = before.previous if before.spec == release.spec else before.spec
    _put(target, release, before, previous, tell)
    if not rollout.trial and not _passes(target, tests):
        _restore(target, before, tell)
        raise _back("the new version fails its tests")
    return True


def roll_back(target: Target, tell: Tell) -> Running:
    """Return to what ran before the last change; twice is there and back.

    Raises DeployError when nothing runs, or nothing ran before.
    """
    before = target.running()
    if before is None:
        raise DeployError("nothing runs there", hint="cogsmith deploy apply starts it")
    if not before.previous.text:
        raise DeployError(f"{before.name} has run in no other version", where=before.image)
    tell("returning to the version before")
    target.put(before.previous, before.spec)
    after = target.running()
    assert after
    return after


def _first(target: Target, release: Release, tests: Tests | None, tell: Tell) -> None:
    """Nothing is there to return to: what does not hold is taken away again."""
    tell(f"starting {release.deployment.name}, for the first time")
    try:
        target.put(release.spec, Spec(""))
        if not _passes(target, tests):
            raise DeployError("the model fails its tests")
    except CogsmithError:
        tell("taking it away again")
        target.remove()
        raise


def _tried(target: Target, release: Release, tests: Tests | None, tell: Tell) -> None:
    """Nothing of what runs is touched yet."""
    tell("trying one replica of the new version, without requests")
    try:
        with target.trial(release) as address:
            tell(f"it is ready at {address}")
            passed = tests is None or tests(address)
    except DeployError as error:
        raise _back("the new version does not start", error) from error
    if not passed:
        raise _back("the new version fails its tests")


def _canary(target: Target, release: Release, before: Running, tell: Tell) -> None:
    canary = release.deployment.rollout.canary
    assert canary
    tell(f"giving it {canary.percent}% of the requests for {canary.seconds} s")
    try:
        target.canary(release)
    except DeployError as error:
        _restore(target, before, tell)
        raise _back("the new version did not hold with a part of the requests", error) from error


def _put(target: Target, release: Release, before: Running, previous: Spec, tell: Tell) -> None:
    tell(f"replacing {before.wanted} replica(s), one after the other")
    try:
        target.put(release.spec, previous)
    except RolledBack:
        raise
    except DeployError as error:
        _restore(target, before, tell)
        raise _back("the new version did not hold", error) from error


def _restore(target: Target, before: Running, tell: Tell) -> None:
    tell("bringing back the version before")
    target.put(before.spec, before.previous)


def _passes(target: Target, tests: Tests | None) -> bool:
    if tests is None:
        return True
    with target.reached() as address:
        return tests(address)


def _back(message: str, error: CogsmithError | None = None) -> RolledBack:
    """The problem, and the reason where there is one; what runs is what ran before."""
    reason = f": {error.message}" if error else ""
    hint = (error.hint if error else "") or "what ran before still runs"
    return RolledBack([Problem(f"{message}{reason}", error.where if error else "", hint)])
