"""Make a Llama of 130 million random weights, in a folder; run with the model's packages.

    python checkpoint.py FOLDER SOURCE

The tokenizer is that of SOURCE (weights/stories-llama). Rows of the output matrix that stand
for special tokens, and for bytes that are no text alone, are zero: greedy answers are plain
text, and never end before they are as long as asked for.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM


def main() -> None:
    folder, source = map(Path, sys.argv[1:])
    tokenizer = AutoTokenizer.from_pretrained(source)
    ids = json.loads((source / "generation_config.json").read_text("utf-8"))
    special = {name: ids[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=1024, intermediate_size=2816, num_hidden_layers=10,
        num_attention_heads=16, num_key_value_heads=16, max_position_embeddings=1024,
        tie_word_embeddings=False, **special,
    )  # fmt: skip
    torch.manual_seed(7)
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for number in range(len(tokenizer)):
            text = tokenizer.decode([number], skip_special_tokens=True)
            if not text.isascii() or not text:
                model.lm_head.weight[number] = 0.0
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main()
