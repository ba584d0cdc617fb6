"""The examples of ``tests/examples``: run here, served here, built, and run in Docker.

They show what the examples of Cog's repository show, in lines of our own. Each answers the same
calls wherever it is served: by ``cogsmith serve``, from an image made without Docker, and from
one that Docker has made. Where no command is run, both builders make the very same image.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import os
import shutil
import signal
import struct
import tarfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from cogsmith.image import DockerSettings
from cogsmith.image.docker.tools import find_tools
from tests.prediction.receiver import Receiver, Reply, serving
from tests.real import wire
from tests.real.engines import Engine
from tests.real.projects import PATIENCE, Project, ended
from tests.registry.real import RealRegistry, free_port

pytestmark = [pytest.mark.network, pytest.mark.registry]

EXAMPLES = Path(__file__).parents[1] / "examples"
TOKEN = "sesame-open-0815"
PICTURE = b"P6\n4 2\n255\n" + bytes(range(24))  # 4 by 2 pixels, as PPM
WORDS = {"first.txt": b"once", "second.txt": b"upon a time", "notes.md": b"not wanted"}
# Of images, in an engine that others use, too; and what is in the cache of nobody's builder.
NAMES = f"cog-examples-{time.time_ns()}"
TINI_HERE = "tini" if shutil.which("tini") else "no tini here"


@dataclass(frozen=True)
class Served:
    """A model under way at ``address``."""

    address: str
    in_container: bool = False

    def post(self, path: str, body: object) -> Any:
        """What the server answers, whatever it is."""
        with closing(http.client.HTTPConnection(self.address, timeout=PATIENCE)) as connection:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(body), headers)
            return json.loads(connection.getresponse().read())

    def output(self, **inputs: object) -> Any:
        return wire.predict(self.address, **inputs)["output"]

    def said(self, **inputs: object) -> list[str]:
        """The output of a prediction, piece by piece as it comes."""
        events = list(wire.stream(self.address, **inputs))
        assert events[-1].name == "completed", events
        assert events[-1].data["status"] == "succeeded", events
        return [event.data["chunk"] for event in events if event.name == "output"]


# --- what each example answers, wherever it is served


def hello_world(model: Served) -> None:
    assert model.output(text="Ada") == "hello Ada"
    assert "text" in json.dumps(model.post("/predictions", {"input": {}})["detail"])
    if not model.in_container:  # nobody there reaches this machine's loopback address
        with serving(Receiver()) as receiver:
            body = {"input": {"text": "Ada"}, "webhook": receiver.url}
            model.post("/predictions", {**body, "webhook_events_filter": ["completed"]})
            until(lambda: bool(receiver.bodies))
        assert [json.loads(told)["output"] for told in receiver.bodies] == ["hello Ada"]


def canary(model: Served) -> None:
    assert model.output(text="Ada") == ["hello ", "there, ", "Ada"]


def hello_concurrency(model: Served) -> None:
    """None of the four begins before all are underway."""
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(wire.predict, model.address, total=2, together=4) for _ in range(4)]
    for prediction in (future.result() for future in asked):
        assert prediction["output"] == ["Apple\n", "Banana\n"]
        assert prediction["metrics"]["fruits"] == 2


def hello_context(model: Served) -> None:
    body = {"input": {"text": "hi"}, "context": {"who": "Ada"}}
    output = model.post("/predictions", body)["output"]
    assert output == {"inputs": {"text": "hi"}, "context": {"who": "Ada"}}


def hello_image(model: Served) -> None:
    picture = (EXAMPLES / "hello-image" / "hello.svg").read_bytes()
    for _ in range(2):  # what was sent is there for the next one
        assert received(model.output()) == ("image/svg+xml", picture)


def hello_train(model: Served) -> None:
    trained = model.post("/trainings", {"input": {"prefix": "good day"}})
    assert trained["status"] == "succeeded", trained
    assert received(trained["output"]["weights"]) == ("text/plain", b"good day")
    assert model.output(text="Ada") == "good morning Ada"


def streaming_text(model: Served) -> None:
    assert model.said(prompt="what its", max_new_tokens=3) == [" book", " has", " said"]


def managed_weights(model: Served) -> None:
    assert model.output() == {"words/first.txt": "ok", "words/second.txt": "ok"}


def blur(model: Served) -> None:
    given = "data:image/x-portable-pixmap;base64," + base64.b64encode(PICTURE).decode()
    kind, data = received(model.output(image=given, radius=1))
    assert (kind, size(data)) == ("image/png", (4, 2))


def hello_replicate(model: Served) -> None:
    """The other model is not there for this one, and its token is told to nobody."""
    body = {"text": "Ada", "url": f"http://127.0.0.1:{free_port()}", "token": TOKEN}
    failed = model.post("/predictions", {"input": body})
    assert failed["status"] == "failed"
    assert "asking with ****" in failed["logs"]
    assert TOKEN not in failed["logs"] + failed["error"]


def notebook(model: Served) -> None:
    assert model.output(name="Ada") == "hello Ada"


def system_packages(model: Served) -> None:
    assert model.output() == ("tini" if model.in_container else TINI_HERE)


def run_commands(model: Served) -> None:
    made = ["before the packages", "after the packages, with an apple", "cog is there"]
    assert model.output() == (made if model.in_container else [])


# --- what its commands do here


def hello_world_here(project: Project) -> None:
    assert project("predict", "-i", "text=Ada").out == "hello Ada\n"
    project("predict", check=False).failed("text")


def canary_here(project: Project) -> None:
    assert project("run", "-i", "text=Ada").out == "hello there, Ada"


def hello_concurrency_here(project: Project) -> None:
    assert project("predict", "-i", "total=2").out == "Apple\nBanana\n"


def hello_context_here(project: Project) -> None:
    told = json.loads(project("predict", "-i", "text=hi").out)
    assert told == {"inputs": {"text": "hi"}, "context": {}}


def hello_image_here(project: Project) -> None:
    assert "output.svg" in project("predict").err
    picture = (EXAMPLES / "hello-image" / "hello.svg").read_bytes()
    assert (project.folder / "output.svg").read_bytes() == picture
    assert (project.folder / "hello.svg").read_bytes() == picture  # it was copied, not moved


def hello_train_here(project: Project) -> None:
    assert project("predict", "-i", "text=Ada").out == "hello Ada\n"
    project("train", "-i", "prefix=good morning")
    trained = project.folder / "weights.weights.txt"
    learned = trained.rename(project.folder.with_name("learned.txt"))
    learned.chmod(0o644)
    project.environ["COG_WEIGHTS"] = str(learned)
    assert project("predict", "-i", "text=Ada").out == "good morning Ada\n"


def streaming_text_here(project: Project) -> None:
    words = ("-i", "prompt=what its", "-i", "max_new_tokens=2")
    assert json.loads(project("predict", *words).out) == [" book", " has"]


def managed_weights_here(project: Project) -> None:
    there = json.loads(project("predict").out)
    assert there == {"words/first.txt": "ok", "words/second.txt": "ok"}


def blur_here(project: Project) -> None:
    picture = project.folder.with_name("picture.ppm")
    picture.write_bytes(PICTURE)
    blurred = project.folder.with_name("blurred.png")
    project("predict", "-i", f"image=@{picture}", "-i", "radius=1", "-o", str(blurred))
    assert size(blurred.read_bytes()) == (4, 2)


def hello_replicate_here(project: Project) -> None:
    answer = Reply(body=b'{"output": "Hi Ada"}')
    with serving(Receiver(lambda _seen, _number: answer)) as other:
        inputs = ("text=Ada", f"token={TOKEN}", f"url={other.url}")
        done = project("predict", *(word for value in inputs for word in ("-i", value)))
    assert done.out == "Hi Ada\n"
    assert "asking with ****" in done.err
    assert TOKEN not in done.err
    assert [seen.headers["authorization"] for seen in other.seen] == [f"Bearer {TOKEN}"]
    assert json.loads(other.bodies[0]) == {"input": {"text": "Ada"}}


def notebook_here(project: Project) -> None:
    assert project("predict", "-i", "name=Ada").out == "hello Ada\n"


def system_packages_here(project: Project) -> None:
    assert project("predict").out == f"{TINI_HERE}\n"


def run_commands_here(project: Project) -> None:
    assert json.loads(project("predict").out) == []
    project("build", check=False).failed("build.run", "build.pre_install", "--builder docker")


# --- the table


@dataclass(frozen=True)
class Example:
    """What it answers wherever it is served, what its commands do here, and who builds it.

    ``runs``: something is run while Docker builds it, so that its image is not the native one.
    """

    answers: Callable[[Served], None]
    here: Callable[[Project], None]
    builders: tuple[str, ...] = ("native", "docker")
    runs: bool = False


EXAMPLES_BY_NAME = {
    "hello-world": Example(hello_world, hello_world_here),
    "canary": Example(canary, canary_here),
    "hello-concurrency": Example(hello_concurrency, hello_concurrency_here),
    "hello-context": Example(hello_context, hello_context_here),
    "hello-image": Example(hello_image, hello_image_here),
    "hello-train": Example(hello_train, hello_train_here),
    "streaming-text": Example(streaming_text, streaming_text_here),
    "managed-weights": Example(managed_weights, managed_weights_here),
    "blur": Example(blur, blur_here),
    "hello-replicate": Example(hello_replicate, hello_replicate_here),
    "notebook": Example(notebook, notebook_here),
    "system-packages": Example(system_packages, system_packages_here, runs=True),
    "run-commands": Example(run_commands, run_commands_here, ("docker",), runs=True),
}


# --- the stories


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all: their images share all layers but the last ones."""
    return tmp_path_factory.mktemp("examples") / "store"


