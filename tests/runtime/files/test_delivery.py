"""Outputs that are files: as data URIs and as uploads, to real receivers."""

from __future__ import annotations

import asyncio
import json
import os
import time
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from cogsmith import __version__
from cogsmith.errors import DeliveryFailed, PredictionError
from cogsmith.prediction import Output
from cogsmith.runtime import Worker
from cogsmith.runtime.files import Destination, delivered, tidy
from cogsmith.runtime.files.media import media_type
from tests.prediction.receiver import (
    PATIENCE,
    Receiver,
    Reply,
    Seen,
    free_port,
    receiving,
    replies,
    serving,
    silent,
)
from tests.runtime.harness import spec, with_worker

SOON = (0.01,) * 5


def made(folder: Path, name: str, data: bytes = b"data") -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path.as_uri()


def deliver(output: Any, files: list[str], **to: Any) -> Any:
    """The output after its delivery, parsed."""
    destination = Destination(**{"delays": SOON, "patience": PATIENCE, **to})

    async def go() -> bytes:
        sent = delivered(json.dumps(output).encode(), files, destination)
        return await asyncio.wait_for(sent, PATIENCE)

    return json.loads(asyncio.run(go()))


# --- data URIs


@pytest.mark.parametrize("size", [0, 1, 2, 3, 262_143, 262_144, 262_145, 5_000_000])
def test_a_file_becomes_a_data_uri(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    uri = deliver(url := made(tmp_path, "cat.png", data), [url])
    head, _, body = uri.partition(",")
    assert head == "data:image/png;base64"
    assert b64decode(body, validate=True) == data


def test_files_anywhere_in_an_output(tmp_path: Path) -> None:
    a, b = made(tmp_path, "a.txt", b"a"), made(tmp_path, "größe & co.bin", b"b")
    output = {"first": a, "all": [a, b], "text": f"see {a}", a: 1, "n": 1.5}
    assert deliver(output, [a, b, a]) == {
        "first": "data:text/plain;base64,YQ==",
        "all": ["data:text/plain;base64,YQ==", "data:application/octet-stream;base64,Yg=="],
        "text": f"see {a}",
        a: 1,
        "n": 1.5,
    }


def test_an_output_without_files_is_not_touched() -> None:
    odd = b'{ "x" : 1e2 }'
    assert asyncio.run(delivered(odd, (), Destination())) is odd


def test_a_url_that_is_no_file_of_the_output_stays(tmp_path: Path) -> None:
    secret, out = made(tmp_path, "secret.txt"), made(tmp_path, "out.txt")
    assert deliver([secret, out], [out])[0] == secret


@pytest.mark.skipif(os.fsencode("ü") == b"\xfc", reason="file names are UTF-8 here")
def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
    try:
        path.write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes text names alone")
    assert deliver(path.as_uri(), [path.as_uri()]) == "data:image/png;base64,eA=="


def test_what_is_too_large_says_what_to_do(tmp_path: Path) -> None:
    files = [made(tmp_path, "a.bin", b"x" * 600), made(tmp_path, "b.bin", b"x" * 500)]
    with pytest.raises(DeliveryFailed, match=r"b\.bin has 500 bytes.* 1,000 bytes.*--upload-url"):
        deliver(files, files, limit=1000)
    assert len(deliver(files, files, limit=1100)) == 2


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    gone = (tmp_path / "gone.png").as_uri()
    for upload_url in ("", "http://127.0.0.1:9"):
        with pytest.raises(DeliveryFailed, match=r"gone\.png cannot be read: No such file") as told:
            deliver(gone, [gone], upload_url=upload_url)
        assert isinstance(told.value, PredictionError)
        assert told.value.code == "delivery_failed"


def test_a_pipe_is_not_read_for_ever(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    pipe = (tmp_path / "pipe").as_uri()
    with pytest.raises(DeliveryFailed, match="not a regular file"):
        deliver(pipe, [pipe])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.png", "image/png"), ("a.JPG", "image/jpeg"), ("a.webp", "image/webp"),
        ("a.wav", "audio/wav"), ("a.mp4", "video/mp4"), ("a.txt", "text/plain"),
        ("a.json", "application/json"), ("a.tar.gz", "application/gzip"),
        ("a.zip", "application/zip"), ("a.jsonl", "application/jsonl"),
        ("a", "application/octet-stream"), (".png", "application/octet-stream"),
        ("data:text,x.unheard", "application/octet-stream"),
    ],
)  # fmt: skip
def test_media_types(name: str, kind: str) -> None:
    assert media_type(name) == kind


# --- uploads


