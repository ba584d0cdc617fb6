"""``-i name=value`` and ``--json``: the words of a person turned into checked inputs.

Everything wrong is told at once, and before anything is installed or started.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cogsmith.errors import InvalidInput, Problem, UsageError
from cogsmith.signature import FileInput, Signature, check, coerce, complete


def gather(signature: Signature, words: Iterable[str], document: str | None) -> dict[str, Any]:
    """Inputs for one prediction, checked against the signature, defaults filled in.

    ``words`` are the texts after ``-i``; ``document`` is the text after ``--json``: a JSON
    object, ``@file`` or ``@-`` for standard input.

    Raises UsageError for words that cannot be read, InvalidInput for what does not fit.
    """
    words = list(words)
    if document is not None and words:
        raise UsageError("Must use one of --json or --input to provide model inputs")
    if document is not None:
        given: Mapping[str, Any] = _marked(_parse(_read(document)))
    else:
        given = coerce(signature, [_split(word) for word in words])
    problems: list[Problem] = []
    values = {name: _resolve(value, name, problems) for name, value in given.items()}
    problems += check(signature, values)
    if problems:
        raise InvalidInput(problems)
    return complete(signature, values)


def _split(word: str) -> tuple[str, str]:
    name, sign, value = word.partition("=")
    if not sign or not name:
        raise UsageError(
            f"-i {word!r} is not an input", hint="write -i name=value, or -i name=@file"
        )
    return name.strip(), value


def _read(document: str) -> str:
    if document in ("-", "@-"):
        return sys.stdin.read()
    if not document.startswith("@"):
        return document
    path = Path(document[1:])
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"--json {document}: {reason}", hint="name a JSON file") from error


def _parse(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"--json is not JSON: {error}", hint='write --json \'{"prompt": "..."}\''
        ) from error
    if not isinstance(value, dict):
        raise UsageError(
            f"--json must be an object, not {_kind(value)}",
            hint='write --json \'{"prompt": "..."}\'',
        )
    return value


def _kind(value: Any) -> str:
    """What JSON calls it."""
    if isinstance(value, list | str):
        return "an array" if isinstance(value, list) else "a string"
    return json.dumps(value)


def _marked(value: Any) -> Any:
    """In a JSON document, too, a text that begins with ``@`` names a file on disk (as in Cog)."""
    if isinstance(value, str) and value.startswith("@") and len(value) > 1:
        return FileInput(value[1:])
    if isinstance(value, list):
        return [_marked(item) for item in value]
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()}
    return value


def _resolve(value: Any, name: str, problems: list[Problem]) -> Any:
    """Replace the markers of files with ``file://`` URLs; note the files that are not there."""
    if isinstance(value, list):
        return [_resolve(item, name, problems) for item in value]
    if not isinstance(value, FileInput):
        return value
    path = Path(value.path).expanduser()
    if path.is_file():
        return _text(path, name, problems) if value.text else path.resolve().as_uri()
    problems.append(Problem(_missing(path), where=f"input {name}", hint=_advice(path)))
    return path.absolute().as_uri()


def _text(path: Path, name: str, problems: list[Problem]) -> str:
    """The words in a file, for an input that is a text."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        problems.append(Problem(f"{path} cannot be read: {reason}", where=f"input {name}"))
        return ""


def _missing(path: Path) -> str:
    return f"{path} is a folder, not a file" if path.is_dir() else f"there is no file {path}"


def _advice(path: Path) -> str:
    if path.is_dir():
        return f"name a file in it: @{path}/..."
    if not path.parent.is_dir():
        return f"the folder {path.parent} is not there either"
    return f"paths are relative to {Path.cwd()}"
