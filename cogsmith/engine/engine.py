"""What every engine is: token ids in, new token ids out.

An engine knows nothing of text: chat templates, detokenizing and stop strings live above it
(`cogsmith.engine.text`), once for all engines. Asynchronous outside; an engine whose library
is synchronous owns one thread and posts its chunks into the caller's loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from cogsmith.engine.sampling import Sampling
from cogsmith.errors import EngineError, Problem, PromptTooLong

__all__ = ["Capabilities", "Chunk", "Engine", "FinishReason", "Request", "Stats", "admit"]

FinishReason = Literal["stop", "length", "cancelled"]
"""Why an answer ended: the model's end token (or a stop), ``max_tokens``, or somebody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an engine can do with the checkpoint that it holds.

    ``batching``: concurrent requests share forward passes, and do not wait for one another.
    ``max_context`` counts prompt and answer together, in tokens; None is "no limit known"
    (encoder-decoder models with relative positions). ``vocabulary`` is how many token ids there
    are, None where the engine itself looks that they are real. ``image_tokens`` is how many
    tokens one image takes, ``image_token_id`` the placeholder that stands for it in the prompt.
    """

    batching: bool = False
    logprobs: bool = False
    seed: bool = True
    adapters: bool = False
    images: bool = False
    encoder_decoder: bool = False
    max_context: int | None = None
    vocabulary: int | None = None
    image_token_id: int | None = None
    image_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One answer to be generated.

    ``token_ids`` is the whole prompt as the model is to see it, special tokens included, with
    one ``image_token_id`` per image. ``max_tokens`` has no default on purpose: engines disagree
    on theirs. ``stop_ids`` end the answer beside the model's own end tokens and, like them,
    are not part of it. ``logprobs`` asks for that many alternatives per token, 0 for the token
    alone. ``adapter`` is the folder, or the tar, of an adapter (`cogsmith.engine.adapters`), which
    is loaded when it is first asked for; None is the base alone. ``images`` are encoded files
    (PNG, JPEG, …). A seed of 0 is a seed.
    """

    id: str
    token_ids: tuple[int, ...]
    max_tokens: int
    sampling: Sampling = field(default_factory=Sampling)
    seed: int | None = None
    stop_ids: frozenset[int] = frozenset()
    logprobs: int | None = None
    adapter: str | None = None
    images: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """New token ids only, never those sent before; the last chunk says why it is the last.

    ``logprobs``, where asked for, holds one mapping of token id to log probability per token:
    the likeliest ones, as many as were asked for, and the token itself, in the model's own
    distribution before temperature and penalties.
    """

    token_ids: tuple[int, ...] = ()
    finish_reason: FinishReason | None = None
    logprobs: tuple[Mapping[int, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """How busy an engine is: requests now, tokens since it was loaded, share of cache (0-1)."""

    running: int = 0
    waiting: int = 0
    prompt_tokens: int = 0
    output_tokens: int = 0
    cache_used: float = 0.0


class Engine(Protocol):
    """A loaded model that answers requests."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do; known once `load` has returned."""

    async def load(self) -> None:
        """Get ready to answer.

        Raises:
            CheckpointError: the checkpoint cannot be loaded.

        """

    def generate(self, request: Request) -> AsyncIterator[Chunk]:
        """Answer; the stream ends after the chunk that has a ``finish_reason``.

        Closing the iterator (``aclose``) cancels the request.

        Raises:
            EngineError: the request does not fit the engine, or the engine failed on it.

        """

    async def cancel(self, request_id: str) -> None:
        """End that request's stream with ``cancelled``; an unknown or ended id is no error."""

    def stats(self) -> Stats:
        """How busy it is, without waiting for anything."""

    async def close(self) -> None:
        """Cancel what runs and let go of the model; a second call does nothing."""


def admit(request: Request, capabilities: Capabilities) -> None:
    """Let a request in, or say everything that is wrong with it before it costs a step.

    Raises:
        PromptTooLong: prompt and ``max_tokens`` exceed the context (E1002).
        EngineError: the request asks for what the engine lacks (E1000).

    """
    size = prompt_size(request, capabilities)
    limit = capabilities.max_context
    if limit is not None and size + request.max_tokens > limit:
        raise PromptTooLong(
            f"the prompt has {size} tokens and max_tokens is {request.max_tokens}; together "
            f"they exceed the model's context of {limit} tokens",
            hint="shorten the prompt or lower max_tokens",
        )
    if problems := tuple(_misfits(request, capabilities)):
        raise EngineError(problems)


def prompt_size(request: Request, capabilities: Capabilities) -> int:
    """Tokens that the prompt takes once every image has its place."""
    return len(request.token_ids) + len(request.images) * max(capabilities.image_tokens - 1, 0)


def _misfits(request: Request, capabilities: Capabilities) -> list[Problem]:
    lacks = {
        "logprobs": request.logprobs is not None and not capabilities.logprobs,
        "adapter": request.adapter is not None and not capabilities.adapters,
        "images": bool(request.images) and not capabilities.images,
        "seed": request.seed is not None and not capabilities.seed,
    }
    found = [
        Problem(f"this engine cannot do that: {name}", name, f"leave {name} out")
        for name, missing in lacks.items()
        if missing
    ]
    if not request.token_ids:
        found.append(Problem("no tokens to start from", "token_ids", "give a prompt"))
    if (size := capabilities.vocabulary) is not None:
        strange = [id_ for id_ in {*request.token_ids, *request.stop_ids} if not 0 <= id_ < size]
        if strange:
            found.append(Problem(f"no token has the id {min(strange)}", "token_ids"))
    if request.logprobs is not None and request.logprobs < 0:
        found.append(Problem(f"must be 0 or more, not {request.logprobs}", "logprobs"))
    if request.max_tokens < 1:
        found.append(Problem(f"must be at least 1, not {request.max_tokens}", "max_tokens"))
    places = request.token_ids.count(capabilities.image_token_id or -1)
    if capabilities.images and places != len(request.images):
        found.append(
            Problem(
                f"{len(request.images)} given, but the prompt has places for {places}",
                "images",
                "mark each image's place once in the prompt",
            )
        )
    return found