@pytest.mark.parametrize("size", [0, 1, 262_144, 5_000_000])
def test_a_file_is_uploaded_byte_for_byte(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    url = made(tmp_path, "cat.png", data)
    with receiving() as receiver:
        output = deliver(url, [url], upload_url=f"{receiver.url}/up", prediction="p1")
    (seen,) = receiver.seen
    assert output == f"{receiver.url}/up/cat.png"
    assert (seen.method, seen.path, seen.body) == ("PUT", "/up/cat.png", data)
    assert seen.headers == {
        "host": receiver.url.removeprefix("http://"), "accept": "*/*", "connection": "close",
        "content-type": "image/png", "content-length": str(size), "x-prediction-id": "p1",
        "user-agent": f"cogsmith/{__version__}",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("prefix", "path", "address"),
    [
        ("", "/o.txt", "/o.txt"),
        ("/", "/o.txt", "/o.txt"),
        ("/a/b/", "/a/b/o.txt", "/a/b/o.txt"),
        ("/a?sig=x%2Fy&b=1", "/a/o.txt?sig=x%2Fy&b=1", "/a/o.txt"),
        ("/a/?sig#part", "/a/o.txt?sig", "/a/o.txt"),
    ],
)
def test_where_a_file_is_put(tmp_path: Path, prefix: str, path: str, address: str) -> None:
    url = made(tmp_path, "o.txt")
    with receiving() as receiver:
        output = deliver(url, [url], upload_url=receiver.url + prefix)
    assert receiver.seen[0].path == path
    assert output == receiver.url + address


@pytest.mark.parametrize(
    ("location", "address"),
    [
        ("https://cdn.example.com/x/o.txt?signed=1#f", "https://cdn.example.com/x/o.txt"),
        ("/kept/1", "{url}/kept/1"),
        ("other.txt?x", "{url}/up/other.txt"),
    ],
)
def test_the_location_of_the_answer_is_the_output(
    tmp_path: Path, location: str, address: str
) -> None:
    url = made(tmp_path, "o.txt")
    with receiving(lambda _s, _n: Reply(201, {"location": location})) as receiver:
        output = deliver(url, [url], upload_url=f"{receiver.url}/up")
    assert output == address.format(url=receiver.url)


@pytest.mark.parametrize("name", ["größe 1.png", "a+b&c=d?.png", "100%.txt", "日本語.txt"])
def test_any_file_name_has_an_address(tmp_path: Path, name: str) -> None:
    url = made(tmp_path, name)
    with receiving() as receiver:
        output = deliver([url], [url], upload_url=receiver.url)
    assert output == [receiver.url + receiver.seen[0].path]
    assert "?" not in receiver.seen[0].path


def test_files_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    a, b = made(tmp_path, "1/out.png", b"1"), made(tmp_path, "2/out.png", b"2")
    with receiving() as receiver:
        output = deliver([a, b, a], [a, b], upload_url=receiver.url)
    assert output == [f"{receiver.url}/{name}" for name in ("out.png", "out-2.png", "out.png")]
    assert {seen.path: seen.body for seen in receiver.seen} == {
        "/out.png": b"1", "/out-2.png": b"2",
    }  # fmt: skip


def test_a_password_in_the_upload_url_is_used_and_not_told(tmp_path: Path) -> None:
    url = made(tmp_path, "o.txt")
    with receiving() as receiver:
        prefix = receiver.url.replace("http://", "http://me:secret@")
        output = deliver(url, [url], upload_url=prefix)
    assert output == f"{receiver.url}/o.txt"
    assert receiver.seen[0].headers["authorization"].startswith("Basic ")


def test_an_upload_is_tried_again(tmp_path: Path) -> None:
    data = os.urandom(1_000_000)
    url = made(tmp_path, "o.bin", data)
    with receiving(replies(500, 503, 200)) as receiver:
        deliver(url, [url], upload_url=receiver.url)
    assert receiver.bodies == [data] * 3


def test_a_store_that_comes_up_later_gets_it(tmp_path: Path) -> None:
    port, receiver, url = free_port(), Receiver(), made(tmp_path, "o.txt")

    async def use() -> bytes:
        to = Destination(upload_url=f"http://127.0.0.1:{port}", delays=(0.05,) * 1000)
        task = asyncio.ensure_future(delivered(json.dumps(url).encode(), [url], to))
        await asyncio.sleep(0.2)
        with serving(receiver, port):
            return await asyncio.wait_for(task, PATIENCE)

    assert json.loads(asyncio.run(use())) == f"http://127.0.0.1:{port}/o.txt"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 303])
def test_a_refusal_is_final_and_says_where_and_why(tmp_path: Path, status: int) -> None:
    url = made(tmp_path, "o.txt")
    with (
        receiving(replies(status)) as receiver,
        pytest.raises(DeliveryFailed) as told,
    ):
        deliver(url, [url], upload_url=f"{receiver.url}/up?signature=secret")
    assert len(receiver.seen) == 1
    assert told.value.message.startswith(
        f"Failed to process output file: o.txt was not taken by {receiver.url}/up/o.txt: {status} "
    )
    assert "secret" not in str(told.value)


