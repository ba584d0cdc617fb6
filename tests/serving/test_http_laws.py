"""Laws of the protocol: cuts between reads mean nothing, and no bytes break it."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from cogsmith.runtime.server.connection import Connection
from cogsmith.runtime.server.http import Server
from cogsmith.runtime.server.limits import Limits
from tests.serving.test_http_heads import REFUSED, TAKEN
from tests.serving.wire import Site, answers, request

LIMITS = Limits(body=2000, head=1000, buffer=3000)


class Socket(asyncio.Transport):
    """A client in memory: what it sends is read when reading is not paused."""

    def __init__(self) -> None:
        super().__init__()
        self.got = bytearray()
        self.reading, self.closed, self.ended = True, False, False

    def write(self, data: Any) -> None:
        assert not self.ended, "a write after the end"
        if not self.closed:
            self.got += data

    def write_eof(self) -> None:
        self.ended = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


async def _talk(pieces: list[bytes]) -> tuple[bytes, list[str]]:
    """What a client gets for these reads, and what the handler saw."""
    site = Site()
    server = Server(site, LIMITS)
    connection, client = Connection(server), Socket()
    connection.connection_made(client)
    for piece in pieces:
        for _ in range(100):
            if client.reading:
                break
            await asyncio.sleep(0.001)
        if client.ended or client.closed:
            break
        if piece:
            connection.data_received(piece)
    for _ in range(200):
        if connection._current is None and not connection._waiting and connection._last is None:
            break
        await asyncio.sleep(0.001)
    connection.late(server.now() + 1e6)
    connection.connection_lost(None)
    assert server.connections == 0
    await server.close()
    return bytes(client.got), site.asked


def talk(pieces: list[bytes]) -> tuple[bytes, list[str]]:
    return asyncio.run(_talk(pieces))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The same bytes in several reads."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


def _chunked(body: bytes) -> bytes:
    half = len(body) // 2
    chunks = [part for part in (body[:half], body[half:]) if part]
    coded = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in chunks)
    head = b"POST /chunked HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + coded + b"0\r\nTrailer: none\r\n\r\n"


PATHS = st.sampled_from(["/", "/a/b?c=d", "/later/1", "/stream", "/boom/not", "/%2F"])
BODIES = st.binary(max_size=60)
REQUESTS = st.one_of(
    PATHS.map(lambda path: request(path, last=False)),
    st.tuples(PATHS, BODIES).map(lambda t: request(t[0], method="POST", body=t[1], last=False)),
    BODIES.map(_chunked),
    st.just(
        request("/a", "Connection: Upgrade", "Upgrade: h2c", body=b"GET / HTTP/1.1", last=False)
    ),
    st.just(request("/e", "Expect: 100-continue", method="PUT", body=b"abc", last=False)),
    st.sampled_from([data for data, _ in TAKEN.values()]),
    st.sampled_from([data for data, _ in REFUSED.values()]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(REQUESTS, min_size=1, max_size=5), st.lists(st.integers(0, 5000), max_size=8))
def test_cuts_between_reads_mean_nothing(requests: list[bytes], places: list[int]) -> None:
    data = b"".join(requests)
    whole, seen = talk([data])
    parts, also_seen = talk(cut(data, places))
    assert also_seen == seen
    assert _told(parts) == _told(whole)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=4))
def test_no_bytes_raise_out_of_the_protocol(garbage: bytes, places: list[int]) -> None:
    got, _ = talk(cut(garbage, places))
    for answer in answers(got):
        assert answer.status >= 200


def test_requests_with_a_few_changed_bytes() -> None:
    """What fuzzers do: take what is nearly right, and bend it."""
    chance = random.Random(20261128)
    seeds = [data for data, _ in (*REFUSED.values(), *TAKEN.values())]
    seeds += [request("/later"), request("/stream", method="POST", body=b"abc"), _chunked(b"abcd")]

    async def scenario() -> None:
        for _ in range(1500):
            data = bytearray(b"".join(chance.choices(seeds, k=chance.randint(1, 3))))
            for _ in range(chance.randint(1, 6)):
                at = chance.randrange(len(data))
                kind = chance.randrange(4)
                if kind == 0:
                    data[at] = chance.choice(b"\r\n \t:,;0129afzAZ/\x00\x7f\xff")
                elif kind == 1:
                    del data[at : at + chance.randint(1, 8)]
                elif kind == 2:
                    data[at:at] = data[at : at + chance.randint(1, 20)]
                else:
                    data[at:at] = chance.choice(
                        [b"\r\n", b"\r\n\r\n", b"0\r\n", b"HTTP/1.1", b": "]
                    )
                if not data:
                    data = bytearray(b"\r")
            got, _ = await _talk(cut(bytes(data), [chance.randrange(999) for _ in range(3)]))
            assert got == b"" or got.startswith(b"HTTP/1.1 ")

    asyncio.run(scenario())


def _told(data: bytes) -> list[tuple[int, bytes]]:
    """The answers without interim ones, which depend on whether the body is there already.

    A head with two faults is refused for the one that is seen first.
    """
    final = answers(data.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b""))
    return [(one.status, one.body) if one.status < 400 else (400, b"") for one in final]
