"""A language model under Cog, straightforwardly: generate() in a thread, its text streamed."""
# ruff: noqa: D101, D102

import os
from threading import Thread

import torch
from cog import BasePredictor, ConcatenateIterator, streaming
from transformers import AutoModelForCausalLM, AutoTokenizer, TextIteratorStreamer


class Predictor(BasePredictor):
    def setup(self) -> None:
        source = os.environ["MODEL_ID"]
        dtype = getattr(torch, os.environ["MODEL_DTYPE"])
        self.tokenizer = AutoTokenizer.from_pretrained(source)
        self.model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype).eval()

    @streaming
    def predict(self, prompt: str, max_tokens: int = 64) -> ConcatenateIterator[str]:
        inputs = self.tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        streamer = TextIteratorStreamer(self.tokenizer, skip_prompt=True, skip_special_tokens=True)
        made = []

        def generate() -> None:
            made.append(self.model.generate(
                **inputs, streamer=streamer, max_new_tokens=max_tokens, do_sample=False
            ))  # fmt: skip

        thread = Thread(target=generate)
        thread.start()
        for text in streamer:
            if text:
                yield text
        thread.join()
        tokens = made[0][0][inputs["input_ids"].shape[1] :]
        count = int((tokens != self.tokenizer.eos_token_id).sum())
        self.record_metric("output_token_count", count)
