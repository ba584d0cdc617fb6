"""What a prediction gives, on its way to the person: text as it comes, files, JSON.

Standard output carries the result and nothing else. File outputs are named as Cog names
them: ``output.png`` for one, ``output.0.png``, ``output.1.png`` … for several.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import unquote, urlsplit

from cogsmith.cli.console import Console
from cogsmith.errors import UsageError
from cogsmith.prediction import Output


@dataclass
class Files:
    """Brings the files of outputs to where the person wants them.

    Temporary files that are newer than this are the prediction's own, and are moved. Older ones
    are somebody's, also where a whole project lies in the temporary folder: they are copied.
    """

    stem: Path
    suffix: str
    console: Console
    count: int = 0
    since: float = field(default_factory=time.time)

    def place(self, url: str, name: str) -> str:
        """Bring one file here as ``STEM[.NAME].EXT`` and answer its new path."""
        source = Path(unquote(urlsplit(url).path))
        target = Path(f"{self.stem}{f'.{name}' if name else ''}{self.suffix or source.suffix}")
        self.count += 1
        _bring(source, target, self.since)
        self.console.note(f"Written output to: {target}")
        return str(target)

    def replaced(self, value: Any, files: frozenset[str], name: str = "") -> Any:
        """The value with each file's URL replaced by the path where it now lies."""
        if isinstance(value, str) and value in files:
            return self.place(value, name)
        if isinstance(value, list):
            return [
                self.replaced(item, files, f"{name}.{i}" if name else str(i))
                for i, item in enumerate(value)
            ]
        if isinstance(value, dict):
            return {
                key: self.replaced(item, files, f"{name}.{key}" if name else key)
                for key, item in value.items()
            }
        return value


def _bring(source: Path, target: Path, since: float) -> None:
    """Move a temporary file, copy any other; the target is whole or not there at all."""
    if _is_device(target):
        with source.open("rb") as whole, target.open("wb") as device:
            shutil.copyfileobj(whole, device)
        return
    target = _behind(target)
    part = target.with_name(f".{target.name}.part")
    temporary = source.is_relative_to(tempfile.gettempdir()) and source.lstat().st_ctime >= since
    (shutil.move if temporary else shutil.copyfile)(source, part)
    part.replace(target)


def _is_device(path: Path) -> bool:
    """Whether it is written through and never replaced: /dev/null, /dev/stdout, a named pipe."""
    return path.exists() and not path.is_file()


def _behind(path: Path) -> Path:
    """The file itself, where the path is a link to one: the link stays."""
    return path.resolve() if path.is_symlink() else path


@dataclass
class Printer:
    """Shows outputs as they arrive.

    ``joined``: the pieces are one text (ConcatenateIterator). ``text``: the output is text
    and is shown raw; anything else is shown as JSON once it is whole.
    """

    stream: TextIO
    files: Files
    joined: bool
    iterator: bool
    text: bool
    pieces: list[Any] = field(default_factory=list)
    shown: str = ""

    def take(self, output: Output) -> None:
        """Show one piece, or keep it until the output is whole."""
        name = str(len(self.pieces)) if self.iterator else ""
        value = self.files.replaced(output.value, frozenset(output.files), name)
        self.pieces.append(value)
        if self.joined and isinstance(value, str):
            self._write(value)

    def finish(self) -> bool:
        """Show what is still to be shown; False when there was no output at all."""
        if self.joined:
            if self.shown and not self.shown.endswith("\n") and self.stream.isatty():
                self._write("\n")
        elif self.pieces and not self._all_files():
            whole = self.pieces if self.iterator else self.pieces[0]
            if whole is None:
                return False
            self._write(whole if isinstance(whole, str) and self.text else _pretty(whole))
            self._write("\n")
        return bool(self.pieces)

    def _all_files(self) -> bool:
        """Whether the paths, which are already told, are all there is to say."""
        flat = list(_leaves(self.pieces))
        return bool(flat) and self.files.count == len(flat)

    def _write(self, text: str) -> None:
        self.shown = text or self.shown
        self.stream.write(text)
        self.stream.flush()


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _leaves(item)
    else:
        yield value


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def write_document(document: dict[str, Any], destination: Path | None, console: Console) -> None:
    """Print the whole prediction as JSON, or save it."""
    text = _pretty(document) + "\n"
    if destination is None:
        sys.stdout.write(text)
        return
    with saved(destination) as stream:
        stream.write(text)
    console.note(f"Written output to: {destination}")


@dataclass
class saved:  # noqa: N801 - a context manager that reads as a verb
    """A text file that appears when it is whole; nothing is left behind when it is not.

    A device or a pipe gets the text as it comes.
    """

    path: Path

    def __enter__(self) -> TextIO:
        self._device = _is_device(self.path)
        self._target = self.path if self._device else _behind(self.path)
        name = self._target.name if self._device else f".{self._target.name}.part"
        self._part = self._target.with_name(name)
        self._stream: TextIO = self._part.open("w", encoding="utf-8")
        return self._stream

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            self._stream.close()
            if kind is None and not self._device:
                self._part.replace(self._target)
        finally:
            if not self._device:
                self._part.unlink(missing_ok=True)


def destination(path: str | None, fallback: str) -> Path | None:
    """Where ``-o`` points to: a file, or a folder that gets ``fallback``.

    Raises UsageError when nothing can be written there, before any work is done.
    """
    if path is None:
        return None
    target = Path(path.removeprefix("@")).expanduser()
    if target.is_dir():
        target = target / fallback
    if not target.parent.is_dir():
        raise UsageError(
            f"-o {path}: there is no folder {target.parent}", hint=f"mkdir -p {target.parent}"
        )
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise UsageError(f"-o {path}: not writable", hint="choose another path")
    return target
