"""A first model: it goes on with a prompt, word by word, in the manner of what it has read.

No neural network, so it runs anywhere at once. Put your model in its place: load it in
`setup`, use it in `predict`.
"""

from __future__ import annotations

import random
from collections import defaultdict
from itertools import pairwise

from cog import BasePredictor, ConcatenateIterator, Input, streaming

READ = """
The river runs to the sea and the sea runs to the shore. The old ferry crosses the river
every morning, and the old man on the ferry sings to the water. The water sings to the shore.
Every morning the shore waits for the ferry, and the sea waits for the old man to sing.
"""


class Predictor(BasePredictor):
    """Goes on with a prompt."""

    def setup(self) -> None:
        """Run once, before the first prediction: the place for what takes long."""
        words = READ.split()
        self.followers: dict[str, list[str]] = defaultdict(list)
        for word, follower in pairwise(words):
            self.followers[word.lower()].append(follower)

    @streaming
    def predict(
        self,
        prompt: str = Input(description="How the text begins.", default="The old"),
        max_words: int = Input(description="The most words to add.", default=40, ge=1, le=1000),
        seed: int | None = Input(
            description="The same seed gives the same text; left out, one is drawn.",
            default=None,
            ge=0,
        ),
    ) -> ConcatenateIterator[str]:
        """Run for every prediction. Each `yield` is sent on at once."""
        dice = random.Random(seed)
        word = (prompt.split() or ["the"])[-1]
        yield prompt
        for _ in range(max_words):
            word = dice.choice(self.followers.get(word.lower()) or ["the"])
            yield " " + word
        self.record_metric("word_count", max_words)
