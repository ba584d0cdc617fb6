"""``cogsmith build --builder docker`` from end to end, with a real engine and a real base image."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogsmith.cli.steps import PIP
from cogsmith.image import DockerSettings
from cogsmith.image.docker.tools import find_tools
from cogsmith.oci import Image, Reference, validate
from cogsmith.registry import Client, Shipment
from tests.cli.workshop import PREDICTOR, Workshop, workshop
from tests.environment.wheels import make_wheel
from tests.real import engines

pytestmark = [pytest.mark.slow, pytest.mark.docker]

CONFIG = """\
build:
  python_version: "3.11"
  python_requirements: requirements.txt
"""
PREDICT = 'predict: "predict.py:Predictor"\n'
SECRET = "sesame-open-4711"
NOW = time.time_ns()  # what ran in another session is in BuildKit's cache, and says nothing


@pytest.fixture
def place(
    tmp_path: Path, command_environment: dict[str, str], base_image: Image, docker: engines.Engine
) -> Iterator[Workshop]:
    with workshop(tmp_path, command_environment) as opened:
        reference = Reference.parse(f"{opened.host}/base/real:3.11")
        auth, opened.registry.auth = opened.registry.auth, ""
        with Client() as client:
            client.push(client.plan_push(reference, Shipment.of(base_image)))
        opened.registry.auth = auth
        for requirement in PIP:
            make_wheel(opened.index.folder, *requirement.split("==", 1))
        opened.environment |= {
            "COGSMITH_BASE_IMAGE": str(reference), "COGSMITH_TOKEN": SECRET,
            "DOCKER_HOST": os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"),
        }  # fmt: skip
        yield opened


def configure(place: Workshop, *lines: str) -> None:
    text = "".join(f"  {line}\n" for line in lines)
    (place.project / "cog.yaml").write_text(CONFIG + text + PREDICT)


def test_without_commands_both_builders_make_the_same_image(place: Workshop) -> None:
    configure(place)
    native = place.fine("build", "--no-load").stdout
    assert place.fine("build", "--no-load", "--builder", "docker").stdout == native


def test_with_commands_all_other_layers_are_the_same(place: Workshop) -> None:
    configure(place)
    place.fine("build", "--no-load", "-t", "ada/native")
    configure(
        place, "pre_install: ['mkdir -p /srv/below']",
        f"run: ['mkdir -p /srv/above', 'python -c \"import sys; print(sys.prefix)\" # {NOW}']",
    )  # fmt: skip
    ran = place.fine("build", "--no-load", "-t", "ada/docker", "--builder", "docker")
    assert "  /opt/venv\n" in ran.stderr
    native, made = place.image("ada/native"), place.image("ada/docker")
    assert validate(made) == ()
    theirs = [layer.digest for layer in made.layers]
    mine = [layer.digest for layer in native.layers]
    code = mine.pop()  # cog.yaml is in it, and says other things
    assert code not in theirs
    assert [digest for digest in theirs if digest in mine] == mine
    titles = [line.created_by for line in made.config.history]
    places = [titles.index(f"RUN mkdir -p /srv/{name}") for name in ("below", "above")]
    assert places[0] == len(native.layers) - len(mine)
    assert places[1] > max(theirs.index(digest) for digest in mine)


def test_a_changed_line_of_code_runs_nothing_again(place: Workshop) -> None:
    configure(place, "run: ['date +%N > /srv/when']")
    words = ("build", "--no-load", "--builder", "docker")
    first = place.fine(*words).stdout
    (place.project / "predict.py").write_text(PREDICTOR.replace("hello", "good morning"))
    ran = place.fine(*words, DOCKER_HOST="unix:///nowhere", PATH=_without_docker())
    assert ran.stdout != first
    assert "RUN date" not in ran.stderr
    assert "1 of them new" in ran.stderr


def _without_docker() -> str:
    """PATH with this environment's programs alone."""
    return str(Path(sys.executable).parent)


def test_a_secret_reaches_its_command_alone(place: Workshop) -> None:
    if not find_tools(DockerSettings(environ=os.environ), secrets=False).program.buildkit:
        pytest.skip("no docker command here speaks BuildKit")
    configure(
        place, "run:", f"  - command: cat secret.txt && echo {NOW} > /srv/now",
        "    mounts: [{type: secret, id: foo, target: secret.txt}]",
    )  # fmt: skip
    words = ("build", "--no-load", "--builder", "docker", "--secret")
    ran = place.fine(*words, "id=foo,env=COGSMITH_TOKEN")
    assert "  ****" in ran.stderr
    assert SECRET not in ran.stderr + ran.stdout
    for path in (place.folder / "store").rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes()
    for layer in place.image("cog-project").layers[1:]:
        with layer.uncompressed() as stream:
            assert SECRET.encode() not in stream.read()


def test_a_command_that_fails_is_shown_and_the_name_means_what_it_did(place: Workshop) -> None:
    configure(place)
    before = place.fine("build", "--no-load", "-t", "ada/x").stdout.strip()
    configure(place, "run: ['echo last words; exit 9']")
    ran = place.run("build", "--no-load", "-t", "ada/x", "--builder", "docker")
    assert ran.returncode == 1
    assert "cog.yaml: build.run" in ran.stderr
    assert "exit code 9" in ran.stderr
    assert "last words" in ran.stderr
    assert str(place.image("ada/x").digest) == before


def test_what_is_wrong_with_secrets_is_said_before_any_work(place: Workshop) -> None:
    configure(place, "run: ['true']")
    ran = place.run("build", "--builder", "docker", "--secret", "id=a,src=none")
    assert ran.returncode == 2
    assert "--secret a" in ran.stderr
    assert "RUN" not in ran.stderr
