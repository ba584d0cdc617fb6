"""What is said of an exception that the author's code let out."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

from cogsmith.errors import CogsmithError, Problem

_OURS = str(Path(__file__).parent)
_MACHINERY = (
    "<frozen importlib",
    "<frozen runpy",
    str(Path(traceback.__file__).parent / "asyncio"),
)


def error_text(error: BaseException) -> str:
    r"""The exception's type and words, as the prediction's ``error``.

    An error of ours (the engine's, above all) is told by its code, its words and its advice.

    >>> error_text(ValueError("boom"))
    'ValueError: boom'
    >>> error_text(CogsmithError("no prompt was given", hint="give one", code="E1001"))
    'E1001: no prompt was given\nhint: give one'
    """
    if isinstance(error, CogsmithError):
        return f"{error.code}: " + "\n".join(_told(problem) for problem in error.problems)
    try:
        words = str(error)
    except Exception:
        words = "(its text cannot be shown)"
    name = type(error).__name__
    return f"{name}: {words}" if words else name


def _told(problem: Problem) -> str:
    return f"{problem}\nhint: {problem.hint}" if problem.hint else str(problem)


def traceback_text(error: BaseException) -> str:
    """The traceback through the author's code alone; empty when it never got there.

    Empty for errors of ours, too: they say what to do, and a stack would hide it.
    """
    if isinstance(error, CogsmithError):
        return ""
    trace = _authors(error.__traceback__)
    if trace is None and not isinstance(error, SyntaxError):
        return ""
    return "".join(traceback.format_exception(type(error), error, trace))


def place(error: BaseException) -> str:
    """Where in the author's code: ``predict.py:12`` for the innermost frame of theirs."""
    if isinstance(error, CogsmithError):
        return ""  # it says itself where
    trace = _authors(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    if trace is None:
        return ""
    first = trace.tb_frame.f_code.co_filename
    found = f"{Path(first).name}:{trace.tb_lineno}"
    while (trace := trace.tb_next) is not None:
        if trace.tb_frame.f_code.co_filename == first:
            found = f"{Path(first).name}:{trace.tb_lineno}"
    return found


def _authors(trace: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of ours and of the import machinery at its start."""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith((_OURS, *_MACHINERY)):
            return trace
        trace = trace.tb_next
    return None
