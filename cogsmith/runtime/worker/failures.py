"""What is said of an exception that the author's code let out."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

_OURS = str(Path(__file__).parent)
_MACHINERY = ("<frozen importlib", "<frozen runpy")


def error_text(error: BaseException) -> str:
    """The exception's type and words, as the prediction's ``error``.

    >>> error_text(ValueError("boom"))
    'ValueError: boom'
    """
    try:
        words = str(error)
    except Exception:  # noqa: BLE001 - an author's __str__ may raise anything
        words = "(its text cannot be shown)"
    name = type(error).__name__
    return f"{name}: {words}" if words else name


def traceback_text(error: BaseException) -> str:
    """The traceback through the author's code alone; empty when it never got there."""
    trace = _authors(error.__traceback__)
    if trace is None and not isinstance(error, SyntaxError):
        return ""
    return "".join(traceback.format_exception(type(error), error, trace))


def place(error: BaseException) -> str:
    """Where in the author's code: ``predict.py:12`` for the innermost frame of theirs."""
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
