"""What a container is to be, in the words of the engine's API."""

from __future__ import annotations

import json

import pytest

from cogsmith.container import Folder, Launch, Port
from cogsmith.container.launch import LABEL, devices
from cogsmith.errors import UsageError


def test_a_container_is_removed_by_the_engine_when_it_ends_and_can_be_found() -> None:
    document = Launch(image="sha256:1").document("token")
    assert document["HostConfig"]["AutoRemove"] is True
    assert document["Labels"] == {LABEL: "token"}
    assert "Cmd" not in document
    json.dumps(document)


def test_ports_folders_and_variables() -> None:
    launch = Launch(
        image="x", environment={"A": "1"}, command=("sh",), folders=(Folder("/a", "/b", True),),
        ports=(Port(outside=8393, host="127.0.0.1"), Port(inside=80, host="::1")),
    )  # fmt: skip
    document = launch.document("t")
    assert (document["Env"], document["Cmd"]) == (["A=1"], ["sh"])
    host = document["HostConfig"]
    assert host["PortBindings"] == {
        "5000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8393"}],
        "80/tcp": [{"HostIp": "::1", "HostPort": ""}],
    }
    mount = {"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": True}
    assert host["Mounts"] == [mount]


def request(**told: object) -> list[dict[str, object]]:
    return [{"Driver": "", "Count": 0, "DeviceIDs": [], "Capabilities": [["gpu"]], **told}]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", []),
        ("none", []),
        ("all", request(Count=-1)),
        ("2", request(Count=2)),
        ("count=3", request(Count=3)),
        ("device=0", request(DeviceIDs=["0"])),
        ('"device=0,1"', request(DeviceIDs=["0", "1"])),
        ("device=0,1", request(DeviceIDs=["0", "1"])),
        ("all,driver=nvidia", request(Count=-1, Driver="nvidia")),
        (
            'all,"capabilities=compute,utility"',
            request(Count=-1, Capabilities=[["compute", "utility", "gpu"]]),
        ),
        ("driver=x", request(Count=-1, Driver="x")),
    ],
)
def test_gpus_in_docker_s_words(words: str, expected: list[dict[str, object]]) -> None:
    assert devices(words) == expected


@pytest.mark.parametrize("words", ["many", "device=", "count=x", "color=red"])
def test_gpus_of_no_sense(words: str) -> None:
    with pytest.raises(UsageError, match="means nothing"):
        devices(words)
