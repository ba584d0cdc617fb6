"""Putting other texts in the place of some texts of a JSON document, without parsing it."""

from __future__ import annotations

import re
from collections.abc import Mapping

# A whole text of the document, for its first quote is not escaped, as every quote inside of
# a text is; and a value, for no colon follows.
_URL = re.compile(rb'(?<!\\)"(file://[^"\\]*)"(?!\s*:)')


def spliced(json: bytes, replacements: Mapping[str, bytes]) -> bytes:
    """The document with each value that is exactly one of these URLs replaced.

    URLs are as ``Path.as_uri()`` makes them, and what they are replaced by is like them:
    ASCII without quotes and backslashes. Names of members are left.

    >>> spliced(b'{"file:///a":["file:///a","see file:///a"]}', {"file:///a": b"data:,"})
    b'{"file:///a":["data:,","see file:///a"]}'
    """
    texts = {url.encode(): text for url, text in replacements.items()}
    pieces, at = [], 0
    for found in _URL.finditer(json):
        if (text := texts.get(found[1])) is not None:
            pieces += [json[at : found.start(1)], text]
            at = found.end(1)
    return b"".join([*pieces, json[at:]])
