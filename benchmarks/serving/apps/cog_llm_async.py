"""A language model under Cog, many at once: an async predictor, a thread for each generate().

Cog collects what an async generator yields and sends it at the end.
"""
# ruff: noqa: D101, D102

import os
from threading import Thread

import torch
from cog import AsyncConcatenateIterator, BasePredictor, concurrent, streaming
from transformers import AsyncTextIteratorStreamer, AutoModelForCausalLM, AutoTokenizer


class Predictor(BasePredictor):
    async def setup(self) -> None:
        source = os.environ["MODEL_ID"]
        dtype = getattr(torch, os.environ["MODEL_DTYPE"])
        self.tokenizer = AutoTokenizer.from_pretrained(source)
        self.model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype).eval()

    @streaming
    @concurrent(max=32)
    async def predict(self, prompt: str, max_tokens: int = 64) -> AsyncConcatenateIterator[str]:
        inputs = self.tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        streamer = AsyncTextIteratorStreamer(
            self.tokenizer, skip_prompt=True, skip_special_tokens=True
        )
        made = []

        def generate() -> None:
            made.append(self.model.generate(
                **inputs, streamer=streamer, max_new_tokens=max_tokens, do_sample=False
            ))  # fmt: skip

        thread = Thread(target=generate)
        thread.start()
        async for text in streamer:
            if text:
                yield text
        thread.join()
        tokens = made[0][0][inputs["input_ids"].shape[1] :]
        count = int((tokens != self.tokenizer.eos_token_id).sum())
        self.record_metric("output_token_count", count)
