"""Downloads: some at a time, resumed where they broke off, held against their hashes."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from cogsmith.environment.credentials import bare, origin_of
from cogsmith.environment.events import Progress, Tell
from cogsmith.environment.fetch.cache import BLOCK, Part, remove_leftovers
from cogsmith.environment.fetch.session import Session, Wanted
from cogsmith.environment.settings import Settings
from cogsmith.environment.uv_output import CREDENTIALS, NETWORK, OTHER_BYTES, ROOM
from cogsmith.errors import InstallError, Problem

if TYPE_CHECKING:
    import http.client
    from concurrent.futures import Future

__all__ = ["Wanted", "download"]

LANES = 8
RETRIES = 4  # where UV_HTTP_RETRIES does not say
REDIRECTS = 10
FIRST_DELAY, LONGEST_DELAY = 0.25, 20.0  # seconds
PATIENCE = 120.0  # seconds that a server may ask us to wait
FRAME = 0.1  # seconds between two events of progress
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
GONE = "the index no longer has this file: run `cogsmith lock` to choose another"


class _Passing(Exception):
    """A failure that may pass: what it was, and how long the server asks us to wait."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        self.reason, self.wait = reason, wait
        super().__init__(reason)


class _Stopped(Exception):
    """Another download has failed, or the person has interrupted us."""


def download(
    wanted: Iterable[Wanted], settings: Settings, variables: Mapping[str, str], tell: Tell
) -> dict[str, Path]:
    """Fetch files into the wheel cache: their places by URL.

    ``variables`` are uv's: credentials, proxies, certificates, retries. Raises InstallError
    with the problems of all that failed; what had come so far is taken up the next time.
    """
    from concurrent.futures import ThreadPoolExecutor

    # The large ones first: they decide how long it takes in all.
    files = sorted(wanted, key=lambda one: (-one.size, one.title, one.url))
    if variables.get("UV_OFFLINE", "").lower() in ("1", "true"):
        raise InstallError([_offline(one) for one in files])
    session = Session(settings, variables, files)
    remove_leftovers(settings)
    told = f"downloading {len(files)} {'file' if len(files) == 1 else 'files'}"
    tell(Progress(step="download", text=told, total=session.total, unit="B", whole=True))
    with closing(session), ThreadPoolExecutor(min(LANES, len(files)), "download") as pool:
        futures = [pool.submit(_run, one, session) for one in files]
        try:
            _follow(futures, session, tell)
        finally:
            session.halt()
    session.check()
    text = f"downloaded {len(files)} {'file' if len(files) == 1 else 'files'}"
    done = session.done
    tell(Progress(step="download", text=text, done=done, total=done, unit="B", whole=True))
    return session.places


def _offline(one: Wanted) -> Problem:
    message = f"{one.title} is not in the wheel cache, and UV_OFFLINE rules a download out"
    return Problem(message, bare(one.url))


def _follow(futures: list[Future[None]], session: Session, tell: Tell) -> None:
    """Tell how far it is until all has ended, or until one has failed."""
    from concurrent.futures import FIRST_EXCEPTION, wait

    pending = set(futures)
    while pending and not session.problems:
        _, pending = wait(pending, timeout=FRAME, return_when=FIRST_EXCEPTION)
        if pending:
            tell(session.progress())
    for future in futures:
        future.cancel()
    if not session.problems:
        for future in futures:
            future.result()


def _run(one: Wanted, session: Session) -> None:
    """One file, from the first try to the last; what goes wrong is kept in the session."""
    try:
        session.places[one.url] = _fetch(one, session)
    except _Stopped:
        return
    except InstallError as error:
        session.problems += error.problems
    except OSError as error:
        said = f"{one.title} cannot be kept in the wheel cache: {error.strerror or error}"
        session.problems.append(Problem(said, str(session.settings.wheels), ROOM))


def _fetch(one: Wanted, session: Session) -> Path:
    """Try until the file is whole and right. Raises InstallError, OSError (of the disk)."""
    with Part(session.settings, one.hashes) as part:
        had = failures = 0
        while True:
            if session.stopped.is_set():
                raise _Stopped
            try:
                _ask(one, part, session)
            except _Passing as error:
                failures = failures + 1 if part.size <= had else 1
                had = part.size
                _wait(one, error, failures, session)
                continue
            if wrong := part.hashes.wrong():
                if part.resumed:  # what was resumed may have been another file's
                    part.clear()
                    continue
                part.discard()
                raise _wrong(one, wrong)
            return part.keep(one.filename)


def _wrong(one: Wanted, wrong: tuple[str, str, str]) -> InstallError:
    algorithm, found, stated = wrong
    return InstallError(
        f"{one.title}: its {algorithm} is {found}, and the lock says {stated}",
        where=bare(one.url),
        hint=OTHER_BYTES,
    )


