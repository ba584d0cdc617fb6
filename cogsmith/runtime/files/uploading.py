"""Uploading output files, as coglet does: ``PUT <upload-url>/<file name>``.

The output's URL is the answer's ``Location``, or else the URL that was put to, in both cases
without its query, which often holds a signature. No bearer token goes along: signed URLs
refuse a second proof, and coglet sends none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urljoin

from cogsmith.errors import DeliveryFailed
from cogsmith.prediction import Answer, Request, exchange, shown
from cogsmith.runtime.files.destination import Destination, names
from cogsmith.runtime.files.media import media_type
from cogsmith.runtime.files.reading import FileBody, size

AT_ONCE = 4  # files of one output
_MOVED = frozenset({301, 302, 307, 308})
_MOST_MOVES = 5


async def uploaded(paths: Sequence[Path], to: Destination) -> list[bytes]:
    """Upload files; answers their new URLs.

    Raises DeliveryFailed for the first file that cannot be read or is not taken; what is
    still under way then is let go.
    """
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(path: Path, name: str) -> bytes:
        async with slots:
            return await _uploaded(path, to.address(name), to)

    tasks = [asyncio.ensure_future(one(*pair)) for pair in zip(paths, names(paths), strict=True)]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _uploaded(path: Path, url: str, to: Destination) -> bytes:
    length = await asyncio.to_thread(size, path)
    headers = {"content-type": media_type(path.name)}
    if to.prediction:
        headers["x-prediction-id"] = to.prediction
    request = Request("PUT", url, headers, FileBody(path, length))
    left = [*to.delays]
    answer, url = await _put(request, to.patience)
    while not answer.ok:
        if not (answer.passing and left):
            tries = len(to.delays) - len(left) + 1
            raise DeliveryFailed(
                f"Failed to process output file: {path.name} was not taken by {shown(url)}: "
                f"{answer}{f', after {tries} tries' if tries > 1 else ''}",
                hint="check --upload-url and output_file_prefix",
            )
        await asyncio.sleep(left.pop(0))
        answer, url = await _put(request, to.patience)
    final = urljoin(url, answer.headers.get("location", ""))
    return shown(final).encode()


async def _put(request: Request, patience: float) -> tuple[Answer, str]:
    """Put it, going where a redirect says; answers where that was, too."""
    url = request.url
    for _ in range(_MOST_MOVES):
        answer = await exchange(
            Request(request.method, url, request.headers, request.body), patience
        )
        location = answer.headers.get("location")
        if answer.status not in _MOVED or location is None:
            return answer, url
        url = urljoin(url, location)
    return Answer(0, "it is moved again and again"), url
