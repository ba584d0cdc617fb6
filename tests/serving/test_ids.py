"""Ids that clients choose: whatever they are, they are names and never paths."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.serving.conftest import Serve
from tests.serving.server import EVENTS

STRANGE = [
    "../../x", "/etc/passwd", "a/b/cancel", "..", ".", "a b", "ä\u20ac\U0001f600", "%2e%2e%2f",
    "a?b#c", "'; drop table", "x" * 256, "\\..\\..", "a%00", "{id}", "cancel",
]  # fmt: skip
REFUSED = ["", "x" * 257, "a\nb", "a\x00b", "\x1b[31m", "\x7f", "a\u2028b"]


def files(project: Path) -> list[Path]:
    return sorted(path for path in project.parent.rglob("*") if "__pycache__" not in path.parts)


def test_a_strange_id_is_a_name(fresh: Serve, project: Path) -> None:
    (project / "predict.py").write_text(
        "class Predictor:\n    def predict(self, text: str = '') -> str:\n        return text\n"
    )
    server = fresh("predict", project=project, TMPDIR=str(project.parent))
    before = files(project)
    for name in STRANGE:
        path = f"/predictions/{quote(name, safe='')}"
        for answer in (
            server.post("/predictions", {"id": name, "input": {"text": "hi"}}),
            server.put(path, {"id": name, "input": {"text": "hi"}}),
            server.get(path),
        ):
            assert (answer.status, answer.json["id"], answer.json["output"]) == (200, name, "hi")
        assert server.post(f"{path}/cancel").status == 404
    assert files(project) == before
    assert server.predict(text="still here")["output"] == "still here"


@pytest.mark.parametrize("name", REFUSED)
def test_an_id_that_could_do_harm_is_refused(serve: Serve, name: str) -> None:
    server = serve("echo")
    answer = server.post("/predictions", {"id": name, "input": {}})
    assert (answer.status, answer.json["detail"][0]["loc"]) == (422, ["body", "id"])
    path = f"/predictions/{quote(name, safe='')}"
    if name:
        assert server.put(path, {"input": {}}).status == 422
    assert server.get(path).status in (404, 405)
    assert server.post(f"{path}/cancel").status == 404


def test_a_running_prediction_of_a_strange_id_can_be_canceled(serve: Serve) -> None:
    server = serve("async_sleep")
    name = "../../x y/%2f"
    path = f"/predictions/{quote(name, safe='')}"
    server.begin(name, {"seconds": 3600})
    assert server.get(path).json["id"] == name
    assert server.post(f"{path}/cancel").status == 200


def test_an_id_is_written_into_events_as_json(serve: Serve) -> None:
    server = serve("narrated")
    name = '"}\\ \U0001f600'
    stream = server.stream("POST", "/predictions", {"id": name, "input": {}})
    found = stream.rest()
    assert (found[0].data["id"], found[-1].data["id"]) == (name, name)
    assert stream.headers["content-type"] == EVENTS
