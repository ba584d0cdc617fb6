"""Files that come with a prediction, and files that leave it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.prediction.receiver import Answers, Receiver, Reply, replies
from tests.serving.conftest import Serve
from tests.serving.server import Server, until

Receivers = Callable[[Answers], Receiver]
HELLO = "data:text/plain;base64," + base64.b64encode(b"hello").decode()
SHOUTED = "data:text/plain;base64," + base64.b64encode(b"HELLO").decode()


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """The temporary folder of server and worker."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def left(temporary: Path) -> list[Path]:
    return [path for path in temporary.rglob("*") if path.is_file()]


def test_a_data_uri_comes_in_and_another_goes_out(fresh: Serve, temporary: Path) -> None:
    server = fresh("files", TMPDIR=str(temporary))
    reply = server.predict(files=[HELLO])
    assert (reply["status"], reply["output"]) == ("succeeded", [SHOUTED])
    until(lambda: not left(temporary))


def test_a_file_is_fetched_from_its_url(
    fresh: Serve, receivers: Receivers, temporary: Path
) -> None:
    store = receivers(lambda _seen, _number: Reply(body=b"hello"))
    server = fresh("files", TMPDIR=str(temporary))
    assert server.predict(files=[f"{store.url}/in.txt", HELLO])["output"] == [SHOUTED] * 2
    assert [seen.path for seen in store.seen] == ["/in.txt"]
    until(lambda: not left(temporary))


def test_a_file_that_cannot_be_fetched_fails_the_prediction(
    serve: Serve, receivers: Receivers
) -> None:
    store = receivers(replies(404))
    reply = serve("files").predict(files=[f"{store.url}/in.txt?signature=secret"])
    assert (reply["status"], f"{store.url}/in.txt" in reply["error"]) == ("failed", True)
    assert "signature" not in reply["error"]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "/etc/passwd", "passwd", "ftp://a/b", ""])
def test_a_path_of_the_servers_own_is_no_clients_business(serve: Serve, url: str) -> None:
    answer = serve("files").post("/predictions", {"input": {"files": [HELLO, url]}})
    (fault,) = answer.json["detail"]
    assert answer.status == 422
    assert fault["loc"] == ["body", "input", "files/1"]


def test_files_are_uploaded_where_the_server_was_told(
    fresh: Serve, receivers: Receivers, temporary: Path
) -> None:
    where = {"location": "http://store.example/kept/a.txt?signature=1"}
    store = receivers(lambda _seen, _number: Reply(201, where))
    server = fresh("files", "--upload-url", f"{store.url}/bucket", TMPDIR=str(temporary))
    server.begin("p", {"files": [HELLO]})
    state = server.ended("p")
    assert state["output"] == ["http://store.example/kept/a.txt"]
    (seen,) = store.seen
    assert (seen.method, seen.path, seen.body) == ("PUT", "/bucket/shouted.txt", b"HELLO")
    assert (seen.headers["x-prediction-id"], seen.headers["content-type"]) == ("p", "text/plain")
    until(lambda: not left(temporary))


def test_a_request_may_say_where_its_files_go(serve: Serve, receiver: Receiver) -> None:
    body = {"input": {"files": [HELLO]}, "output_file_prefix": f"{receiver.url}/mine/"}
    reply = serve("files").post("/predictions", body).json
    assert reply["output"] == [f"{receiver.url}/mine/shouted.txt"]
    assert receiver.bodies == [b"HELLO"]


def test_an_upload_is_tried_again(serve: Serve, receivers: Receivers) -> None:
    store = receivers(replies(503, 200))
    body = {"input": {"files": [HELLO]}, "output_file_prefix": store.url}
    assert serve("files").post("/predictions", body).json["status"] == "succeeded"
    assert store.bodies == [b"HELLO"] * 2


def test_an_upload_that_is_refused_fails_the_prediction_and_frees_its_slot(
    serve: Serve, receivers: Receivers
) -> None:
    store = receivers(replies(403))
    server: Server = serve("files")
    body = {"input": {"files": [HELLO] * 3}, "output_file_prefix": f"{store.url}/x?key=secret"}
    for _ in range(5):  # whether the worker has done with it by then, or not
        reply = server.post("/predictions", body).json
        assert (reply["status"], "secret" in json.dumps(reply)) == ("failed", False)
        assert "shouted.txt was not taken" in reply["error"]
        assert server.predict(files=[HELLO])["output"] == [SHOUTED]


def test_a_prediction_can_be_canceled_while_its_files_are_uploaded(
    serve: Serve, receivers: Receivers
) -> None:
    released: list[bool] = []

    def slowly(_seen: object, _number: int) -> Reply:
        until(lambda: released)
        return Reply()

    store = receivers(slowly)
    server: Server = serve("files")
    server.begin("p", {"files": [HELLO] * 100}, output_file_prefix=store.url)
    until(lambda: store.seen)
    assert server.cancel("p") == 200
    state = server.ended("p")
    released.append(True)
    assert (state["status"], state["output"]) == ("canceled", [])


def test_an_input_that_goes_out_again_is_whole(fresh: Serve, temporary: Path) -> None:
    server = fresh("files", TMPDIR=str(temporary))
    reply = server.predict(files=[HELLO], back=True)
    assert reply["output"] == [HELLO]
    until(lambda: not left(temporary))


def test_a_file_that_is_too_large_for_an_answer_fails_with_words(fresh: Serve) -> None:
    server = fresh("files", COGSMITH_FILE_LIMIT="4")
    reply = server.predict(files=[HELLO])
    assert reply["status"] == "failed"
    assert "shouted.txt" in reply["error"]


def test_the_deprecated_file_type_works(serve: Serve) -> None:
    output = serve("open_file").predict(file=HELLO)["output"]
    assert base64.b64decode(output.partition("base64,")[2]) == b"HELLO"


def test_files_of_a_prediction_whose_client_left_are_tidied_too(
    fresh: Serve, temporary: Path
) -> None:
    server = fresh("files", TMPDIR=str(temporary))
    server.begin("p", {"files": [HELLO] * 50})
    server.cancel("p")
    server.ended("p")
    until(lambda: not left(temporary))
