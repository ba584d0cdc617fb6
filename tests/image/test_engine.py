"""Docker's engine: where it is looked for, and what travels to it; ours, and a real one."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import socketserver
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from cogsmith.errors import DockerError
from cogsmith.image import Engine, Sent
from cogsmith.oci import File, Image, Reference, layer, tar
from tests.image.bases import image_of

NAME = Reference.parse("tests/engine:1")


def stack(*contents: bytes) -> Image:
    """An image with one file in each layer."""
    return image_of(*[[File.of(f"srv/{n}", data)] for n, data in enumerate(contents)], cmd=("x",))


@dataclass
class SmallEngine:
    """As much of an engine as a load needs; ``loads`` holds the names of blobs that came."""

    store: str = "overlay2"
    podman: bool = False
    broken: int = 0
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    loads: list[set[str]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def info(self) -> dict[str, Any]:
        kind = "io.containerd.snapshotter.v1"
        status = [["driver-type", kind]] if self.store == "containerd" else [["x", "y"]]
        return {"OSType": "linux", "Architecture": "x86_64", "DriverStatus": status}

    def inspect(self, name: str) -> dict[str, Any] | None:
        return self.images.get(self.tags.get(name, name))

    def load(self, data: bytes) -> dict[str, str]:
        """What the engine says; layers that it neither has nor gets are an error."""
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            names = {name.rpartition("/")[2] for name in archive.getnames()}
            [told] = json.loads(archive.extractfile("manifest.json").read())  # type: ignore[union-attr]
            config = archive.extractfile(told["Config"]).read()  # type: ignore[union-attr]
        self.loads.append(names)
        if self.broken:
            self.broken -= 1
            return {"error": "no space left on device"}
        layers = json.loads(config)["rootfs"]["diff_ids"]
        for number, path in enumerate(told["Layers"]):
            chain = layers[: number + 1]
            known = any(i["RootFS"]["Layers"][: number + 1] == chain for i in self.images.values())
            if path.rpartition("/")[2] not in names and not known:
                return {"error": f"open {path}: no such file or directory"}
        identity = f"sha256:{hashlib.sha256(config).hexdigest()}"
        self.images[identity] = {"Id": identity, "RootFS": {"Layers": layers}, "Created": 0}
        self.tags.update(dict.fromkeys(told["RepoTags"], identity))
        return {"stream": "Loaded image"}


class Handler(BaseHTTPRequestHandler):
    """Its HTTP."""

    engine: SmallEngine

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.engine.asked.append(f"GET {self.path}")
        if self.path == "/_ping":
            self.answer(200, b"OK")
        elif self.path == "/info":
            self.answer(200, self.engine.info())
        elif self.path == "/images/json":
            self.answer(200, list(self.engine.images.values()))
        else:
            name = self.path.removeprefix("/images/").removesuffix("/json")
            found = self.engine.inspect(name)
            self.answer(200 if found else 404, found or {"message": f"No such image: {name}"})

    def do_POST(self) -> None:
        self.engine.asked.append(f"POST {self.path.partition('?')[0]}")
        if "/tag?" in self.path:
            name, _, query = self.path.removeprefix("/images/").partition("/tag?")
            said = dict(parse_qsl(query))
            self.engine.tags[f"{said['repo']}:{said['tag']}"] = name
            self.answer(201, b"")
            return
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.answer(200, self.engine.load(data))

    def answer(self, status: int, body: object) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        if self.engine.podman:
            self.send_header("Libpod-API-Version", "4.3.1")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serving(folder: Path, engine: SmallEngine) -> Iterator[Engine]:
    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    handler = type("Bound", (Handler,), {"engine": engine})
    with Server(str(folder / "docker.sock"), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield Engine.find({"DOCKER_HOST": f"unix://{folder}/docker.sock"}, home=folder)
        finally:
            server.shutdown()
            thread.join()


def blobs(image: Image) -> list[str]:
    return [layer.digest.hex for layer in image.layers]


def test_only_missing_layers_travel(tmp_path: Path) -> None:
    small = SmallEngine()
    with serving(tmp_path, small) as engine:
        first, second = stack(b"a", b"b", b"c"), stack(b"a", b"b", b"new")
        assert engine.load(first, [NAME]).layers == 3
        assert engine.load(second, [NAME]).layers == 1
        sent = small.loads[-1]
        assert blobs(second)[2] in sent
        assert not set(blobs(second)[:2]) & sent
        third = stack(b"other", b"b", b"new")  # what lies on another layer is another chain
        assert engine.load(third, [NAME]).layers == 3


def test_an_image_that_is_there_costs_a_question(tmp_path: Path) -> None:
    small = SmallEngine()
    with serving(tmp_path, small) as engine:
        engine.load(stack(b"a"), [NAME])
        small.asked.clear()
        assert engine.load(stack(b"a"), [NAME]) == Sent()
        assert small.asked == [f"GET /images/{NAME.familiar}/json"]
        other = Reference.parse("localhost:5000/other:2")
        assert engine.load(stack(b"a"), [NAME, other]) == Sent()
        assert small.tags[other.familiar] == small.tags[NAME.familiar]
        assert len(small.loads) == 1


@pytest.mark.parametrize(
    "small", [SmallEngine(store="containerd"), SmallEngine(podman=True)],
    ids=["containerd", "podman"],
)  # fmt: skip
def test_engines_that_read_every_layer_get_every_layer(small: SmallEngine, tmp_path: Path) -> None:
    with serving(tmp_path, small) as engine:
        engine.load(stack(b"a", b"b"), [NAME])
        assert engine.load(stack(b"a", b"c"), [NAME]).layers == 2


def test_a_partial_load_that_fails_is_followed_by_a_whole_one(tmp_path: Path) -> None:
    small = SmallEngine()
    with serving(tmp_path, small) as engine:
        engine.load(stack(b"a", b"b"), [NAME])
        small.broken = 1
        assert engine.load(stack(b"a", b"c"), [NAME]).layers == 2
        assert [len([n for n in names if len(n) == 64]) for names in small.loads[1:]] == [3, 4]


def test_what_the_engine_says_is_told(tmp_path: Path) -> None:
    small = SmallEngine(broken=1)
    with serving(tmp_path, small) as engine:
        with pytest.raises(DockerError, match="no space left on device"):
            engine.load(stack(b"a"), [NAME])
        assert engine.inspect("tests/engine:1") is None
        assert str(engine.platform) == "linux/amd64"


def test_progress_counts_the_layers_bytes(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    image = stack(random.Random(1).randbytes(300_000))
    with serving(tmp_path, SmallEngine()) as engine:
        engine.load(image, [NAME], lambda done, total: heard.append((done, total)))
    assert heard[-1] == (image.layers[0].size, image.layers[0].size)
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("unix:///no/such.sock", "no Docker engine answers: No such file or directory"),
        ("tcp://127.0.0.1:1", "no Docker engine answers: Connection refused"),
        ("ssh://ada@host", "cannot be spoken to from here"),
        ("nonsense", "cannot be spoken to from here"),
    ],
)
def test_no_engine(host: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(DockerError, match=words):
        Engine.find({"DOCKER_HOST": host}, home=tmp_path)


def test_a_context_says_where_the_engine_is(tmp_path: Path) -> None:
    key = hashlib.sha256(b"mine").hexdigest()
    meta = tmp_path / ".docker" / "contexts" / "meta" / key / "meta.json"
    meta.parent.mkdir(parents=True)
    address = f"unix://{tmp_path}/docker.sock"
    meta.write_text(json.dumps({"Name": "mine", "Endpoints": {"docker": {"Host": address}}}))
    (tmp_path / ".docker" / "config.json").write_text('{"currentContext": "mine"}')
    with serving(tmp_path, SmallEngine()):
        assert Engine.find({}, home=tmp_path).address == address
        with pytest.raises(DockerError):
            Engine.find({"DOCKER_HOST": "unix:///no/such.sock"}, home=tmp_path)


@pytest.mark.docker
def test_a_real_engine_runs_on_with_what_it_has() -> None:
    engine = Engine.find(os.environ, home=Path.home())
    token = os.urandom(8).hex()
    name = Reference.parse(f"cogsmith-tests/{token}:1")
    below = layer(lambda: tar([File.of("srv/below", token.encode())]))

    def on_top(text: bytes) -> Image:
        return image_of(cmd=("x",)).append([below, layer(lambda: tar([File.of("srv/top", text)]))])

    try:
        assert engine.load(on_top(b"one"), [name]).layers == 2
        assert engine.load(on_top(b"two"), [name]).layers == 1
        assert engine.load(on_top(b"two"), [name]) == Sent()
        found = engine.inspect(name.familiar)
        assert found
        assert found["RootFS"]["Layers"][0] == str(below.diff_id)
    finally:
        subprocess.run(["docker", "rmi", "-f", name.familiar], capture_output=True, check=False)
