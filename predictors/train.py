"""Training: examples in, an adapter out, on top of the checkpoint that MODEL_ID names.

The adapter is a LoRA in peft's form, in one tar. On a CPU the same examples, settings and seed
make the same bytes. Nothing heavy is imported before the examples are known to be good.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import random
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as Folder
from typing import Any

from cog import BaseModel, Input, Path, current_scope

from cogsmith.engine import Lesson, Lessons, TextRequest
from cogsmith.errors import CheckpointError, DatasetError, EngineError, Problem
from predictors import dataset as datasets
from predictors import prompts
from predictors.model import Settings, place

DATASET = Input(description="JSONL: a line has prompt and completion, or text, or messages.")
LINEAR = "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj"
HEAVY = ("torch", "peft", "transformers")
FILES = ("adapter_config.json", "adapter_model.safetensors")
IGNORED = -100  # the label of a token that is not learned, in transformers' loss
LINES = 20  # of progress, in the log


class TrainingOutput(BaseModel):
    """What a training gives: an adapter, which a server starts with as its weights."""

    weights: Path


def train(
    dataset: Path = DATASET,
    epochs: int = Input(default=3, ge=1, le=1000, description="How often each line is read."),
    learning_rate: float = Input(
        default=0.0002, ge=0.0000001, le=0.1, description="How far a step goes, at most."
    ),
    batch_size: int = Input(default=4, ge=1, le=256, description="Lines in a step."),
    rank: int = Input(
        default=8, ge=1, le=256, description="How much an adapter can hold: the matrices' rank."
    ),
    alpha: int = Input(
        default=16, ge=1, le=1024, description="The adapter's weight is alpha / rank."
    ),
    target_modules: str = Input(
        default=LINEAR, description="Which layers are adapted: last names, separated by commas."
    ),
    max_length: int = Input(
        default=512, ge=8, le=32768, description="Tokens of a line; what is longer is cut off."
    ),
    prompt_template: str | None = Input(
        default=None, description="How prompts are written down, as predict's prompt_template."
    ),
    seed: int = Input(
        default=0, ge=0, le=4294967295, description="The same seed makes the same adapter."
    ),
) -> TrainingOutput:
    """Make an adapter from examples; ask for it with predict's adapter_file, or serve it."""
    settings = Settings.parse(os.environ)
    examples = _read(Folder(str(dataset)))
    lessons = Lessons.of(place(settings.source), settings.revision)
    form = prompt_template or settings.template
    length = min(max_length, lessons.context or max_length)
    given = _lessons(examples, lessons, form, length)
    plan = Plan(
        epochs=epochs,
        learning_rate=learning_rate,
        batch_size=batch_size,
        rank=rank,
        alpha=alpha,
        targets=tuple(sorted({one.strip() for one in target_modules.split(",") if one.strip()})),
        seed=seed,
    )
    model = _prepared(lessons.folder, settings, plan)
    _learn(model, given, plan)
    made = Path(_saved(model, settings.source))
    return TrainingOutput(weights=made)  # type: ignore[call-arg]  # cog's models are untyped


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How is learned."""

    epochs: int
    learning_rate: float
    batch_size: int
    rank: int
    alpha: int
    targets: tuple[str, ...]
    seed: int

    def batches(self, lessons: Sequence[Lesson]) -> Iterator[list[Lesson]]:
        """All lessons, again and again, each time in another order, which the seed decides."""
        draw = random.Random(self.seed)  # noqa: S311 - no secret
        for _ in range(self.epochs):
            order = draw.sample(lessons, len(lessons))
            for at in range(0, len(order), self.batch_size):
                yield order[at : at + self.batch_size]

    def pace(self, step: int, steps: int) -> float:
        """The share of the learning rate: up in the first steps, then down to nothing."""
        warm = max(1, steps // 20)
        return min(1.0, (step + 1) / warm) * (1 - step / steps)


def _read(path: Folder) -> list[datasets.Example]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise DatasetError(f"cannot be read: {problem}", where=path.name) from None
    return datasets.parse(text.split("\n"), where=path.name)


def _lessons(
    examples: Sequence[datasets.Example], lessons: Lessons, form: str | None, length: int
) -> list[Lesson]:
    """The examples as tokens, cut to a length; a line of which nothing is left is refused."""
    found: list[Lesson] = []
    problems: list[Problem] = []
    cut = 0
    for one in examples:
        try:
            lesson = _lesson(one, lessons, form)
        except EngineError as error:
            problems.append(Problem(error.message, f"dataset:{one.line}", error.hint))
            continue
        if lesson.given >= length:
            words = f"its prompt has {lesson.given} tokens, which leaves none of {length} to learn"
            problems.append(Problem(words, f"dataset:{one.line}", "raise max_length"))
        cut += len(lesson.token_ids) > length
        found.append(Lesson(lesson.token_ids[:length], lesson.given))
    datasets.refuse(problems)
    learned = sum(len(one.token_ids) - one.given for one in found)
    print(f"{len(found)} examples, {learned} tokens to learn, {cut} cut to {length} tokens")  # noqa: T201
    return found


def _lesson(one: datasets.Example, lessons: Lessons, form: str | None) -> Lesson:
    if one.text:
        return lessons.text(one.text)
    template = prompts.template(form, system=False)
    request = TextRequest(prompt=one.prompt, messages=one.messages, prompt_template=template)
    return lessons.answer(request, one.answer)


def _prepared(folder: Folder, settings: Settings, plan: Plan) -> Any:
    """The base with fresh matrices beside its layers; only those will change."""
    try:
        torch, peft, transformers = map(importlib.import_module, HEAVY)
    except ImportError as problem:
        raise CheckpointError(
            f"training cannot be imported: {problem}",
            where="peft",
            hint="add torch, transformers and peft to the model's requirements",
        ) from None
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(plan.seed)
    cuda = torch.cuda.is_available() and settings.device in {"auto", "cuda"}
    model = transformers.AutoModelForCausalLM.from_pretrained(
        str(folder), dtype=torch.bfloat16 if cuda else torch.float32, local_files_only=True,
        trust_remote_code=False, use_safetensors=True,
    )  # fmt: skip
    model.config.use_cache = False
    config = peft.LoraConfig(
        r=plan.rank, lora_alpha=plan.alpha, target_modules=list(plan.targets),
        lora_dropout=0.0, bias="none", task_type="CAUSAL_LM",
    )  # fmt: skip
    try:
        return peft.get_peft_model(model.to("cuda" if cuda else "cpu"), config)
    except ValueError as problem:
        raise EngineError(
            f"the model cannot be adapted so: {problem}",
            where="target_modules",
            hint=f"leave it out, or name some of {LINEAR}",
        ) from None


def _learn(model: Any, lessons: Sequence[Lesson], plan: Plan) -> None:
    """Go through the batches; tell how far it is, and the loss, in the log and as metrics."""
    import torch

    weights = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=plan.learning_rate, weight_decay=0.0)
    batches = list(plan.batches(lessons))
    begin, tokens, losses = time.monotonic(), 0, []
    model.train()
    for step, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = plan.learning_rate * plan.pace(step, len(batches))
        loss = model(**_rows(batch, model.device)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
        tokens += sum(len(one.token_ids) for one in batch)
        if (step + 1) % max(1, len(batches) // LINES) == 0 or step + 1 == len(batches):
            print(f"step {step + 1} of {len(batches)}, loss {losses[-1]:.4f}", flush=True)  # noqa: T201
    seconds = time.monotonic() - begin
    told = {
        "steps": len(batches), "first_loss": losses[0], "loss": losses[-1],
        "trained_tokens": tokens, "tokens_per_second": tokens / seconds if seconds else 0.0,
        "parameters": sum(one.numel() for one in weights),
    }  # fmt: skip
    scope: Any = current_scope()
    for name, value in told.items():
        scope.record_metric(name, value)


def _rows(batch: Sequence[Lesson], device: Any) -> dict[str, Any]:
    """Lessons side by side; what fills up the shorter ones is neither seen nor learned."""
    import torch

    width = max(len(one.token_ids) for one in batch)
    ids, seen, labels = [], [], []
    for one in batch:
        missing = width - len(one.token_ids)
        ids.append([*one.token_ids, *[0] * missing])
        seen.append([1] * len(one.token_ids) + [0] * missing)
        learned = one.token_ids[one.given :]
        labels.append([*[IGNORED] * one.given, *learned, *[IGNORED] * missing])
    names = ("input_ids", "attention_mask", "labels")
    return {
        name: torch.tensor(rows, device=device)
        for name, rows in zip(names, (ids, seen, labels), strict=True)
    }


def _saved(model: Any, base: str) -> Folder:
    """The adapter as one tar, its bytes a function of what was learned."""
    folder = Folder(tempfile.mkdtemp(prefix="adapter-"))
    model.save_pretrained(
        str(folder / "peft"), safe_serialization=True, save_embedding_layers=False
    )
    path = folder / "adapter.tar"
    with tarfile.open(path, "w") as archive:
        for name in FILES:
            data = (folder / "peft" / name).read_bytes()
            if name.endswith(".json"):
                data = _plain(json.loads(data), base)
            about = tarfile.TarInfo(name)
            about.size, about.mode = len(data), 0o644
            archive.addfile(about, io.BytesIO(data))
    return path


def _plain(config: dict[str, Any], base: str) -> bytes:
    """The config without this machine's paths, and in one order: peft keeps names in sets."""
    config["base_model_name_or_path"] = base
    config["target_modules"] = sorted(config["target_modules"])
    return (json.dumps(config, indent=2, sort_keys=True) + "\n").encode()
