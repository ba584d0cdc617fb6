"""Hub ids, against a small hub of our own that speaks the hub's HTTP."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

pytest.importorskip("huggingface_hub", reason="needs an environment with torch and transformers")

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parent.parent.parent
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FIND = """
import sys
sys.path.insert(0, sys.argv[1])
from cogsmith.engine.transformers.source import find
from cogsmith.errors import CheckpointError
try:
    print(*sorted(path.name for path in find(*sys.argv[2:]).folder.iterdir()))
except CheckpointError as error:
    print(error, "|", error.hint)
"""


class Hub(http.server.BaseHTTPRequestHandler):
    """The folders under ``root`` as models ``org/NAME``; ``org/gated`` is gated."""

    root = Path()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        about = parts[:2] == ["api", "models"]
        name = parts[3] if about else parts[1]
        folder = self.root / name
        if name == "gated":
            self.answer(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "ask"})
        elif not folder.is_dir():
            self.answer(404, b"", {"X-Error-Code": "RepoNotFound"})
        elif about and "tree" in parts:
            self.answer(200, json.dumps([self.entry(path) for path in folder.iterdir()]).encode())
        elif about:
            files = [{"rfilename": path.name} for path in folder.iterdir()]
            document = {"id": f"org/{name}", "sha": COMMIT, "siblings": files}
            self.answer(200, json.dumps(document).encode())
        else:
            data = (folder / parts[-1]).read_bytes()
            etag = f'"{hashlib.sha256(data).hexdigest()}"'
            self.answer(200, data, {"ETag": etag, "X-Repo-Commit": COMMIT})

    def entry(self, path: Path) -> dict[str, object]:
        return {"type": "file", "path": path.name, "size": path.stat().st_size, "oid": "0" * 40}

    def answer(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def find(tmp_path: Path, checkpoints: Path, engine_python: Path) -> Iterator[Callable[..., str]]:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "tiny").symlink_to(checkpoints / "tiny-llama")
    (tmp_path / "hub" / "pickled").mkdir()
    (tmp_path / "hub" / "pickled" / "config.json").write_text("{}")
    (tmp_path / "hub" / "pickled" / "pytorch_model.bin").write_bytes(b"cos\nsystem\n")
    handler = type("TheHub", (Hub,), {"root": tmp_path / "hub"})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    environment = {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
        "PATH": os.environ["PATH"],
    }

    def run(*words: str, **more: str) -> str:
        told = subprocess.run(
            [engine_python, "-c", FIND, str(ROOT), *words],
            env=environment | more, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert told.returncode == 0, told.stderr
        return told.stdout.strip()

    yield run
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_hub_id_is_downloaded_once_and_then_read_without_the_hub(
    find: Callable[..., str], checkpoints: Path
) -> None:
    files = " ".join(sorted(path.name for path in (checkpoints / "tiny-llama").iterdir()))
    assert find("org/tiny") == files
    assert find("org/tiny", COMMIT) == files
    assert find("org/tiny", HF_HUB_OFFLINE="1") == files
    assert find("org/tiny", HF_ENDPOINT="http://127.0.0.1:9") == files


def test_what_the_hub_refuses_is_told_with_what_to_do(find: Callable[..., str]) -> None:
    assert find("org/gated").startswith("org/gated: the model is gated | ask for access")
    nothing = "org/nothing: no such folder here, and no such model or revision on the hub | "
    assert find("org/nothing").startswith(nothing)
    assert find("org/nothing", "v2").startswith("org/nothing@v2: no such folder here")


def test_pickles_are_refused_before_the_download(find: Callable[..., str]) -> None:
    assert "the weights are pickled (pytorch_model.bin)" in find("org/pickled")


def test_a_hub_that_does_not_answer(find: Callable[..., str]) -> None:
    for more in ({"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}):
        told = find("org/tiny", **more)
        assert told.startswith("org/tiny: no such folder here, and the hub cannot be reached")
