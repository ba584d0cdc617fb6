"""Files as data URIs, inside the output itself."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path

from cogsmith.errors import DeliveryFailed
from cogsmith.runtime.files.media import media_type
from cogsmith.runtime.files.reading import PIECE, size, unreadable

_STEP = PIECE - PIECE % 3  # three bytes become four letters, so that pieces can be joined


def inlined(paths: Iterable[Path], limit: int) -> list[bytes]:
    """Each file as a data URI. Blocks while it reads.

    Raises DeliveryFailed when a file cannot be read, or all of them together are larger
    than ``limit`` bytes.
    """
    left, texts = limit, []
    for path in paths:
        length = size(path)
        left -= length
        if left < 0:
            raise DeliveryFailed(
                f"Failed to process output file: {path.name} has {length:,} bytes, and at most "
                f"{limit:,} bytes of files go into one output; set --upload-url, or send "
                "output_file_prefix, to have them uploaded"
            )
        texts.append(_inlined(path, length))
    return texts


def _inlined(path: Path, length: int) -> bytes:
    pieces = [f"data:{media_type(path.name)};base64,".encode()]
    try:
        with path.open("rb") as file:
            while length > 0 and (data := file.read(min(_STEP, length))):
                length -= len(data)
                pieces.append(b64encode(data))
    except OSError as error:
        raise unreadable(path, error) from None
    return b"".join(pieces)
