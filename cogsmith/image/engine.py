"""Docker's engine, where one answers: which layers it has, and how an image gets into it.

The engine's own HTTP API, over its socket: https://docs.docker.com/reference/api/engine/. Podman
answers the same questions. Of an image only those layers travel that the engine lacks: it looks
for a layer by its chain id before it reads the layer's bytes (facts/builders.md, section 9).
"""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import ssl
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from cogsmith.errors import DockerError
from cogsmith.oci import Digest, Image, Platform, Reference, archive
from cogsmith.values import dataclass

__all__ = ["Engine", "Sent"]

SOCKET = "/var/run/docker.sock"
PATIENCE = 5.0  # seconds to answer a first question; TCP alone may wait for minutes
REPLY = 120.0  # seconds to answer something small: an engine that unpacks is slow
MOST = 200  # images that are looked through for layers, the newest first
CHEAP = 1_000_000  # bytes that are sent sooner than a hundred images are looked through
SNAPSHOTTER = "io.containerd.snapshotter.v1"  # what /info calls containerd's image store
_HINT = "start it, or point DOCKER_HOST at one that runs"

Told = Callable[[int, int], None]


def _silent(done: int, total: int) -> None:
    """Hear how many bytes have travelled and say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a load took: so many of the image's layers travelled, so many bytes in all."""

    layers: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """An engine that answers at ``address`` (``unix://`` or ``tcp://``)."""

    address: str
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)
    podman: bool = False

    @classmethod
    def find(cls, environ: Mapping[str, str], *, home: Path) -> Engine:
        """The engine that the ``docker`` command would use: ``DOCKER_HOST``, a context, a socket.

        Raises DockerError when none answers, with the reason.
        """
        tls = _tls(environ)
        problem = DockerError("there is no Docker engine here", hint=_HINT)
        for address in _addresses(environ, home):
            engine = cls(address=address, tls=tls if address.startswith("tcp://") else None)
            try:
                with engine.reply("GET", "/_ping", patience=PATIENCE) as reply:
                    podman = bool(reply.getheader("Libpod-API-Version"))
                return cls(address=address, tls=engine.tls, podman=podman)
            except DockerError as error:
                problem = error
        raise problem

    @property
    def platform(self) -> Platform:
        """The platform of the machine that the engine runs on."""
        info = self.ask("GET", "/info")
        return Platform.parse(f"{info.get('OSType') or 'linux'}/{info.get('Architecture')}")

    def inspect(self, name: str) -> dict[str, Any] | None:
        """What the engine says of an image, by name or id; None when it has none so called."""
        found: dict[str, Any] | None = self.ask("GET", f"/images/{_quoted(name)}/json", {404})
        return found

    def load(self, image: Image, references: Sequence[Reference], tell: Told = _silent) -> Sent:
        """Give the engine an image under these names; what it has already does not travel.

        Raises DockerError when the image is not there afterwards.
        """
        ids = {str(image.manifest.config.digest), str(image.digest)}
        names = [reference.familiar for reference in references if reference.tag]
        if names and all(self._id(name) in ids for name in names):
            return Sent()
        sent = Sent() if self._there(image) else self._bring(image, references, tell)
        for reference in references:
            if reference.tag and self._id(reference.familiar) not in ids:
                self._name(self._there(image), reference)
        return sent

    def _bring(self, image: Image, references: Sequence[Reference], tell: Told) -> Sent:
        """Send what is missing; all of it where an engine wants that after all."""
        omit = self._known(image, references)
        if omit:
            try:
                return self._send(image, references, omit, tell)
            except DockerError:
                pass  # another process may have removed what was there a moment ago
        return self._send(image, references, frozenset(), tell)

    def _send(
        self, image: Image, references: Sequence[Reference], omit: Collection[Digest], tell: Told
    ) -> Sent:
        kept = [layer for layer in image.layers if layer.digest not in omit]
        size = sum(layer.size for layer in kept)
        body = _counted(archive(image, references, omit=omit), size, tell)
        headers = {"Content-Type": "application/x-tar", "Transfer-Encoding": "chunked"}
        with self.reply("POST", "/images/load?quiet=1", body=body, headers=headers) as reply:
            _check(reply.read())
        if not self._there(image):
            raise DockerError("the engine took the image and does not have it", where=self.address)
        return Sent(layers=len(kept), size=size)

    def _known(self, image: Image, references: Sequence[Reference]) -> frozenset[Digest]:
        """The layers to leave out: the longest run from the lowest on that an image there has."""
        if self.podman or self._has_containerds_store():
            return frozenset()  # these read every layer
        ours = list(map(str, image.config.diff_ids))
        longest = 0
        for name in self._images(references):
            found = self.inspect(name) or {}
            theirs = (found.get("RootFS") or {}).get("Layers") or ()
            longest = max(longest, _common(ours, theirs))
            if sum(layer.size for layer in image.layers[longest:]) < CHEAP:
                break
        above = {layer.digest for layer in image.layers[longest:]}
        return frozenset(layer.digest for layer in image.layers[:longest]) - above

    def _images(self, references: Sequence[Reference]) -> Iterator[str]:
        """Names and ids of images, the likeliest to share layers first."""
        yield from (reference.familiar for reference in references if reference.tag)
        listed = self.ask("GET", "/images/json")
        newest = sorted(listed, key=lambda entry: -int(entry.get("Created") or 0))
        yield from (str(entry["Id"]) for entry in newest[:MOST])

    def _has_containerds_store(self) -> bool:
        status = self.ask("GET", "/info").get("DriverStatus") or ()
        return any(SNAPSHOTTER in pair for pair in status)

    def _there(self, image: Image) -> str:
        """The image's id there: its config's digest, or with containerd's store its own."""
        names = (image.manifest.config.digest, image.digest)
        return next(filter(None, (self._id(str(name)) for name in names)), "")

    def _id(self, name: str) -> str:
        """The id of an image, with its algorithm; "" when there is no such image."""
        found = self.inspect(name)
        identity = str(found.get("Id", "")) if found else ""
        return f"sha256:{identity}" if identity and ":" not in identity else identity

    def _name(self, identity: str, reference: Reference) -> None:
        bare = reference.familiar.removesuffix(f"@{reference.digest}")
        query = urlencode({"repo": bare.removesuffix(f":{reference.tag}"), "tag": reference.tag})
        self.ask("POST", f"/images/{_quoted(identity)}/tag?{query}")

    def ask(self, method: str, path: str, absent: Collection[int] = ()) -> Any:
        """A small question; None for a status among ``absent``."""
        with self.reply(method, path, absent, patience=REPLY) as reply:
            data = reply.read()
            if reply.status in absent or not data.strip():
                return None
        try:
            return json.loads(data)
        except ValueError as error:
            raise DockerError(f"its answer is not JSON: {error}", where=self.address) from error

    @contextmanager
    def reply(
        self,
        method: str,
        path: str,
        absent: Collection[int] = (),
        *,
        patience: float | None = None,
        **sent: Any,
    ) -> Iterator[http.client.HTTPResponse]:
        """One request over a connection of its own. Raises DockerError for what is refused."""
        try:
            connection = self.connect(patience)
            try:
                _request(connection, method, path, **sent)
                reply = connection.getresponse()
                if reply.status >= 400 and reply.status not in absent:
                    raise DockerError(_words(reply), where=self.address)
                yield reply
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise _unanswered(self.address, error) from error

    def connect(self, patience: float | None) -> http.client.HTTPConnection:
        """A connection of its own, to be closed by whoever asks. Raises OSError."""
        parts = urlsplit(self.address)
        if parts.scheme == "tcp":
            host, port = parts.hostname or "localhost", parts.port or (2376 if self.tls else 2375)
            if self.tls:
                return http.client.HTTPSConnection(host, port, timeout=patience, context=self.tls)
            return http.client.HTTPConnection(host, port, timeout=patience)
        connection = http.client.HTTPConnection("docker", timeout=patience)
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(patience)
        connection.sock = stream  # it connects no other when it has one
        try:
            stream.connect(parts.path)
        except BaseException:
            stream.close()
            raise
        return connection