def test_there_is_an_end_to_trying(tmp_path: Path) -> None:
    url = made(tmp_path, "o.txt")
    with (
        receiving(replies(502)) as receiver,
        pytest.raises(DeliveryFailed, match=r"502 Bad Gateway, after 6 tries$"),
    ):
        deliver(url, [url], upload_url=receiver.url)
    assert len(receiver.seen) == 6


def test_a_store_that_never_answers(tmp_path: Path) -> None:
    url = made(tmp_path, "o.bin", b"x" * 20_000_000)
    with silent() as hung, pytest.raises(DeliveryFailed, match=r"no answer within 0\.1 s"):
        deliver(url, [url], upload_url=hung, patience=0.1, delays=())


@pytest.mark.parametrize("upload_url", ["ftp://example.com", "example.com/up", "http://"])
def test_an_upload_url_that_cannot_be_used(tmp_path: Path, upload_url: str) -> None:
    url = made(tmp_path, "o.txt")
    with pytest.raises(DeliveryFailed, match="was not taken by"):
        deliver(url, [url], upload_url=upload_url)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_store_may_send_elsewhere(tmp_path: Path, status: int) -> None:
    url = made(tmp_path, "o.txt", b"here")
    with receiving() as there:
        location = {"location": f"{there.url}/real/o.txt?sig=1"}
        with receiving(lambda _s, _n: Reply(status, location)) as receiver:
            output = deliver(url, [url], upload_url=receiver.url)
    assert output == f"{there.url}/real/o.txt"
    assert (there.seen[0].method, there.bodies) == ("PUT", [b"here"])


def test_a_store_that_sends_in_circles(tmp_path: Path) -> None:
    url = made(tmp_path, "o.txt")
    with (
        receiving(lambda _s, _n: Reply(307, {"location": "/o.txt"})) as receiver,
        pytest.raises(DeliveryFailed, match="moved again and again"),
    ):
        deliver(url, [url], upload_url=receiver.url)


def test_a_file_that_becomes_shorter_is_not_taken_for_whole(tmp_path: Path) -> None:
    path = tmp_path / "o.bin"
    url = made(tmp_path, "o.bin", b"x" * 30_000_000)

    async def use() -> None:
        cut = asyncio.Event()

        async def read_some(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            os.truncate(path, 10)
            cut.set()
            while await reader.read(65536):
                pass
            writer.close()

        server = await asyncio.start_server(read_some, "127.0.0.1", 0)
        async with server:
            address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            to = Destination(upload_url=address, delays=SOON)
            await asyncio.wait_for(delivered(json.dumps(url).encode(), [url], to), PATIENCE)

    with pytest.raises(DeliveryFailed, match="became shorter"):
        asyncio.run(use())


def test_one_failure_ends_the_other_uploads(tmp_path: Path) -> None:
    files = [made(tmp_path, name) for name in ("bad.txt", "b.txt", "c.txt")]

    def answer(seen: Seen, _number: int) -> Reply:
        return Reply(403) if "bad" in seen.path else Reply(503)

    with receiving(answer) as receiver, pytest.raises(DeliveryFailed, match=r"bad\.txt.*403"):
        deliver(files, files, upload_url=receiver.url, delays=(3600.0,))


def test_cancelling_ends_an_upload(tmp_path: Path) -> None:
    url = made(tmp_path, "o.bin", b"x" * 20_000_000)

    async def use(hung: str) -> None:
        to = Destination(upload_url=hung)
        task = asyncio.ensure_future(delivered(json.dumps(url).encode(), [url], to))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with silent() as hung:
        asyncio.run(use(hung))


def test_many_files_are_all_uploaded(tmp_path: Path) -> None:
    files = [made(tmp_path, f"{n}.txt", b"%d" % n) for n in range(40)]
    with receiving() as receiver:
        output = deliver(files, files, upload_url=receiver.url)
    assert output == [f"{receiver.url}/{n}.txt" for n in range(40)]
    assert sorted(map(int, receiver.bodies)) == list(range(40))


# --- from a worker


def test_what_a_predictor_gives_leaves_whole() -> None:
    inputs = {"files": ["data:text/plain;base64,aGVsbG8=", "data:text/plain;base64,YmVlcg=="]}

    async def use(worker: Worker) -> tuple[list[Any], list[Path]]:
        begun = time.time()
        outputs = [e async for e in worker.predict("p", inputs) if isinstance(e, Output)]
        values = [json.loads(await delivered(o.json, o.files, Destination())) for o in outputs]
        return values, tidy([url for o in outputs for url in o.files], since=begun)

    decoders = {"files": {"kind": "path", "many": True}}
    values, removed = with_worker(spec("files", decoders=decoders), use)
    assert values == ["data:text/plain;base64,SEVMTE8=", "data:text/plain;base64,QkVFUg=="]
    assert [path.name for path in removed] == ["shouted.txt"] * 2
