"""From a folder or a hub id to a language model on the transformers back end.

The order is chosen for a quick start: a bad checkpoint is refused before anything heavy is
imported, the weights are paged in while torch is imported, and the tokenizer is read beside.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cogsmith.engine.text import LanguageModel
from cogsmith.engine.transformers.engine import TransformersEngine
from cogsmith.engine.transformers.options import Options, Settings
from cogsmith.engine.transformers.phases import Phases
from cogsmith.engine.transformers.runner import Runner
from cogsmith.engine.transformers.source import find
from cogsmith.engine.transformers.threads import thread_count
from cogsmith.engine.transformers.tokenizer import load_tokenizer
from cogsmith.errors import CheckpointError

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["load"]


async def load(source: str | Path, **options: Unpack[Options]) -> LanguageModel:
    """Load a checkpoint, ready to answer.

    ``source`` is a folder, or a hub id such as ``org/name``. ``options`` are ``device``,
    ``dtype``, ``revision``, ``context``, ``cache_tokens``, ``max_batch`` and ``max_adapters``:
    `Settings` says what they mean.

    Raises CheckpointError with the exact path and what to do, or EngineError for a device or
    dtype that there is not, or a bound below 1.
    """
    settings = Settings(**options)
    phases = Phases()
    checkpoint = await asyncio.to_thread(find, source, settings.revision)
    checkpoint.page_in()
    phases.end("checkpoint")

    def make() -> Runner:
        torch = _import("torch")
        phases.end("import_torch")
        threads = thread_count()
        if threads is not None:
            torch.set_num_threads(threads)
        model = _import("cogsmith.engine.transformers.model")
        phases.end("import_transformers")
        runner: Runner = model.load_runner(checkpoint, settings, end_ids=end_ids)
        phases.end("weights")
        return runner

    tokenizer = load_tokenizer(checkpoint)
    own = [] if tokenizer.eos_id is None else [tokenizer.eos_id]
    end_ids = checkpoint.end_ids or frozenset(own)
    phases.end("tokenizer")
    engine = TransformersEngine(make)
    with _collector_at_rest():
        await engine.load()
    return LanguageModel(engine, tokenizer, phases=phases.seconds)


def _import(name: str) -> Any:
    """A module that needs what only the model's environment has."""
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        raise CheckpointError(
            f"the transformers engine cannot be imported: {problem}",
            where=name,
            hint="add torch, transformers, safetensors (and pillow for images) to the model's "
            "requirements; where torchvision is named above, its build must match torch's",
        ) from None


@contextlib.contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Import without the garbage collector, which would look at the new modules again and again.

    That work is a third of the processor time to the first token. Afterward they are frozen:
    they stay for good, so that no later collection, in the middle of an answer, reads them.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
