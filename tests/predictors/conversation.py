"""Asking a predictor in this process, as the worker would: every input given, metrics kept."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from cogsmith.engine import LanguageModel, Request, scripted_model
from predictors import flan_t5, llama, llava, mistral
from predictors.model import Model

PREDICTORS = (flan_t5, llama, llava, mistral)
TEXT_ONLY = (flan_t5, llama, mistral)


def declarations(module: ModuleType) -> dict[str, Any]:
    """What `predict` declares of each input, by name."""
    parameters = inspect.signature(module.Predictor.predict).parameters.values()
    return {one.name: one.default for one in parameters if one.name != "self"}


@dataclass
class Conversation:
    """A predictor over a scripted engine; it keeps the metrics of the last answer."""

    module: ModuleType
    model: LanguageModel = field(default_factory=scripted_model)
    template: str | None = None
    metrics: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        metrics = self.metrics

        class Recording(self.module.Predictor):
            def record_metric(self, key: str, value: object, mode: str = "replace") -> None:
                if mode == "append":
                    metrics.setdefault(key, []).append(value)  # type: ignore[attr-defined]
                else:
                    metrics[key] = value

        self.predictor = Recording()
        self.predictor.model = Model(self.model, self.template)

    def stream(self, **given: object) -> AsyncIterator[str]:
        defaults = {name: one.default for name, one in declarations(self.module).items()}
        return self.predictor.predict(**{**defaults, **given})

    def ask(self, **given: object) -> str:
        async def whole() -> str:
            return "".join([text async for text in self.stream(**given)])

        return asyncio.run(whole())

    @property
    def request(self) -> Request:
        """What the engine was asked last."""
        return self.model.engine.requests[-1]

    @property
    def prompt(self) -> str:
        """The text that the engine was asked to go on with."""
        return self.model.tokenizer.decode(self.request.token_ids)
