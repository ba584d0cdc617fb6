"""How the server says it stands, from its start to its end."""

from __future__ import annotations

import platform
from pathlib import Path

import cog
import pytest

from tests.serving.conftest import Serve
from tests.serving.server import Server, until


def probes(server: Server) -> tuple[int, int]:
    """The statuses of /livez and /readyz."""
    return server.get("/livez").status, server.get("/readyz").status


def test_ready(serve: Serve) -> None:
    server = serve("noisy")
    answer = server.get("/health-check")
    health = answer.json
    assert answer.body.startswith(b'{"status":"READY"')
    assert "user_healthcheck_error" not in health
    assert health["version"]["python"] == platform.python_version()
    assert health["version"]["cog"] == cog.__version__
    setup = health["setup"]
    assert (setup["status"], setup["started_at"] <= setup["completed_at"]) == ("succeeded", True)
    for line in (
        "Spawning worker subprocess", "File descriptor redirection complete",
        "Connected to slot transport", "Server ready", "setting up",
    ):  # fmt: skip
        assert f"{line}\n" in setup["logs"]
    assert "Setup complete, now accepting requests" not in setup["logs"]
    assert probes(server) == (200, 200)


def test_starting(fresh: Serve) -> None:
    server = fresh("never_set_up", HOW="hang", wait=False)
    health = until(lambda: "loading" in (now := server.health())["setup"]["logs"] and now)
    assert (health["status"], health["setup"]["status"]) == ("STARTING", "starting")
    assert "completed_at" not in health["setup"]
    assert probes(server) == (200, 503)
    answer = server.post("/predictions", {"input": {}})
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.json == {
        "error": "Setup has not finished yet. Wait until it has finished, "
        "or GET /health-check for status.",
        "status": "failed",
    }


def test_busy(fresh: Serve) -> None:
    server = fresh("sleep")
    server.begin("p", {"seconds": 3600})
    assert server.health()["status"] == "BUSY"
    assert probes(server) == (200, 200)
    server.cancel("p")
    server.is_("READY")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("raise", "no weights"),
        ("exit", "SystemExit: 4"),
        ("die", "exit code 5"),
        ("hang", "setup() has not ended after 0.5 seconds"),
    ],
)
def test_a_setup_that_fails(fresh: Serve, how: str, words: str) -> None:
    limit = {"COG_SETUP_TIMEOUT": "0.5"} if how == "hang" else {}
    server = fresh("never_set_up", HOW=how, wait=False, **limit)
    health = server.is_("SETUP_FAILED")
    assert health["setup"]["status"] == "failed"
    assert words in health["setup"]["logs"]
    assert "loading weights" in health["setup"]["logs"]
    assert "completed_at" in health["setup"]
    assert probes(server) == (503, 503)
    answer = server.post("/predictions", {"input": {}})
    assert (answer.status, answer.json["status"]) == (503, "failed")
    assert words in answer.json["error"]
    assert not server.workers


def test_code_that_cannot_be_loaded(fresh: Serve, project: Path) -> None:
    code = "import not_installed\n\n\nclass Predictor:\n    def predict(self) -> str: ...\n"
    (project / "predict.py").write_text(code)
    server = fresh("predict", project=project, wait=False)
    health = server.is_("SETUP_FAILED")
    assert "not_installed" in health["setup"]["logs"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("false", "user-defined healthcheck returned False"),
        ("raise", "the GPU fell off"),
        ("exit", "SystemExit: 1"),
        ("hang", "timed out after 5.0 seconds"),
    ],
)
def test_unhealthy(fresh: Serve, how: str, words: str) -> None:
    server = fresh("healthy")
    assert server.health()["status"] == "READY"
    server.predict(how=how)
    health = server.health()
    assert (health["status"], words in health["user_healthcheck_error"]) == ("UNHEALTHY", True)
    assert probes(server) == (200, 200)
    server.predict(how="ok")
    health = server.health()
    assert (health["status"], "user_healthcheck_error" in health) == ("READY", False)


def test_unhealthy_of_an_async_predictor(fresh: Serve) -> None:
    server = fresh("async_healthy")
    server.predict(how="false")
    health = server.health()
    assert health["user_healthcheck_error"] == "user-defined healthcheck returned False"


def test_the_index_lists_what_there_is(serve: Serve) -> None:
    index = serve("echo").get("/").json
    assert index.pop("cogsmith_version")
    assert index == {
        "cog_version": cog.__version__, "docs_url": "/docs", "openapi_url": "/openapi.json",
        "shutdown_url": "/shutdown", "healthcheck_url": "/health-check",
        "predictions_url": "/predictions",
        "predictions_idempotent_url": "/predictions/{prediction_id}",
        "predictions_cancel_url": "/predictions/{prediction_id}/cancel",
    }  # fmt: skip


def test_setup_gets_the_weights(fresh: Serve) -> None:
    server = fresh("set_up", COG_WEIGHTS="weights/w.bin")
    assert server.predict()["output"].endswith("weights/w.bin")


def test_a_predictor_that_is_not_there_ends_the_server_with_words(fresh: Serve) -> None:
    with pytest.raises(AssertionError, match="nowhere"):
        fresh("nowhere")


def test_settings_that_mean_nothing_are_all_told(fresh: Serve) -> None:
    with pytest.raises(AssertionError) as caught:
        fresh("echo", COGSMITH_QUEUE="many", COGSMITH_DRAIN="-1")
    assert "COGSMITH_QUEUE" in str(caught.value)
    assert "COGSMITH_DRAIN" in str(caught.value)


def test_the_document_is_that_of_the_model(serve: Serve) -> None:
    document = serve("echo").get("/openapi.json").json
    assert document["info"]["title"] == "predictors"
    assert "text" in document["components"]["schemas"]["Input"]["properties"]
