#!/usr/bin/env python3
"""Train weights/stories-llama: a small Llama that tells children's stories.

The text comes from scripts/stories.py, so it is the project's own, under Apache-2.0. Takes
about ten minutes on two cores with bfloat16 instructions. Needs torch and transformers.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import story_words as words
from make_checkpoints import ROOT, describe, place
from stories import stories

try:
    import torch
    import transformers
    from tiny_models import generation, rope, write
    from tiny_tokenizers import LLAMA3_SPLIT, byte_level, wrap
    from torch.nn.functional import cross_entropy
except ImportError as missing:
    sys.exit(f"{missing}\nhint: run it with a model's packages: cogsmith exec python {sys.argv[0]}")

SPECIALS = ("<|begin_of_text|>", "<|end_of_text|>", "<|pad|>")
PROMPTS = (
    "Once upon a time",
    "Once upon a time there was a dragon named Zara who",
    "One rainy day, Tom",
    "Write a story about a little robot.",
    '"Who is there?" asked the mouse.',
)
EMPHASIS = 3.0
# Where a padded row has no token: any id, and the label that the loss leaves out.
PAD, IGNORED = 0, -100
# Held-out stories come from a seed that training never uses.
HELD_OUT_SEED = 1_000_003


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to train: ``batch`` whole stories in a step; ``context`` in tokens."""

    steps: int
    minutes: float
    seed: int
    threads: int
    batch: int = 12
    context: int = 512
    vocabulary: int = 1280
    rate: float = 3e-3
    warmup: int = 100

    def progress(self, step: int, seconds: float) -> float:
        """How much is done, 0 to 1: by steps, or by time where the machine is slow."""
        return min(1.0, max(step / self.steps, seconds / (60 * self.minutes)))

    def learning_rate(self, step: int, progress: float) -> float:
        """Linear up to ``rate``, then half a cosine down to a fiftieth of it."""
        rise = min(1.0, (step + 1) / self.warmup)
        return self.rate * rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A model with the facts that its card tells; losses in nats per token."""

    model: transformers.LlamaForCausalLM
    steps: int
    tokens: int
    seconds: float
    train_loss: float
    held_out: float
    held_out_rounded: float


def main(argv: Sequence[str] | None = None) -> int:
    asked = arguments(argv)
    plan = Plan(steps=asked.steps, minutes=asked.minutes, seed=asked.seed, threads=asked.threads)
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    tokenizer = story_tokenizer(plan)
    model = story_model(plan, tokenizer)
    print(f"{model.num_parameters() / 1e6:.2f} M parameters, {len(tokenizer)} tokens", flush=True)
    trained = train(plan, model, tokenizer)
    samples = [sample(trained.model, tokenizer, prompt, seed=i) for i, prompt in enumerate(PROMPTS)]
    print("\n\n".join(samples))

    def fill(folder: Path) -> None:
        write(folder, trained.model, tokenizer)
        settings(folder, tokenizer)
        (folder / "LICENSE").write_text(LICENSE, "utf-8")
        (folder / "README.md").write_text(card(plan, trained, samples), "utf-8")

    place(asked.out, fill)
    print(f"{asked.out}: {describe(asked.out)}")
    return 0


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "weights" / "stories-llama")
    parser.add_argument("--steps", type=int, default=3600, help="optimizer steps (default: 3600)")
    parser.add_argument(
        "--minutes", type=float, default=12.0, help="end sooner on a slow machine (default: 12)"
    )
    parser.add_argument("--seed", type=int, default=7, help="of the text, weights and samples")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    return parser.parse_args(argv)


def story_tokenizer(plan: Plan) -> transformers.PreTrainedTokenizerFast:
    texts = stories(4000, seed=plan.seed, asked=0.15)
    return wrap(
        byte_level(texts, size=plan.vocabulary, specials=SPECIALS, split=LLAMA3_SPLIT),
        bos_token=SPECIALS[0],
        eos_token=SPECIALS[1],
        pad_token=SPECIALS[2],
        model_max_length=plan.context,
        model_input_names=["input_ids", "attention_mask"],
    )


def story_model(
    plan: Plan, tokenizer: transformers.PreTrainedTokenizerFast
) -> transformers.LlamaForCausalLM:
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=6,
        head_dim=32,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        max_position_embeddings=plan.context,
        rope_parameters=rope(10_000.0),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = transformers.LlamaForCausalLM(config)
    # On a CPU and in windows this short, plain matrix products train faster than the fused
    # kernel (7.0 against 5.6 thousand tokens a second on one thread).
    model.set_attn_implementation("eager")
    return model


def train(
    plan: Plan,
    model: transformers.LlamaForCausalLM,
    tokenizer: transformers.PreTrainedTokenizerFast,
) -> Trained:
    """Train in bfloat16 over float32 weights, then round the weights to bfloat16.

    For the first two thirds, names and things count ``EMPHASIS`` times: a story says them
    again and again, and to keep them is the hardest that this model learns.
    """
    plain = torch.ones(len(tokenizer))
    emphatic = plain.index_fill(0, kept_tokens(tokenizer), EMPHASIS)
    optimizer = torch.optim.AdamW(
        model.parameters(), betas=(0.9, 0.98), weight_decay=0.05, fused=True
    )
    began, tokens, smooth = time.monotonic(), 0, math.log(plan.vocabulary)
    for step, batch in enumerate(batches(plan, tokenizer)):
        seconds = time.monotonic() - began
        if (progress := plan.progress(step, seconds)) == 1.0:
            break
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate(step, progress)
        weights = emphatic if progress < 2 / 3 else plain
        smooth += 0.02 * (learn(model, optimizer, batch, weights=weights) - smooth)
        tokens += sum(map(len, batch))
        if step % 50 == 49:
            report(step + 1, tokens, loss=smooth, seconds=seconds, progress=progress)
    seconds, held_out = time.monotonic() - began, evaluate(plan, model, tokenizer)
    rounded = model.to(torch.bfloat16).eval()
    return Trained(
        model=rounded,
        steps=step,
        tokens=tokens,
        seconds=seconds,
        train_loss=smooth,
        held_out=held_out,
        held_out_rounded=evaluate(plan, rounded, tokenizer),
    )


def kept_tokens(tokenizer: transformers.PreTrainedTokenizerFast) -> torch.Tensor:
    """The first tokens of everything that a story must not confuse."""
    names = [*words.GIRLS, *words.BOYS, *words.PET_GIRLS, *words.PET_BOYS]
    names += [*words.RARE_GIRLS, *words.RARE_BOYS, *words.THINGS, *words.TREATS]
    names += [*words.HOMES, *words.RARE_HOMES]
    spelled = tokenizer([f" {name}" for name in names], add_special_tokens=False).input_ids
    return torch.tensor(sorted({ids[0] for ids in spelled}))


def learn(
    model: transformers.LlamaForCausalLM,
    optimizer: torch.optim.Optimizer,
    batch: list[list[int]],
    *,
    weights: torch.Tensor,
) -> float:
    length = max(map(len, batch))
    ids = torch.tensor([row + [PAD] * (length - len(row)) for row in batch])
    labels = torch.tensor([row + [IGNORED] * (length - len(row)) for row in batch])
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    loss = cross_entropy(
        logits.float().flatten(0, 1), labels[:, 1:].flatten(), weight=weights, ignore_index=IGNORED
    )
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return float(loss.detach())


def report(step: int, tokens: int, *, loss: float, seconds: float, progress: float) -> None:
    print(
        f"{progress:4.0%}  step {step}  loss {loss:.3f}  "
        f"{tokens / seconds:.0f} tokens/s  {seconds:.0f} s, "
        f"{seconds * (1 / progress - 1):.0f} s left",
        flush=True,
    )


def batches(
    plan: Plan, tokenizer: transformers.PreTrainedTokenizerFast
) -> Iterator[list[list[int]]]:
    """Token ids of ``plan.batch`` stories of about the same length, without end.

    Every story has a row of its own: with a neighbor's people in sight, or with its own
    beginning cut off, the model would learn to guess names instead of keeping them.
    """
    rng, pool = random.Random(plan.seed), list[list[int]]()
    for text in stories(10**9, seed=plan.seed, asked=0.15):
        pool.append(encode(rng, tokenizer, varied(rng, text))[: plan.context])
        if len(pool) == 10 * plan.batch:
            pool.sort(key=len)
            rows = [pool[i : i + plan.batch] for i in range(0, len(pool), plan.batch)]
            rng.shuffle(rows)
            yield from rows
            pool = []


def varied(rng: random.Random, text: str) -> str:
    """Some stories begin in the middle or in lower case, as prompts do."""
    if (chance := rng.random()) < 0.05:
        sentences = re.split(r"(?<=[.!?])\s", text)
        return " ".join(sentences[rng.randrange(len(sentences) // 2) :])
    if chance < 0.08:
        return text[0].lower() + text[1:]
    return text


def encode(
    rng: random.Random, tokenizer: transformers.PreTrainedTokenizerFast, text: str
) -> list[int]:
    """Token ids with begin and end; one story in ten is cut inside its words.

    The cuts give work to the small tokens that whole words leave idle, and which carry
    every word that no story has.
    """
    pieces = [text]
    if rng.random() < 0.1:
        pieces = re.split("\0", re.sub(r"\w(?=\w)", lambda m: cut(rng, m[0]), text))
    ids = [
        token for part in tokenizer(pieces, add_special_tokens=False).input_ids for token in part
    ]
    return [tokenizer.bos_token_id, *ids, tokenizer.eos_token_id]


def cut(rng: random.Random, letter: str) -> str:
    return letter + ("\0" if rng.random() < 0.05 else "")


@torch.no_grad()
def evaluate(
    plan: Plan,
    model: transformers.LlamaForCausalLM,
    tokenizer: transformers.PreTrainedTokenizerFast,
) -> float:
    """Mean loss in nats per token over 200 stories that training has not seen."""
    total = count = 0.0
    for text in stories(200, seed=HELD_OUT_SEED):
        ids = torch.tensor([encode(random.Random(1), tokenizer, text)])[:, : plan.context]
        total += float(model(input_ids=ids, labels=ids).loss) * (ids.numel() - 1)
        count += ids.numel() - 1
    return total / count


def sample(
    model: transformers.LlamaForCausalLM,
    tokenizer: transformers.PreTrainedTokenizerFast,
    prompt: str,
    *,
    seed: int,
) -> str:
    """The prompt and what the model makes of it, at temperature 0.7."""
    torch.manual_seed(seed)
    made = model.generate(
        **tokenizer(prompt, return_tensors="pt"), max_new_tokens=320,
        do_sample=True, temperature=0.7, top_k=0,
    )  # fmt: skip
    return str(tokenizer.decode(made[0], skip_special_tokens=True))


def settings(folder: Path, tokenizer: transformers.PreTrainedTokenizerFast) -> None:
    generation(
        folder,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        do_sample=True,
        temperature=0.7,
        top_p=0.95,
        max_new_tokens=320,
    )


def card(plan: Plan, trained: Trained, samples: Sequence[str]) -> str:
    quoted = "\n\n".join("> " + text.replace("\n", "\n> ") for text in samples)
    return CARD.format(
        flags=f"--minutes {plan.minutes:g} --threads {plan.threads} --steps {plan.steps}",
        millions=f"{trained.model.num_parameters() / 1e6:.2f}",
        tokens=f"{trained.tokens / 1e6:.1f}",
        samples=quoted,
        plan=plan,
        trained=trained,
        speed=f"{trained.tokens / trained.seconds:.0f}",
        minutes=f"{trained.seconds / 60:.1f}",
        torch=torch.__version__,
        transformers=transformers.__version__,
    )


LICENSE = """\
SPDX-License-Identifier: Apache-2.0

