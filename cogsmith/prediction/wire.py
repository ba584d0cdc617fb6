"""One HTTP exchange: a request goes out, the head of its answer comes back.

Made of asyncio's streams because the standard library's own clients block: each of them
would hold a thread for as long as a receiver hangs, and threads cannot be told to stop when
the server does. Here a receiver that hangs costs one socket, and is let go at any moment.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable
from contextlib import aclosing, suppress
from functools import cache
from typing import Any, TypeVar

from cogsmith.prediction.messages import Answer, Body, Place, Request, connect, head, parsed
from cogsmith.prediction.proxies import proxy_for

# An answer's body is read and dropped, so that its sender ends in peace; but no more of it
# than this many bytes, and for no longer than this many seconds.
MOST_BODY, LINGER = 65536, 1.0

T = TypeVar("T")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def exchange(request: Request, patience: float) -> Answer:
    """Send a request, once. Redirects are not followed; nothing is raised.

    ``patience`` is in seconds, for each step: to connect, to take another piece of the
    body, to answer after the last. A CogsmithError of the body's pieces goes through.
    A proxy is used when the environment names one.
    """
    try:
        place = Place.parse(request.url)
        proxy = _proxy(place)
        reader, writer = await within(patience, _connected(place, proxy))
    except asyncio.TimeoutError:
        return _missing(f"no connection within {patience:g} s")
    except OSError as error:
        return _missing(_words(error))
    except ValueError as error:
        return Answer(0, str(error))
    whole = False
    try:
        writer.write(head(request, place, proxy))
        answer = await _answer(request.body, reader, writer, patience)
        await _rest(answer, reader)
        whole = True
    except asyncio.TimeoutError:
        return _missing(f"no answer within {patience:g} s")
    except (EOFError, OSError) as error:
        return _missing(_words(error))
    except (ValueError, asyncio.LimitOverrunError):
        return _missing("the answer is not HTTP")
    finally:
        (writer.close if whole else writer.transport.abort)()
    return answer


async def within(seconds: float, work: Awaitable[T]) -> T:
    """Wait for it, or raise asyncio.TimeoutError. Either way nothing of it goes on.

    ``asyncio.wait_for`` of Python 3.10 and 3.11 forgets a cancel that comes together with
    the end of what it waits for; then a task that was told to stop would go on.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise asyncio.TimeoutError
        return task.result()
    finally:
        await _ended(task)


async def _ended(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


# --- connections


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


async def _security(place: Place) -> ssl.SSLContext | None:
    """How a connection is encrypted; the machine's certificates take tens of ms to read."""
    return await asyncio.to_thread(_tls) if place.scheme == "https" else None


def _proxy(place: Place) -> Place | None:
    url = proxy_for(place.scheme, place.host, os.environ)
    try:
        return Place.parse(url) if url else None
    except ValueError as error:
        raise ValueError(f"its proxy cannot be used: {error}") from None


async def _connected(place: Place, proxy: Place | None) -> Streams:
    if proxy is not None and place.scheme == "https":
        return await _tunnel(place, proxy)
    to = proxy or place
    return await asyncio.open_connection(to.host, to.port, ssl=await _security(to))


async def _tunnel(place: Place, proxy: Place) -> Streams:
    """An encrypted connection through a proxy, which sees the host's name and no more."""
    loop = asyncio.get_running_loop()
    reader, protocol = _reading()
    outer, _ = await loop.create_connection(
        lambda: protocol, proxy.host, proxy.port, ssl=await _security(proxy)
    )
    try:
        outer.write(connect(place, proxy))
        await _granted(reader, proxy)
        reader, protocol = _reading()
        tls = await _security(place)
        assert tls is not None
        inner = await loop.start_tls(outer, protocol, tls, server_hostname=place.host)
        assert inner is not None
        protocol.connection_made(inner)
        return reader, asyncio.StreamWriter(inner, protocol, reader, loop)
    except BaseException:
        outer.abort()
        raise


async def _granted(reader: asyncio.StreamReader, proxy: Place) -> None:
    try:
        answer = parsed(await reader.readuntil(b"\r\n\r\n"))
    except (ValueError, EOFError, asyncio.LimitOverrunError):
        raise OSError(f"the proxy {proxy.name} does not speak HTTP") from None
    if not answer.ok:
        raise OSError(f"the proxy {proxy.name} answered {answer}")


def _reading() -> tuple[asyncio.StreamReader, asyncio.StreamReaderProtocol]:
    reader = asyncio.StreamReader()
    return reader, asyncio.StreamReaderProtocol(reader)


# --- one exchange


async def _answer(
    body: bytes | Body, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: float
) -> Answer:
    """Send and listen at once: a receiver may refuse before it has taken everything."""
    sending = asyncio.ensure_future(_send(body, writer, patience))
    answering = asyncio.ensure_future(_received(reader))
    try:
        await asyncio.wait({sending, answering}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            await sending
        return await within(patience, answering)
    finally:
        if not sending.done():
            writer.transport.abort()  # a send that waits for room ends with it
        await _ended(sending, answering)


async def _send(body: bytes | Body, writer: asyncio.StreamWriter, patience: float) -> None:
    writer.transport.set_write_buffer_limits(high=0)  # drained is: the kernel has it
    if isinstance(body, bytes):
        writer.write(body)
        await within(patience, writer.drain())
        return
    async with aclosing(body.pieces()) as pieces:
        async for piece in pieces:
            writer.write(piece)
            await within(patience, writer.drain())


async def _received(reader: asyncio.StreamReader) -> Answer:
    answer = Answer(100, "")
    while answer.status < 200:  # 1xx: the answer is still to come
        answer = parsed(await reader.readuntil(b"\r\n\r\n"))
    return answer


async def _rest(answer: Answer, reader: asyncio.StreamReader) -> None:
    length = answer.headers.get("content-length", "")
    if length.isdecimal():
        with suppress(asyncio.TimeoutError, EOFError, OSError):
            await within(LINGER, reader.readexactly(min(int(length), MOST_BODY)))


def _missing(why: str) -> Answer:
    return Answer(0, why, passing=True)


def _words(error: Exception) -> str:
    if isinstance(error, asyncio.IncompleteReadError):
        return "the connection was closed before an answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is refused: {error.verify_message}"
    if isinstance(error, ConnectionError) and error.errno:
        return os.strerror(error.errno)  # asyncio and uvloop word it differently
    return (error.strerror if isinstance(error, OSError) else "") or str(error)
