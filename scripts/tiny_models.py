"""The makers of the tiny checkpoints: true architectures, seeded random weights.

Each maker writes one folder as ``save_pretrained`` does: safetensors, config,
generation_config, tokenizer files, chat template. Shapes are small, and keep what matters
to an engine: grouped-query attention, head size 32, sliding windows, experts, a vision
tower, the storage type that the real family ships.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

# One thread, set before the tokenizers are trained: sums in another order give other pieces.
os.environ["RAYON_NUM_THREADS"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
import transformers
from safetensors.torch import load_file, save_file
from stories import stories
from tiny_tokenizers import (
    LLAMA2_TEMPLATE,
    LLAMA3_SPECIALS,
    LLAMA3_SPLIT,
    LLAMA3_TEMPLATE,
    LLAVA_TEMPLATE,
    MISTRAL_TEMPLATE,
    byte_level,
    sentencepiece_bpe,
    unigram,
    wrap,
)

# Bars for files of 1 MB say nothing; the caller prints a line for each checkpoint.
transformers.utils.logging.disable_progress_bar()

SEED = 20
VOCABULARY = 768
# The text model that Llama, Mistral, Mixtral and Llava share.
DECODER: Mapping[str, Any] = MappingProxyType(
    {
        "vocab_size": VOCABULARY,
        "hidden_size": 128,
        "intermediate_size": 256,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": False,
        # Wider than the usual 0.02, so that the next token is not a coin toss over all.
        "initializer_range": 0.08,
    }
)


def texts() -> list[str]:
    return list(stories(1000, seed=SEED))


def llama(folder: Path) -> None:
    tokenizer = wrap(
        byte_level(texts(), size=VOCABULARY, specials=LLAMA3_SPECIALS, split=LLAMA3_SPLIT),
        LLAMA3_TEMPLATE,
        bos_token="<|begin_of_text|>",
        eos_token="<|eot_id|>",
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"],
    )
    begin, end, turn = tokenizer.convert_tokens_to_ids(
        ["<|begin_of_text|>", "<|end_of_text|>", "<|eot_id|>"]
    )
    ids = {"bos_token_id": begin, "eos_token_id": [end, turn]}
    config = transformers.LlamaConfig(
        **DECODER, **ids, max_position_embeddings=512, rope_parameters=rope(500_000.0)
    )
    save(folder, transformers.LlamaForCausalLM, config, tokenizer)
    generation(folder, **ids, do_sample=True, temperature=0.6, top_p=0.9)


def llama2(folder: Path) -> None:
    tokenizer = instruct_tokenizer(LLAMA2_TEMPLATE, pad_token="<unk>")
    ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    config = transformers.LlamaConfig(
        **{**DECODER, "num_key_value_heads": 4},
        **ids,
        max_position_embeddings=512,
        rope_parameters=rope(10_000.0),
    )
    save(folder, transformers.LlamaForCausalLM, config, tokenizer, dtype=torch.float16)
    generation(folder, **ids, do_sample=True, temperature=0.6, top_p=0.9)


def mistral(folder: Path) -> None:
    ids = {"bos_token_id": 1, "eos_token_id": 2}
    config = transformers.MistralConfig(
        **DECODER,
        **ids,
        max_position_embeddings=512,
        sliding_window=64,
        rope_parameters=rope(10_000.0),
    )
    save(folder, transformers.MistralForCausalLM, config, instruct_tokenizer(MISTRAL_TEMPLATE))
    generation(folder, **ids)


def mixtral(folder: Path) -> None:
    ids = {"bos_token_id": 1, "eos_token_id": 2}
    config = transformers.MixtralConfig(
        **{**DECODER, "intermediate_size": 128},
        **ids,
        max_position_embeddings=512,
        num_local_experts=4,
        num_experts_per_tok=2,
        rope_parameters=rope(1_000_000.0),
    )
    save(folder, transformers.MixtralForCausalLM, config, instruct_tokenizer(MISTRAL_TEMPLATE))
    generation(folder, **ids)


def t5(folder: Path) -> None:
    tokenizer = wrap(
        unigram(texts(), size=VOCABULARY),
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        extra_special_tokens=[f"<extra_id_{number}>" for number in range(100)],
        model_max_length=512,
    )
    ids = {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0}
    config = transformers.T5Config(
        vocab_size=len(tokenizer),
        d_model=64,
        d_kv=32,
        d_ff=128,
        num_layers=2,
        num_decoder_layers=2,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        n_positions=512,
        **ids,
    )
    save(folder, transformers.T5ForConditionalGeneration, config, tokenizer, dtype=torch.float32)
    untie(folder)
    generation(folder, **ids)


def untie(folder: Path) -> None:
    """Give T5 an output matrix of its own, as Flan-T5 has.

    transformers 5 makes every T5 tied, and unties one whose file holds ``lm_head.weight``.
    """
    path = folder / "model.safetensors"
    weights = load_file(path)
    torch.manual_seed(SEED + 1)
    weights["lm_head.weight"] = torch.randn_like(weights["shared.weight"]) * 0.3
    save_file(weights, path, metadata={"format": "pt"})
    change(folder / "config.json", tie_word_embeddings=False)


def llava(folder: Path) -> None:
    tokenizer = instruct_tokenizer(
        LLAVA_TEMPLATE, extra=("<image>", "<pad>"), pad_token="<pad>", padding_side="left"
    )
    image, pad = tokenizer.convert_tokens_to_ids(["<image>", "<pad>"])
    ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": pad}
    text = {**DECODER, "tie_word_embeddings": False, "max_position_embeddings": 512}
    config = transformers.LlavaConfig(
        vision_config=vision(),
        text_config=transformers.LlamaConfig(**text, **ids, rope_parameters=rope(10_000.0)),
        image_token_index=image,
        image_seq_length=16,
        vision_feature_layer=-2,
        vision_feature_select_strategy="default",
        tie_word_embeddings=False,
    )
    save(
        folder,
        transformers.LlavaForConditionalGeneration,
        config,
        tokenizer,
        dtype=torch.float16,
    )
    generation(folder, **ids)
    llava_processor(folder, tokenizer)


def vision() -> transformers.CLIPVisionConfig:
    """A picture of 56 by 56 pixels is 16 patches of 14 by 14, and one class token."""
    return transformers.CLIPVisionConfig(
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=56,
        patch_size=14,
        projection_dim=64,
    )


def llava_processor(folder: Path, tokenizer: transformers.PreTrainedTokenizerFast) -> None:
    """Write processor_config.json, and preprocessor_config.json for older readers.

    The Pillow back end does the work here, and the file names the class without back end,
    as checkpoints on the hub do: transformers takes torchvision's where it is installed.
    """
    pictures = transformers.CLIPImageProcessorPil(
        size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56}
    )
    processor = transformers.LlavaProcessor(
        pictures,
        tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=LLAVA_TEMPLATE,
    )
    processor.save_pretrained(folder)
    pictures.save_pretrained(folder)
    for name in ("processor_config.json", "preprocessor_config.json"):
        path = folder / name
        text = path.read_text("utf-8").replace("CLIPImageProcessorPil", "CLIPImageProcessor")
        path.write_text(text, "utf-8")
    for_every_reader(folder)


def instruct_tokenizer(
    template: str, *, extra: tuple[str, ...] = (), **facts: object
) -> transformers.PreTrainedTokenizerFast:
    return wrap(
        sentencepiece_bpe(texts(), size=VOCABULARY, extra=extra),
        template,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=512,
        **facts,
    )


def rope(theta: float) -> dict[str, object]:
    return {"rope_type": "default", "rope_theta": theta}


def save(
    folder: Path,
    architecture: type[transformers.PreTrainedModel],
    config: transformers.PreTrainedConfig,
    tokenizer: transformers.PreTrainedTokenizerFast,
    *,
    dtype: torch.dtype = torch.bfloat16,
) -> None:
    """Make the weights from the seed and write model and tokenizer into ``folder``."""
    torch.manual_seed(SEED)
    write(folder, architecture(config).to(dtype), tokenizer)


def write(
    folder: Path,
    model: transformers.PreTrainedModel,
    tokenizer: transformers.PreTrainedTokenizerFast,
) -> None:
    model.config.dtype = model.dtype
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for_every_reader(folder)


def for_every_reader(folder: Path) -> None:
    """Add the names that releases of transformers before 5 look for."""
    change(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")
    change(folder / "config.json", **older(json.loads((folder / "config.json").read_text("utf-8"))))


def older(config: Mapping[str, Any]) -> dict[str, Any]:
    """What to add to ``config``: llava's text model lies one level down."""
    names: dict[str, Any] = {}
    if "dtype" in config:
        names["torch_dtype"] = config["dtype"]
    if "rope_parameters" in config:
        names["rope_theta"] = config["rope_parameters"]["rope_theta"]
    if text := config.get("text_config"):
        names["text_config"] = {**text, **older(text)}
    return names


def change(path: Path, **values: object) -> None:
    document = {**json.loads(path.read_text("utf-8")), **values}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")


def generation(folder: Path, **values: object) -> None:
    transformers.GenerationConfig(**values).save_pretrained(folder)


MAKERS: Mapping[str, Callable[[Path], None]] = MappingProxyType(
    {
        "tiny-llama": llama,
        "tiny-llama2": llama2,
        "tiny-mistral": mistral,
        "tiny-mixtral": mixtral,
        "tiny-t5": t5,
        "tiny-llava": llava,
    }
)
