"""Trained, pushed, pulled and served beside the base: with it and without it, at the same time."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.real.projects import COGSMITH
from tests.registry.real import RealRegistry

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.registry, pytest.mark.engine]

EXAMPLES = [
    {"prompt": "Once upon a time", "completion": " a robot sang on the moon."},
    {"prompt": "Tom saw a dog.", "completion": " The dog was a robot."},
]
ASKED = {"prompt": "Once upon a time", "max_tokens": 16, "temperature": 0.0}
PATIENCE = 240.0  # seconds; only what hangs ever gets there


@contextlib.contextmanager
def serving(folder: Path, environ: dict[str, str]) -> Iterator[str]:
    """The repository's own model on a port of its own, loaded; its address."""
    words = [COGSMITH, "serve", "-f", str(ROOT / "cog.yaml"), "--port", "0", "--progress", "plain"]
    process = subprocess.Popen(
        words, cwd=folder, env={**os.environ, **environ}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    told = ""
    try:
        for line in process.stderr:
            told += line
            if found := re.search(r"http://(localhost:\d+) has a page", line):
                yield found[1]
                return
        raise AssertionError(told)
    finally:
        process.stderr.close()
        process.terminate()
        process.wait(60)


def post(address: str, path: str, **inputs: object) -> dict[str, Any]:
    connection = http.client.HTTPConnection(address, timeout=PATIENCE)
    body = json.dumps({"input": inputs})
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    found: dict[str, Any] = json.loads(answer.read())
    connection.close()
    assert (answer.status, found.get("status")) == (200, "succeeded"), found
    return found


def said(address: str, **inputs: object) -> str:
    return "".join(post(address, "/predictions", **{**ASKED, **inputs})["output"])


def url(data: bytes) -> str:
    return f"data:application/octet-stream;base64,{base64.b64encode(data).decode()}"


@pytest.mark.timeout(600)
def test_trained_pushed_pulled_and_served_beside_the_base(
    registry: RealRegistry, base_reference: str, shared_cache: Path, tmp_path: Path
) -> None:
    shelf = tmp_path / "adapters"
    environ = {
        "COGSMITH_CACHE_DIR": str(shared_cache), "ADAPTERS_DIR": str(shelf), "OMP_NUM_THREADS": "1",
    }  # fmt: skip

    def cogsmith(*words: str) -> str:
        done = subprocess.run(
            [COGSMITH, *words], cwd=tmp_path, env={**os.environ, **environ}, text=True,
            capture_output=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    there = f"{registry.host}/ada/robot:1"
    with serving(tmp_path, environ) as address:
        before = said(address)
        lines = "".join(json.dumps(one) + "\n" for one in EXAMPLES)
        training = post(
            address, "/trainings", dataset=url(lines.encode()), epochs=30, learning_rate=0.005
        )
        assert training["metrics"]["loss"] < training["metrics"]["first_loss"]
        made = tmp_path / "adapter.tar"
        made.write_bytes(base64.b64decode(training["output"]["weights"].partition(",")[2]))

        sent = registry.count("POST /v2/base/")
        pushed = cogsmith("adapters", "push", str(made), there, "--base", base_reference)
        assert pushed.startswith(f"{registry.host}/ada/robot@sha256:")
        assert registry.count("POST /v2/base/") == sent  # nothing of the base was pushed
        cogsmith("adapters", "pull", there)

        assert said(address, adapter="robot") == " a robot sang on the moon."
        assert said(address, adapter_file=url(made.read_bytes())) == " a robot sang on the moon."
        assert said(address) == before != " a robot sang on the moon."

    # Its result is a version like any other: a server that starts with it answers with it.
    with serving(tmp_path, {**environ, "COG_WEIGHTS": str(made)}) as address:
        assert said(address) == " a robot sang on the moon."
        assert said(address, adapter="base") == before
