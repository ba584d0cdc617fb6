"""One container in Docker's engine, or podman's: made, watched, told to end, taken away.

Paths are those of the engine's API, without a version: the engine's own newest is meant.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from cogsmith.container.launch import LABEL, LOOPBACK, Launch, is_loopback
from cogsmith.errors import DockerError
from cogsmith.image import Engine

__all__ = ["PUBLISH", "Box", "host_of", "is_remote", "remove_all"]

REPLY = 120.0  # seconds for an answer; an engine under load takes its time to start something
GOING, PAUSE = 10.0, 0.05  # seconds that a removal may take; between two looks
PUBLISH = "COGSMITH_PUBLISH"
# How engines say that they have no GPU to give; the second is the toolkit's without a driver.
NO_DRIVER = ("could not select device driver", "nvidia-container-cli", "CDI device")


class NoDriver(DockerError):
    """The engine has no driver for the GPUs that were asked for."""


@dataclass(frozen=True, slots=True)
class Box:
    """A container, by its id."""

    engine: Engine
    id: str

    @classmethod
    def create(cls, engine: Engine, launch: Launch, token: str) -> Box:
        """Make one; it does not run yet. Raises DockerError."""
        said = _post(engine, "/containers/create", launch.document(token))
        return cls(engine, str(said["Id"]))

    def start(self) -> None:
        """Let it run. Raises NoDriver, and DockerError for all else that the engine refuses."""
        try:
            _post(self.engine, self._path("start"))
        except DockerError as error:
            raise _start_error(error) from error

    def output(self, opened: Callable[[], object]) -> Iterator[bytes]:
        """All that it writes, in the engine's frames, until it ends.

        ``opened`` is called when nothing can be missed any more: start it then.
        """
        query = "stream=1&stdout=1&stderr=1"
        with self.engine.reply("POST", f"{self._path('attach')}?{query}") as reply:
            opened()
            while data := reply.read1(1 << 16):
                yield data

    @contextmanager
    def joined(self) -> Iterator[socket.socket]:
        """A stream to and from it: what it writes comes, and what is sent is its input.

        Raises DockerError when the engine refuses.
        """
        query = "stream=1&stdin=1&stdout=1&stderr=1"
        head = (
            f"POST {self._path('attach')}?{query} HTTP/1.1\r\nHost: docker\r\n"
            "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
        )
        try:
            connection = self.engine.connect(None)
            with closing(connection):
                if connection.sock is None:
                    connection.connect()
                connection.sock.sendall(head.encode())
                _agreed(connection.sock)
                yield connection.sock
        except OSError as error:
            raise DockerError(f"the engine breaks off: {error}", where=self.engine.address) from (
                error
            )

    def wait(self, opened: Callable[[], object]) -> int:
        """Wait for its end; its exit code, -1 where the engine does not say.

        ``opened`` is called when its end cannot be missed any more.
        """
        with self.engine.reply("POST", f"{self._path('wait')}?condition=next-exit") as reply:
            opened()
            said = json.loads(reply.read() or b"{}")
        return int(said.get("StatusCode", -1))

    def address(self, inside: int) -> tuple[str, int]:
        """The host and port at which a port of it is reached from here. Raises DockerError."""
        found = self.engine.ask("GET", self._path("json"), {404}) or {}
        told = (found.get("NetworkSettings") or {}).get("Ports") or {}
        for binding in told.get(f"{inside}/tcp") or ():
            return host_of(self.engine, binding.get("HostIp", "")), int(binding["HostPort"])
        if found and not found["State"]["Running"]:
            raise DockerError("the container ended at once")
        raise DockerError(f"the engine has not published port {inside} of the container")

    def resize(self, rows: int, columns: int) -> None:
        """Tell its terminal how large ours is."""
        with suppress(DockerError):
            _post(self.engine, f"{self._path('resize')}?h={rows}&w={columns}", absent={404, 409})

    def stop(self, grace: int) -> None:
        """Tell it to end, and end it after so many seconds."""
        patience = grace + REPLY
        path = f"{self._path('stop')}?t={grace}"
        with self.engine.reply("POST", path, {304, 404, 409}, patience=patience) as reply:
            reply.read()

    def remove(self) -> None:
        """Take it away, running or not."""
        self.engine.ask("DELETE", f"/containers/{self.id}?force=1&v=1", {404, 409})

    def _path(self, what: str) -> str:
        return f"/containers/{quote(self.id, safe='')}/{what}"


def remove_all(engine: Engine, token: str, grace: int) -> bool:
    """Take away every container with this token, and see them gone; False when there was none.

    The engine may be about to remove one by itself, and then has nothing to say but 409.
    """
    found = _tokened(engine, token)
    for one in found:
        if grace:
            one.stop(grace)
        one.remove()
    until = time.monotonic() + GOING
    while found and _tokened(engine, token) and time.monotonic() < until:
        time.sleep(PAUSE)
    return bool(found)


def _tokened(engine: Engine, token: str) -> list[Box]:
    filters = json.dumps({"label": [f"{LABEL}={token}"]})
    listed = engine.ask("GET", f"/containers/json?{urlencode({'all': 1, 'filters': filters})}")
    return [Box(engine, str(one["Id"])) for one in listed or ()]


def host_of(engine: Engine, address: str = "") -> str:
    """The machine where a published port is reached: this one, or the engine's."""
    there = urlsplit(engine.address)
    if there.scheme == "tcp" and there.hostname and not is_loopback(there.hostname):
        return there.hostname
    return address if address not in ("", "0.0.0.0", "::") else LOOPBACK  # noqa: S104 - compared


