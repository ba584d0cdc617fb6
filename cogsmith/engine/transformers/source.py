"""Finding a checkpoint, in a folder or on the hub, and refusing a bad one before torch wakes.

Standard library, and `huggingface_hub` where a hub id is asked for. Only safetensors are
read: a pickle runs whatever code its author put in.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cogsmith.errors import CheckpointError, Problem

__all__ = ["Checkpoint", "find", "read_json"]

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_WANTED = ("*.json", "*.jinja", "*.safetensors", "tokenizer.model", "spiece.model", "*.txt")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt")
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"


@dataclass(frozen=True)
class Checkpoint:
    """A folder that holds a model's configuration and safetensors, looked over."""

    folder: Path
    config: dict[str, Any]
    weights: tuple[Path, ...]

    @cached_property
    def generation(self) -> dict[str, Any]:
        """generation_config.json, or nothing."""
        return read_json(self.folder / "generation_config.json")

    @property
    def architecture(self) -> str:
        """The name of the model's class."""
        return str((self.config.get("architectures") or [""])[0])

    @property
    def end_ids(self) -> frozenset[int]:
        """The tokens that end an answer: what generation_config.json says, else config.json."""
        text = self.config.get("text_config") or {}
        for place in (self.generation, self.config, text):
            if (ids := place.get("eos_token_id")) is not None:
                return frozenset(ids if isinstance(ids, list) else [ids])
        return frozenset()

    def page_in(self) -> None:
        """Ask the system to read the weights into memory while we do something else."""
        if hasattr(os, "posix_fadvise"):
            for path in self.weights:
                with path.open("rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)


def find(source: str | Path, revision: str | None = None) -> Checkpoint:
    """The checkpoint in that folder, or under that hub id, downloaded if need be.

    Raises CheckpointError when it is missing, unreachable, gated, broken, pickled, or needs
    code of its own to run.
    """
    folder = Path(source)
    if not folder.is_dir():
        folder = _download(str(source), revision)
    return _inspect(folder)


def read_json(path: Path) -> dict[str, Any]:
    """One of the checkpoint's JSON files; nothing where there is none."""
    if not path.is_file():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as problem:
        raise CheckpointError(
            f"cannot be read: {problem}", where=str(path), hint="get the file again"
        ) from None
    if not isinstance(document, dict):
        raise CheckpointError("is not a JSON object", where=str(path), hint="get the file again")
    return document


def _inspect(folder: Path) -> Checkpoint:
    path = folder / "config.json"
    if not path.is_file():
        raise CheckpointError(
            "no such file, so this folder is not a checkpoint of transformers",
            where=str(path),
            hint="name the folder that has config.json and *.safetensors",
        )
    checkpoint = Checkpoint(folder, read_json(path), _weights(folder))
    if "auto_map" in checkpoint.config and not _known(checkpoint.config):
        raise CheckpointError(
            "the model needs Python code from its own repository, which is never run",
            where=f"{path}: auto_map",
            hint="use a model whose architecture transformers has itself",
        )
    if problems := tuple(filter(None, map(_damage, checkpoint.weights))):
        raise CheckpointError(problems)
    return checkpoint


def _known(config: dict[str, Any]) -> bool:
    """Whether no class that we would load comes from the repository's own code."""
    return not any(name.startswith(("AutoConfig", "AutoModel")) for name in config["auto_map"])


def _weights(folder: Path) -> tuple[Path, ...]:
    """Every file of weights that the checkpoint names."""
    index = read_json(folder / _INDEX)
    if index:
        names = sorted(set(index.get("weight_map", {}).values()))
        _need(folder, names)
        return tuple(folder / name for name in names)
    if (folder / _WEIGHTS).is_file():
        return (folder / _WEIGHTS,)
    raise _no_weights(str(folder), [path.name for path in folder.iterdir()])


def _need(folder: Path, names: Iterable[str]) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(
            Problem("no such file, but the index names it", str(folder / name), "get it again")
            for name in missing
        )


def _no_weights(where: str, names: Iterable[str]) -> CheckpointError:
    pickles = sorted(name for name in names if name.endswith(_PICKLES))
    if pickles:
        return CheckpointError(
            f"the weights are pickled ({', '.join(pickles[:3])}), and loading a pickle runs code",
            where=where,
            hint="use a revision with *.safetensors, or convert: load it where you trust it and "
            "call save_pretrained(folder)",
        )
    return CheckpointError(
        f"no weights: neither {_WEIGHTS} nor {_INDEX}",
        where=where,
        hint="name the folder that has *.safetensors",
    )


def _damage(path: Path) -> Problem | None:
    """What is wrong with a safetensors file, as far as its header and size tell."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if start == b"version ":
            message = "is a Git LFS pointer, not the weights"
            return Problem(message, str(path), "run `git lfs pull` in that repository")
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        header = file.read(length) if length < size else b""
    try:
        tensors = json.loads(header)
        ends = [about["data_offsets"][1] for name, about in tensors.items() if name[:2] != "__"]
    except (ValueError, LookupError, TypeError, AttributeError):
        return Problem("is not a safetensors file, or is damaged", str(path), "get it again")
    expected = 8 + length + max(ends, default=0)
    if size == expected:
        return None
    message = f"has {size} bytes, and its header promises {expected}"
    return Problem(message, str(path), "get it again: it was cut off or changed")


def _download(name: str, revision: str | None) -> Path:
    if not _HUB_ID.fullmatch(name) or name.startswith("."):
        raise CheckpointError(
            "no such folder", where=name, hint="give a folder that exists, or a hub id org/name"
        )
    try:
        import huggingface_hub
        from huggingface_hub import errors, utils
    except ImportError as problem:
        raise CheckpointError(
            f"no such folder, and the hub cannot be asked: {problem}",
            where=name,
            hint="give a folder that exists, or add huggingface_hub to the requirements",
        ) from None
    unreachable = (
        errors.LocalEntryNotFoundError,
        errors.OfflineModeIsEnabled,
        *_transport_failures(utils),
    )
    try:
        return _snapshot(huggingface_hub, name, revision, unreachable)
    except errors.GatedRepoError:
        message = "the model is gated"
        hint = f"ask for access on the page of {name}, then set HF_TOKEN to your token"
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError):
        message = "no such folder here, and no such model or revision on the hub"
        hint = "correct the name; for a private model set HF_TOKEN"
    except unreachable as problem:
        message = f"no such folder here, and the hub cannot be reached ({_first_line(problem)})"
        hint = "give a folder that exists, or connect to the network"
    except (errors.HfHubHTTPError, errors.HFValidationError) as problem:
        message, hint = f"the hub refuses: {_first_line(problem)}", "correct the name or try again"
    except OSError as problem:
        message = f"the download failed: {_first_line(problem)}"
        hint = "try again: what has arrived is kept; see that the disk has room"
    raise CheckpointError(message, where=f"{name}@{revision}" if revision else name, hint=hint)


def _snapshot(
    hub: Any, name: str, revision: str | None, unreachable: tuple[type[Exception], ...]
) -> Path:
    """The checkpoint's files in the hub's cache; pickles are refused before any download."""
    # Out of reach, what an earlier download left in the cache still serves.
    with contextlib.suppress(*unreachable):
        about = hub.HfApi().model_info(name, revision=revision)
        files = [file.rfilename for file in about.siblings or ()]
        if not any(file.endswith(".safetensors") for file in files):
            raise _no_weights(name, files)
    folder = hub.snapshot_download(
        name, revision=revision, allow_patterns=list(_WANTED), ignore_patterns=["*/*"]
    )
    return Path(folder)


def _transport_failures(utils: Any) -> tuple[type[Exception], ...]:
    """What the hub's HTTP library raises when nobody answers; hubs differ in the library."""
    library = getattr(utils, "httpx", None)
    own = getattr(library, "TransportError", None)
    return (ConnectionError, TimeoutError, *((own,) if own else ()))


def _first_line(problem: Exception) -> str:
    return (str(problem).strip().splitlines() or [type(problem).__name__])[0]
