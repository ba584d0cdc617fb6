"""Text as it is written, by the smallest language model that there is.

It knows of each word which word has come after it in the book, and no more.
"""

from collections.abc import Iterator
from pathlib import Path

from cog import BaseRunner, Input, streaming

BOOK = Path(__file__).with_name("book.txt")


class Runner(BaseRunner):
    def setup(self) -> None:
        words = BOOK.read_text("utf-8").split()
        self.following = dict(zip(words, words[1:] + words[:1], strict=True))

    @streaming
    def run(
        self,
        prompt: str = Input(description="Text to go on with"),
        max_new_tokens: int = Input(description="How many words come", default=8, ge=1, le=512),
    ) -> Iterator[str]:
        word = prompt.split()[-1] if prompt.split() else ""
        for _ in range(max_new_tokens):
            word = self.following.get(word) or next(iter(self.following))
            yield f" {word}"
