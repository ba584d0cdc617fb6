"""Tokenizers of the true kinds, trained in a second on our own stories.

Three kinds, because a server meets three: byte-level BPE (Llama 3), SentencePiece-like BPE
with byte fallback (Llama 2, Mistral, Llava), and unigram (T5). Special tokens carry the
names that the families use. The chat templates are written here, to the shape that each
family's documentation describes.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

LLAMA3_SPECIALS = (
    "<|begin_of_text|>",
    "<|end_of_text|>",
    "<|reserved_special_token_0|>",
    "<|reserved_special_token_1|>",
    "<|finetune_right_pad_id|>",
    "<|reserved_special_token_2|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eom_id|>",
    "<|eot_id|>",
    "<|python_tag|>",
)
T5_SENTINELS = 100

LLAMA3_TEMPLATE = """\
{{- bos_token }}
{%- for message in messages %}
{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' }}
{{- message.content | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}"""

# Users and assistants take turns; a system message is folded into the first turn.
_TURNS = """\
{{- bos_token }}
{%- set ns = namespace(system='', turn='user') %}
{%- for message in messages %}
{%- if message.role == 'system' and loop.first %}
{%- set ns.system = SYSTEM %}
{%- elif message.role != ns.turn %}
{{- raise_exception('roles must alternate user/assistant/user/assistant/...') }}
{%- elif ns.turn == 'user' %}
{{- '[INST] ' + ns.system + message.content | trim + ' [/INST]' }}
{%- set ns.system = '' %}
{%- set ns.turn = 'assistant' %}
{%- else %}
{{- ' ' + message.content | trim + eos_token }}
{%- set ns.turn = 'user' %}
{%- endif %}
{%- endfor %}"""
LLAMA2_TEMPLATE = _TURNS.replace(
    "SYSTEM", "'<<SYS>>\\n' + message.content | trim + '\\n<</SYS>>\\n\\n'"
)
MISTRAL_TEMPLATE = _TURNS.replace("SYSTEM", "message.content | trim + '\\n\\n'")

# Content is text, or a list of parts as in the chat API: {'type': 'image'} or 'text'.
LLAVA_TEMPLATE = """\
{%- for message in messages %}
{%- if message.role != 'system' %}{{- message.role | upper + ': ' }}{%- endif %}
{%- if message.content is string %}
{{- message.content | trim + ' ' }}
{%- else %}
{%- for part in message.content if part.type == 'image' %}{{- '<image>\\n' }}{%- endfor %}
{%- for part in message.content if part.type == 'text' %}{{- part.text | trim + ' ' }}{%- endfor %}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- 'ASSISTANT:' }}{%- endif %}"""


def byte_level(
    texts: Iterable[str], *, size: int, specials: Sequence[str], split: str | None = None
) -> Tokenizer:
    """Byte-level BPE over ``size`` tokens: any text at all round-trips.

    ``split`` is the regular expression that cuts words first; the default is GPT-2's, which
    comes with the pre-tokenizer. The first special token is put before every text.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=not split)
    if split:
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(split), "isolated"), tokenizer.pre_tokenizer]
        )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken(s, normalized=False) for s in specials])
    start(tokenizer, specials[0])
    return tokenizer


# Contractions, words with one leading sign, up to three digits, signs, line ends, spaces:
# the classes that Llama 3's tokenizer cuts text into.
LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def sentencepiece_bpe(texts: Iterable[str], *, size: int, extra: Sequence[str] = ()) -> Tokenizer:
    """BPE as SentencePiece writes it: ``▁`` for spaces, ``<0xNN>`` for what it never saw."""
    first = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(extra), special_tokens=first, show_progress=False
    )
    trained.train_from_iterator(texts, trainer)
    learned: dict[str, Any] = json.loads(trained.to_str())["model"]
    tokenizer = Tokenizer(
        models.BPE(
            learned["vocab"],
            [tuple(pair) for pair in learned["merges"]],
            unk_token="<unk>",
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    specials = [*first[:3], *extra]
    tokenizer.add_special_tokens([AddedToken(s, normalized=False) for s in specials])
    start(tokenizer, "<s>")
    return tokenizer


def unigram(texts: Sequence[str], *, size: int) -> Tokenizer:
    """T5's kind: unigram pieces, ``</s>`` after every text, sentinels at the end.

    The trainer of unigram pieces in ``tokenizers`` gives others each time it runs. So BPE
    finds the pieces, and how often each is used is its probability.
    """
    tokenizer = Tokenizer(models.Unigram(pieces(texts, size=size - T5_SENTINELS), 2, False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    sentinels = [f"<extra_id_{number}>" for number in reversed(range(T5_SENTINELS))]
    tokenizer.add_special_tokens([AddedToken(s, normalized=False) for s in sentinels])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return tokenizer


def pieces(texts: Sequence[str], *, size: int) -> list[tuple[str, float]]:
    """``size`` pieces with their log probabilities, T5's three special ones first."""
    specials = ["<pad>", "</s>", "<unk>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    uses = Counter(piece for text in tokenizer.encode_batch(list(texts)) for piece in text.tokens)
    total = uses.total()
    learned = sorted(tokenizer.get_vocab(), key=tokenizer.token_to_id)[3:]
    return [
        *((special, 0.0) for special in specials),
        *((piece, math.log((uses[piece] + 0.5) / total)) for piece in learned),
    ]


def start(tokenizer: Tokenizer, token: str) -> None:
    """Put ``token`` before every text that is encoded with special tokens."""
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{token} $A",
        pair=f"{token} $A {token} $B",
        special_tokens=[(token, tokenizer.token_to_id(token))],
    )


def wrap(
    tokenizer: Tokenizer, template: str | None = None, **facts: object
) -> PreTrainedTokenizerFast:
    """The tokenizer as transformers saves it; ``facts`` are its special tokens and limits."""
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **facts
    )
    wrapped.chat_template = template
    return wrapped
