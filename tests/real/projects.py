"""Projects to build images of, and the command that a person types in them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cogsmith.oci import Image, Layout, Reference, validate

COGSMITH = str(Path(sys.executable).parent / "cogsmith")
PATIENCE = 240.0  # seconds; only what hangs ever gets there
NOWHERE = "unix:///nonexistent/docker.sock"

CONFIG = """\
build:
  gpu: false
  python_version: "3.11"
  python_packages: [{packages}]
predict: predict.py:Predictor
"""
PREDICTOR = '''\
"""Says again what it hears."""

import os
import time

from cog import BasePredictor, ConcatenateIterator, streaming


class Predictor(BasePredictor):
    def setup(self) -> None:
        self.who = os.getuid()

    @streaming
    def predict(
        self, text: str, times: int = 3, pause: float = 0.0
    ) -> ConcatenateIterator[str]:
        """Say it so many times."""
        for _ in range(times):
            yield text
            time.sleep(pause)
'''


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def digest(self) -> str:
        """What stands alone on standard output."""
        assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", self.out), self.out + self.err
        return self.out.strip()

    def failed(self, *words: str) -> None:
        """It ended with a known error, which says these words."""
        assert self.code == 1, self.out + self.err
        assert "error:" in self.err
        assert "bug of ours" not in self.err
        for word in words:
            assert word in self.err


@dataclass
class Project:
    """A folder with a model, the variables it is built with, and the store of its images."""

    folder: Path
    environ: dict[str, str]
    prefix: Sequence[str] = field(default_factory=tuple)

    @property
    def store(self) -> Path:
        return Path(self.environ["COGSMITH_STORE"])

    def start(self, *words: str) -> subprocess.Popen[str]:
        """A command under way, in a session of its own."""
        return subprocess.Popen(
            [*self.prefix, COGSMITH, *words], cwd=self.folder, env=self.variables(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    def __call__(self, *words: str, check: bool = True) -> Done:
        """Run a command to its end; it must go well, if not told otherwise."""
        done = ended(self.start(*words))
        assert not check or done.code == 0, done.err
        return done

    def variables(self) -> dict[str, str]:
        kept = {
            name: value for name, value in os.environ.items() if name not in ("DOCKER_HOST", "TZ")
        }
        return {**kept, **self.environ}

    def image(self, name: str) -> Image:
        """An image of the store, found right to its last byte."""
        layout = Layout.at(self.store)
        image = layout.image(layout.find(Reference.parse(name)))
        assert validate(image) == ()
        return image

    def twin(self, folder: Path, **environ: str) -> Project:
        """The same project in another folder, with a store of its own."""
        shutil.copytree(self.folder, folder)
        store = {"COGSMITH_STORE": str(folder.with_name(f"{folder.name}-store"))}
        return Project(folder, {**self.environ, **store, **environ}, self.prefix)


def ended(process: subprocess.Popen[str]) -> Done:
    """A command's end; one that hangs is killed, and that is a failure."""
    with process:
        try:
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    return Done(process.returncode, out, err)


def write(folder: Path, environ: Mapping[str, str], *, packages: Sequence[str] = ()) -> Project:
    """A model that streams what it hears."""
    folder.mkdir(parents=True)
    (folder / "cog.yaml").write_text(CONFIG.format(packages=", ".join(packages)))
    (folder / "predict.py").write_text(PREDICTOR)
    return Project(folder, {"DOCKER_HOST": NOWHERE, "NO_COLOR": "1", **environ})
