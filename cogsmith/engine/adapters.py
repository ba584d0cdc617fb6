"""Adapters: a few small matrices that change what a base model answers (LoRA, arXiv:2106.09685).

The form is that of peft's `save_pretrained`: ``adapter_config.json`` and
``adapter_model.safetensors``, in a folder or in a tar. They are read with the standard library
alone, so that a bad adapter is refused before anything heavy is imported, and where there is no
torch at all. Of a layer's two matrices, ``lora_A`` is rank × in and ``lora_B`` out × rank; the
layer then gives ``scaling * B(A(x))`` more.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cogsmith.errors import AdapterError, Problem

__all__ = ["CONFIG", "MOST_BYTES", "MOST_RANK", "WEIGHTS", "Adapter", "AdapterFiles", "is_adapter"]

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
MOST_BYTES = 2 << 30  # of the tensors: a base's worth of them is no adapter any more
MOST_RANK = 256
_MOST_CONFIG = 1 << 20  # bytes
_TOLD = 8  # problems of one kind that are told one by one
_KEY = re.compile(r"base_model\.model\.(?P<layer>.+)\.lora_(?P<side>[AB])\.weight")
_DTYPES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}

# What peft can do beside the two matrices, each with the values that mean "not that".
_FOREIGN: Mapping[str, tuple[object, ...]] = {
    "use_dora": (False,), "use_qalora": (False,), "fan_in_fan_out": (False,),
    "lora_bias": (False,), "bias": ("none",), "modules_to_save": ([],), "layer_replication": ([],),
    "rank_pattern": ({},), "alpha_pattern": ({},), "trainable_token_indices": ({}, []),
    "target_parameters": ([],), "alora_invocation_tokens": ([],), "arrow_config": ({},),
}  # fmt: skip
# These begin by changing the base: what was learned is of no use without that change.
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq")


@dataclass(frozen=True, slots=True)
class Shape:
    """One layer that is changed: its inputs, its outputs, and the rank in between."""

    inputs: int
    rank: int
    outputs: int


@dataclass(frozen=True, kw_only=True)
class AdapterFiles:
    """The two files of an adapter, whole; ``where`` they were found."""

    config: bytes
    weights: bytes = field(repr=False)
    where: str = ""

    @cached_property
    def digest(self) -> str:
        """The name of both files' bytes: hexadecimal sha256."""
        name = hashlib.sha256(hashlib.sha256(self.config).digest())
        name.update(self.weights)
        return name.hexdigest()

    @classmethod
    def read(cls, source: str | Path, *, most_bytes: int = MOST_BYTES) -> AdapterFiles:
        """From a folder that has them, or from a tar, compressed or not.

        Raises AdapterError when there is no such thing, a file is missing, or one is too large.
        """
        path = Path(source)
        try:
            if path.is_dir():
                found = {name: path / name for name in (CONFIG, WEIGHTS) if (path / name).is_file()}
                _small(path, {name: one.stat().st_size for name, one in found.items()}, most_bytes)
                files = {name: one.read_bytes() for name, one in found.items()}
            elif path.exists() and not path.is_file():  # a pipe, say, that nobody writes to
                files = {}
            else:
                files = _from_tar(path, most_bytes)
        except OSError as problem:
            raise AdapterError(
                f"cannot be read: {problem.strerror or problem}",
                where=str(path),
                hint="name a folder or a tar that has an adapter in peft's form",
            ) from None
        if missing := [name for name in (CONFIG, WEIGHTS) if name not in files]:
            raise AdapterError(
                f"there is no {' and no '.join(missing)}",
                where=str(path),
                hint="name a folder or a tar that has an adapter in peft's form; pickled ones "
                "(adapter_model.bin) are not read",
            )
        return cls(config=files[CONFIG], weights=files[WEIGHTS], where=str(path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """What an adapter's files say of it.

    ``base`` is the checkpoint that it was made for, in its maker's words; ``targets`` are the
    last names of the layers that it changes; ``layers`` are all of them, by their paths in the
    model. ``scaling`` weighs what they add. ``size`` is the tensors' file, in bytes.
    """

    base: str
    rank: int
    alpha: float
    scaling: float
    targets: tuple[str, ...]
    layers: Mapping[str, Shape] = field(repr=False)
    size: int

    @classmethod
    def parse(cls, files: AdapterFiles) -> Adapter:
        """Look an adapter over. Raises AdapterError with everything that is wrong in it."""
        where = f"{files.where}: {CONFIG}"
        try:
            config = json.loads(files.config)
        except ValueError as problem:
            raise AdapterError(f"is not JSON: {problem}", where=where) from None
        if not isinstance(config, dict):
            raise AdapterError("is not a JSON object", where=where)
        sides = _sides(files)
        if problems := [*_config_problems(config, where), *_layer_problems(sides, config, files)]:
            raise AdapterError(_few(problems))
        rank, alpha = int(config["r"]), float(config["lora_alpha"])
        layers = {
            name: Shape(both["A"][1], both["A"][0], both["B"][0]) for name, both in sides.items()
        }
        return cls(
            base=str(config.get("base_model_name_or_path") or ""),
            rank=rank,
            alpha=alpha,
            scaling=alpha / (math.sqrt(rank) if config.get("use_rslora") else rank),
            targets=tuple(sorted({name.rpartition(".")[2] for name in layers})),
            layers=layers,
            size=len(files.weights),
        )

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        return sum(one.rank * (one.inputs + one.outputs) for one in self.layers.values())

    def misfits(
        self, known: Mapping[str, tuple[int, int]], *, most_rank: int = MOST_RANK
    ) -> Iterator[Problem]:
        """What does not fit a base whose layers have these (outputs, inputs)."""
        if self.rank > most_rank:
            yield Problem(
                f"its rank is {self.rank}, and {most_rank} is the most that is taken",
                "rank",
                "train one of a lower rank",
            )
        hint = f"it was made for {self.base or 'another model'}: use that one's adapters alone"
        for name, shape in self.layers.items():
            found = known.get(name)
            if found is None:
                yield Problem("the base has no layer of that name that can be adapted", name, hint)
            elif found != (shape.outputs, shape.inputs):
                yield Problem(
                    f"the base's layer is {found[0]} x {found[1]}, and the adapter's "
                    f"{shape.outputs} x {shape.inputs}",
                    name,
                    hint,
                )

    def check(self, known: Mapping[str, tuple[int, int]], *, most_rank: int = MOST_RANK) -> None:
        """Raise AdapterError where it does not fit the base."""
        if problems := list(self.misfits(known, most_rank=most_rank)):
            raise AdapterError(_few(problems))


def is_adapter(source: str | Path) -> bool:
    """Whether something on the disk is meant as an adapter: a folder with its config, or a tar."""
    path = Path(source)
    if path.is_dir():
        return (path / CONFIG).is_file()
    try:
        return path.is_file() and tarfile.is_tarfile(path)
    except OSError:
        return False


def tensors(weights: bytes, where: str) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Each tensor's dtype and shape, from the header of safetensors.

    Raises AdapterError for what is no such file, or one that was cut off.
    """
    broken = AdapterError(
        "is not a safetensors file, or is damaged", where=where, hint="get it again"
    )
    length = struct.unpack("<Q", weights[:8])[0] if len(weights) >= 8 else len(weights)
    if length > len(weights) - 8:
        raise broken
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    room = len(weights) - 8 - length
    try:
        header = json.loads(weights[8 : 8 + length])
        header.pop("__metadata__", None)
        for name, one in header.items():
            dtype, shape = str(one["dtype"]), tuple(map(int, one["shape"]))
            start, end = map(int, one["data_offsets"])
            size = math.prod(shape) * _DTYPES.get(dtype, 0)
            if not 0 <= start <= end <= room or size not in (end - start, 0):
                raise broken
            found[name] = dtype, shape
    except (ValueError, LookupError, TypeError, AttributeError):
        raise broken from None
    return found


def _from_tar(path: Path, most_bytes: int) -> dict[str, bytes]:
    """The two files, wherever in the archive they lie; nothing is written to the disk."""
    try:
        with tarfile.open(path) as archive:
            members = {
                name: one
                for one in archive
                if one.isfile() and (name := one.name.rpartition("/")[2]) in (CONFIG, WEIGHTS)
            }
            _small(path, {name: one.size for name, one in members.items()}, most_bytes)
            files = {name: archive.extractfile(one) for name, one in members.items()}
            return {name: file.read() for name, file in files.items() if file is not None}
    except (tarfile.TarError, EOFError, ValueError) as problem:
        raise AdapterError(
            f"is neither a folder nor a tar: {problem}",
            where=str(path),
            hint="make one: tar -cf adapter.tar -C FOLDER adapter_config.json "
            "adapter_model.safetensors",
        ) from None


def _small(path: Path, sizes: Mapping[str, int], most_bytes: int) -> None:
    limits = {CONFIG: _MOST_CONFIG, WEIGHTS: most_bytes}
    for name, size in sizes.items():
        if size > limits[name]:
            raise AdapterError(
                f"has {size} bytes, and {limits[name]} are the most that is taken",
                where=f"{path}: {name}",
                hint="train one of a lower rank, or for fewer layers",
            )


def _sides(files: AdapterFiles) -> dict[str, dict[str, tuple[int, ...]]]:
    """The shapes of A and B of each layer. Raises AdapterError for tensors that are neither."""
    where = f"{files.where}: {WEIGHTS}"
    sides: dict[str, dict[str, tuple[int, ...]]] = {}
    problems = []
    for key, (dtype, shape) in sorted(tensors(files.weights, where).items()):
        parts = _KEY.fullmatch(key)
        if parts is None:
            problems.append(Problem(f"a tensor that is no part of LoRA: {key}", where))
        elif dtype not in _DTYPES:
            problems.append(Problem(f"{key} is stored as {dtype}", where, "store it as F32"))
        else:
            sides.setdefault(parts["layer"], {})[parts["side"]] = shape
    if problems:
        raise AdapterError(_few(problems))
    if not sides:
        raise AdapterError("there is no tensor in it", where=where)
    return sides


def _config_problems(config: Mapping[str, Any], where: str) -> Iterator[Problem]:
    if config.get("peft_type") != "LORA":
        yield Problem(
            f"an adapter of kind {config.get('peft_type')}", f"{where}: peft_type", "use LoRA"
        )
        return
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
        yield Problem(f"must be a count, not {rank!r}", f"{where}: r")
    if not isinstance(alpha, int | float) or isinstance(alpha, bool) or not math.isfinite(alpha):
        yield Problem(f"must be a number, not {alpha!r}", f"{where}: lora_alpha")
    for name, plain in _FOREIGN.items():
        value = config.get(name)
        if value is not None and value not in plain:
            yield Problem(
                f"{json.dumps(value)} is more than two matrices for each layer",
                f"{where}: {name}",
                "train a plain LoRA",
            )
    start = str(config.get("init_lora_weights", "")).lower()
    if start.startswith(_CHANGES_BASE):
        yield Problem(
            f"{start} changes the base as well",
            f"{where}: init_lora_weights",
            "have peft convert it: save_pretrained(path_initial_model_for_weight_conversion=...)",
        )


def _layer_problems(
    sides: Mapping[str, Mapping[str, tuple[int, ...]]],
    config: Mapping[str, Any],
    files: AdapterFiles,
) -> Iterator[Problem]:
    where, rank = f"{files.where}: {WEIGHTS}", config.get("r")
    for name, both in sides.items():
        if missing := {"A", "B"} - set(both):
            yield Problem(f"{name} has no lora_{missing.pop()}", where)
        elif len(both["A"]) != 2 or len(both["B"]) != 2:
            yield Problem(f"{name} is no linear layer", where, "leave such layers out")
        elif both["A"][0] != both["B"][1]:
            yield Problem(f"{name}: lora_A and lora_B are of two ranks", where)
        elif both["A"][0] != rank:
            yield Problem(f"{name} has rank {both['A'][0]}, and {CONFIG} says {rank}", where)


def _few(problems: list[Problem]) -> list[Problem]:
    """As many as a person reads; the rest as a number."""
    if len(problems) <= _TOLD:
        return problems
    return [*problems[:_TOLD], Problem(f"and {len(problems) - _TOLD} more of this kind")]
