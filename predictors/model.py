"""A checkpoint that answers: what every predictor here is made of, and its edge to the world.

Which checkpoint, and how it is run, is data in the config file's ``environment``:

========================  ================================================================
``MODEL_ID``              a folder of this repository, any other folder, or a hub id, which may
                          end in ``@revision``
``MODEL_DEVICE``          auto (the default), cpu, cuda, cuda:1, mps
``MODEL_DTYPE``           auto (the default), bfloat16, float16, float32
``MODEL_CONTEXT``         the most tokens of prompt and answer together, below the model's own
``MODEL_ENGINE``          auto (the default: vLLM where it is installed), transformers, vllm
``MODEL_ENGINE_OPTIONS``  vLLM's own engine arguments, as a JSON object
``MODEL_BATCH``           the most requests that are answered at once; others wait
``MODEL_CACHE``           the most tokens, of all requests together, that are kept in memory
``MODEL_ADAPTERS``        the most adapters that stay loaded at once; 8
``ADAPTERS_DIR``          a folder of adapters, which requests choose by their names in it
``PROMPT_TEMPLATE``       what to use when a request gives no ``prompt_template``
========================  ================================================================
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cogsmith.engine import LanguageModel, Record, Stream, TextRequest, is_adapter, load
from cogsmith.errors import AdapterError, CheckpointError, EngineError
from predictors import prompts

__all__ = ["Adapters", "Model", "Settings", "place", "read_image"]

ROOT = Path(__file__).resolve().parent.parent
LOOK = 1.0  # seconds between two looks at the engine
BASE = "base"  # the name that chooses no adapter
COMMITTED = "weights/stories-llama"  # the other folders of weights are made, not kept in git


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a config file says of its model."""

    source: str
    revision: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    context: int | None = None
    engine: str = "auto"
    engine_options: Mapping[str, Any] = field(default_factory=dict)
    batch: int | None = None
    cache: int | None = None
    adapters: int | None = None
    adapter: str | None = None
    folder: str | None = None
    template: str | None = None

    @classmethod
    def parse(cls, variables: Mapping[str, str], weights: str = "") -> Settings:
        """Settings from environment variables; ``weights`` given at start win over MODEL_ID.

        Weights that are an adapter go on top of MODEL_ID: what train makes is a version, too.

        Raises CheckpointError when no checkpoint is named, or a count is none.
        """
        adapter = weights if weights and is_adapter(weights) else None
        source = (not adapter and weights) or variables.get("MODEL_ID", "")
        if not source:
            raise CheckpointError(
                "no checkpoint is named",
                where="MODEL_ID",
                hint="set it under environment in cog.yaml, or give -e MODEL_ID=org/name",
            )
        is_path = source.startswith(("/", "."))
        name, _, revision = (source, "", "") if is_path else source.partition("@")
        return cls(
            source=name,
            revision=revision or None,
            device=variables.get("MODEL_DEVICE") or "auto",
            dtype=variables.get("MODEL_DTYPE") or "auto",
            context=_count(variables, "MODEL_CONTEXT"),
            engine=variables.get("MODEL_ENGINE") or "auto",
            engine_options=_object(variables, "MODEL_ENGINE_OPTIONS"),
            batch=_count(variables, "MODEL_BATCH"),
            cache=_count(variables, "MODEL_CACHE"),
            adapters=_count(variables, "MODEL_ADAPTERS"),
            adapter=adapter,
            folder=variables.get("ADAPTERS_DIR") or None,
            template=variables.get("PROMPT_TEMPLATE") or None,
        )


