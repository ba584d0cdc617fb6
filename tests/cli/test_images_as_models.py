"""Images as models: predict, train, serve and exec, with images of ours and of Cog's."""

# ruff: noqa: F811 - a fixture that is imported has the name of what it gives

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
from dataclasses import replace
from pathlib import Path

import pytest

from cogsmith.container import Asked, is_remote
from cogsmith.container import running as running_container
from cogsmith.container.engine import publish_at
from cogsmith.errors import DockerError, SetupFailed
from cogsmith.prediction import Output
from cogsmith.signature import from_openapi
from tests.cli.running import running, until
from tests.container.images import TEXT, Images, images, launched  # noqa: F401 - a fixture
from tests.real.wire import get, predict

pytestmark = [pytest.mark.docker, pytest.mark.network]

KINDS = ("ours", "cogs")


@pytest.fixture(params=KINDS)
def text(request: pytest.FixtureRequest, images: Images) -> str:
    return images.names[request.param, "text"]


@pytest.fixture(params=KINDS)
def files(request: pytest.FixtureRequest, images: Images) -> str:
    return images.names[request.param, "files"]


def test_a_prediction_as_with_a_model_of_this_repository(images: Images, text: str) -> None:
    ran = images.run("predict", text, "-i", "name=Ada", "-i", "count=3")
    assert (ran.returncode, ran.stdout) == (0, "hello Ada 0\nhello Ada 1\nhello Ada 2\n"), (
        ran.stderr
    )
    told = ran.stderr.splitlines()
    assert told[0] == f"Starting Docker image {text} and running setup()"
    if "/cogs-" not in text:  # coglet does not always pass on what setup() prints
        assert "setting up" in told
    assert "about to greet" in told
    assert not images.left(text)


def test_the_whole_prediction_as_json(images: Images, text: str) -> None:
    ran = images.run("run", text, "--json", "-", given='{"count": 1}')
    assert ran.returncode == 0, ran.stderr
    reply = json.loads(ran.stdout)
    assert (reply["status"], reply["output"]) == ("succeeded", ["hello World 0\n"])
    assert reply["metrics"]["predict_time"] >= 0
    assert "about to greet" in reply["logs"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nam=Ada",), 'unknown input "nam"'),
        (("count=x",), 'invalid input "count": expected integer, got string'),
        (("count=100",), 'invalid input "count": must be at maximum 99, got 100'),
        (("how=badly",), 'invalid input "how": must be one of: well, raise, exit'),
    ],
)
def test_inputs_are_checked_before_anything_starts(
    images: Images, text: str, words: tuple[str, ...], message: str
) -> None:
    ran = images.run("predict", text, *(part for word in words for part in ("-i", word)))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert message in ran.stderr
    assert "Starting Docker image" not in ran.stderr


def test_missing_and_null_inputs(images: Images, files: str) -> None:
    ran = images.run("predict", files)
    assert (ran.returncode, 'missing required input "image"' in ran.stderr) == (1, True)
    ran = images.run("predict", files, "--json", '{"image": null}')
    assert (ran.returncode, "must not be null" in ran.stderr) == (1, True)
    assert "Starting Docker image" not in ran.stderr


def test_files_travel_both_ways(images: Images, files: str) -> None:
    (images.folder / "in.txt").write_text("a picture")
    ran = images.run("predict", files, "-i", "image=@in.txt", "-i", "times=2", "-i", "key=secret")
    assert ran.returncode == 0, ran.stderr
    for number in range(2):
        assert f"Written output to: output.{number}.txt" in ran.stderr
        assert (images.folder / f"output.{number}.txt").read_text() == f"{number}: a picture"
    assert "secret" not in ran.stderr


def test_a_training(images: Images, files: str) -> None:
    ran = images.run("train", files, "-i", "text=books")
    assert ran.returncode == 0, ran.stderr
    assert 'Command "train" is deprecated' in ran.stderr
    assert (images.folder / "weights.weights.txt").read_text() == "trained on books"
    assert not images.left(files)


def test_an_image_without_a_trainer_says_so(images: Images, text: str) -> None:
    ran = images.run("train", text)
    assert (ran.returncode, "no inputs of a training" in ran.stderr) == (1, True)


def test_a_failed_prediction(images: Images, text: str) -> None:
    ran = images.run("predict", text, "-i", "how=raise")
    assert (ran.returncode, ran.stdout) == (1, "")
    last = ran.stderr.splitlines()[-1]
    assert (last.startswith("error: "), last.endswith("the well is dry")) == (True, True), last
    assert not images.left(text)


def test_a_process_that_dies_in_a_prediction(images: Images, text: str) -> None:
    ran = images.run("predict", text, "-i", "how=exit")
    assert ran.returncode == 1
    assert "error: " in ran.stderr
    assert "bug of ours" not in ran.stderr
    assert not images.left(text)