def _request(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    *,
    body: Iterable[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    try:
        connection.request(method, path, body, headers or {}, encode_chunked=body is not None)
    except BrokenPipeError:
        if body is None:
            raise
        # It has hung up on us; what it had to say of that is still to be read.


def _counted(pieces: Iterable[bytes], total: int, tell: Told) -> Iterator[bytes]:
    done = 0
    for piece in pieces:
        yield piece
        done = min(done + len(piece), total)
        tell(done, total)


def _check(data: bytes) -> None:
    """A load answers 200 before it works; what goes wrong is in the lines of its answer."""
    for line in data.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and said.get("error"):
            raise DockerError(f"the engine cannot load the image: {said['error']}")


def _words(reply: http.client.HTTPResponse) -> str:
    """The engine's own words, "message" in a JSON object, behind its status."""
    data = reply.read(1 << 16)
    try:
        said = json.loads(data)
        text = str(said.get("message") or said.get("cause") or "")
    except (ValueError, AttributeError):
        text = data.decode("utf-8", "replace").strip()
    return f"the engine answers {reply.status} {reply.reason}: {text}".rstrip(": ")


def _unanswered(address: str, error: Exception) -> DockerError:
    if isinstance(error, PermissionError):
        hint = "become a member of the group docker, or use an engine without root"
        return DockerError("you may not use the Docker engine here", where=address, hint=hint)
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    reason = reason or type(error).__name__
    return DockerError(f"no Docker engine answers: {reason}", where=address, hint=_HINT)


def _addresses(environ: Mapping[str, str], home: Path) -> Iterator[str]:
    """Where an engine may be: where a person says, else at the usual places."""
    told = environ.get("DOCKER_HOST", "") or _context(environ, home)
    if told.startswith(("unix://", "tcp://")):
        yield told
    elif told:
        message = f"an engine at {told.partition('://')[0]}:// cannot be spoken to from here"
        hint = "write the image to a file with -o image.tar, and `docker load -i image.tar`"
        raise DockerError(message, where=told, hint=hint)
    else:
        places = [Path(SOCKET), home / ".docker" / "run" / "docker.sock"]
        if runtime := environ.get("XDG_RUNTIME_DIR", ""):
            places.append(Path(runtime) / "docker.sock")
        yield from (f"unix://{place}" for place in places if place.exists())


def _context(environ: Mapping[str, str], home: Path) -> str:
    """The address of the context in use, as ``docker context use`` left it; "" for none."""
    folder = Path(environ.get("DOCKER_CONFIG", "") or home / ".docker")
    name = environ.get("DOCKER_CONTEXT", "") or _read(folder / "config.json").get("currentContext")
    if not isinstance(name, str) or name in ("", "default"):
        return ""
    key = hashlib.sha256(name.encode()).hexdigest()  # as Docker names the folder of a context
    meta = _read(folder / "contexts" / "meta" / key / "meta.json")
    try:
        return str(meta["Endpoints"]["docker"]["Host"])
    except (KeyError, TypeError):
        return ""


def _read(path: Path) -> dict[str, Any]:
    """A file of Docker's own; what cannot be read says nothing."""
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _tls(environ: Mapping[str, str]) -> ssl.SSLContext | None:
    """What ``DOCKER_TLS_VERIFY`` and ``DOCKER_CERT_PATH`` ask for."""
    if not environ.get("DOCKER_TLS_VERIFY"):
        return None
    folder = Path(environ.get("DOCKER_CERT_PATH", ""))
    try:
        made = ssl.create_default_context(cafile=folder / "ca.pem")
        made.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    except OSError as error:
        message = f"the certificates for Docker's engine cannot be read: {error.strerror or error}"
        raise DockerError(message, where="DOCKER_CERT_PATH") from error
    return made


def _common(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """How many layers the two share from the lowest on."""
    count = 0
    for one, other in zip(ours, theirs, strict=False):
        if one != other:
            break
        count += 1
    return count


def _quoted(name: str) -> str:
    return quote(name, safe="/:@")