class Model:
    """A loaded checkpoint, with the prompt template of its config file, if there is one."""

    def __init__(
        self,
        language_model: LanguageModel,
        template: str | None = None,
        adapters: Adapters | None = None,
    ) -> None:
        self._language_model = language_model
        self._template = template
        self._adapters = adapters or Adapters()
        self._watching: asyncio.Task[None] | None = None

    async def _watch(self) -> None:
        """End this process when the engine's own is gone: the server then starts another one."""
        while self._language_model.alive:
            await asyncio.sleep(LOOK)
        print("the engine has died: this worker ends, too", file=sys.stderr, flush=True)  # noqa: T201
        os._exit(70)  # EX_SOFTWARE

    @classmethod
    async def load(cls, weights: object = None) -> Model:
        """The checkpoint in ``weights``, or else the one that MODEL_ID names.

        Raises CheckpointError when there is none, or it cannot be loaded (E1202).
        """
        settings = Settings.parse(os.environ, str(weights or ""))
        language_model = await load(
            place(settings.source),
            engine=settings.engine,
            engine_options=settings.engine_options,
            device=settings.device,
            dtype=settings.dtype,
            revision=settings.revision,
            context=settings.context,
            max_batch=settings.batch,
            cache_tokens=settings.cache,
            max_adapters=settings.adapters,
        )
        adapters = Adapters(settings.folder and ROOT / settings.folder, settings.adapter)
        model = cls(language_model, settings.template, adapters)
        model._watching = asyncio.create_task(model._watch())
        return model

    def adapter(self, name: str | None, file: object = None) -> str | None:
        """Where the adapter lies that a request chooses, by its name or as a file of its own.

        Raises AdapterError (E1203) when there is none of that name, or both are given.
        """
        return self._adapters.find(name, file)

    def answer(self, request: TextRequest, *, record: Record) -> Stream:
        """Begin an answer, tell the log its seed; ``record`` gets the metrics at its end.

        Raises EngineError: no prompt (E1001), one longer than the context (E1002), or a
        template that cannot be used (E1003, E1004).
        """
        form = prompts.template(
            request.prompt_template or self._template, system=bool(request.system_prompt)
        )
        stream = self._language_model.stream(replace(request, prompt_template=form), record=record)
        told = stream.report
        print(f"prompt: {told.input_token_count} tokens, seed: {told.seed}")  # noqa: T201 (the log)
        return stream


@dataclass(frozen=True, slots=True)
class Adapters:
    """The adapters that requests may name: those of a folder, and the one given at start."""

    folder: Path | str | None = None
    default: str | None = None

    def find(self, name: str | None, file: object = None) -> str | None:
        """The path of the adapter that is meant; None is the base alone."""
        if name and file is not None:
            raise AdapterError("adapter and adapter_file are both given", hint="give one of them")
        if file is not None:
            return str(file)
        if not name:
            return self.default
        if name == BASE:
            return None
        return self._named(name)

    def _named(self, name: str) -> str:
        """Names alone: a path would let a request look around on this machine."""
        if name not in (names := self.names()):
            raise AdapterError(
                f"there is no adapter of that name: {name}",
                where="adapter",
                hint=f"there are: {', '.join([BASE, *names])}"
                if names or self.folder
                else "set ADAPTERS_DIR to a folder of adapters, or give adapter_file",
            )
        return str(names[name])

    def names(self) -> dict[str, Path]:
        """What is in the folder now: it may be filled while the server runs."""
        folder = Path(self.folder) if self.folder else None
        if folder is None or not folder.is_dir():
            return {}
        found = (path for path in sorted(folder.iterdir()) if is_adapter(path))
        return {path.name.removesuffix(".tar"): path for path in found}


def _count(variables: Mapping[str, str], name: str) -> int | None:
    text = variables.get(name, "")
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise CheckpointError(
            f"{text!r} is not a count",
            where=name,
            hint=f"write digits alone, such as {name}=4096",
        )
    return int(text)


def _object(variables: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        found = json.loads(variables.get(name) or "{}")
    except ValueError as problem:
        raise CheckpointError(
            f"is not JSON: {problem}", where=name, hint='write {"name": value}'
        ) from None
    if not isinstance(found, dict):
        raise CheckpointError("is not a JSON object", where=name, hint='write {"name": value}')
    return found


def read_image(path: Path) -> bytes:
    """An encoded image's bytes; EngineError when the file cannot be read or is empty."""
    try:
        image = path.read_bytes()
    except OSError as problem:
        raise EngineError(f"cannot be read: {problem.strerror}", where=str(path)) from None
    if not image:
        raise EngineError("is empty", where=str(path), hint="give a PNG or JPEG file")
    return image


def place(source: str) -> str:
    """A folder of this repository by its whole path; everything else as it stands."""
    folder = ROOT / source
    if folder.is_dir():
        return str(folder)
    if not source.startswith("weights/"):
        return source
    if Path(source) == Path(COMMITTED):
        raise CheckpointError(
            "the folder is gone",
            where=source,
            hint=f"it is part of the repository: git checkout {COMMITTED}",
        )
    raise CheckpointError(
        "there is no such folder yet",
        where=source,
        hint="make the tiny checkpoints: cogsmith exec python scripts/make_checkpoints.py\n"
        "or give a hub id: -e MODEL_ID=org/name",
    )