def test_a_setup_that_fails_shows_its_last_lines(images: Images, text: str) -> None:
    ran = images.run("predict", text, "-e", "BROKEN=1")
    assert ran.returncode == 1
    assert "the model cannot be set up" in ran.stderr
    if "/cogs-" not in text:  # coglet may report the failure before what was printed has come
        assert "setting up\n" in ran.stderr
    assert ran.stderr.splitlines()[-1].endswith("no weights here")
    assert not images.left(text)


def test_a_setup_that_does_not_end(images: Images, text: str) -> None:
    ran = images.run("predict", text, "-e", "SLOW=60", "--setup-timeout", "0.5")
    assert ran.returncode == 1
    assert "setup() has not ended after 0.5 seconds" in ran.stderr
    assert not images.left(text)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_container_outlives_the_command(images: Images, text: str, how: signal.Signals) -> None:
    words = ("cogsmith", "predict", text, "-i", "count=60", "-i", "pause=1")
    with running(*words, folder=images.folder, environment=dict(images.environment)) as command:
        assert command.process.stdout
        assert command.process.stdout.readline() == "hello World 0\n"
        os.killpg(command.process.pid, how)
        code, _, err = command.end()
    assert code == (130 if how == signal.SIGINT else -how)
    assert ("canceling the prediction" in err) == (how == signal.SIGINT)
    until(lambda: not images.left(text))


def test_gpus_that_nobody_has(images: Images, text: str) -> None:
    if Path("/dev/nvidia0").exists():
        pytest.skip("this machine has a GPU")
    ran = images.run("predict", text, "--gpus", "all")
    assert (ran.returncode, "could not select device driver" in ran.stderr) == (1, True)
    ran = images.run("predict", text, "--gpus", "device=")
    assert (ran.returncode, "means nothing" in ran.stderr) == (2, True)
    assert not images.left(text)


def test_serving_at_this_machine_alone_until_ctrl_c(images: Images, text: str) -> None:
    words = ("cogsmith", "serve", text, "-p", "0", "--use-cog-base-image")
    with running(*words, folder=images.folder, environment=dict(images.environment)) as command:
        assert command.process.stderr
        lines = iter(command.process.stderr.readline, "")
        ready = next(line for line in lines if line.startswith("Ready: "))
        port = ready.split(";")[0].rpartition(":")[2]
        assert get(f"127.0.0.1:{port}", "/health-check").json()["status"] == "READY"
        assert predict(f"127.0.0.1:{port}", count=1)["output"] == ["hello World 0\n"]
        published = images.shell("port", images.left(text).strip())
        assert published.strip() == f"5000/tcp -> 127.0.0.1:{port}"
        command.interrupt()
        code, _, err = command.end()
    assert code == 130
    assert "ending when what is underway has ended" in err
    assert not images.left(text)


def test_serving_a_folder_over_the_image_s_code(images: Images, text: str, tmp_path: Path) -> None:
    code = TEXT.replace("hello", "welcome")
    (tmp_path / "predict.py").write_text(code)
    tmp_path.chmod(0o755)  # the image's user is another one
    words = ("cogsmith", "serve", text, "-p", "0", "--project", str(tmp_path))
    with running(*words, folder=images.folder, environment=dict(images.environment)) as command:
        assert command.process.stderr
        lines = iter(command.process.stderr.readline, "")
        ready = next(line for line in lines if line.startswith("Ready: "))
        assert (
            predict(f"127.0.0.1:{ready.split(';')[0].rpartition(':')[2]}")["output"][0]
            == "welcome World 0\n"
        )


def test_a_command_in_an_image(images: Images, text: str) -> None:
    program = "import cog, sys; print(sys.stdin.read() + cog.__name__); sys.exit(5)"
    ran = images.run("exec", "--image", text, "python", "-c", program, given="hi ")
    assert (ran.returncode, ran.stdout, ran.stderr) == (5, "hi cog\n", "")
    ran = images.run("exec", "--image", text, "-e", "WHO=me", "sh", "-c", "echo $WHO >&2; pwd")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "/src\n", "me\n")
    ran = images.run("exec", "--image", text, "no-such-program")
    assert (ran.returncode, "there is no program 'no-such-program'" in ran.stderr) == (1, True)
    assert not images.left(text)


def test_an_image_of_the_store_is_loaded_into_the_engine(images: Images) -> None:
    name = images.names["ours", "text"]
    images.shell("rmi", "-f", name)
    ran = images.run("predict", name, "-i", "count=1")
    assert (ran.returncode, ran.stdout) == (0, "hello World 0\n")
    assert images.shell.image(name)["Config"]["Labels"]["run.cogsmith.version"]


