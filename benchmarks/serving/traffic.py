"""Clients and a webhook receiver in one event loop, on 127.0.0.1, and the ledger of both."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Entry:
    """What is known of one prediction: how it may end, and what was said of it."""

    kind: str
    may_end: frozenset[str]
    accepted: bool = False
    told: str = ""  # the terminal status in its webhook


@dataclass
class Ledger:
    """Every prediction until it was both answered and told of; then only counts."""

    open: dict[str, Entry] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def asked(self, key: str, kind: str, *may_end: str) -> None:
        """A client asks; these are the ways in which it may end."""
        self.counts["asked"] += 1
        self.open[key] = Entry(kind, frozenset(may_end))

    def accepted(self, key: str) -> None:
        """The client knows that it was taken."""
        entry = self.open[key]
        entry.accepted = True
        self.counts["accepted"] += 1
        self._settle(key, entry)

    def turned_away(self, key: str, status: int) -> None:
        """The server did not take it."""
        del self.open[key]
        self.counts[f"turned away, {status}"] += 1

    def told(self, key: str, status: str) -> None:
        """Its last webhook came."""
        entry = self.open.get(key)
        if entry is None:
            self.counts["webhooks of those that were turned away, or come twice"] += 1
            return
        entry.told = status
        if status not in entry.may_end:
            self.fault(f"{entry.kind}: ended as {status}")
        self._settle(key, entry)

    def fault(self, what: str) -> None:
        """Something that must not happen; the first of them are kept in words."""
        self.counts["faults"] += 1
        if len(self.wrong) < 50:
            self.wrong.append(what)

    def _settle(self, key: str, entry: Entry) -> None:
        if entry.accepted and entry.told:
            del self.open[key]
            self.counts[f"{entry.kind}: {entry.told}"] += 1


class Client:
    """Requests over connections that are kept and used again."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._idle: list[Streams] = []

    @asynccontextmanager
    async def asked(
        self, method: str, path: str, document: Any = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Answer]:
        """An answer, its head read. A body that is not read to its end ends the connection."""
        body = json.dumps(document).encode() if document is not None else b""
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        lines += ["Content-Type: application/json"] if body else []
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        reader, writer = self._idle.pop() if self._idle else await self._dial()
        try:
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            answer = await Answer.read(reader)
            yield answer
        except BaseException:
            writer.close()
            raise
        if answer.whole and answer.keep:
            self._idle.append((reader, writer))
        else:
            writer.close()

    async def _dial(self) -> Streams:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def send(
        self, method: str, path: str, document: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Status and whole body."""
        async with self.asked(method, path, document, headers) as answer:
            return answer.status, b"".join([piece async for piece in answer.pieces()])

    def close(self) -> None:
        """Hang up all connections."""
        for _, writer in self._idle:
            writer.close()


@dataclass
class Answer:
    """An answer's head, and its body as it comes."""

    status: int
    headers: Mapping[str, str]
    reader: asyncio.StreamReader
    whole: bool = False

    @classmethod
    async def read(cls, reader: asyncio.StreamReader) -> Answer:
        """Read the head, and leave the body."""
        status, headers = await read_head(reader)
        return cls(int(status.split()[1]), headers, reader)

    @property
    def keep(self) -> bool:
        """Whether the connection can be used again."""
        return self.headers.get("connection", "").lower() != "close"

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body: chunks as they come, or all of it."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int(await self.reader.readline(), 16):
                yield await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readline()
        else:
            yield await self.reader.readexactly(int(self.headers.get("content-length", "0")))
        self.whole = True

    async def events(self) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
        """Server-sent events: kind and document."""
        text = b""
        async for piece in self.pieces():
            *whole, text = (text + piece).split(b"\n\n")
            for event in whole:
                lines = dict(line.partition(b": ")[::2] for line in event.split(b"\n"))
                if b"event" in lines:
                    yield lines[b"event"].decode(), json.loads(lines[b"data"])


async def read_head(reader: asyncio.StreamReader) -> tuple[str, Mapping[str, str]]:
    """The first line and the headers; IncompleteReadError when the peer has closed."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return first, {name.lower(): value.strip() for name, _, value in pairs}


class Receiver:
    """A webhook receiver that refuses one in so many the first time."""

    def __init__(self, ledger: Ledger, *, refuse_each: int = 50) -> None:
        self._ledger, self._refuse_each = ledger, refuse_each
        self._seen = 0
        self._refused: set[str] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """Its URL, while it listens."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        finally:
            server.close()
            for writer in self._writers:
                writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                _, headers = await read_head(reader)
                body = await reader.readexactly(int(headers["content-length"]))
                status = self._take(json.loads(body))
                writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        self._writers.discard(writer)
        writer.close()

    def _take(self, document: Mapping[str, Any]) -> int:
        key, status = document["id"], document["status"]
        if status in ("starting", "processing"):
            return 200
        self._seen += 1
        if self._seen % self._refuse_each == 0 and key not in self._refused:
            self._refused.add(key)
            self._ledger.counts["webhooks refused once"] += 1
            return 503
        self._refused.discard(key)
        self._ledger.told(key, status)
        return 200
