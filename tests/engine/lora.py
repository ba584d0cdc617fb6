"""Adapters for tests, made without torch: a header of safetensors and numbers behind it."""

from __future__ import annotations

import json
import random
import struct
import tarfile
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PLAIN = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "bias": "none", "task_type": "CAUSAL_LM"}
Tensors = Mapping[str, tuple[tuple[int, ...], list[float]]]


def safetensors(tensors: Tensors) -> bytes:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, (shape, numbers) in tensors.items():
        stored = array("f", numbers).tobytes()
        ends = [len(data), len(data) + len(stored)]
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": ends}
        data += stored
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + data


def matrices(
    layers: Mapping[str, tuple[int, int]], *, rank: int = 2, seed: int = 0, size: float = 0.5
) -> Tensors:
    """A and B of layers with these (outputs, inputs), drawn; a ``size`` of 0 makes B zero."""
    draw = random.Random(seed)
    found: dict[str, tuple[tuple[int, ...], list[float]]] = {}
    for name, (outputs, inputs) in layers.items():
        key = f"base_model.model.{name}.lora_"
        a = [draw.gauss(0, 0.3) for _ in range(rank * inputs)]
        b = [draw.gauss(0, 1) * size for _ in range(outputs * rank)]
        found[f"{key}A.weight"] = (rank, inputs), a
        found[f"{key}B.weight"] = (outputs, rank), b
    return found


def write(folder: Path, tensors: Tensors, **config: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps({**PLAIN, **config}))
    (folder / "adapter_model.safetensors").write_bytes(safetensors(tensors))
    return folder


def packed(folder: Path, name: str = "adapter.tar", mode: str = "w") -> Path:
    path = folder.with_name(name)
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(folder, arcname="./adapter")
    return path
