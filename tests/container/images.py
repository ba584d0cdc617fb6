"""Two small models, each in an image of ours and in one as Cog makes them, in a real engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import pytest

from cogsmith import signature
from cogsmith.container import Launch, Packaged
from cogsmith.image import Engine
from cogsmith.oci import (
    ContainerConfig,
    Directory,
    File,
    Image,
    ImageConfig,
    Layer,
    Platform,
    Reference,
    Symlink,
    layer,
    tar,
)
from tests.image.test_container import MODEL
from tests.real.engines import Engine as Shell

PATIENCE = 120  # seconds; only what hangs ever gets there

TEXT = """\
import os, sys, time
from cog import BasePredictor, ConcatenateIterator, Input, streaming


class Predictor(BasePredictor):
    def setup(self):
        print("setting up", flush=True)
        time.sleep(float(os.environ.get("SLOW", 0)))
        if os.environ.get("BROKEN"):
            raise RuntimeError("no weights here")

    @streaming
    def predict(
        self,
        name: str = Input(description="Who is greeted", default="World"),
        count: int = Input(default=2, ge=1, le=99),
        pause: float = 0.0,
        how: str = Input(choices=["well", "raise", "exit"], default="well"),
    ) -> ConcatenateIterator[str]:
        print("about to greet", file=sys.stderr, flush=True)
        if how == "raise":
            raise ValueError("the well is dry")
        if how == "exit":
            os._exit(7)
        for number in range(count):
            yield f"hello {name} {number}\\n"
            time.sleep(pause)
"""
FILES = """\
from cog import BasePredictor, Input, Path, Secret


class Predictor(BasePredictor):
    def predict(
        self, image: Path, times: int = Input(default=1, le=3), key: Secret = Input(default=None)
    ) -> list[Path]:
        found = []
        for number in range(times):
            path = Path(f"/tmp/{number}.txt")
            path.write_text(f"{number}: {image.read_text()}")
            found.append(path)
        return found
"""
TRAIN = """\
from cog import BaseModel, Path


class TrainingOutput(BaseModel):
    weights: Path


def train(text: str) -> TrainingOutput:
    path = Path("/tmp/trained.txt")
    path.write_text(f"trained on {text}")
    return TrainingOutput(weights=path)
"""
YAML = 'build: {python_version: "3.11"}\npredict: "predict.py:Predictor"\n'


@dataclass
class Images:
    """Images by kind (ours, cogs) and model (text, files), in the engine; and a place to work."""

    names: Mapping[tuple[str, str], str]
    environment: Mapping[str, str]
    folder: Path
    shell: Shell

    def run(self, *words: str, given: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """A command of ours, as a person would start it."""
        return subprocess.run(
            ["cogsmith", *words], cwd=self.folder, text=True, capture_output=True, input=given,
            env={**os.environ, **self.environment, **more}, timeout=PATIENCE, check=False,
        )  # fmt: skip

    def left(self, name: str) -> str:
        """Containers of an image that are still there, running or not."""
        return self.shell("ps", "-aq", "--filter", f"ancestor={name}")


def project_at(folder: Path, predict: str) -> Path:
    folder.mkdir(parents=True)
    train = 'train: "train.py:train"\n' if predict == FILES else ""
    (folder / "cog.yaml").write_text(YAML + train)
    (folder / "predict.py").write_text(predict)
    if train:
        (folder / "train.py").write_text(TRAIN)
    return folder


def made_by_cog(project: Path, base: Image) -> Image:
    """Cog's own server with the model, and Cog's labels: as ``cog build`` of 0.23 leaves it."""
    train = project / "train.py"
    schema = signature.openapi(
        signature.load(project, "predict.py:Predictor"),
        train=signature.load(project, "train.py:train", train=True) if train.exists() else None,
    )
    sources = [File.of(f"src/{path.name}", path.read_bytes()) for path in project.glob("*.py")]
    entries = [
        Directory(path="src"), *sources, Directory(path="src/.cog"),
        File.of("src/.cog/openapi_schema.json", json.dumps(schema).encode()),
        Symlink(path="usr/local/bin/python", target="/usr/bin/python3.11"),
    ]  # fmt: skip
    config = ContainerConfig(
        env=("PATH=/usr/local/bin:/usr/bin:/bin", "PYTHONPATH=/opt/site", "PYTHONUNBUFFERED=1",
             "COG_PREDICT_TYPE_STUB=predict.py:Predictor", "COG_TRAIN_TYPE_STUB=train.py:train"),
        cmd=("python", "-m", "cog.server.http"), working_dir="/src", exposed_ports=("5000/tcp",),
        labels={
            "run.cog.version": "0.23.1",
            "run.cog.config": json.dumps({"build": {"python_version": "3.11"}}),
            "run.cog.openapi_schema": json.dumps(schema),
        },
    )  # fmt: skip
    layers: list[Layer] = [*base.layers, _packages(), layer(lambda: tar(entries))]
    platform = Platform.parse("linux/amd64")
    return Image.of(ImageConfig(platform=platform, config=config), layers)


def _packages() -> Layer:
    """Cog, its server, and what they need, as they are installed here."""
    entries: list[File] = []
    for name in MODEL:
        for file in distribution(name).files or ():
            path = Path(str(distribution(name).locate_file(file)))
            if ".." not in file.parts and path.suffix != ".pyc" and path.is_file():
                entries.append(File.of(f"opt/site/{file}", path.read_bytes()))
    return layer(lambda: tar(sorted(entries, key=lambda entry: entry.path)))


@pytest.fixture(scope="session")
def images(
    tmp_path_factory: pytest.TempPathFactory, docker: Shell, base_reference: str,
    base_image: Image, shared_cache: Path,
) -> Iterator[Images]:  # fmt: skip
    """All four; they are gone from the engine at the end."""
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the base image's Python is 3.11, ours is another")
    folder = tmp_path_factory.mktemp("images")
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COGSMITH_CACHE_DIR": str(shared_cache), "COGSMITH_STORE": str(folder / "store"),
        "COGSMITH_BASE_IMAGE": base_reference,
        "COGSMITH_INSECURE_REGISTRIES": base_reference.partition("/")[0], "COLUMNS": "100",
    }  # fmt: skip
    work = folder / "work"
    work.mkdir()
    names: dict[tuple[str, str], str] = {}
    made = Images(names, environment, work, docker)
    engine = Engine.find(os.environ, home=Path.home())
    for model, source in (("text", TEXT), ("files", FILES)):
        project = project_at(folder / model, source)
        for kind in ("ours", "cogs"):
            name = f"cogsmith-test/{kind}-{model}-{uuid.uuid4().hex[:8]}:1"
            names[kind, model] = name
            if kind == "cogs":
                engine.load(made_by_cog(project, base_image), [Reference.parse(name)])
            else:
                built = made.run("build", "-t", name, "-f", str(project / "cog.yaml"))
                assert built.returncode == 0, built.stderr
    yield made
    for name in names.values():
        docker("rmi", "-f", name, check=False)


def launched(name: str, **variables: str) -> tuple[Engine, Launch, Packaged]:
    """What ``running`` needs for an image in the engine."""
    engine = Engine.find(os.environ, home=Path.home())
    said = engine.inspect(name)
    assert said
    packaged = Packaged.of(said["Config"]["Labels"])
    return engine, Launch(image=said["Id"], environment=variables), packaged
