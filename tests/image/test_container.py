"""A small model on a real base image, run by a real engine."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from cogsmith import config, oci, signature
from cogsmith.image import (
    Base,
    Delivery,
    Folder,
    Ingredients,
    Plan,
    Recipe,
    Store,
    Venv,
    assemble,
    interpreter_of,
    key_of,
    plan,
    project_recipes,
    read_system,
    server_recipes,
    server_wheel,
    survey,
    user_of,
)
from cogsmith.oci import File, Image, Reference, pack, tar
from tests.image.bases import project_at
from tests.real.engines import Container, Engine
from tests.real.wire import predict

pytestmark = pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the base image's Python is 3.11, ours is another"
)

YAML = """
build: {python_version: "3.11"}
predict: predict.py:Predictor
environment: [GREETING=hello]
"""
PREDICT = """
import os, sys
from cog import BasePredictor

class Predictor(BasePredictor):
    def predict(self) -> dict:
        status = open("/proc/1/status").read()
        return {
            "uid": os.getuid(), "groups": os.getgroups(), "home": os.environ["HOME"],
            "path": sys.path, "prefix": sys.prefix, "cwd": os.getcwd(),
            "greeting": os.environ["GREETING"], "pythonpath": os.environ.get("PYTHONPATH"),
            "first": status.split()[1], "program": sys.executable,
            "modules": sorted({name.split(".")[0] for name in sys.modules}),
        }
"""
SERVER = ("httptools", "msgspec", "uvloop")
MODEL = (
    "cog", "coglet", "typing_extensions", "pyyaml", "structlog", "requests",
    "charset_normalizer", "idna", "urllib3", "certifi",
)  # fmt: skip


def installed(names: tuple[str, ...], site: str, kind: Any) -> Recipe:
    """A layer of packages as they are installed here: the network is other tests' matter."""
    entries = {}
    for name in names:
        for file in distribution(name).files or ():
            path = Path(str(distribution(name).locate_file(file)))
            if ".." not in file.parts and path.suffix != ".pyc" and path.is_file():
                entries[str(file)] = File.of(f"{site}/{file}", path.read_bytes())
    return Recipe(
        key=key_of("installed", names, site), kind=kind, title=kind, created_by=kind, size=1,
        pack=lambda write: pack(tar(entries.values(), lower=("opt",)), write=write),
    )  # fmt: skip


def planned(store: Store, project: Path, base_image: Image) -> Plan:
    base = Base(
        reference="base/python:3.11-slim", image=base_image, system=read_system(base_image, store)
    )
    venv = Venv(python="3.11", interpreter=interpreter_of(base.system, "3.11"))
    place = Folder(python="3.11", interpreter=venv.interpreter, folder="/opt/cogsmith")
    schema = signature.openapi(signature.load(project, "predict.py:Predictor"))
    delivery = Delivery(user=user_of(base, venv.interpreter), budget=4)
    return plan(
        Ingredients(
            config=config.parse(YAML, where="cog.yaml"), schema=schema, base=base, venv=venv,
            recipes=(
                *server_recipes([server_wheel(store)], place, 4, Path(sys.executable)),
                installed(SERVER, place.site, "server"),
                installed(MODEL, venv.site, "wheel"),
                *project_recipes(survey(project, store), schema, delivery),
            ),
        )
    )  # fmt: skip


def model_at(folder: Path, base_image: Image) -> Image:
    project = project_at(folder / "project", {"cog.yaml": YAML, "predict.py": PREDICT})
    store = Store.at(folder / "store")
    return assemble(planned(store, project, base_image), store)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, base_image: Image) -> Image:
    return model_at(tmp_path_factory.mktemp("model"), base_image)


@pytest.fixture(scope="module")
def loaded(model: Image, docker: Engine) -> Iterator[str]:
    """The image in the engine, under a name that is gone afterwards."""
    reference = Reference.parse(f"cogsmith-test/{uuid.uuid4().hex}:1")
    pieces = b"".join(oci.archive(model, [reference]))
    subprocess.run([*docker.command, "load", "-q"], input=pieces, check=True, capture_output=True)
    yield reference.familiar
    docker("rmi", "-f", reference.familiar, check=False)


@pytest.fixture
def running(loaded: str, docker: Engine) -> Iterator[Container]:
    with docker.running(loaded, "-e", "PYTHONPATH=/the/author's") as container:
        yield container


def test_the_image_is_valid(model: Image) -> None:
    assert oci.validate(model) == ()


def test_it_is_the_same_from_another_folder(
    model: Image, base_image: Image, tmp_path: Path
) -> None:
    assert model_at(tmp_path, base_image).digest == model.digest


@pytest.mark.docker
def test_a_prediction_is_answered_by_the_author_s_environment(running: Container) -> None:
    told = predict(running.address)["output"]
    assert told["uid"] == 1000
    assert told["groups"] == [1000]
    assert told["home"] == "/home/cog"
    assert told["cwd"] == "/src"
    assert told["greeting"] == "hello"
    assert (told["program"], told["prefix"]) == ("/opt/venv/bin/python", "/opt/venv")
    assert told["pythonpath"] == "/the/author's"
    assert "/the/author's" in told["path"]
    assert not [path for path in told["path"] if path.startswith("/opt/cogsmith")]
    assert not {"httptools", "msgspec", "uvloop"} & {*told["modules"]}


@pytest.mark.docker
def test_process_1_is_small_and_ends_at_once_when_told(running: Container) -> None:
    processes = running.engine("top", running.name, "-o", "pid,ppid,rss,args").splitlines()[1:]
    rows = [line.split(maxsplit=3) for line in processes]
    first, server = rows[0], rows[1]
    assert server[1] == first[0]
    assert int(first[2]) < int(server[2]) / 2  # KiB
    assert running.stop() == 0


@pytest.mark.docker
def test_the_engine_finds_it_healthy(running: Container) -> None:
    end = time.monotonic() + 60
    while running.inspect()["State"]["Health"]["Status"] == "starting":
        assert time.monotonic() < end
        time.sleep(0.2)
    health = running.inspect()["State"]["Health"]
    assert health["Status"] == "healthy", json.dumps(health)


@pytest.mark.docker
def test_labels_tell_of_the_model_without_starting_it(loaded: str, docker: Engine) -> None:
    labels = docker.image(loaded)["Config"]["Labels"]
    schema = json.loads(labels["run.cog.openapi_schema"])
    assert schema["components"]["schemas"]["Output"]
    assert json.loads(labels["run.cog.config"])["predict"] == "predict.py:Predictor"
    assert labels["run.cog.has_init"] == "true"