def test_an_image_that_is_nowhere(images: Images, base_reference: str) -> None:
    host = base_reference.partition("/")[0]
    ran = images.run("predict", f"{host}/nobody/nothing:1")
    assert ran.returncode == 1
    assert "neither here nor in its registry" in ran.stderr
    ran = images.run("predict", "no-such-model")
    assert (ran.returncode, 'no model "no-such-model"' in ran.stderr) == (1, True)


def test_without_an_engine_it_says_so(images: Images, tmp_path: Path) -> None:
    name = images.names["ours", "text"]
    ran = images.run("predict", name, DOCKER_HOST=f"unix://{tmp_path}/none.sock")
    assert (ran.returncode, "no Docker engine answers" in ran.stderr) == (1, True)


def at_a_terminal(images: Images, typed: bytes, *words: str) -> tuple[int, str]:
    """Run a command at a terminal of 24 by 80 where somebody types; exit code, what it shows."""
    screen, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(inside)
    process = subprocess.Popen(
        words, cwd=images.folder, env={**os.environ, **images.environment}, start_new_session=True,
        stdin=inside, stdout=inside, stderr=inside,
    )  # fmt: skip
    shown = b""
    with process:
        while b"ready" not in shown and process.poll() is None:
            if select.select([screen], [], [], 0.1)[0]:
                shown += os.read(screen, 1000)
        os.write(screen, typed)
        while process.poll() is None:
            if select.select([screen], [], [], 0.1)[0]:
                shown += os.read(screen, 1000)
    while select.select([screen], [], [], 0)[0]:
        shown += os.read(screen, 1000)
    after = termios.tcgetattr(inside)
    os.close(screen)
    os.close(inside)
    assert after == before
    return process.returncode, shown.decode()


# The engine hears of the terminal's size when the command has begun.
SIZE = "while [ \"$(stty size)\" = '0 0' ]; do sleep 0.05; done; stty size"
SCRIPT = f"{SIZE}; echo ready; read line; echo got $line; exit 3"


def test_an_interactive_command_in_an_image(images: Images, text: str) -> None:
    words = ("cogsmith", "exec", "--image", text, "sh", "-c", SCRIPT)
    code, shown = at_a_terminal(images, b"hello\r", *words)
    assert code == 3, shown
    assert "24 80" in shown
    assert "got hello" in shown
    assert not images.left(text)


def test_an_interactive_command_on_this_machine(images: Images) -> None:
    project = images.folder.parent / "text"
    words = ("cogsmith", "exec", "-f", str(project / "cog.yaml"), "sh", "-c", SCRIPT)
    code, shown = at_a_terminal(images, b"hello\r", *words)
    assert (code, "24 80" in shown, "got hello" in shown) == (3, True, True), shown


# --- the room's own seam, which other commands use


@pytest.mark.parametrize("kind", KINDS)
def test_a_container_by_hand(images: Images, kind: str) -> None:
    engine, launch, packaged = launched(images.names[kind, "text"])
    told: list[str] = []
    launch = replace(launch, gpus="all", gpus_if_any=True)
    with running_container(engine, launch, tell=told.append) as container:
        container.ready(60)
        assert container.model.health()
        signature = from_openapi(container.model.schema())
        assert [field.name for field in signature.inputs] == ["name", "count", "pause", "how"]
        asked = Asked(id="a", inputs={"count": 1}, iterator=True)
        events = list(container.model.run(asked))
        outputs = [event.value for event in events if isinstance(event, Output)]
        assert outputs == ["hello World 0\n"]
        assert (packaged.ours, packaged.cogs) == (kind == "ours", kind == "cogs")
    if not Path("/dev/nvidia0").exists():
        assert told == ["Missing device driver, re-trying without GPU"]
    assert not images.left(images.names[kind, "text"])


def test_an_error_shows_a_container_s_last_lines_where_nobody_has_heard_them(
    images: Images,
) -> None:
    engine, launch, _ = launched(images.names["ours", "text"])
    launch = replace(launch, command=("sh", "-c", "echo the last words; exit 4"))
    with pytest.raises(SetupFailed) as caught, running_container(engine, launch) as container:
        container.ready(60)
    assert caught.value.message == "the container ended with exit code 4"
    assert caught.value.hint == "the last words"
    assert caught.value.log == "the last words\n"


def test_ports_of_another_machine_are_refused_unless_opened(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, launch, _ = launched(images.names["ours", "text"])
    far = replace(engine, address="tcp://build.example:2376")
    assert is_remote(far)
    with pytest.raises(DockerError, match="whose ports are its own"):
        publish_at(far)
    monkeypatch.setenv("COGSMITH_PUBLISH", "0.0.0.0")
    assert publish_at(far) == "0.0.0.0"
    assert launch.ports[0].host == ""
