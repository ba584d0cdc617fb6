"""A checkpoint's model on its device, and the runner that fits it."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers

from cogsmith.engine.engine import Capabilities
from cogsmith.engine.transformers.batch import Batch, Limits
from cogsmith.engine.transformers.decode import CausalDecoder, ImageDecoder, SeqToSeqDecoder
from cogsmith.engine.transformers.fit import shape_of
from cogsmith.engine.transformers.memory import cache_tokens
from cogsmith.engine.transformers.options import MAX_ADAPTERS, MAX_BATCH, Settings
from cogsmith.engine.transformers.pages import Shape
from cogsmith.engine.transformers.runner import Decoder, Runner, Turns
from cogsmith.engine.transformers.source import Checkpoint
from cogsmith.errors import CheckpointError, EngineError

__all__ = ["load_runner"]

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_WEIGHTS_SHARE = 0.7
_LOAD_FAILURES = (
    OSError,
    ValueError,
    RuntimeError,
    KeyError,
    TypeError,
    AttributeError,
    ImportError,
)


def load_runner(
    checkpoint: Checkpoint, settings: Settings, *, end_ids: frozenset[int] = frozenset()
) -> Runner:
    """The model, read from its safetensors, ready to run.

    ``end_ids`` end an answer; where there are none, those that the checkpoint's configuration
    names.
    """
    place = _device(settings.device)
    model = _model(checkpoint, place, _dtype(settings.dtype, place))
    ends = (end_ids or checkpoint.end_ids) & frozenset(range(_vocabulary(model)))
    shape = shape_of(model)
    if shape is None:
        decoder = _decoder(model, checkpoint, settings, ends)
        return Turns(decoder, *filter(None, [settings.max_batch]))
    return _batch(model, shape, settings, ends)


def _batch(model: Any, shape: Shape, settings: Settings, ends: frozenset[int]) -> Batch:
    most = settings.max_batch or MAX_BATCH
    context = _context(model.config, settings.context)
    tokens = settings.cache_tokens or cache_tokens(shape, context, most)
    capabilities = Capabilities(
        batching=True,
        logprobs=True,
        adapters=True,
        max_context=min(context or tokens, tokens),
        vocabulary=_vocabulary(model),
    )
    pace = {} if shape.device.type == "cpu" else {"alone": 2048, "beside": 512}
    adapters = settings.max_adapters or MAX_ADAPTERS
    limits = Limits(cache_tokens=tokens, max_batch=most, adapters=adapters, **pace)
    return Batch(model, capabilities, ends, shape=shape, limits=limits)


def _decoder(
    model: Any, checkpoint: Checkpoint, settings: Settings, ends: frozenset[int]
) -> Decoder:
    config = model.config
    known = Capabilities(logprobs=True, vocabulary=_vocabulary(model))
    if config.is_encoder_decoder:
        return SeqToSeqDecoder(model, replace(known, encoder_decoder=True), ends)
    known = replace(known, max_context=_context(config, settings.context))
    if getattr(config, "vision_config", None) is None:
        known = replace(known, adapters=True)
        return CausalDecoder(model, known, ends, adapters=settings.max_adapters or MAX_ADAPTERS)
    capabilities = replace(
        known,
        images=True,
        image_token_id=config.image_token_id,
        image_tokens=_image_tokens(config),
    )
    return ImageDecoder(model, capabilities, ends, pixels=_pixels(checkpoint.folder))


def _vocabulary(model: Any) -> int:
    return int(model.get_input_embeddings().weight.shape[0])


def _for_readers(record: logging.LogRecord) -> bool:
    """Leave out advice to the maker of a checkpoint, which its user can do nothing about.

    transformers 5.23 reads T5's tie_word_embeddings as true whatever the config says, then
    warns that the weights are not tied. They are used as they are stored, which is right.
    """
    return not record.getMessage().startswith("The tied weights mapping and config")


def _model(checkpoint: Checkpoint, place: torch.device, dtype: torch.dtype) -> Any:
    kind = _class(checkpoint)
    transformers.utils.logging.disable_progress_bar()
    logging.getLogger("transformers.modeling_utils").addFilter(_for_readers)
    spread = place.type == "cuda" and place.index is None and not _fits(checkpoint, dtype)
    try:
        model, found = kind.from_pretrained(
            str(checkpoint.folder),
            dtype=dtype,
            device_map="auto" if spread and _has_accelerate() else None,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
        )
        if getattr(model, "hf_device_map", None) is None:
            model = model.to(place)
    except _LOAD_FAILURES as problem:
        raise CheckpointError(
            f"the model cannot be loaded: {type(problem).__name__}: {problem}",
            where=str(checkpoint.folder),
            hint="get the checkpoint again; check that config.json belongs to these weights",
        ) from None
    _whole(checkpoint, found["missing_keys"])
    return model.eval()


def _fits(checkpoint: Checkpoint, dtype: torch.dtype) -> bool:
    """Whether one GPU holds the weights, with room for a cache; where there is one, it has to.

    Spread over several, requests cannot share forward passes. Checkpoints are stored in two
    bytes a parameter, nearly all.
    """
    if torch.cuda.device_count() < 2:
        return True
    size = sum(path.stat().st_size for path in checkpoint.weights) * dtype.itemsize / 2
    free, _ = torch.cuda.mem_get_info()
    return bool(size < free * _WEIGHTS_SHARE)


def _whole(checkpoint: Checkpoint, missing: Iterable[str]) -> None:
    """Refuse what transformers would fill with noise, saying so in a warning only."""
    if names := sorted(missing):
        raise CheckpointError(
            f"{len(names)} of the model's tensors are not in the weights, first {names[0]}",
            where=str(checkpoint.folder),
            hint="get the checkpoint again; check that config.json belongs to these weights",
        )


def _class(checkpoint: Checkpoint) -> Any:
    name = checkpoint.architecture
    where = f"{checkpoint.folder / 'config.json'}: architectures"
    kind = getattr(transformers, name, None) if name else None
    if kind is None:
        raise CheckpointError(
            f"transformers {transformers.__version__} has no {name or 'architecture named here'}",
            where=where,
            hint="use a newer transformers, or a checkpoint of a known architecture",
        )
    if not (hasattr(kind, "generate") and getattr(kind, "can_generate", bool)()):
        raise CheckpointError(
            f"{name} does not generate text",
            where=where,
            hint="use a checkpoint whose class ends in ForCausalLM or ForConditionalGeneration",
        )
    return kind


def _device(name: str) -> torch.device:
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise EngineError(
            f"no such device: {name}", where="device", hint="use auto, cpu, cuda or mps"
        ) from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise EngineError(
            f"{name} asked for, but torch {torch.__version__} sees no CUDA device here",
            where="device",
            hint="use auto or cpu, or install the GPU's driver and a CUDA build of torch",
        )
    return device


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name == "auto":
        return torch.float32 if device.type == "cpu" else torch.bfloat16
    if name not in _DTYPES:
        raise EngineError(
            f"no such dtype: {name}", where="dtype", hint=f"use auto, {', '.join(_DTYPES)}"
        )
    return _DTYPES[name]


def _context(config: Any, wanted: int | None) -> int | None:
    own = getattr(config.get_text_config(), "max_position_embeddings", None)
    return min((limit for limit in (own, wanted) if limit), default=None)


def _image_tokens(config: Any) -> int:
    """Patches of one image, and the class token where the model keeps it."""
    vision = config.vision_config
    patches = (int(vision.image_size) // int(vision.patch_size)) ** 2
    return patches + int(config.vision_feature_select_strategy == "full")


def _pixels(folder: Path) -> Callable[[tuple[bytes, ...]], torch.Tensor]:
    from PIL import Image, UnidentifiedImageError
    from transformers import AutoImageProcessor

    try:
        processor = AutoImageProcessor.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    except _LOAD_FAILURES as problem:
        raise CheckpointError(
            f"the image processor cannot be loaded: {problem}",
            where=str(folder),
            hint="copy preprocessor_config.json of the original model into this folder",
        ) from None

    def read(images: tuple[bytes, ...]) -> torch.Tensor:
        try:
            pictures = [Image.open(io.BytesIO(image)).convert("RGB") for image in images]
        except (UnidentifiedImageError, OSError) as problem:
            raise EngineError(
                f"the image cannot be read: {problem}", where="image", hint="give a PNG or JPEG"
            ) from None
        return processor(images=pictures, return_tensors="pt")["pixel_values"]

    return read


def _has_accelerate() -> bool:
    from importlib.util import find_spec

    return find_spec("accelerate") is not None
