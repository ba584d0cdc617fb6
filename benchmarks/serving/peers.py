"""The servers that are compared, each in an environment of its own, made on first use.

Ours and Cog's serve the very same predictor files (``predictors/``), Cog's with the OpenAPI
document that ``cog build`` would have written; the others serve the same functions as one
writes them for them (``apps/``). Versions are pinned in ``requirements/``.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cogsmith.signature import load as load_signature
from cogsmith.signature import openapi
from serving.load import CACHE

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WORKS = ("async_echo", "sync_echo", "async_stream", "sync_stream")
SLOTS = 64


@dataclass(frozen=True, kw_only=True)
class Start:
    """How a server is started for some work: its command, folder and environment."""

    words: Sequence[str]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A way to serve: which works one server of it has, and how it is started and asked."""

    name: str
    start: Callable[[str, int, Path], Start]  # a work, a port, an empty folder
    together: bool = False  # one server has all works
    route: str = "/{work}"
    packages: Sequence[str] = ()

    def servers(self) -> list[tuple[str, ...]]:
        """The works of each of its servers."""
        return [WORKS] if self.together else [(work,) for work in WORKS]


def environment(name: str) -> Path:
    """The Python of the environment with the packages of ``requirements/NAME.txt``."""
    requirements = HERE / "requirements" / f"{name}.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = CACHE / f"{name}-{digest}-py{version}"
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        print(f"making {folder} …", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "-r", str(requirements)]
        subprocess.run(install, check=True, stderr=subprocess.DEVNULL)
        (folder / "made").touch()
    return python


def versions(python: Path) -> dict[str, str]:
    """What is installed beside an interpreter."""
    ask = ("import importlib.metadata as m, json, platform;"
           "print(json.dumps({'python': platform.python_version(),"
           "**{d.name.lower(): d.version for d in m.distributions()}}))")  # fmt: skip
    told = subprocess.run([str(python), "-c", ask], check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(told.stdout)
    return dict(sorted(found.items()))


def project(work: str, folder: Path) -> Mapping[str, str]:
    """Make a Cog project of one predictor; the variables that start it."""
    make_project(HERE / "predictors" / f"{work}.py", folder)
    variables = {"COG_PREDICT_TYPE_STUB": "predict.py:Predictor"}
    if work.startswith("async"):
        variables["COG_MAX_CONCURRENCY"] = str(SLOTS)
    return variables


def make_project(predictor: Path, folder: Path) -> None:
    """Make a Cog project of one file, as ``cog build`` leaves it: with the OpenAPI document."""
    shutil.copy(predictor, folder / "predict.py")
    (folder / "cog.yaml").write_text('predict: "predict.py:Predictor"\n', "utf-8")
    schema = folder / ".cog" / "openapi_schema.json"
    schema.parent.mkdir()
    document = openapi(load_signature(folder, "predict.py:Predictor"))
    schema.write_text(json.dumps(document), "utf-8")


def start_ours(work: str, port: int, folder: Path) -> Start:
    words = [sys.executable, "-m", "cogsmith.runtime"]
    variables = {**project(work, folder), "PORT": str(port)}
    return Start(words=words, folder=folder, environment=variables)


def start_cog(work: str, port: int, folder: Path) -> Start:
    python = environment("cog")
    variables = {**project(work, folder), "PORT": str(port), **activated(python)}
    words = [str(python), "-m", "cog.server.http"]
    return Start(words=words, folder=folder, environment=variables)


def activated(python: Path) -> Mapping[str, str]:
    """An environment's programs first: coglet starts its worker as ``python``."""
    return {"PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def start_litserve(work: str, port: int, folder: Path) -> Start:
    app = HERE / "apps" / "litserve_app.py"
    return Start(words=[str(environment("litserve")), str(app), work, str(port)], folder=folder)


def start_bentoml(_: str, port: int, folder: Path) -> Start:
    words = [
        str(environment("bentoml")), "-m", "bentoml", "serve", "bentoml_app:Work",
        "--host", "127.0.0.1", "--port", str(port), "--working-dir", str(HERE / "apps"),
    ]  # fmt: skip
    return Start(words=words, folder=folder, environment={
        "BENTOML_DO_NOT_TRACK": "1", "BENTOML_HOME": str(folder),
    })  # fmt: skip


def start_fastapi(_: str, port: int, folder: Path) -> Start:
    words = [str(environment("fastapi")), "-m", "uvicorn", "fastapi_app:app", "--app-dir",
             str(HERE / "apps"), "--loop", "uvloop", "--http", "httptools", "--no-access-log",
             "--log-level", "warning", "--host", "127.0.0.1", "--port", str(port)]  # fmt: skip
    return Start(words=words, folder=folder)


PEERS = {
    peer.name: peer
    for peer in (
        Peer(name="cogsmith", start=start_ours, route="/predictions",
             packages=("uvloop", "httptools", "msgspec")),
        Peer(name="cog", start=start_cog, route="/predictions", packages=("cog", "coglet")),
        Peer(name="litserve", start=start_litserve,
             packages=("litserve", "fastapi", "starlette", "uvicorn", "uvloop", "httptools")),
        Peer(name="bentoml", start=start_bentoml, together=True,
             packages=("bentoml", "starlette", "uvicorn", "uvloop", "httptools")),
        Peer(name="fastapi", start=start_fastapi, together=True,
             packages=("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic")),
    )
}  # fmt: skip


def python_of(peer: str) -> Path:
    return Path(sys.executable) if peer == "cogsmith" else environment(peer)


def commit() -> str:
    """The commit that is measured, with a + when the tree differs from it."""
    words = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--abbrev=12"]
    told = subprocess.run(words, check=False, capture_output=True, text=True)
    return told.stdout.strip() or "unknown"


def machine() -> dict[str, str | int]:
    """What the figures were measured on."""
    told = Path("/proc/cpuinfo").read_text("utf-8")
    models = [line.partition(":")[2].strip() for line in told.splitlines() if "model name" in line]
    system = os.uname()
    return {"processor": models[0] if models else system.machine, "cores": os.cpu_count() or 0,
            "system": f"{system.sysname} {system.release}"}  # fmt: skip
