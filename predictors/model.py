"""A checkpoint that answers: what every predictor here is made of, and its edge to the world.

Which checkpoint, and how it is run, is data in the config file's ``environment``:

===================  =====================================================================
``MODEL_ID``         a folder of this repository, any other folder, or a hub id, which may
                     end in ``@revision``
``MODEL_DEVICE``     auto (the default), cpu, cuda, cuda:1, mps
``MODEL_DTYPE``      auto (the default), bfloat16, float16, float32
``MODEL_CONTEXT``    the most tokens of prompt and answer together, below the model's own
``PROMPT_TEMPLATE``  what to use when a request gives no ``prompt_template``
===================  =====================================================================
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cogsmith.engine import LanguageModel, Stream, TextRequest, load
from cogsmith.errors import CheckpointError, EngineError
from predictors import prompts

__all__ = ["Model", "Settings", "read_image"]

ROOT = Path(__file__).resolve().parent.parent
COMMITTED = "weights/stories-llama"  # the other folders of weights are made, not kept in git


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a config file says of its model."""

    source: str
    revision: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    context: int | None = None
    template: str | None = None

    @classmethod
    def parse(cls, variables: Mapping[str, str], weights: str = "") -> Settings:
        """Settings from environment variables; ``weights`` given at start win over MODEL_ID.

        Raises CheckpointError when no checkpoint is named or MODEL_CONTEXT is not a number.
        """
        source = weights or variables.get("MODEL_ID", "")
        if not source:
            raise CheckpointError(
                "no checkpoint is named",
                where="MODEL_ID",
                hint="set it under environment in cog.yaml, or give -e MODEL_ID=org/name",
            )
        context = variables.get("MODEL_CONTEXT", "")
        if context and not context.isdecimal():
            raise CheckpointError(
                f"{context!r} is not a count of tokens",
                where="MODEL_CONTEXT",
                hint="write digits alone, such as MODEL_CONTEXT=4096",
            )
        is_path = source.startswith(("/", "."))
        name, _, revision = (source, "", "") if is_path else source.partition("@")
        return cls(
            source=name,
            revision=revision or None,
            device=variables.get("MODEL_DEVICE") or "auto",
            dtype=variables.get("MODEL_DTYPE") or "auto",
            context=int(context) if context else None,
            template=variables.get("PROMPT_TEMPLATE") or None,
        )


class Model:
    """A loaded checkpoint, with the prompt template of its config file, if there is one."""

    def __init__(self, language_model: LanguageModel, template: str | None = None) -> None:
        self._language_model = language_model
        self._template = template

    @classmethod
    async def load(cls, weights: object = None) -> Model:
        """The checkpoint in ``weights``, or else the one that MODEL_ID names.

        Raises CheckpointError when there is none, or it cannot be loaded (E1202).
        """
        settings = Settings.parse(os.environ, str(weights or ""))
        language_model = await load(
            _place(settings.source),
            device=settings.device,
            dtype=settings.dtype,
            revision=settings.revision,
            context=settings.context,
        )
        return cls(language_model, settings.template)

    def answer(
        self, request: TextRequest, *, record: Callable[[str, float | int | str], object]
    ) -> Stream:
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


def read_image(path: Path) -> bytes:
    """An encoded image's bytes; EngineError when the file cannot be read or is empty."""
    try:
        image = path.read_bytes()
    except OSError as problem:
        raise EngineError(f"cannot be read: {problem.strerror}", where=str(path)) from None
    if not image:
        raise EngineError("is empty", where=str(path), hint="give a PNG or JPEG file")
    return image


def _place(source: str) -> str:
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
