"""One choice of an answer: what is kept of its prediction's events, and how it is worded."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cogsmith.prediction import Metric, record
from cogsmith.runtime.openai.asked import Asked
from cogsmith.runtime.openai.form import Frame
from cogsmith.runtime.openai.logprobs import Token, read
from cogsmith.runtime.openai.text import HALF, Halves, is_simple, joined, plain, quoted

__all__ = ["StreamedChoice", "WholeChoice"]

COUNTED = frozenset({"input_token_count", "output_token_count", "finish_reason"})
REASONS = ("stop", "length")
AFTER = b',"logprobs":%b,"finish_reason":%b}'
OPEN = AFTER % (b"null", b"null")


class Choice:
    """What streamed and whole choices share: metrics, and tokens with log probabilities."""

    def __init__(self, asked: Asked, frame: Frame, index: int) -> None:
        self.ended = False
        self.metrics: Mapping[str, object] = {}
        self._form = frame.form
        self._asked = asked
        self._index = index
        self._pending: list[Token] = []
        self._offset = 0  # in characters, of the text so far
        self._prompt = str(asked.inputs[index]["prompt"]) if asked.echo else ""

    def record(self, metric: Metric) -> None:
        """Keep a metric that the answer tells of."""
        if metric.name in COUNTED:
            self.metrics = record(self.metrics, metric)
        elif metric.name == "logprobs" and self._asked.logprobs:
            token = read(metric.value)
            if token is not None:
                self._pending.append(token)

    def count(self, name: str) -> int | None:
        """A metric that counts tokens."""
        value = self.metrics.get(name)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return value if isinstance(value, int) else None

    @property
    def finish_reason(self) -> bytes:
        """Why it ended: as the predictor tells, else by the limit."""
        told = self.metrics.get("finish_reason")
        if told not in REASONS:
            count, limit = self.count("output_token_count"), self._asked.limit
            cut = count is not None and limit is not None and count >= limit
            told = "length" if cut else "stop"
        return b'"%b"' % str(told).encode()

    def tokens(self, text: bytes) -> list[tuple[Token, int]]:
        """The tokens that this JSON text is made of, each with its place in the whole text."""
        found, place = [], self._offset
        self._offset += len(json.loads(text))
        for token in self._pending:
            found.append((token, min(place, self._offset)))
            place += len(token.text)
        self._pending.clear()
        return found


class StreamedChoice(Choice):
    """A choice that is sent as it comes."""

    def __init__(self, asked: Asked, frame: Frame, index: int) -> None:
        super().__init__(asked, frame, index)
        before, after = frame.form.chunk
        self._start, self._end = frame.choice(index), frame.end
        self._before, self._after = self._start + before, after
        self._open = after + OPEN + frame.end
        self._usual = b"%b%%b%b" % tuple(
            part.replace(b"%", b"%%") for part in (self._before, self._open)
        )
        self._begun = self._steady = False  # steady: each output is a chunk, and nothing else is
        self._halves = Halves()

    def said(self, text: bytes) -> bytes:
        """The chunk of one output; the first one has the role, or the echo, before it."""
        if self._steady and is_simple(text) and not self._halves.held:
            return self._usual % text
        text = plain(text)
        if HALF in text or self._halves.held:
            text = self._halves.mended(text)
        return self._begin() + self._before + text + self._close(text)

    def finished(self) -> bytes:
        """What is left to say, and the chunk that says why it ended."""
        self.ended = True
        rest = self._halves.rest()
        left = self._before + rest + self._open if rest else b""
        last = AFTER % (b"null", self.finish_reason)
        return self._begin() + left + self._start + self._form.last + last + self._end

    def _begin(self) -> bytes:
        """What comes before the first text, once."""
        if self._begun:
            return b""
        self._begun = True
        self._steady = not self._asked.logprobs
        if self._prompt:
            return self._before + quoted(self._prompt) + self._open
        first = self._form.first
        return self._start + first + OPEN + self._end if first else b""

    def _close(self, text: bytes) -> bytes:
        """What comes after this text: the log probabilities of its tokens, if they are told."""
        tokens = self.tokens(text) if self._asked.logprobs else []
        if not tokens:
            return self._open
        return self._after + AFTER % (self._form.logprobs(tokens), b"null") + self._end


class WholeChoice(Choice):
    """A choice that is told when all of it is there."""

    def __init__(self, asked: Asked, frame: Frame, index: int) -> None:
        super().__init__(asked, frame, index)
        self._texts = [quoted(self._prompt)]
        self._told: list[tuple[Token, int]] = []

    def said(self, text: bytes) -> bytes:
        """Keep one output; nothing is sent yet."""
        text = plain(text)
        self._texts.append(text)
        if self._asked.logprobs:
            self._told += self.tokens(text)
        return b""

    def finished(self) -> bytes:
        """Nothing is sent yet."""
        self.ended = True
        return b""

    def body(self) -> bytes:
        """The choice as JSON."""
        before, after = self._form.whole
        logprobs = self._form.logprobs(self._told) if self._asked.logprobs else b"null"
        said = before + joined(self._texts) + after
        return b'{"index":%d,%b' % (self._index, said) + AFTER % (logprobs, self.finish_reason)