@pytest.fixture
def copied(
    tmp_path: Path, shared_cache: Path, store: Path, base_reference: str, registry: RealRegistry
) -> Callable[[str], Project]:
    """Makes a copy of an example; what it needs besides its files is put beside them."""

    def copy(name: str) -> Project:
        folder = tmp_path / name
        shutil.copytree(EXAMPLES / name, folder)
        project = Project(folder, {
            "COGSMITH_CACHE_DIR": str(shared_cache), "COG_CACHE_DIR": str(tmp_path / "weights"),
            "COGSMITH_STORE": str(store), "COGSMITH_BASE_IMAGE": base_reference, "NO_COLOR": "1",
            "DOCKER_HOST": os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"),
        })  # fmt: skip
        if name == "managed-weights":
            import_weights(project, f"{registry.host}/examples/{name}")
        return project

    return copy


def import_weights(project: Project, repository: str) -> None:
    """Put files where its config looks for them, and import those that it asks for."""
    folder = project.folder / "weights" / "words"
    folder.mkdir(parents=True)
    for name, data in WORDS.items():
        (folder / name).write_bytes(data)
    project("weights", "import", "--image", repository)
    assert "ready" in project("weights", "status", "--image", repository).out


@pytest.mark.parametrize("name", EXAMPLES_BY_NAME)
def test_on_this_machine(name: str, copied: Callable[[str], Project]) -> None:
    project = copied(name)
    EXAMPLES_BY_NAME[name].here(project)
    with served_here(project) as model:
        EXAMPLES_BY_NAME[name].answers(model)


