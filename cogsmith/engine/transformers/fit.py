"""Whether a model's requests can share forward passes, found out and then tried.

What a model's configuration declares is believed only so far: a few tokens go through it both
ways, and unless both ways agree, its requests are answered one by one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import torch

from cogsmith.engine.transformers.attention import NAME, Piece, Step, register
from cogsmith.engine.transformers.failures import STEP_FAILURES
from cogsmith.engine.transformers.pages import Page, Place, Shape

__all__ = ["shape_of"]

_log = logging.getLogger("cogsmith.engine")

_LAYERS = {"full_attention", "sliding_attention"}
# Their frequencies follow the longest request of the step, so company would change answers.
_RESTLESS = {"dynamic", "longrope"}
_TRIED = 4  # tokens
_TOLERANCE = {torch.float32: 1e-3, torch.float16: 2e-2, torch.bfloat16: 1e-1}


def shape_of(model: Any) -> Shape | None:
    """What the model keeps for each token, its attention now ours; None: one by one."""
    if why := next(_obstacles(model), ""):
        _log.info("requests are answered one by one: %s", why)
        return None
    register()
    before = model.config._attn_implementation
    try:
        with torch.inference_mode():
            return _tried(model)
    except STEP_FAILURES as problem:
        _log.info("requests are answered one by one: %s: %s", type(problem).__name__, problem)
        model.set_attn_implementation(before)
        return None


def _obstacles(model: Any) -> Iterator[str]:
    config = model.config
    if config.is_encoder_decoder or getattr(config, "vision_config", None) is not None:
        yield "the model does more than to go on with a text"
    if not type(model).__name__.endswith("ForCausalLM"):
        yield f"{type(model).__name__} is no plain decoder"
    if not getattr(model, "_supports_attention_backend", False):
        yield f"{type(model).__name__} has an attention of its own"
    if getattr(model, "_is_stateful", False):
        yield "its cache is not of keys and values"
    if getattr(model, "hf_device_map", None) is not None:
        yield "it is spread over several devices"
    if kinds := set(getattr(config, "layer_types", None) or ()) - _LAYERS:
        yield f"it has layers of {min(kinds)}"
    if kinds := set(_ropes(getattr(config, "rope_parameters", None))) & _RESTLESS:
        yield f"its positions are {min(kinds)}"


def _ropes(parameters: Any) -> Iterator[str]:
    """The kinds of rotary positions; some models have one for each kind of layer."""
    if isinstance(parameters, dict):
        yield str(parameters.get("rope_type", "default"))
        for one in parameters.values():
            yield from _ropes(one)


def _tried(model: Any) -> Shape:
    """Raises when the model does not do the same with our attention as with its own."""
    ids = torch.arange(1, _TRIED + 1, device=model.device)[None] % model.config.vocab_size
    expected = model(input_ids=ids, use_cache=False, logits_to_keep=1).logits[0, -1]
    shape = _declared(model)
    model.set_attn_implementation(NAME)
    place = Place(Page(shape, 1, _TRIED), 0)
    for start, count in ((0, _TRIED - 1), (_TRIED - 1, 1)):
        step = Step([Piece(place, start, count)])
        found = model(
            input_ids=ids[:, start : start + count],
            position_ids=torch.tensor([step.positions()], device=model.device),
            use_cache=False,
            logits_to_keep=torch.tensor([count - 1], device=model.device),
            step=step,
        ).logits[0, -1]
    far = float((found - expected).abs().max() / (1 + expected.abs().max()))
    if not far <= _TOLERANCE.get(shape.dtype, 0.0):
        raise ValueError(f"batched, the model answers otherwise ({far:.1g})")
    _check_windows(model.config, step.windows)
    return shape


def _declared(model: Any) -> Shape:
    config = model.config
    heads = config.num_attention_heads
    return Shape(
        layers=config.num_hidden_layers,
        heads=getattr(config, "num_key_value_heads", None) or heads,
        size=getattr(config, "head_dim", None) or config.hidden_size // heads,
        dtype=model.dtype,
        device=model.device,
    )


def _check_windows(config: Any, seen: dict[int, int | None]) -> None:
    """A window that the model does not tell our attention would go unnoticed in so few tokens."""
    kinds = getattr(config, "layer_types", None)
    window = getattr(config, "sliding_window", None)
    if kinds is None:
        kinds = ["sliding_attention" if window else "full_attention"] * config.num_hidden_layers
    expected = {n: window if kind == "sliding_attention" else None for n, kind in enumerate(kinds)}
    if expected != seen:
        raise ValueError(f"its layers have windows of {seen}, and its configuration {expected}")
