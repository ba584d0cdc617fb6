"""A language model as a predictor sees it: words in, words out, a report at the end."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from cogsmith.engine.detokenizer import Detokenizer
from cogsmith.engine.engine import Chunk, Engine, FinishReason, Request, prompt_size
from cogsmith.engine.logprobs import LogprobLedger
from cogsmith.engine.prompt import Prompt, render, token_ids
from cogsmith.engine.sampling import Sampling
from cogsmith.engine.stops import StopScanner
from cogsmith.engine.tokenizer import Message, Tokenizer
from cogsmith.errors import EngineError, PromptTooLong

__all__ = ["LanguageModel", "Record", "Report", "Stream", "TextRequest"]

_log = logging.getLogger("cogsmith.engine")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRequest:
    """One answer, asked for in words.

    ``prompt_template`` is a format string with ``{prompt}`` and, optionally,
    ``{system_prompt}``; without one the checkpoint's chat template is used, and without that
    the prompt is completed as it stands. ``max_tokens`` is lowered to what the model's
    context has left. ``stop`` texts end the answer and are not part of it. ``seed`` None
    draws one, which the report tells; 0 is a seed. ``images`` are encoded files.

    ``adapter`` is the folder, or the tar, of an adapter on top of the model; None is the base.
    ``messages``, a whole conversation, stand instead of ``prompt`` and ``system_prompt``; a
    model without a chat template reads a plain transcript. ``logprobs`` asks for each token's
    log probability and those of that many of the likeliest.
    """

    prompt: str = ""
    system_prompt: str | None = None
    prompt_template: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    seed: int | None = None
    images: tuple[bytes, ...] = ()
    messages: tuple[Message, ...] = ()
    logprobs: int | None = None
    adapter: str | None = None
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an answer cost.

    ``time_to_first_token`` is in seconds from the first read of the stream, queue included;
    ``tokens_per_second`` is the pace after the first token; both are 0 where there was no
    token to time. The model's end token is not counted.
    """

    input_token_count: int
    output_token_count: int = 0
    time_to_first_token: float = 0.0
    tokens_per_second: float = 0.0
    finish_reason: FinishReason | Literal["error"] = "cancelled"
    seed: int = 0

    def metrics(self) -> dict[str, float | int | str]:
        """Names and values as a predictor records them."""
        return {
            "input_token_count": self.input_token_count,
            "output_token_count": self.output_token_count,
            "time_to_first_token": self.time_to_first_token,
            "tokens_per_second": self.tokens_per_second,
            "finish_reason": self.finish_reason,
        }


class Record(Protocol):
    """Takes one metric. Cog's ``current_scope().record_metric`` is one."""

    def __call__(self, name: str, value: object, mode: str = "replace", /) -> object:
        """Take it; the mode ``append`` makes a list of a name's values."""


class LanguageModel:
    """An engine with its tokenizer."""

    def __init__(
        self, engine: Engine, tokenizer: Tokenizer, *, phases: dict[str, float] | None = None
    ) -> None:
        """Join the two; ``phases`` tells where the time of loading went, in seconds."""
        self.engine = engine
        self.tokenizer = tokenizer
        self.phases = dict(phases or {})
        self._ids = (f"request-{number}" for number in itertools.count(1))

    def stream(self, request: TextRequest, *, record: Record | None = None) -> Stream:
        """Begin an answer; nothing happens before the first read.

        ``record`` is called with each metric of the report when the stream ends, however it
        ends; with ``logprobs``, also with each token's before its text is given.

        Raises:
            EngineError: no prompt (E1001), bad template (E1003, E1004), prompt longer than
                the context (E1002), or something this model cannot do.

        """
        prepared = self._prepare(request)
        return Stream(self, prepared, request.stop, record=record)

    async def complete(self, request: TextRequest, *, record: Record | None = None) -> str:
        """The whole answer at once."""
        return "".join([text async for text in self.stream(request, record=record)])

    @property
    def alive(self) -> bool:
        """Whether the engine can still answer; one with processes of its own may have lost them."""
        return bool(getattr(self.engine, "alive", True))

    async def cancel(self, request_id: str) -> None:
        """End that request's stream; an unknown or ended id is no error."""
        await self.engine.cancel(request_id)

    async def close(self) -> None:
        """Let go of the model."""
        await self.engine.close()

    def _prepare(self, request: TextRequest) -> Request:
        prompt = Prompt(
            text=request.prompt,
            system=request.system_prompt,
            template=request.prompt_template,
            images=len(request.images),
            messages=request.messages,
        )
        rendered = render(prompt, self.tokenizer)
        if rendered.note:
            _log.warning(rendered.note)
        prepared = Request(
            id=request.id or next(self._ids),
            token_ids=token_ids(rendered, self.tokenizer),
            max_tokens=request.max_tokens,
            sampling=request.sampling,
            seed=_seed(request.seed),
            logprobs=request.logprobs,
            adapter=request.adapter,
            images=request.images,
        )
        return self._clamp(prepared)

    def _clamp(self, request: Request) -> Request:
        """Lower ``max_tokens`` to what the context has left after the prompt."""
        limit = self.engine.capabilities.max_context
        if limit is None:
            return request
        size = prompt_size(request, self.engine.capabilities)
        if size >= limit:
            raise PromptTooLong(
                f"the prompt has {size} tokens; the model's context holds {limit}, answer included",
                where="prompt",
                hint="shorten the prompt",
            )
        return replace(request, max_tokens=min(request.max_tokens, limit - size))


