"""The model that is built: the same files for every builder, in the variants of the cases.

The large one is the Llama predictor of this repository with CPU torch; the small one streams
words with no package but cog's, to try the benchmark itself.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cogsmith.oci import (
    CHUNK,
    ContainerConfig,
    History,
    Image,
    ImageConfig,
    Layout,
    Platform,
    Reference,
    layer,
)
from cogsmith.registry import Client, Shipment

ROOT = Path(__file__).resolve().parent.parent.parent
# The dependency that changes, before and after.
TQDM = "4.67.1", "4.66.5"
LARGE = """\
torch==2.13.0
transformers==5.23.0
jinja2==3.1.6
safetensors==0.8.0
fastapi==0.121.0
uvicorn==0.38.0
tqdm=={tqdm}
"""
SMALL = """\
tqdm=={tqdm}
"""
SMALL_PREDICTOR = '''\
"""Streams the words that it gets."""

from cog import BasePredictor, ConcatenateIterator, streaming


class Predictor(BasePredictor):
    @streaming
    def predict(self, prompt: str, max_tokens: int = 3) -> ConcatenateIterator[str]:
        """Stream words."""
        yield from (prompt.split() * max_tokens)[:max_tokens]
'''
CONFIG = """\
build:
  gpu: false
  python_version: "3.11"
  python_requirements: requirements.txt
predict: {predict}
environment: [{environment}]
"""
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
EDIT = "# edit {number}\n"


@dataclass(frozen=True, kw_only=True)
class Project:
    """A folder with a model, and the lock of each variant of its dependency."""

    folder: Path
    code: Path  # the file that is edited
    requirements: str
    locks: Mapping[str, bytes]
    small: bool

    def edit(self, number: int) -> None:
        """Change a line of code, as nobody has before."""
        text = self.code.read_text("utf-8")
        self.code.write_text(text + EDIT.format(number=number), "utf-8")

    def depend(self, tqdm: str) -> None:
        """Use this version of the dependency; its lock is there."""
        (self.folder / "requirements.txt").write_text(self.requirements.format(tqdm=tqdm))
        (self.folder / "pylock.toml").write_bytes(self.locks[tqdm])


def make(folder: Path, environment: Mapping[str, str], *, small: bool) -> Project:
    """Write the project, and resolve both of its locks."""
    (folder / "code").mkdir(parents=True)
    folder = folder / "code"
    if small:
        code = folder / "predict.py"
        code.write_text(SMALL_PREDICTOR, "utf-8")
        config = CONFIG.format(predict="predict.py:Predictor", environment="")
    else:
        shutil.copytree(ROOT / "predictors", folder / "predictors",
                        ignore=shutil.ignore_patterns("__pycache__"))  # fmt: skip
        shutil.copytree(ROOT / "weights" / "stories-llama", folder / "weights" / "stories-llama")
        code = folder / "predictors" / "llama.py"
        config = CONFIG.format(predict="predictors/llama.py:Predictor",
                               environment="MODEL_ID=weights/stories-llama")  # fmt: skip
    (folder / "cog.yaml").write_text(config, "utf-8")
    requirements = SMALL if small else LARGE
    locks = {}
    for tqdm in TQDM:
        (folder / "requirements.txt").write_text(requirements.format(tqdm=tqdm))
        cogsmith = str(ROOT / ".venv" / "bin" / "cogsmith")
        done = subprocess.run(
            [cogsmith, "lock"], cwd=folder, env={**os.environ, **environment}, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"cogsmith lock: {done.stderr[-2000:]}")
        locks[tqdm] = (folder / "pylock.toml").read_bytes()
    made = Project(folder=folder, code=code, requirements=requirements, locks=locks, small=small)
    made.depend(TQDM[0])
    return made


def prime(store: Path, reference: str) -> None:
    """Bring a base image into a store, as `docker pull` brings it into an engine."""
    with Client() as client:
        client.pull(Reference.parse(reference), Layout.create(store), Platform.parse("linux/amd64"))


def push_tar(path: Path, reference: str) -> None:
    """Push a file system as an image of one layer, with Docker's tools out of the way."""

    def pieces() -> Iterator[bytes]:
        with path.open("rb") as file:
            while data := file.read(CHUNK):
                yield data

    config = ImageConfig(
        platform=Platform.parse("linux/amd64"),
        config=ContainerConfig(env=(PATH,), cmd=("python3.11",)),
        history=(History(created_by="mmdebstrap"),),  # buildah counts
    )
    image = Image.of(config, [layer(pieces)])
    with Client() as client:
        client.push(client.plan_push(Reference.parse(reference), Shipment.of(image)))


def image_in(store: Path, reference: str) -> Image:
    """An image of ours."""
    layout = Layout.at(store)
    return layout.image(layout.find(Reference.parse(reference)))


def peel(image: Image, context: Path) -> list[str]:
    """Take the server's files out of an image of ours, for others; its packages' versions."""
    for one in image.layers:
        with one.uncompressed() as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            archive.extractall(context, members=_server(archive), filter="data")
    return sorted(path.name for path in (context / "opt" / "cogsmith").iterdir())


def _server(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in archive:
        if member.name.startswith("opt/cogsmith/"):
            yield member


def dockerfile(image: Image, base: str, index: str, mount: str, project: Project) -> str:
    """The equivalent Dockerfile, as one writes it to have most from the cache of layers."""
    config = image.config.config
    pip = f"/tmp/uv pip install -q --python /opt/venv --no-index --find-links {index}/ --no-deps"
    install = (
        f"from urllib.request import urlretrieve as get; get('{index}/uv', '/tmp/uv')",
        "chmod 755 /tmp/uv",
        "/tmp/uv venv -q --python /usr/bin/python3.11 /opt/venv",
        f"{pip} --link-mode copy --compile-bytecode -r /tmp/requirements.txt",
        "rm /tmp/uv",
    )
    command = f'/usr/bin/python3.11 -c "{install[0]}" && ' + " && ".join(install[1:])
    variables = [entry.partition("=")[::2] for entry in config.env]
    lines = [
        f"FROM {base}",
        "COPY requirements.txt /tmp/requirements.txt",
        "ARG ROUND",
        f"RUN {mount} {command}",
        "COPY opt/cogsmith /opt/cogsmith",
        *(f"ENV {name}={json.dumps(value)}" for name, value in variables if name != "HOME"),
        "WORKDIR /src",
        "EXPOSE 5000",
        f"CMD {json.dumps(list(config.cmd or ()))}",
        *_copies(project),
    ]
    if config.entrypoint:
        lines.insert(-1, f"ENTRYPOINT {json.dumps(list(config.entrypoint))}")
    return "\n".join(lines) + "\n"


def _copies(project: Project) -> list[str]:
    """What changes least comes first."""
    if project.small:
        return ["COPY code /src"]
    return ["COPY code/weights /src/weights", "COPY code/predictors /src/predictors",
            "COPY code/cog.yaml code/pylock.toml code/requirements.txt /src/"]  # fmt: skip
