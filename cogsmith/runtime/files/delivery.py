"""Handing an output's files on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cogsmith.runtime.files.destination import Destination, path_of
from cogsmith.runtime.files.inlining import inlined
from cogsmith.runtime.files.splicing import spliced
from cogsmith.runtime.files.uploading import uploaded


async def delivered(json: bytes, files: Sequence[str], to: Destination) -> bytes:
    """An output without ``file://`` URLs: each of ``files`` is uploaded, or put into it.

    Other texts, and names of members, stay as they are. Raises DeliveryFailed. Cancelling
    ends uploads at once.
    """
    urls = list(dict.fromkeys(files))
    paths = [path_of(url) for url in urls]
    if not urls:
        return json
    if to.upload_url:
        return spliced(json, dict(zip(urls, await uploaded(paths, to), strict=True)))

    def read() -> bytes:  # tens of milliseconds for large files
        return spliced(json, dict(zip(urls, inlined(paths, to.limit), strict=True)))

    return await asyncio.to_thread(read)
