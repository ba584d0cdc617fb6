"""What goes in and what comes out: files, secrets, values of all kinds, metrics."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from cogsmith.prediction import Event, Metric, Output, Prediction, Status
from cogsmith.runtime import Worker
from tests.runtime.harness import events, finished, metrics, spec, texts, values, with_worker

FILES = spec("files", decoders={"files": {"kind": "path", "many": True}})
FILE = spec("open_file", decoders={"file": {"kind": "file", "many": False}})
SECRET = spec("secret", decoders={"token": {"kind": "secret", "many": False}})


def local(url: str) -> Path:
    assert url.startswith("file:///")
    return Path(unquote(urlsplit(url).path))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web server with one file."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "note.txt").write_text("from the web")
    handler = partial(_Quiet, directory=str(tmp_path / "site"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_files_from_everywhere(tmp_path: Path, site: str) -> None:
    note = tmp_path / "my nöte.txt"
    note.write_text("from the disk")
    sources = [str(note), note.as_uri(), f"{site}/note.txt?sig=1", "data:text/plain,from%20a%20URI"]
    happened = with_worker(FILES, lambda w: events(w, files=sources))
    outputs = [event for event in happened if isinstance(event, Output)]
    assert [output.files for output in outputs] == [(output.value,) for output in outputs]
    found = [local(output.value).read_text() for output in outputs]
    assert found == ["FROM THE DISK", "FROM THE DISK", "FROM THE WEB", "FROM A URI"]
    assert texts(happened) == "cog.types Path\n" * 4


def test_fetched_files_are_removed_unless_they_are_the_output(site: str) -> None:
    async def use(worker: Worker) -> list[object]:
        kept = await finished(worker, files=[f"{site}/note.txt"], back=True)
        return [local(kept.output[0]).read_text(), kept.files]

    text, files = with_worker(FILES, use)
    assert text == "from the web"
    assert len(files) == 1


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("/nowhere/at/all", "input files[0]: there is no file /nowhere/at/all"),
        ("ftp://host/x", "input files[0]: ftp:// cannot be read; use http, https, data or file"),
        (7, "input files[0]: a path or URL is needed, not 7"),
        (
            "http://127.0.0.1:9/x?token=hush",
            "input files[0]: http://127.0.0.1:9/x cannot be read: ConnectionError",
        ),
    ],
)
def test_files_that_cannot_be_had(source: object, said: str) -> None:
    happened = with_worker(FILES, lambda w: events(w, files=[source]))
    assert happened[-1].error == said
    assert texts(happened) == ""


def test_open_files_in_and_out(tmp_path: Path) -> None:
    async def use(worker: Worker) -> list[str]:
        sources = [str(tmp_path / "a.txt"), "data:text/plain,web"]
        runs = [await finished(worker, file=source) for source in sources]
        return [local(run.output).read_text() for run in runs]

    (tmp_path / "a.txt").write_text("disk")
    assert with_worker(FILE, use) == ["DISK", "WEB"]


def test_secrets_stay_secret() -> None:
    async def use(worker: Worker) -> list[Event]:
        told = await events(worker, token="hush-hush", fail=False)
        return [*told, *await events(worker, token="hush-hush", fail=True)]

    happened = with_worker(SECRET, use)
    assert values(happened) == ["9 characters"]
    assert "hush-hush" not in repr(happened)
    assert "********** Secret(**********)" in texts(happened)
    assert happened[-1].error == "PermissionError: the token was refused"


OUTPUTS = {
    "model": {"text": "a", "score": 0.5},
    "nested": {"results": [{"text": "b", "score": None}, ["red", {"number": 1}]]},
    "set": ["one"],
    "time": "2026-01-02T03:04:05",
    "pydantic2": {"a": "red"},
    "pydantic1": {"a": 1},
    "array": [[1.5, 2.5]],
    "scalar": 7,
    "none": None,
    "huge": 2**70,
    "surrogate": "half \ud83d",
}

REFUSED = {
    "nan": "output is not JSON at scores[1]: nan has no JSON form",
    "bytes": "output is not JSON at [0]: bytes has no JSON form; "
    "write a file and return its cog.Path",
    "object": "output is not JSON at a.b: object has no JSON form; "
    "return str, numbers, lists, dicts, cog.Path or cog.BaseModel",
    "key": "output is not JSON: a key is tuple; keys are str",
    "circle": "output is not JSON at self: it contains itself, or is nested too deeply",
    "missing": "the output file /nowhere/at/all.txt does not exist",
}


def test_outputs_of_every_kind() -> None:
    async def use(worker: Worker) -> dict[str, Prediction]:
        return {name: await finished(worker, name=name) for name in [*OUTPUTS, *REFUSED]}

    given = with_worker("outputs", use)
    assert {name: given[name].output for name in OUTPUTS} == OUTPUTS
    assert {name: given[name].error for name in REFUSED} == REFUSED
    assert {given[name].status for name in REFUSED} == {Status.FAILED}


def test_metrics_of_every_kind() -> None:
    happened = with_worker("metrics", lambda w: events(w))
    assert metrics(happened)[:3] == [
        Metric(name="ok", value=1),
        Metric(name="token_count", value=2, mode="increment"),
        Metric(name="token_count", value=3, mode="increment"),
    ]
    assert values(happened) == ["Scope(MetricRecorder(keys=5))"]
    prediction = with_worker("metrics", finished)
    recorded = dict(prediction.metrics)
    assert recorded.pop("predict_time") > 0
    assert json.loads(json.dumps(recorded)) == {
        "ok": 1,
        "token_count": 5,
        "tags": ["fast", "cached"],
        "timing": {"load": 0.5},
        "predict": {"steps": [1, 2]},
    }


def test_a_metric_with_an_impossible_name_fails_the_prediction() -> None:
    prediction = with_worker("metrics", lambda w: finished(w, name="2fast"))
    assert prediction.error == (
        "ValueError: metric name '2fast': segment '2fast' must start with a letter"
    )
