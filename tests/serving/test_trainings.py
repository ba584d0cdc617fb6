"""Trainings: as predictions, with a worker of their own that is started for the first one."""

from __future__ import annotations

import pytest

from tests.prediction.receiver import Receiver
from tests.serving.conftest import Serve
from tests.serving.server import EVENTS, Server, until


@pytest.fixture
def trainer(serve: Serve) -> Server:
    return serve("function.py:predict", COG_TRAIN_TYPE_STUB="function.py:train")


def test_a_training_gives_its_output(trainer: Server) -> None:
    answer = trainer.post("/trainings", {"input": {"steps": 3}})
    reply = answer.json
    assert (answer.status, reply["status"]) == (200, "succeeded")
    assert (reply["output"], reply["logs"]) == ({"weights": "trained.safetensors"}, "3 steps\n")


def test_its_worker_is_started_when_it_is_needed(fresh: Serve) -> None:
    trainer = {"COG_TRAIN_TYPE_STUB": "function.py:train", "COGSMITH_QUEUE": "0"}
    server = fresh("function.py:predict", **trainer)
    assert len(server.workers) == 1
    assert server.post("/trainings", {"input": {}}).json["status"] == "succeeded"
    assert len(server.workers) == 2
    assert server.predict(text="hi")["output"] == "Hi"


def test_trainings_and_predictions_do_not_mix(trainer: Server) -> None:
    trainer.put("/trainings/t", {"input": {}})
    assert trainer.get("/trainings/t").json["status"] == "succeeded"
    assert trainer.get("/predictions/t").status == 404
    assert trainer.post("/trainings/t/cancel").status == 404


def test_a_training_goes_on_by_itself_and_tells_its_webhook(
    trainer: Server, receiver: Receiver
) -> None:
    body = {"id": "later", "input": {}, "webhook": receiver.url}
    answer = trainer.post("/trainings", body, prefer="respond-async")
    assert (answer.status, answer.json["status"]) == (202, "starting")
    until(lambda: receiver.seen and b'"succeeded"' in receiver.bodies[-1])


def test_wrong_inputs_and_ids_are_refused(trainer: Server) -> None:
    wrong = trainer.post("/trainings", {"input": {"steps": "many"}})
    assert wrong.json["detail"][0]["loc"] == ["body", "input", "steps"]
    other = trainer.put("/trainings/a", {"id": "b"})
    words = "training ID must match the ID supplied in the URL"
    assert (other.status, other.json["detail"][0]["msg"]) == (422, words)


def test_trainings_do_not_stream(trainer: Server) -> None:
    answer = trainer.post("/trainings", {"input": {}}, accept=EVENTS)
    assert (answer.status, answer.json) == (
        406, {"error": "Training endpoints do not support streaming responses."},
    )  # fmt: skip


def test_the_index_and_the_document_know_of_them(trainer: Server) -> None:
    assert trainer.get("/").json["trainings_cancel_url"] == "/trainings/{training_id}/cancel"
    assert "/trainings" in trainer.get("/openapi.json").json["paths"]


def test_without_a_trainer_there_are_none(serve: Serve) -> None:
    server = serve("echo")
    assert server.post("/trainings", {"input": {}}).status == 404
    assert "trainings_url" not in server.get("/").json
