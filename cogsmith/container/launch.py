"""What a container is to be, as a value, and as the engine's API wants it said.

The fields are those of ``POST /containers/create``:
https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerCreate
"""

from __future__ import annotations

import csv
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cogsmith.errors import UsageError

__all__ = ["LABEL", "LOOPBACK", "SERVER_PORT", "Folder", "Launch", "Port", "devices"]

LABEL = "run.cogsmith.container"  # holds a token by which a container of ours is found again
LOOPBACK = "127.0.0.1"
SERVER_PORT = 5000  # where the server in an image listens, Cog's and ours
SHARED_MEMORY = 6 << 30  # bytes; as Cog: loaders of PyTorch pass batches through it


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, or a file, of the engine's machine that the container sees at ``target``."""

    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the container, at an address of the engine's machine; ``outside`` 0: any free.

    ``host`` "" is where ports are published unless a person says otherwise: loopback.
    """

    inside: int = SERVER_PORT
    outside: int = 0
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One container: of which image, with what.

    ``command`` None is the image's own. ``gpus`` is in the words of ``docker run --gpus``, "" for
    none; with ``gpus_if_any`` the container runs without where the engine has no driver for them.
    ``hosts`` are further lines for its /etc/hosts. ``terminal``: it gets one, and our input.
    ``grace`` is how many seconds it has to end when it is told to.
    """

    image: str
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] | None = None
    gpus: str = ""
    gpus_if_any: bool = False
    folders: tuple[Folder, ...] = ()
    ports: tuple[Port, ...] = (Port(),)
    workdir: str = ""
    hosts: tuple[str, ...] = ()
    network: str = ""
    terminal: bool = False
    stdin: bool = False
    grace: int = 0

    def document(self, token: str) -> dict[str, Any]:
        """The body of the request that creates it. Raises UsageError for ``gpus`` of no sense."""
        return {
            "Image": self.image,
            "Env": [f"{name}={value}" for name, value in self.environment.items()],
            "Labels": {LABEL: token},
            "ExposedPorts": {f"{port.inside}/tcp": {} for port in self.ports},
            "WorkingDir": self.workdir,
            "Tty": self.terminal,
            "OpenStdin": self.stdin,
            "StdinOnce": self.stdin,
            "AttachStdin": self.stdin,
            "AttachStdout": True,
            "AttachStderr": True,
            "HostConfig": self._host(),
            **({"Cmd": list(self.command)} if self.command is not None else {}),
        }

    def _host(self) -> dict[str, Any]:
        bindings: dict[str, list[dict[str, str]]] = {}
        for port in self.ports:
            outside = str(port.outside or "")
            bindings.setdefault(f"{port.inside}/tcp", []).append(
                {"HostIp": port.host, "HostPort": outside}
            )
        return {
            "AutoRemove": True,
            "PortBindings": {} if self.network == "host" else bindings,
            "Mounts": [
                {"Type": "bind", "Source": folder.source, "Target": folder.target,
                 "ReadOnly": folder.read_only}
                for folder in self.folders
            ],
            "DeviceRequests": devices(self.gpus),
            "ExtraHosts": list(self.hosts),
            "ShmSize": SHARED_MEMORY,
            **({"NetworkMode": self.network} if self.network else {}),
        }  # fmt: skip


def devices(gpus: str) -> list[dict[str, Any]]:
    """What ``docker run --gpus`` makes of its words; a list may go without its quotes here.

    >>> devices("all")
    [{'Driver': '', 'Count': -1, 'DeviceIDs': [], 'Capabilities': [['gpu']]}]
    >>> devices('"device=0,1"') == devices("device=0,1")
    True

    Raises UsageError.
    """
    if gpus in ("", "none"):
        return []
    found: dict[str, Any] = {"Driver": "", "Count": 0, "DeviceIDs": [], "Capabilities": [["gpu"]]}
    key = ""
    for word in ",".join(next(csv.reader([gpus]), [])).split(","):
        name, sign, value = word.strip().partition("=")
        if not sign and key in ("device", "capabilities"):  # one more of a list
            name, value = key, name
        elif not sign:
            name, value = "count", name
        key = name
        _add(found, name, value, gpus)
    if not found["Count"] and not found["DeviceIDs"]:
        found["Count"] = -1
    return [found]


def _add(found: dict[str, Any], name: str, value: str, gpus: str) -> None:
    if name == "count" and (value == "all" or value.isdecimal()):
        found["Count"] = -1 if value == "all" else int(value)
    elif name == "driver":
        found["Driver"] = value
    elif name == "device" and value:
        found["DeviceIDs"].append(value)
    elif name == "capabilities" and value:
        found["Capabilities"][0].insert(-1, value)
    else:
        hint = 'write all, a number, or device=0,1, as for "docker run --gpus"'
        raise UsageError(f"--gpus {gpus}: {name}={value} means nothing", hint=hint)


def is_loopback(host: str) -> bool:
    """Whether an address means the machine itself.

    >>> is_loopback("localhost"), is_loopback("::1"), is_loopback("docker")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