@pytest.mark.docker
@pytest.mark.parametrize("name", EXAMPLES_BY_NAME)
def test_in_docker(
    name: str, copied: Callable[[str], Project], docker: Engine, tmp_path: Path
) -> None:
    """``docker run`` is all that it needs; the builder makes no difference to who asks."""
    project, example = copied(name), EXAMPLES_BY_NAME[name]
    names = {builder: f"{NAMES}/{name}:{builder}" for builder in example.builders}
    try:
        built = {by: build(project, "-t", image, by=by) for by, image in names.items()}
        if not example.runs:
            assert built["native"] == built["docker"]
            del built["native"]  # it is the same image: to run it once is enough
        for builder in built:
            options = mounts(name, project, tmp_path)
            with docker.running(names[builder], *options) as container:
                example.answers(Served(container.address, in_container=True))
                assert TOKEN not in container.logs()
    finally:
        docker("rmi", "-f", *names.values(), check=False)


def build(project: Project, *words: str, by: str) -> str:
    """The digest of the image; commands use this machine's network, where they need one."""
    network = ("--network", "host") if by == "docker" else ()
    return project("build", *words, "--builder", by, *network).digest


@pytest.mark.docker
def test_a_command_that_fails_is_shown_and_leaves_nothing(
    copied: Callable[[str], Project], docker: Engine
) -> None:
    project, word = copied("run-commands"), f"last-words-{NAMES}"
    add_command(project, f"seq 1 50; echo {word}; exit 7")
    done = project("build", "--builder", "docker", "--network", "host", check=False)
    done.failed("cog.yaml: build.run: a command ended with exit code 7")
    shown = done.err.partition("error: ")[2].partition("hint: ")[0].split("\n")[1:-1]
    assert [line.strip() for line in shown] == [*map(str, range(32, 51)), word]
    assert done.out == ""
    assert word not in docker("ps", "--all", "--no-trunc")
    images = docker("images", "--all", "--quiet").split()
    history = ("history", "--no-trunc", "--format", "{{.CreatedBy}}")
    assert not [one for one in images if word in docker(*history, one, check=False)]


