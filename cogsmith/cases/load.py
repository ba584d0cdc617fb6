"""Case files on disk: which they are, what they say, and whether what they name is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cogsmith.cases.case import Case
from cogsmith.cases.parse import Located, Placed, in_order, read
from cogsmith.errors import CasesError, Problem
from cogsmith.signature import FileInput, InputField, Kind, Signature, check

__all__ = ["available", "load"]

FOLDER = "tests"
ENDINGS = (".yaml", ".yml")
SCHEMES = {"http", "https", "data", "file"}


def available(project: Path, model: str = "") -> tuple[Path, ...]:
    """The case files of a model: ``tests/*.yaml``; of one with a name, ``tests/NAME/*.yaml``."""
    return _of_folder(project / FOLDER / model)


def _of_folder(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted(path for path in folder.iterdir() if path.suffix in ENDINGS))


def load(paths: Sequence[Path], signature: Signature, folder: Path) -> tuple[Case, ...]:
    """The cases of files, and of the files in folders; ``folder`` is what names are told from.

    Raises CasesError with every problem of all of them: of the text, of inputs that do not fit
    the signature (unless the case expects an error), and of files that are not there.
    """
    problems: list[Problem] = []
    cases: list[Case] = []
    for path in paths:
        for file in _of_folder(path) if path.is_dir() else (path,):
            name = _name(file, folder)
            try:
                placed, wrong = read(_text(file, name), where=name)
            except CasesError as error:
                problems += error.problems
                continue
            for one in placed:
                found = _Inputs(one, signature, file.parent)
                cases.append(found.case())
                wrong += found.problems
            problems += in_order(wrong)
    if problems:
        raise CasesError(problems)
    return tuple(cases)


def _name(file: Path, folder: Path) -> str:
    """The file as people call it from where they are."""
    try:
        return str(file.resolve().relative_to(folder.resolve()))
    except ValueError:
        return str(file)


def _text(file: Path, name: str) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError:
        raise CasesError("is not UTF-8 text", where=name, hint="save it as UTF-8") from None
    except OSError as error:
        raise CasesError(f"cannot be read: {error.strerror}", where=name) from None


class _Inputs:
    """The inputs of one entry on their way to values of the signature."""

    def __init__(self, placed: Placed, signature: Signature, folder: Path) -> None:
        self._placed, self._signature, self._folder = placed, signature, folder
        self.problems: list[Located] = []
        given = placed.entry.input
        self._values = {name: self._value(name, value) for name, value in given.items()}
        if placed.entry.expect.error is None:
            self.problems += self._faults()

    def case(self) -> Case:
        """The checked case; it is whole only where there are no problems."""
        return Case(
            entry=self._placed.entry, where=self._placed.where, folder=str(self._folder),
            input=self._values,
        )  # fmt: skip

    def _faults(self) -> Iterator[Located]:
        for problem in check(self._signature, self._values):
            named = (n for n in self._values if f'"{n}"' in problem.message)
            name = next(named, None) or next(
                (n for n in self._values if n in problem.message), None
            )
            path = ("input", name) if name else ("input",)
            yield self._placed.problem(path, problem.message, problem.hint)

    def _value(self, name: str, value: Any) -> Any:
        field = self._signature.input(name)
        if isinstance(value, list):
            return [self._value(name, item) for item in value]
        if not isinstance(value, str) or field is None:
            return value
        if value.startswith("@@"):
            return value[1:]  # a text that begins with @
        if field.type.kind in (Kind.PATH, Kind.FILE) and not field.type.variants:
            return self._file(name, value)
        return self._words(name, value, field) if value.startswith("@") else value

    def _file(self, name: str, value: str) -> Any:
        if not value.startswith("@") and urlsplit(value).scheme in SCHEMES:
            return value
        path = self._folder / value.removeprefix("@")
        self._must_be_there(name, path)
        return FileInput(str(path.resolve()))

    def _words(self, name: str, value: str, field: InputField) -> Any:
        """The words in a file, for an input that is a text."""
        if field.type.kind is not Kind.STRING or len(value) == 1:
            return value
        path = self._folder / value[1:]
        if not self._must_be_there(name, path):
            return value
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            said = getattr(error, "strerror", None) or "it is not UTF-8 text"
            message = f"{path.name} cannot be read: {said}"
            self.problems.append(self._placed.problem(("input", name), message, ""))
            return value

    def _must_be_there(self, name: str, path: Path) -> bool:
        if path.is_file():
            return True
        said = "is a folder" if path.is_dir() else "is not there"
        hint = "paths are relative to the case file; write @@ for a text that begins with @"
        message = f"the file {path} {said}"
        self.problems.append(self._placed.problem(("input", name), message, hint))
        return False
