"""What some cases ask about an answer beyond its value: digests of files, a judge's word."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import tempfile
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from cogsmith.cases.case import Answer, Case
from cogsmith.cases.outputs import files_of, whole
from cogsmith.signature import FileInput, OutputType

__all__ = ["gather", "tidy"]

PATIENCE = 60.0  # seconds that a judge, or a file's server, may take
CLOCKS = 0.05  # seconds by which a file system's clock may be behind ours
MOST_LINES = 20  # of what a judge says
ENDINGS = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp", "audio/wav": ".wav",
           "video/mp4": ".mp4", "text/plain": ".txt", "application/json": ".json"}  # fmt: skip


async def gather(case: Case, answer: Answer, output: OutputType) -> Answer:
    """The answer with what its case asks for; as it is, where it asks for nothing."""
    expect = case.entry.expect
    if not answer.ok or not (expect.sha256 or expect.judge):
        return answer
    with tempfile.TemporaryDirectory(prefix="cogsmith-case-") as folder:
        try:
            files = _fetched(output, answer.output, Path(folder))
        except (OSError, HTTPException, ValueError) as error:
            return replace(answer, ok=False, error=f"an output file cannot be read: {error}")
        digests = tuple(_digest(path.read_bytes()) for path in files.values())
        value = whole(output, answer.output)
        if not files and isinstance(value, str):
            digests = (_digest(value.encode("utf-8", "surrogatepass")),)
        judged = await _judged(case, answer, _named(value, files)) if expect.judge else None
        return replace(answer, digests=digests, judged=judged)


def tidy(answer: Answer, output: OutputType, begun: float) -> None:
    """Remove the temporary files that were written for an answer, and nobody needs any more.

    ``begun`` is when its prediction began, in seconds since 1970: an older file is not its own.
    """
    for url in files_of(output, answer.output):
        path = Path(unquote(urlsplit(url).path)) if url.startswith("file://") else None
        if path and path.is_relative_to(tempfile.gettempdir()):
            with suppress(OSError):
                if path.stat().st_mtime >= begun - CLOCKS:
                    path.unlink()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _fetched(output: OutputType, value: Any, folder: Path) -> dict[str, Path]:
    """Each file of an output by its URL, where it can be read."""
    found: dict[str, Path] = {}
    for number, url in enumerate(files_of(output, value)):
        parts = urlsplit(url)
        if parts.scheme == "file":
            found[url] = Path(unquote(parts.path))
            continue
        kind, content = _data(url) if parts.scheme == "data" else ("", _downloaded(url))
        ending = ENDINGS.get(kind, "") if kind else Path(parts.path).suffix
        found[url] = folder / f"output.{number}{ending}"
        found[url].write_bytes(content)
    return found


def _data(url: str) -> tuple[str, bytes]:
    """Media type and content of a data URI (RFC 2397). Raises ValueError."""
    head, _, body = url.removeprefix("data:").partition(",")
    content = unquote_to_bytes(body)
    kind = head.partition(";")[0]
    return kind, base64.b64decode(content) if head.endswith(";base64") else content


def _downloaded(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 - http, https
        content: bytes = answer.read()
        return content


def _named(value: Any, files: Mapping[str, Path]) -> Any:
    """The output with the paths of its files in the places of their URLs."""
    if isinstance(value, list):
        return [_named(item, files) for item in value]
    if isinstance(value, dict):
        return {name: _named(item, files) for name, item in value.items()}
    return str(files[value]) if isinstance(value, str) and value in files else value


async def _judged(case: Case, answer: Answer, output: Any) -> str:
    """Ask a judge: "" for a pass, else what it says. It is told all, and decides by exit code.

    ``cogsmith.process`` gives programs nothing to read, and waits for them as a whole.
    """
    told = {
        "name": case.name,
        "input": {name: _shown(value) for name, value in case.input.items()},
        "output": output,
        "metrics": dict(answer.metrics),
        "logs": answer.logs,
    }
    words = case.entry.expect.judge
    try:
        judge = await asyncio.create_subprocess_exec(
            *words, cwd=case.folder, stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        return f"{words[0]} cannot be started: {getattr(error, 'strerror', None) or error}"
    try:
        asked = judge.communicate(json.dumps(told).encode())
        said, _ = await asyncio.wait_for(asked, PATIENCE)
    except asyncio.TimeoutError:
        return f"{words[0]} has said nothing for {PATIENCE:g} s"
    finally:
        if judge.returncode is None:
            judge.kill()
            await judge.wait()
    if judge.returncode == 0:
        return ""
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return "\n".join(lines[-MOST_LINES:]) or f"exit code {judge.returncode}"


def _shown(value: Any) -> Any:
    if isinstance(value, list):
        return [_shown(item) for item in value]
    return value.path if isinstance(value, FileInput) else value
