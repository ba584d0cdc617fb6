"""The engine room: a prompt goes in, text comes out, token by token.

In: a checkpoint's folder or hub id (`load`), then one `TextRequest` per answer.
Out: a `Stream` of text with a `Report` at its end, or an `EngineError` with its E-number.
Touches: disk, network and the accelerator in ``transformers/`` and ``vllm/`` alone; never `cog`.
"""

from __future__ import annotations

from cogsmith.engine.adapters import Adapter, AdapterFiles, is_adapter
from cogsmith.engine.engine import (
    Capabilities,
    Chunk,
    Engine,
    FinishReason,
    Request,
    Stats,
)
from cogsmith.engine.limits import TokenLimits, parse_stops, token_limits
from cogsmith.engine.load import load
from cogsmith.engine.sampling import Sampling
from cogsmith.engine.scripted import ByteTokenizer, ScriptedEngine, scripted_model
from cogsmith.engine.text import LanguageModel, Record, Report, Stream, TextRequest
from cogsmith.engine.tokenizer import ChatTemplate, Message, Tokenizer
from cogsmith.engine.transformers.lessons import Lesson, Lessons

__all__ = [
    "Adapter",
    "AdapterFiles",
    "ByteTokenizer",
    "Capabilities",
    "ChatTemplate",
    "Chunk",
    "Engine",
    "FinishReason",
    "LanguageModel",
    "Lesson",
    "Lessons",
    "Message",
    "Record",
    "Report",
    "Request",
    "Sampling",
    "ScriptedEngine",
    "Stats",
    "Stream",
    "TextRequest",
    "TokenLimits",
    "Tokenizer",
    "is_adapter",
    "load",
    "parse_stops",
    "scripted_model",
    "token_limits",
]
