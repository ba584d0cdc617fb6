"""Examples to learn from, written down exactly as requests will be when the model is asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cogsmith.engine.prompt import Prompt, render, token_ids
from cogsmith.engine.text import TextRequest
from cogsmith.engine.tokenizer import Tokenizer
from cogsmith.engine.transformers.source import find
from cogsmith.engine.transformers.tokenizer import load_tokenizer

__all__ = ["Lesson", "Lessons"]


@dataclass(frozen=True, slots=True)
class Lesson:
    """Tokens, of which the first ``given`` are read and not learned."""

    token_ids: tuple[int, ...]
    given: int


@dataclass(frozen=True, slots=True)
class Lessons:
    """A checkpoint's way of writing: its folder, its tokenizer, the token that ends an answer."""

    folder: Path
    tokenizer: Tokenizer
    end_id: int | None
    context: int | None

    @classmethod
    def of(cls, source: str | Path, revision: str | None = None) -> Lessons:
        """Of a folder or a hub id. Raises CheckpointError, as `load` does."""
        checkpoint = find(source, revision)
        tokenizer = load_tokenizer(checkpoint)
        ends = checkpoint.end_ids
        own = tokenizer.eos_id
        end = own if own is not None and (own in ends or not ends) else min(ends, default=own)
        return cls(
            checkpoint.folder, tokenizer, end, checkpoint.config.get("max_position_embeddings")
        )

    def answer(self, request: TextRequest, words: str) -> Lesson:
        """To answer a request with these words, and to end there.

        Raises EngineError for a request that would be refused (E1001, E1003, E1004).
        """
        prompt = Prompt(
            text=request.prompt,
            system=request.system_prompt,
            template=request.prompt_template,
            messages=request.messages,
        )
        rendered = render(prompt, self.tokenizer)
        asked = list(token_ids(rendered, self.tokenizer))
        learned = self.tokenizer.encode(words, special=False, controls=False)
        if not (rendered.quoted or any(mark in words for mark in self.tokenizer.special_tokens)):
            # In one piece, if that begins as the prompt alone: some tokenizers put a blank
            # before what they take for a text's beginning.
            whole = self.tokenizer.encode(rendered.text + words, special=rendered.special)
            learned = whole[len(asked) :] if whole[: len(asked)] == asked else learned
        return self._ended([*asked, *learned], given=len(asked))

    def text(self, words: str) -> Lesson:
        """To go on as this text does, from its beginning to its end."""
        ids = self.tokenizer.encode(words, special=True, controls=False)
        return self._ended(ids, given=int(ids[:1] == [self.tokenizer.bos_id]))

    def _ended(self, ids: list[int], given: int) -> Lesson:
        return Lesson((*ids, *([] if self.end_id is None else [self.end_id])), given)