class Stream:
    """The text of one answer, in pieces, as it is made; its `report` tells how it went.

    Iterate once. Closing it, or cancelling the task that reads it, cancels the request.
    """

    def __init__(
        self,
        model: LanguageModel,
        request: Request,
        stop: tuple[str, ...],
        *,
        record: Record | None = None,
    ) -> None:
        self._engine = model.engine
        self._request = request
        self._record = record
        self._detokenizer = Detokenizer(model.tokenizer.decode)
        self._scanner = StopScanner(stop)
        self._made = self._sent = 0  # characters
        wanted = request.logprobs
        self._ledger = None if wanted is None else LogprobLedger(model.tokenizer, wanted)
        self._first = self._last = 0.0
        self.report = Report(
            input_token_count=prompt_size(request, model.engine.capabilities),
            seed=request.seed or 0,
        )
        self._texts = self._run()

    @property
    def id(self) -> str:
        """The request's id, for `LanguageModel.cancel`."""
        return self._request.id

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> str:
        return await anext(self._texts)

    async def aclose(self) -> None:
        """Stop, if it has not ended by itself."""
        await self._texts.aclose()

    async def _run(self) -> AsyncGenerator[str, None]:
        clock = asyncio.get_running_loop().time
        begin = clock()
        chunks = self._engine.generate(self._request)
        try:
            async for chunk in chunks:
                self._count(chunk, clock() - begin)
                text = self._read(chunk)
                self._tell_tokens(text, ended=chunk.finish_reason is not None)
                if text:
                    yield text
                if self._scanner.found is not None:
                    break
        except EngineError:
            self.report = replace(self.report, finish_reason="error")
            raise
        finally:
            await _close(chunks)
            self._tell()

    def _read(self, chunk: Chunk) -> str:
        """The chunk's text, less what must wait; with the last chunk, everything left."""
        text = self._decode(chunk)
        if chunk.finish_reason is not None:
            text += self._detokenizer.flush()
        if self.report.output_token_count >= self._request.sampling.min_tokens:
            text = self._scanner.push(text)
        if self._scanner.found is not None:
            self.report = replace(self.report, finish_reason="stop")
        elif chunk.finish_reason is not None:
            text += self._scanner.flush()
        return text

    def _decode(self, chunk: Chunk) -> str:
        if self._ledger is None:
            return self._detokenizer.push(chunk.token_ids)
        text = ""
        for token, logprobs in zip(chunk.token_ids, chunk.logprobs, strict=True):
            self._ledger.add(self._made, token, logprobs)
            new = self._detokenizer.push([token])
            self._made += len(new)
            text += new
        return text

    def _tell_tokens(self, text: str, *, ended: bool) -> None:
        """Record the log probabilities of the tokens that this text ends or begins."""
        self._sent += len(text)
        if self._ledger is None or self._record is None:
            return
        whole = ended and self._scanner.found is None
        for value in self._ledger.due(None if whole else self._sent):
            self._record("logprobs", value, "append")

    def _count(self, chunk: Chunk, elapsed: float) -> None:
        count = self.report.output_token_count + len(chunk.token_ids)
        if chunk.token_ids:
            self._first, self._last = self._first or elapsed, elapsed
        pace = self._last - self._first
        self.report = replace(
            self.report,
            output_token_count=count,
            time_to_first_token=self._first,
            tokens_per_second=(count - 1) / pace if pace > 0 else 0.0,
            finish_reason=chunk.finish_reason or self.report.finish_reason,
        )

    def _tell(self) -> None:
        if self._record is not None:
            for name, value in self.report.metrics().items():
                self._record(name, value)


async def _close(chunks: object) -> None:
    """Close an engine's iterator where it can be closed: that cancels its request."""
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()


def _seed(wanted: int | None) -> int:
    """The seed asked for, or a fresh one that the report can tell."""
    return random.SystemRandom().getrandbits(32) if wanted is None else wanted