def _wait(one: Wanted, error: _Passing, failures: int, session: Session) -> None:
    """Until the next try. Raises InstallError when there is none, _Stopped when nobody waits."""
    if session.stopped.is_set():
        raise _Stopped from error
    said = session.variables.get("UV_HTTP_RETRIES", "")
    retries = int(said) if said.isdecimal() else RETRIES
    if failures > retries or error.wait > PATIENCE:
        message = f"{one.title} cannot be downloaded: {error.reason}"
        raise InstallError(message, where=bare(one.url), hint=NETWORK) from error
    ceiling = min(FIRST_DELAY * 2 ** (failures - 1), LONGEST_DELAY)
    delay = max(ceiling * (0.5 + random.random() / 2), error.wait)  # noqa: S311 - no secret
    if session.stopped.wait(delay):
        raise _Stopped


def _ask(one: Wanted, part: Part, session: Session) -> None:
    """One request, from where the file has come to. Raises _Passing, _Stopped, InstallError."""
    import http.client

    try:
        url, answer = _answer(one, part, session)
    except (OSError, http.client.HTTPException) as error:
        session.lane().drop(one.url)
        raise _Passing(_reason(error)) from error
    if answer is None:
        return
    whole = False
    try:
        _take(one, part, session, answer)
        whole = not answer.will_close
    finally:
        if not whole:
            answer.close()
            session.lane().drop(url)


def _answer(
    one: Wanted, part: Part, session: Session
) -> tuple[str, http.client.HTTPResponse | None]:
    """Follow redirects to an answer with the bytes that are missing; None: nothing is."""
    url, login = one.url, session.login_for(one.url)
    if part.size and part.size == one.size:
        return url, None
    for _ in range(REDIRECTS):
        headers = {"Accept-Encoding": "identity", "User-Agent": "cogsmith"}
        if part.size:
            headers["Range"] = f"bytes={part.size}-"
        if login and login.origin == origin_of(url):
            pair = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        answer = session.lane().get(bare(url), headers)
        if answer.status not in (301, 302, 303, 307, 308):
            break
        _skip(answer, session, url)
        url = _next(one, url, answer.headers.get("Location", ""))
    else:
        raise InstallError(f"{one.title}: too many redirects", where=bare(one.url))
    if answer.status in (200, 206):
        return url, _aligned(one, part, session, answer)
    _skip(answer, session, url)
    raise _refused(one, part, answer)


def _skip(answer: http.client.HTTPResponse, session: Session, url: str) -> None:
    """Read the little that an answer without a file holds, so that its connection is free."""
    if (answer.length or 0) <= BLOCK and not answer.will_close and answer.length is not None:
        answer.read()
    else:
        answer.close()
        session.lane().drop(url)


def _next(one: Wanted, url: str, location: str) -> str:
    """Where a redirect leads: never from https to http, nor out of both."""
    target = urljoin(bare(url), location)
    allowed = ("https://",) if url.startswith("https://") else ("https://", "http://")
    if not location or not target.startswith(allowed):
        raise InstallError(f"{one.title}: a redirect leads nowhere safe", where=bare(one.url))
    return target


def _aligned(
    one: Wanted, part: Part, session: Session, answer: http.client.HTTPResponse
) -> http.client.HTTPResponse:
    """See to it that what comes continues what is there: a server may send all of it again."""
    wanted = f"bytes {part.size}-"
    if answer.status == 200:
        part.clear()
    elif not answer.headers.get("Content-Range", "").lower().startswith(wanted):
        part.clear()
        answer.close()
        raise OSError("it sent another part of the file than was asked for")
    if answer.length is not None:
        session.count(one.url, part.size, part.size + answer.length)
    return answer


def _refused(one: Wanted, part: Part, answer: http.client.HTTPResponse) -> Exception:
    """What a status means that brings no file."""
    if answer.status == 416:
        part.clear()
        return _Passing("the server has no such part of the file")
    said = f"the server says {answer.status} {answer.reason}".rstrip()
    if answer.status in PASSING:
        return _Passing(said, _retry_after(answer.headers.get("Retry-After", "")))
    hint = {401: CREDENTIALS, 403: CREDENTIALS, 404: GONE, 410: GONE}.get(answer.status, NETWORK)
    message = f"{one.title} cannot be downloaded: {said}"
    return InstallError(message, where=bare(one.url), hint=hint)


def _retry_after(text: str) -> float:
    """Seconds that a server asks us to wait: a number, or until a date."""
    from email.utils import parsedate_to_datetime

    if text.strip().isdecimal():
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _take(one: Wanted, part: Part, session: Session, answer: http.client.HTTPResponse) -> None:
    """Write what comes until all is there. Raises _Passing when it ends too early."""
    room = memoryview(bytearray(BLOCK))
    while True:
        size = _received(answer, room)
        if not size:
            break
        if session.stopped.is_set():
            raise _Stopped
        part.write(room[:size])
        session.count(one.url, part.size)
    if answer.length:
        raise _Passing(f"the connection ended with {answer.length} bytes to come")


def _received(answer: http.client.HTTPResponse, room: memoryview) -> int:
    import http.client

    try:
        return answer.readinto(room)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _Passing(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the server fell silent"
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"the connection failed ({said})"