The weights, the tokenizer and the text they were trained on are part of Cogsmith and are
licensed under the Apache License, version 2.0: see the file LICENSE at the root of the
repository. The text was made by scripts/stories.py and holds nobody else's work.
"""
CARD = """\
---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---

# stories-llama

A Llama of {millions} million parameters that tells short children's stories. It is small
enough to lie in the repository, so that a fresh checkout answers its first prompt with
language and without a download. It is a base model: it continues text, and has no chat
template. It also knows prompts such as `Write a story about a little robot.`

## How it was made

`cogsmith exec python scripts/train_stories.py {flags}` makes
this folder; training ends with the steps or with the clock, whichever is first. The text comes
from `scripts/stories.py`, a grammar written for this project; no other text was used.

| | |
|---|---|
| architecture | `LlamaForCausalLM`, 4 layers, hidden size 192, 6 heads of 32, tied embeddings |
| tokenizer | byte-level BPE, {plan.vocabulary} tokens, trained on the stories; any text can be encoded |
| context | {plan.context} tokens |
| training | {trained.steps} steps, {tokens} million tokens, each seen once; AdamW, cosine schedule, peak rate {plan.rate} |
| seed | {plan.seed} (text and weights) |
| loss on new stories | {trained.held_out:.4f} nats per token in float32, {trained.held_out_rounded:.4f} as stored in bfloat16 |
| last training loss | {trained.train_loss:.3f} (smoothed; with varied and cut texts) |
| time | {minutes} minutes, at {speed} tokens a second; CPU threads: {plan.threads} |
| versions | torch {torch}, transformers {transformers} |

Other processors round otherwise, so a new run gives a model as good, not the same bits.

## What it says

At temperature 0.7, with seeds 0 to 4; the prompt comes first.

{samples}

## Limits

It knows the small world of its grammar: animals, children, lost buttons, cake. It knows no
facts, follows no instructions but "write a story about", and soon loses the thread of
anything else. Names outside its stories are carried along, not always faithfully. English
only. The context is 512 tokens, the stories it learned from have about 170.

## License

Apache-2.0, as the whole project: weights, text and scripts. See `LICENSE`.
"""  # noqa: E501 - a row of a table is one line

if __name__ == "__main__":
    sys.exit(main())