@pytest.mark.docker
def test_a_secret_is_in_no_layer_that_docker_has(
    copied: Callable[[str], Project], docker: Engine, tmp_path: Path
) -> None:
    if not find_tools(DockerSettings(environ=os.environ), secrets=False).program.buildkit:
        pytest.skip("no docker command here speaks BuildKit")
    project, reference = copied("run-commands"), f"{NAMES}/run-commands:secret"
    (tmp_path / "token").write_text(TOKEN)
    command = f"echo {NAMES}; cat /run/token; wc -c < /run/token >> /srv/made.txt"
    add_command(project, command, "token")
    secret = f"id=token,src={tmp_path}/token"
    words = ("--builder", "docker", "--network", "host", "--secret", secret)
    done = project("build", "-t", reference, *words)
    try:
        assert docker.output(reference, "tail", "-n", "1", "/srv/made.txt") == f"{len(TOKEN)}\n"
        docker("save", "-o", str(tmp_path / "image.tar"), reference)
    finally:
        docker("rmi", "-f", reference, check=False)
    with tarfile.open(tmp_path / "image.tar") as saved:
        files = {part.name: part for part in saved if part.isfile()}
        (manifest,) = json.loads(content(saved, files["manifest.json"]))
        assert {manifest["Config"], *manifest["Layers"]} <= files.keys()
        assert not [name for name in files if TOKEN.encode() in content(saved, files[name])]
    assert TOKEN not in done.err
    assert "****" in done.err  # its command has printed it


def content(archive: tarfile.TarFile, part: tarfile.TarInfo) -> bytes:
    """A file of an archive; newer engines save their layers compressed."""
    file = archive.extractfile(part)
    data = file.read() if file else b""
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def add_command(project: Project, command: str, secret: str = "") -> None:
    """One more command to run while the image is built; it may read a secret in /run."""
    path = project.folder / "cog.yaml"
    config = yaml.safe_load(path.read_text())
    mounts = [{"type": "secret", "id": secret, "target": f"/run/{secret}"}] if secret else []
    config["build"]["run"].append({"command": command, "mounts": mounts})
    path.write_text(yaml.safe_dump(config))


def mounts(name: str, project: Project, folder: Path) -> tuple[str, ...]:
    """Options of ``docker run``: weights are mounted."""
    if name == "managed-weights":
        return ("-v", f"{project.folder}/weights/words:/src/weights/words:ro")
    if name == "hello-train":
        (folder / "learned.txt").write_text("good morning")
        return ("-v", f"{folder}/learned.txt:/learned.txt:ro", "-e", "COG_WEIGHTS=/learned.txt")
    return ()


# --- what they have in common


@contextmanager
def served_here(project: Project) -> Iterator[Served]:
    """``cogsmith serve``, until the model is ready; ended by SIGTERM, and in good order."""
    port = free_port()
    process = project.start("serve", "-p", str(port))
    try:
        until(lambda: process.poll() is not None or is_ready(f"127.0.0.1:{port}"))
        assert process.poll() is None, ended(process)
        yield Served(f"127.0.0.1:{port}")
        process.send_signal(signal.SIGTERM)
        done = ended(process)
        assert done.code == 0, done.err
        assert TOKEN not in done.out + done.err
    finally:
        process.kill()
        process.wait()


def is_ready(address: str) -> bool:
    with suppress(OSError):
        return bool(wire.get(address, "/health-check").json().get("status") == "READY")
    return False


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def received(url: str) -> tuple[str, bytes]:
    """The media type and the bytes of a data URL."""
    kind, data = url.removeprefix("data:").split(";base64,")
    return kind, base64.b64decode(data)


def size(png: bytes) -> tuple[int, ...]:
    """Width and height of a PNG, in pixels."""
    assert png.startswith(b"\x89PNG\r\n")
    return struct.unpack(">II", png[16:24])
