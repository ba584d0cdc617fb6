"""A container for as long as it is needed: started, waited for, and gone on every way out."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from cogsmith.container.engine import (
    Box,
    NoDriver,
    bridge,
    free_port,
    host_of,
    publish_at,
)
from cogsmith.container.frames import Texts
from cogsmith.container.guard import guarded
from cogsmith.container.http import Model
from cogsmith.container.launch import LOOPBACK, SERVER_PORT, Launch
from cogsmith.errors import DockerError, SetupFailed
from cogsmith.image import Engine
from cogsmith.prediction import Log

__all__ = ["Container", "OnLog", "Tell", "networked", "running"]

KEPT = 16_000  # characters of a container's last words that are kept
LINES = 20  # of them that an error shows
FLUSH = 2.0  # seconds to hear the rest of what a container that has ended wrote
OPENING = 5.0  # seconds until the engine has our ear at a container
PAUSES = (0.02, 0.05, 0.1, 0.2)  # seconds between two questions; the last for ever
READY = ("READY", "BUSY", "UNHEALTHY", None)  # None: a server that cannot say more than "here"
BROKEN = ("SETUP_FAILED", "DEFUNCT")
NO_SERVER = "is there a server in the image that speaks Cog's HTTP API?"
BROKEN_HERE = "the model cannot be set up"  # as our own server says it

OnLog = Callable[[Log], None]
Tell = Callable[[str], None]


def _unheard(_log: object) -> None:
    """Nobody listens."""


@dataclass(slots=True)
class Container:
    """A container that runs; ``model`` is the server in it, from here.

    ``exit_code`` is known when it has ended, ``heard`` when its server has answered once.
    """

    box: Box
    on_log: OnLog = _unheard
    model: Model = field(default=Model(LOOPBACK, SERVER_PORT))
    exit_code: int | None = None
    heard: bool = False
    _words: deque[str] = field(default_factory=deque)
    _opened: list[threading.Event] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _silent: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """The server's address, without a slash at the end."""
        return self.model.url

    def ready(self, timeout: float | None = None) -> None:
        """Wait until setup() has ended; ``timeout`` is in seconds, None for ever.

        Raises SetupFailed, with the container's last words in ``log``.
        """
        until = None if timeout is None else time.monotonic() + timeout
        pauses = iter(PAUSES)
        while not self._answers():
            if until is not None and time.monotonic() > until:
                message = f"setup() has not ended after {timeout:g} seconds"
                hint = "give it more time with --setup-timeout SECONDS"
                if not self.heard:
                    message = f"nothing has answered at port {SERVER_PORT} of the container"
                    hint = NO_SERVER
                raise SetupFailed(message, hint=hint, log=self.last_words())
            self._ended.wait(next(pauses, PAUSES[-1]))

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for its end, and hear all of it; the exit code, or None when it goes on."""
        if not self._ended.wait(timeout):
            return None
        self._silent.wait(FLUSH)
        return self.exit_code

    def stop(self, grace: int) -> None:
        """Tell it to end, and end it after so many seconds."""
        self.box.stop(grace)

    def last_words(self) -> str:
        """The end of what it wrote."""
        return "".join(self._words)

    def listen(self) -> None:
        """Hear what it writes and how it ends, from before it starts."""
        self._opened = [threading.Event(), threading.Event()]
        for work in (self._follow, self._watch):
            threading.Thread(target=work, daemon=True).start()
        for opened in self._opened:
            opened.wait(OPENING)

    def _answers(self) -> bool:
        if self._ended.is_set():
            self.wait()
            message = f"the container ended with exit code {self.exit_code}"
            hint = self.hint() or (NO_SERVER if self.exit_code == 0 else "")
            raise SetupFailed(message, hint=hint, log=self.last_words())
        health = self.model.health()
        if health is None:
            return False
        self.heard = True
        status = health.get("status")
        if status in BROKEN:
            time.sleep(PAUSES[-1])  # its last lines are on their way
            log = _setup_log(health) or self.last_words()
            last = (log.strip().splitlines() or ["the server says no more"])[-1]
            message = last if BROKEN_HERE in last else f"{BROKEN_HERE}: {last}"
            raise SetupFailed(message, hint=self.hint(), log=log)
        return status in READY

    def hint(self) -> str:
        """Its last lines, where nobody has seen them as they came."""
        lines = self.last_words().splitlines()[-LINES:]
        return "\n".join(lines) if self.on_log is _unheard else ""

    def _follow(self) -> None:
        texts = Texts()
        with suppress(DockerError):  # the engine went away, and the watch tells of it
            for data in self.box.output(self._opened[0].set):
                for log in texts.take(data):
                    self._keep(log.text)
                    self.on_log(log)
        self._opened[0].set()
        self._silent.set()

    def _keep(self, text: str) -> None:
        self._words.append(text)
        size = sum(map(len, self._words))
        while size > KEPT and len(self._words) > 1:
            size -= len(self._words.popleft())

    def _watch(self) -> None:
        try:
            self.exit_code = self.box.wait(self._opened[1].set)
        except DockerError:
            self.exit_code = -1
        self._opened[1].set()
        self._ended.set()


def _setup_log(health: Mapping[str, object]) -> str:
    setup = health.get("setup")
    return str(setup.get("logs") or "") if isinstance(setup, dict) else ""


@contextmanager
def running(
    engine: Engine, launch: Launch, *, on_log: OnLog = _unheard, tell: Tell = _unheard
) -> Iterator[Container]:
    """A container, started; it is gone at the end, also when this process is killed.

    Its server may still be setting up: see ``Container.ready``. ``on_log`` hears what it writes,
    from another thread; ``tell`` what a person should know. Raises DockerError for what the
    engine refuses.
    """
    launch = networked(engine, launch, tell)
    token = uuid.uuid4().hex
    with guarded(engine, token, launch.grace):
        container = _started(engine, launch, token, on_log, tell)
        container.model = _model(container, launch)
        yield container


def networked(engine: Engine, launch: Launch, tell: Tell) -> Launch:
    """The launch with its ports where we can reach them.

    An engine without a network for containers lends them the machine's own: then the server in the
    image listens at a free port of it.
    """
    if not launch.ports or launch.network:
        return launch
    if bridge(engine):
        host = "" if all(port.host for port in launch.ports) else publish_at(engine)
        ports = tuple(replace(port, host=port.host or host) for port in launch.ports)
        return replace(launch, ports=ports)
    tell("the engine has no network for containers: the model's port is open at every address")
    first = replace(launch.ports[0], outside=launch.ports[0].outside or free_port())
    environment = {**launch.environment, "PORT": str(first.outside)}
    return replace(launch, ports=(first,), environment=environment, network="host")


def _started(
    engine: Engine, launch: Launch, token: str, on_log: OnLog, tell: Tell
) -> Container:  # fmt: skip
    """Start it; without GPUs where there are none, and none were asked for by name."""
    container = Container(Box.create(engine, launch, token), on_log)
    container.listen()
    try:
        container.box.start()
    except NoDriver:
        if not launch.gpus_if_any:
            raise
        tell("Missing device driver, re-trying without GPU")  # Cog's words
        container.box.remove()
        return _started(engine, replace(launch, gpus="", gpus_if_any=False), token, on_log, tell)
    return container


def _model(container: Container, launch: Launch) -> Model:
    """Where its server is reached; a container without ports has none."""
    if not launch.ports:
        return container.model
    port = launch.ports[0]
    if launch.network == "host":
        return Model(host_of(container.box.engine), port.outside)
    try:
        return Model(*container.box.address(port.inside))
    except DockerError as error:
        code = container.wait(FLUSH)
        if code is None:
            raise
        message = f"the container ended with exit code {code}"
        raise SetupFailed(message, hint=container.hint(), log=container.last_words()) from error
