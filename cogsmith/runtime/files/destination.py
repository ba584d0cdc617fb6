"""Where an output's files go, and under which names."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import quote, unquote_to_bytes, urlsplit

LIMIT = 64 * 1024 * 1024  # bytes of files in one output
DELAYS = (0.2, 0.4, 0.8, 1.6, 3.2)  # seconds; somebody waits for the answer
PATIENCE = 30.0  # seconds; coglet gives the whole upload 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where the files of one prediction go.

    ``upload_url`` is the folder that they are put into: the server's ``--upload-url`` or
    the request's ``output_file_prefix``. Without it they become data URIs in the output,
    ``limit`` bytes of them at most. ``prediction`` is its id. ``delays`` are those before
    another try, ``patience`` is for each step of an upload; both are in seconds.
    """

    upload_url: str = ""
    prediction: str = ""
    limit: int = LIMIT
    delays: tuple[float, ...] = DELAYS
    patience: float = PATIENCE

    def address(self, name: str) -> str:
        """The URL to which a file of this name is put. A query stays behind the name.

        >>> Destination(upload_url="https://example.com/up?sig=1").address("größe 1.png")
        'https://example.com/up/gr%C3%B6%C3%9Fe%201.png?sig=1'
        """
        parts = urlsplit(self.upload_url)
        path = f"{parts.path.rstrip('/')}/{quote(os.fsencode(name), safe='')}"
        return parts._replace(path=path, fragment="").geturl()


def path_of(url: str) -> Path:
    """The file that a ``file://`` URL stands for.

    >>> path_of("file:///tmp/a%20b.png").name
    'a b.png'
    """
    return Path(os.fsdecode(unquote_to_bytes(url.removeprefix("file://"))))


def names(paths: Iterable[PurePath]) -> list[str]:
    """The files' own names, each once: files of two folders may have the same.

    >>> names([PurePath("a/out.png"), PurePath("b/out.png"), PurePath("c.txt")])
    ['out.png', 'out-2.png', 'c.txt']
    """
    taken: dict[str, None] = {}
    for path in paths:
        name, number = path.name, 1
        while name in taken:
            number += 1
            name = f"{path.stem}-{number}{path.suffix}"
        taken[name] = None
    return list(taken)
