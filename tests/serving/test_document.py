"""The server against its own OpenAPI document: what fits it, and much that does not."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving.conftest import Serve
from tests.serving.server import PATIENCE

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance"
)


@pytest.mark.skipif(
    importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed"
)
def test_the_document_tells_the_truth_and_nothing_is_an_error_of_the_servers(
    fresh: Serve, tmp_path: Path
) -> None:
    server = fresh("language_model", COG_TRAIN_TYPE_STUB="function.py:train")
    command = Path(sys.executable).with_name("schemathesis")
    run = subprocess.run(
        (
            command, "run", f"{server.url}/openapi.json", "--exclude-tag", "shutdown",
            "--generation-deterministic", "--max-examples", "5", "--checks", CHECKS, "--no-color",
        ),
        cwd=tmp_path, env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=3 * PATIENCE, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert server.health()["status"] in ("READY", "BUSY")
    assert not any("a bug of ours" in line for line in server.said)


def test_no_bytes_are_an_error_of_the_servers(serve: Serve) -> None:
    server = serve("language_model")

    @settings(max_examples=100, derandomize=True, database=None)
    @given(body=st.binary(max_size=200) | st.text(alphabet='{}[]":,0e-n\\u', max_size=40))
    def ask(body: bytes | str) -> None:
        data = body.encode() if isinstance(body, str) else body
        for path in ("/predictions", "/v1/chat/completions"):
            assert server.post(path, data).status in (200, 400, 422)

    ask()
    assert not any("a bug of ours" in line for line in server.said)
