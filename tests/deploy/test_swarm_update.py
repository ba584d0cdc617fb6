"""How far Swarm is, read from what it says."""

from __future__ import annotations

from typing import Any

import pytest

from cogsmith.deploy.swarm_update import Update, parse_tasks, replica_of
from cogsmith.errors import DeployError, RolledBack

IMAGE = "registry.example.com/a@sha256:1"
# As docker 20.10 and 28 write it.
PS = """\
{"CurrentState":"Running 2 seconds ago","DesiredState":"Running","Error":"","ID":"x","Image":"registry.example.com/a@sha256:1","Name":"a_model.1","Node":"n1","Ports":"*:32768-\\u003e5000/tcp,*:32768-\\u003e5000/tcp"}
{"CurrentState":"Failed 9 seconds ago","DesiredState":"Shutdown","Error":"\\"task: non-zero exit (1)\\"","ID":"y","Image":"registry.example.com/a@sha256:1","Name":"a_model.1","Node":"n1","Ports":""}
"""  # noqa: E501 - as it comes


def service(
    state: str = "", begun: str = "", message: str = "", replicas: int = 1
) -> dict[str, Any]:
    update = {"State": state, "StartedAt": begun, "Message": message} if state else None
    return {
        "UpdateStatus": update,
        "Spec": {
            "TaskTemplate": {"ContainerSpec": {"Image": IMAGE}},
            "Mode": {"Replicated": {"Replicas": replicas}},
        },
    }


def task(
    state: str, error: str = "", wanted: str = "Running", image: str = IMAGE
) -> dict[str, str]:
    return {
        "CurrentState": f"{state} 2 seconds ago", "DesiredState": wanted, "Error": error,
        "Image": image, "Name": "a_model.1", "Node": "n1", "Ports": "",
    }  # fmt: skip


def test_a_task_is_a_replica() -> None:
    first, second = (replica_of(one, "10.0.0.1") for one in parse_tasks(PS))
    assert (first.ready, first.address, first.digest) == (True, "http://10.0.0.1:32768", "sha256:1")
    assert (second.ready, second.state, second.note) == (False, "failed", "task: non-zero exit (1)")


def test_a_first_start_is_over_when_all_are_ready() -> None:
    update = Update("a", begun="", first=True)
    assert not update.over(service(), [task("Starting")])
    assert update.over(service(), [task("Running")])


def test_one_of_two_is_not_all() -> None:
    update = Update("a", begun="", first=True, looks=9)
    assert not update.over(service(replicas=2), [task("Running")])


def test_an_old_version_that_is_ready_does_not_count() -> None:
    update = Update("a", begun="", first=False, looks=9)
    assert not update.over(service(), [task("Running", image="old")])


def test_a_first_start_that_fails_again_and_again_is_given_up() -> None:
    update = Update("a", begun="", first=True)
    with pytest.raises(DeployError, match="non-zero exit"):
        update.over(service(), [task("Failed", "task: non-zero exit (1)", "Shutdown")] * 3)


def test_the_update_before_is_not_this_one() -> None:
    update = Update("a", begun="10:00", first=False)
    assert not update.over(service("completed", "10:00"), [task("Running")])
    assert not update.over(service("updating", "10:05"), [task("Running")])
    assert update.over(service("completed", "10:05"), [task("Running")])


def test_what_needs_no_update_is_over_after_a_while() -> None:
    """Only labels have changed: Swarm replaces nothing."""
    update = Update("a", begun="10:00", first=False)
    looks = [update.over(service("completed", "10:00"), [task("Running")]) for _ in range(6)]
    assert looks == [False] * 5 + [True]


def test_swarm_goes_back_by_itself() -> None:
    update = Update("a", begun="", first=False)
    assert not update.over(service("rollback_started", "10:05"), [])
    with pytest.raises(RolledBack, match="unhealthy container"):
        update.over(
            service("rollback_completed", "10:05"),
            [task("Running"), task("Failed", "task: unhealthy container", "Shutdown")],
        )


def test_an_update_that_stands_still_is_an_error() -> None:
    with pytest.raises(DeployError, match="update paused due to failure"):
        Update("a", begun="", first=False).over(
            service("paused", "10:05", "update paused due to failure"), []
        )


def test_a_service_that_is_gone_is_an_error() -> None:
    with pytest.raises(DeployError, match="is gone"):
        Update("a", begun="", first=False).over(None, [])