def is_remote(engine: Engine) -> bool:
    """Whether the engine runs on another machine: its ports and its folders are not ours."""
    return not is_loopback(host_of(engine))


def publish_at(engine: Engine) -> str:
    """The address of the engine's machine at which ports are published: its loopback.

    That of another machine cannot be reached from here. Raises DockerError, unless
    ``COGSMITH_PUBLISH`` names an address that can.
    """
    told = os.environ.get(PUBLISH, "")
    if told or not is_remote(engine):
        return told or LOOPBACK
    message = f"the engine runs on another machine ({host_of(engine)}), whose ports are its own"
    hint = f"{PUBLISH}=0.0.0.0 opens the model's port there to whoever reaches that machine"
    raise DockerError(message, where=engine.address, hint=hint)


def bridge(engine: Engine) -> bool:
    """Whether containers have a network of their own whose ports can be published."""
    return any(network.get("Driver") == "bridge" for network in engine.ask("GET", "/networks"))


def free_port() -> int:
    """A port that nobody listens at, for now."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        return int(taken.getsockname()[1])


def _agreed(stream: socket.socket) -> None:
    """Read the head of the answer, and no byte of what follows it."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.recv(1)
        if not byte:
            break
        head += byte
    status = head.split(b" ", 2)[1:2]
    if status not in ([b"101"], [b"200"]):
        raise DockerError(f"the engine does not attach: {head[:200].decode('latin-1')}")


def _start_error(error: DockerError) -> DockerError:
    message = error.message
    if any(words in message for words in NO_DRIVER):
        hint = "the NVIDIA container toolkit gives engines that driver"
        return NoDriver(message, where=error.where, hint=hint)
    if "executable file not found" in message:
        program = message.partition('exec: "')[2].partition('"')[0]
        return DockerError(f"there is no program {program!r} in the image")
    if "port is already allocated" in message or "address already in use" in message:
        return DockerError(message, where=error.where, hint="choose another port with -p")
    return error


def _post(
    engine: Engine, path: str, document: object = None, absent: Collection[int] = ()
) -> Any:  # fmt: skip
    headers = {"Content-Type": "application/json"}
    body = (json.dumps(document).encode(),) if document is not None else None
    with engine.reply("POST", path, absent, patience=REPLY, body=body, headers=headers) as reply:
        data = reply.read()
    return json.loads(data) if data.strip() else None
