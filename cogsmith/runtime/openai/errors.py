"""What goes wrong, as OpenAI's clients understand it."""

from __future__ import annotations

import json
import re

from cogsmith.errors import PredictionError
from cogsmith.prediction import Finished, Status

__all__ = ["ApiError", "failure", "kind_of"]

CANCELED = 499  # "client closed request": clients don't try it again, as they do after a 5xx
TOO_LONG = "E1002"
# Those of the E-numbers (see EngineError) that tell of the request; E12xx tell of the engine.
# Predictors of others raise them inside an exception of their own, whose name comes first.
_REQUESTS_FAULT = re.compile(r"(?:\w+: )?(E1[01]\d\d)\b:? *")


class ApiError(PredictionError):
    """An error with its HTTP status; ``where`` is the parameter, if one is at fault.

    >>> ApiError("must be a text", where="user", hint="quote it").words
    'user: must be a text; quote it'
    """

    code = ""

    def __init__(
        self, message: str, *, where: str = "", hint: str = "", code: str = "", status: int = 400
    ) -> None:
        """Hold the words, and the status (400: the request is wrong)."""
        self.status = status
        super().__init__(message, where=where, hint=hint, code=code)

    @property
    def type(self) -> str:
        """OpenAI's word for whose fault it is."""
        if self.status == 429:
            return "rate_limit_error"
        return "server_error" if self.status >= 500 else "invalid_request_error"

    @property
    def words(self) -> str:
        """All that is to be said in one text: where, what, and what to do."""
        return f"{self.problems[0]}; {self.hint}" if self.hint else str(self.problems[0])

    def body(self) -> bytes:
        """OpenAI's JSON of an error."""
        told = {
            "message": self.words,
            "type": self.type,
            "param": self.where or None,
            "code": self.code or None,
        }
        return json.dumps({"error": told}, separators=(",", ":")).encode()

    def event(self) -> bytes:
        """The same in the middle of a stream, where no status can be sent any more."""
        return b"data: %b\n\n" % self.body()


def failure(ended: Finished, *, param: str) -> ApiError:
    """Why a prediction gave no answer; ``param`` is where its prompt came from."""
    if ended.status is Status.CANCELED:
        return ApiError("the prediction was canceled", code="canceled", status=CANCELED)
    words = (ended.error or "the prediction failed").replace("\nhint: ", "; ")
    coded = _REQUESTS_FAULT.match(words)
    if coded is None:
        return ApiError(words, code="prediction_failed", status=500)
    words = words[coded.end() :]
    if coded[1] == TOO_LONG:
        words = words.removeprefix("prompt: ")  # the engine's name for where
        return ApiError(words, where=param, code="context_length_exceeded")
    return ApiError(words, code="invalid_value")


def kind_of(value: object) -> str:
    """What JSON calls a value, with its article."""
    if isinstance(value, bool):
        return "a boolean"
    names = {int: "a number", float: "a number", str: "a text", list: "an array", dict: "an object"}
    return names.get(type(value), "null")
