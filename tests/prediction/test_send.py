"""Webhooks on their way to real receivers: those that are down, slow, silent, or say no."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from cogsmith import __version__
from cogsmith.prediction import (
    Line,
    Sender,
    Sending,
    Webhook,
    WebhookEvent,
)
from cogsmith.prediction.send import DELAYS, pause
from tests.prediction.receiver import (
    OK,
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

START, OUTPUT, LOGS, COMPLETED = WebhookEvent
SOON = (0.01,) * 12  # instead of delays that double from 0.2 s


@pytest.fixture
def sending(run: Callable[[Any], Any]) -> Callable[..., Any]:
    """Runs ``use(sender)`` in an event loop of each kind."""

    def go(use: Callable[[Sender], Awaitable[Any]], **changes: Any) -> Any:
        async def main() -> Any:
            sender = Sender(Sending(**{"delays": SOON, "timeout": PATIENCE, **changes}))
            try:
                return await use(sender)
            finally:
                await sender.close()
                assert sender.pending == 0

        return run(main())

    return go


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


# --- what is sent


def test_the_last_webhook_is_delivered_with_its_headers(sending: Callable[..., Any]) -> None:
    trace = {"traceparent": "00-ab-cd-01", "tracestate": "a=1", "cookie": "private"}
    with receiving() as receiver:
        url = f"{receiver.url}/größe/hook?token=a%20b"
        body = '{"output":"ä"}'.encode()
        assert sending(
            lambda sender: sender.deliver(url, body, terminal=True, trace=trace), token="secret"
        )
    (seen,) = receiver.seen
    assert (seen.method, seen.path) == ("POST", "/gr%C3%B6%C3%9Fe/hook?token=a%20b")
    assert seen.body == body
    assert seen.headers == {
        "host": receiver.url.removeprefix("http://"), "accept": "*/*", "connection": "close",
        "content-type": "application/json", "content-length": str(len(body)),
        "user-agent": f"cogsmith/{__version__}", "authorization": "Bearer secret",
        "traceparent": "00-ab-cd-01", "tracestate": "a=1",
    }  # fmt: skip


def test_no_token_no_authorization(sending: Callable[..., Any]) -> None:
    with receiving() as receiver:
        sending(lambda sender: sender.deliver(receiver.url, b"{}", terminal=True))
    assert "authorization" not in receiver.seen[0].headers


def test_a_login_in_the_url_is_used_and_not_shown(
    sending: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with receiving(replies(403)) as receiver:
        url = receiver.url.replace("http://", "http://me:pass%40word@") + "/hook?key=hush"
        assert not sending(lambda sender: sender.deliver(url, b"{}", terminal=True))
    assert receiver.seen[0].headers["authorization"] == "Basic bWU6cGFzc0B3b3Jk"
    assert "/hook was not taken: 403 Forbidden" in caplog.text
    assert "word" not in caplog.text
    assert "hush" not in caplog.text


def test_a_line_break_in_a_trace_ends_no_header(sending: Callable[..., Any]) -> None:
    trace = {"traceparent": "00\r\nx-admin: 1"}
    with receiving() as receiver:
        sending(lambda s: s.deliver(receiver.url, b"{}", terminal=True, trace=trace))
    assert "x-admin" not in receiver.seen[0].headers
    assert receiver.seen[0].headers["traceparent"] == "00  x-admin: 1"


# --- retries


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_the_last_webhook_is_tried_again(sending: Callable[..., Any], status: int) -> None:
    with receiving(replies(status, status, 200)) as receiver:
        assert sending(lambda sender: sender.deliver(receiver.url, b"{}", terminal=True))
    assert len(receiver.seen) == 3


@pytest.mark.parametrize("status", [302, 307, 400, 401, 404, 410, 501])
def test_any_other_answer_is_final(
    sending: Callable[..., Any], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    with receiving() as elsewhere:
        location = {"location": f"{elsewhere.url}/moved"}
        with receiving(lambda _seen, _number: Reply(status, location)) as receiver:
            assert not sending(lambda sender: sender.deliver(receiver.url, b"{}", terminal=True))
    assert (len(receiver.seen), len(elsewhere.seen)) == (1, 0)
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert str(status) in record.getMessage()


def test_there_is_an_end_to_trying(sending: Callable[..., Any]) -> None:
    with receiving(replies(500)) as receiver:
        assert not sending(lambda sender: sender.deliver(receiver.url, b"{}", terminal=True))
    assert len(receiver.seen) == 13


def test_other_webhooks_are_tried_once(sending: Callable[..., Any]) -> None:
    with receiving(replies(500)) as receiver:
        assert not sending(lambda sender: sender.deliver(receiver.url, b"{}", terminal=False))
    assert len(receiver.seen) == 1


def test_a_receiver_that_comes_up_later_gets_it(sending: Callable[..., Any]) -> None:
    port = free_port()
    receiver = Receiver()

    async def use(sender: Sender) -> bool:
        url = f"http://127.0.0.1:{port}/hook"
        delivery = asyncio.ensure_future(sender.deliver(url, b'"end"', terminal=True))
        await asyncio.sleep(0.2)  # it has been refused a few times by now
        with serving(receiver, port):
            return await delivery

    assert sending(use, delays=(0.05,) * 1000)
    assert receiver.bodies == [b'"end"']


def test_a_receiver_that_hangs_is_tried_again(sending: Callable[..., Any]) -> None:
    release = threading.Event()

    def hang(_seen: Seen, number: int) -> Reply:
        if number == 0:
            release.wait(PATIENCE)
        return OK

    with receiving(hang) as receiver:
        assert sending(
            lambda sender: sender.deliver(receiver.url, b"{}", terminal=True), timeout=0.3
        )
        release.set()
    assert len(receiver.seen) == 2


def test_a_receiver_that_says_when_is_heard(sending: Callable[..., Any]) -> None:
    def later(_seen: Seen, number: int) -> Reply:
        return Reply(429, {"retry-after": "1"}) if number == 0 else OK

    with receiving() as other, receiving(later) as receiver:

        async def use(sender: Sender) -> list[bytes]:
            first = asyncio.ensure_future(sender.deliver(receiver.url, b"{}", terminal=True))
            await until(lambda: len(receiver.seen) == 1)
            await sender.deliver(other.url, b"{}", terminal=True)
            assert not first.done()
            assert await first
            return receiver.bodies

        assert len(sending(use)) == 2


def test_how_long_it_waits() -> None:
    assert DELAYS == (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 102.4, 102.4)
    assert pause(0.2, "", 0.0) == 0.2
    assert pause(0.2, "0", 0.0) == 0.2
    assert pause(0.2, "7", 0.0) == 7.0
    assert pause(0.2, "86400", 0.0) == 102.4
    assert pause(0.2, "soon", 0.0) == 0.2
    assert pause(0.2, "Thu, 01 Jan 1970 00:01:00 GMT", 30.0) == 30.0
    assert pause(0.2, "Thu, 01 Jan 1970 00:01:00 GMT", 90.0) == 0.2


# --- URLs that cannot be used


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://example.com/x", "only http and https are spoken, not ftp"),
        ("example.com/hook", "only http and https are spoken, not a bare path"),
        ("", "only http and https are spoken"),
        ("http://", "it names no host"),
        ("http://example.com:notaport/", "it is not a URL"),
        ("http://[::1/", "it is not a URL"),
        (f"http://{'a' * 64}.com/", "it is not a URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_logged_once(
    sending: Callable[..., Any], url: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def use(sender: Sender) -> None:
        watch = sender.watch(Webhook(url), lambda: b"{}", name="p1")
        watch.told(START)
        watch.told(OUTPUT)
        watch.told(COMPLETED)
        assert sender.pending == 0

    sending(use)
    (record,) = [r for r in caplog.records if r.name.startswith("cogsmith")]
    assert words in record.getMessage()
    assert "p1" in record.getMessage()


def test_delivering_to_such_a_url_is_one_error(sending: Callable[..., Any]) -> None:
    assert not sending(lambda sender: sender.deliver("mailto:me", b"{}", terminal=True))


# --- one prediction: order


def lines_in_order(bodies: list[bytes], name: str) -> list[int]:
    told = [json.loads(body) for body in bodies]
    return [number for who, number in told if who == name]


def test_webhooks_of_a_prediction_arrive_in_order(sending: Callable[..., Any]) -> None:
    chance = random.Random(3)

    def sometimes(_seen: Seen, _number: int) -> Reply:
        threading.Event().wait(chance.random() * 0.01)
        return Reply(chance.choice([200, 200, 500, 404]))

    names = [f"p{n}" for n in range(20)]

    async def one(sender: Sender, url: str, name: str) -> None:
        line = sender.line(url, name=name)
        for number in range(30):
            line.put(json.dumps([name, number]).encode())
            await asyncio.sleep(chance.random() * 0.01)
        line.put(json.dumps([name, 99]).encode(), terminal=True)
        line.put(json.dumps([name, 100]).encode())
        line.put(json.dumps([name, 101]).encode(), terminal=True)

    with receiving(sometimes) as receiver:

        async def use(sender: Sender) -> int:
            await asyncio.gather(*(one(sender, receiver.url, name) for name in names))
            return await sender.drain(PATIENCE)

        assert sending(use) == 0
    for name in names:
        order = lines_in_order(receiver.bodies, name)
        assert order == sorted(order)
        assert order[-1] == 99


def test_a_prediction_that_is_over_at_once_is_told_of_twice(sending: Callable[..., Any]) -> None:
    with receiving() as receiver:

        async def use(sender: Sender) -> int:
            watch = sender.watch(Webhook(receiver.url), iter((b"1", b"2")).__next__)
            watch.told(START)
            watch.told(COMPLETED)
            return await sender.drain(PATIENCE)

        assert sending(use) == 0
    assert receiver.bodies == [b"1", b"2"]


def test_what_waits_is_replaced_by_what_is_newer(sending: Callable[..., Any]) -> None:
    release = threading.Event()

    def slow(_seen: Seen, number: int) -> Reply:
        if number == 0:
            release.wait(PATIENCE)
        return OK

    with receiving(slow) as receiver:

        async def use(sender: Sender) -> None:
            line = sender.line(receiver.url)
            line.put(b"0")
            await until(lambda: len(receiver.seen) == 1)
            for number in range(1, 100):
                line.put(b"%d" % number)
            release.set()
            await until(lambda: len(receiver.seen) == 2 and sender.pending == 0)
            line.put(b"end", terminal=True)
            await sender.drain(PATIENCE)

        sending(use)
    assert receiver.bodies == [b"0", b"99", b"end"]


def test_a_receiver_that_hangs_holds_up_nobody_else(sending: Callable[..., Any]) -> None:
    with silent() as hung, receiving() as receiver:

        async def use(sender: Sender) -> None:
            stuck: list[Line] = [sender.line(hung) for _ in range(100)]
            for line in stuck:
                line.put(b"{}", terminal=True)
            await asyncio.sleep(0)
            good = [sender.line(receiver.url) for _ in range(50)]
            for line in good:
                line.put(b"{}", terminal=True)
            await until(lambda: len(receiver.seen) == 50)
            assert sender.pending >= 100

        sending(use)


def test_what_waits_for_one_host_is_bounded(
    sending: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with silent() as hung, receiving() as receiver:

        async def use(sender: Sender) -> None:
            held = asyncio.ensure_future(sender.deliver(hung, b"x" * 900, terminal=True))
            await asyncio.sleep(0)
            assert not await sender.deliver(hung, b"x" * 900, terminal=True)
            assert await sender.deliver(receiver.url, b"x" * 5000, terminal=True)
            assert not held.done()
            held.cancel()
            await asyncio.wait([held])

        sending(use, backlog=1000)
    assert "too much waits for its host already" in caplog.text


# --- one prediction: watched


def test_a_watch_tells_what_came_within_the_interval(sending: Callable[..., Any]) -> None:
    with receiving() as receiver:

        async def use(sender: Sender) -> None:
            output: list[int] = []
            watch = sender.watch(Webhook(receiver.url), lambda: json.dumps(output).encode())
            watch.told(START)
            await until(lambda: len(receiver.seen) == 1)
            for number in range(100):
                output.append(number)
                watch.told(OUTPUT)
            await until(lambda: receiver.bodies[-1] == json.dumps(output).encode())
            watch.told(COMPLETED)
            watch.told(OUTPUT)
            assert await sender.drain(PATIENCE) == 0

        sending(use, interval=0.1)
    whole = json.dumps(list(range(100))).encode()
    assert receiver.bodies == [b"[]", b"[0]", whole, whole]


def test_a_watch_that_is_closed_tells_nothing_more(sending: Callable[..., Any]) -> None:
    with receiving() as receiver:

        async def use(sender: Sender) -> None:
            watch = sender.watch(Webhook(receiver.url), lambda: b"1")
            watch.told(OUTPUT)
            watch.told(OUTPUT)
            watch.close()
            await until(lambda: sender.pending == 0)
            await asyncio.sleep(0.1)

        sending(use, interval=0.05)
    assert receiver.bodies == [b"1"]


# --- the end


def test_draining_waits_for_the_last_webhooks(sending: Callable[..., Any]) -> None:
    with receiving(replies(500, 500, 500, 200)) as receiver:

        async def use(sender: Sender) -> int:
            sender.line(receiver.url).put(b'"end"', terminal=True)
            assert sender.pending == 1
            return await sender.drain(PATIENCE)

        assert sending(use) == 0
    assert len(receiver.seen) == 4


def test_draining_gives_up_in_the_end_and_says_so(
    sending: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    with silent() as hung:

        async def use(sender: Sender) -> int:
            for name in ("p1", "p2"):
                sender.line(f"{hung}/hook?secret", name=name).put(b"{}", terminal=True)
            sender.line(hung, name="running").put(b"{}")
            return await sender.drain(0.2)

        assert sending(use) == 2
    told = sorted(r.getMessage() for r in caplog.records if r.levelno == logging.ERROR)
    assert told == [
        f"webhook to {hung}/hook of prediction {name} is given up" for name in ("p1", "p2")
    ]


def test_draining_tries_again_at_once(sending: Callable[..., Any]) -> None:
    with receiving(replies(503, 200)) as receiver:

        async def use(sender: Sender) -> int:
            sender.line(receiver.url).put(b"{}", terminal=True)
            await until(lambda: len(receiver.seen) == 1)
            await asyncio.sleep(0.05)  # it waits for its next try, in an hour
            return await sender.drain(PATIENCE)

        assert sending(use, delays=(3600.0,)) == 0
    assert len(receiver.seen) == 2


def test_draining_nothing_takes_no_time(sending: Callable[..., Any]) -> None:
    assert sending(lambda sender: sender.drain(3600.0)) == 0


def test_each_webhook_is_counted(run: Callable[[Any], Any]) -> None:
    ends: list[bool] = []

    async def use() -> None:
        sender = Sender(Sending(delays=SOON), ends.append)
        with receiving() as receiver, silent() as hung:
            await sender.deliver(receiver.url, b"{}", terminal=True)
            await sender.deliver("bad:", b"{}", terminal=False)
            sender.line(hung).put(b"{}", terminal=True)
            await sender.drain(0.05)

    run(use())
    assert ends == [True, False, False]


# --- settings


def test_settings_come_from_cogs_variables() -> None:
    assert Sending.of({}) == Sending()
    sending = Sending.of({"WEBHOOK_AUTH_TOKEN": "t", "COG_THROTTLE_RESPONSE_INTERVAL": "1.5"})
    assert (sending.token, sending.interval) == ("t", 1.5)
    assert "'t'" not in repr(sending)


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "inf"])
def test_an_interval_that_makes_no_sense_is_ignored(text: str) -> None:
    assert Sending.of({"COG_THROTTLE_RESPONSE_INTERVAL": text}).interval == 0.5
