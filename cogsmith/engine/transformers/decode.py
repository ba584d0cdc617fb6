"""The loops for one request: a prompt read into a cache, then one token per forward pass.

For the models whose requests cannot share a pass (`batch` has the others): encoder-decoders,
models that see images, and caches of other kinds. Our own loops, and not ``model.generate``:
sampling, penalties, seed and cancel belong to each request, and `generate` has them per call
and without a way out. Windows, grouped heads and the like stay the business of transformers'
own caches.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, EncoderDecoderCache

from cogsmith.engine.engine import Capabilities, Chunk, Request
from cogsmith.engine.transformers.failures import no_number
from cogsmith.engine.transformers.lora import Deltas, Part, Seams, Shelf
from cogsmith.engine.transformers.sampling import Picked, Picker, pick

__all__ = ["CausalDecoder", "ImageDecoder", "SeqToSeqDecoder"]

Reading = Generator[None, None, torch.Tensor]
"""Reads a prompt, with a moment to look up between its pieces; returns the last logits."""


class CausalDecoder:
    """Every model that goes on where the prompt ends."""

    # Tokens: a long prompt is read in pieces, so that a cancel need not wait for all of it.
    piece = 512

    def __init__(
        self, model: Any, capabilities: Capabilities, end_ids: frozenset[int], *, adapters: int = 0
    ) -> None:
        """``adapters`` is how many of them stay ready; none are taken where it is 0."""
        self.capabilities = capabilities
        self._model = model
        self._end_ids = end_ids
        self._seams = Seams(model)
        self.shelf = Shelf(self._seams, adapters) if adapters else None

    def adapted(self, deltas: Deltas | None) -> AbstractContextManager[None]:
        """Within it, forward passes are those of the base with that adapter."""
        return self._seams.use([Part(deltas)] if deltas else [])

    def decode(self, request: Request) -> Iterator[Chunk | None]:
        """The answer, a token a chunk; None before each piece of the prompt."""
        ends = self._end_ids | request.stop_ids
        picker = Picker(
            request, penalized=self._penalized(request), end_ids=ends, device=self._model.device
        )
        cache = self._cache()
        logits = yield from self._read(request, cache)
        while (picked := _picked(logits, picker)).token not in ends:
            told = () if picked.logprobs is None else (picked.logprobs,)
            yield Chunk(token_ids=(picked.token,), logprobs=told)
            logits = self._forward(self._row([picked.token]), cache)

    def _penalized(self, request: Request) -> tuple[int, ...]:
        return request.token_ids

    def _cache(self) -> Any:
        return DynamicCache(config=self._model.config)

    def _read(self, request: Request, cache: Any) -> Reading:
        """Put the prompt into the cache; return the logits after its last token."""
        ids = self._row(request.token_ids)
        for piece in ids.split(self.piece, dim=1):
            yield None
            logits = self._forward(piece, cache)
        return logits

    def _forward(self, ids: torch.Tensor, cache: Any, **more: Any) -> torch.Tensor:
        with torch.inference_mode():
            out = self._model(
                input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1, **more
            )
        return out.logits[0, -1]

    def _row(self, ids: Sequence[int]) -> torch.Tensor:
        return torch.tensor([list(ids)], dtype=torch.long, device=self._model.device)


class ImageDecoder(CausalDecoder):
    """Llava and its kin: each image's placeholder becomes as many tokens as the image has."""

    def __init__(
        self,
        model: Any,
        capabilities: Capabilities,
        end_ids: frozenset[int],
        *,
        pixels: Callable[[tuple[bytes, ...]], torch.Tensor],
    ) -> None:
        super().__init__(model, capabilities, end_ids)
        self._pixels = pixels

    def _read(self, request: Request, cache: Any) -> Reading:
        if not request.images:
            return (yield from super()._read(request, cache))
        yield None
        pixels = self._pixels(request.images).to(self._model.device, self._model.dtype)
        # In one piece: images are matched with all of their tokens at once.
        return self._forward(self._row(self._expanded(request)), cache, pixel_values=pixels)

    def _expanded(self, request: Request) -> list[int]:
        image, count = self.capabilities.image_token_id, self.capabilities.image_tokens
        return [id_ for id_ in request.token_ids for _ in range(count if id_ == image else 1)]


class SeqToSeqDecoder(CausalDecoder):
    """T5 and its kin: the prompt is encoded once, the answer starts from nothing."""

    def _penalized(self, request: Request) -> tuple[int, ...]:  # noqa: ARG002
        # The source's words are what a summary or translation is made of.
        return ()

    def _cache(self) -> _Encoded:
        config = self._model.config
        return _Encoded(
            EncoderDecoderCache(DynamicCache(config=config), DynamicCache(config=config))
        )

    def _read(self, request: Request, cache: _Encoded) -> Reading:
        yield None
        with torch.inference_mode():
            cache.prompt = self._model.get_encoder()(input_ids=self._row(request.token_ids))
        yield None
        return self._forward(
            self._row([self._model.generation_config.decoder_start_token_id]), cache
        )

    def _forward(self, ids: torch.Tensor, cache: _Encoded, **more: Any) -> torch.Tensor:
        with torch.inference_mode():
            out = self._model(
                encoder_outputs=cache.prompt,
                decoder_input_ids=ids,
                past_key_values=cache.keys,
                use_cache=True,
                **more,
            )
        return out.logits[0, -1]


def _picked(logits: torch.Tensor, picker: Picker) -> Picked:
    with torch.inference_mode():
        [picked] = pick(logits[None], [picker])
    if picked is None:
        raise no_number()
    return picked


@dataclass
class _Encoded:
    """What a request to an encoder-decoder keeps: its keys and values, its encoded prompt."""

    keys: EncoderDecoderCache
    prompt: Any = None
