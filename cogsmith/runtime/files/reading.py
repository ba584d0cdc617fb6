"""Reading output files, piece by piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from cogsmith.errors import DeliveryFailed

PIECE = 256 * 1024  # bytes


def size(path: Path) -> int:
    """How many bytes a file has. Raises DeliveryFailed when it is none that can be read."""
    try:
        found = path.stat()
    except OSError as error:
        raise unreadable(path, error) from None
    if not S_ISREG(found.st_mode):  # a pipe or a device might never end
        raise DeliveryFailed(f"Failed to process output file: {path} is not a regular file")
    return found.st_size


def unreadable(path: Path, error: OSError) -> DeliveryFailed:
    """Say that a file cannot be read, and why."""
    why = error.strerror or str(error)
    return DeliveryFailed(
        f"Failed to process output file: {path} cannot be read: {why}",
        hint="keep an output's file until the prediction has ended",
    )


@dataclass(frozen=True, slots=True)
class FileBody:
    """The body of an upload: ``length`` bytes of a file, read while they are sent."""

    path: Path
    length: int

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The file's pieces. Raises DeliveryFailed when it cannot be read to its end."""
        try:
            file = self.path.open("rb")  # here: a thread's would be lost when we are canceled
            try:
                left = self.length
                while left:
                    piece = await asyncio.to_thread(file.read, min(PIECE, left))
                    if not piece:
                        raise DeliveryFailed(
                            f"Failed to process output file: {self.path} became shorter "
                            "while it was uploaded",
                            hint="write each output to a file of its own",
                        )
                    left -= len(piece)
                    yield piece
            finally:
                file.close()
        except OSError as error:
            raise unreadable(self.path, error) from None
