"""Bad checkpoints are refused before torch is imported, with the exact path."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from cogsmith.engine.transformers.source import find
from cogsmith.errors import CheckpointError


def tensors(size: int = 4) -> bytes:
    header = json.dumps(
        {
            "__metadata__": {"format": "pt"},
            "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, size]},
        }
    ).encode()
    return struct.pack("<Q", len(header)) + header + bytes(size)


def checkpoint(folder: Path, **files: object) -> Path:
    files = {"config.json": {"architectures": ["LlamaForCausalLM"], "eos_token_id": 2}, **files}
    for name, content in files.items():
        if content is not None:
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            (folder / name).write_bytes(data)
    return folder


def refused(folder: Path | str) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        find(folder)
    assert caught.value.code == "E1202"
    assert all(problem.where and problem.hint for problem in caught.value.problems)
    return caught.value


def test_a_good_folder(tmp_path: Path) -> None:
    found = find(checkpoint(tmp_path, **{"model.safetensors": tensors()}))
    assert found.architecture == "LlamaForCausalLM"
    assert found.end_ids == {2}
    assert found.weights == (tmp_path / "model.safetensors",)
    found.page_in()


def test_end_tokens_come_from_the_generation_config_first(tmp_path: Path) -> None:
    files = {"model.safetensors": tensors(), "generation_config.json": {"eos_token_id": [7, 8]}}
    assert find(checkpoint(tmp_path, **files)).end_ids == {7, 8}


def test_a_path_that_is_not_there() -> None:
    error = refused("/no/such/folder")
    assert str(error) == "/no/such/folder: no such folder"


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    assert refused(tmp_path).where == str(tmp_path / "config.json")


def test_broken_json(tmp_path: Path) -> None:
    error = refused(checkpoint(tmp_path, **{"config.json": b"{", "model.safetensors": tensors()}))
    assert error.where == str(tmp_path / "config.json")


@pytest.mark.parametrize("name", ["pytorch_model.bin", "consolidated.00.pth", "model.pt"])
def test_pickles_are_never_opened(tmp_path: Path, name: str) -> None:
    error = refused(checkpoint(tmp_path, **{name: b"cos\nsystem\n"}))
    assert f"the weights are pickled ({name})" in error.message
    assert "save_pretrained" in error.hint


def test_no_weights_at_all(tmp_path: Path) -> None:
    assert "neither model.safetensors nor" in refused(checkpoint(tmp_path)).message


def test_missing_shards_are_all_named(tmp_path: Path) -> None:
    index = {"weight_map": {"a": "1.safetensors", "b": "2.safetensors", "c": "2.safetensors"}}
    error = refused(checkpoint(tmp_path, **{"model.safetensors.index.json": index}))
    names = [str(tmp_path / name) for name in ("1.safetensors", "2.safetensors")]
    assert [problem.where for problem in error.problems] == names


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (tensors()[:-1], "and its header promises"),
        (tensors() + b"x", "and its header promises"),
        (b"", "is damaged"),
        (b"PK\x03\x04 some other kind of file", "is damaged"),
        (struct.pack("<Q", 4) + b"[[]]", "is damaged"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS pointer"),
    ],
)
def test_damaged_weights(tmp_path: Path, data: bytes, words: str) -> None:
    error = refused(checkpoint(tmp_path, **{"model.safetensors": data}))
    assert words in error.message
    assert error.where == str(tmp_path / "model.safetensors")


def test_code_of_the_model_is_never_run(tmp_path: Path) -> None:
    config = {"architectures": ["Own"], "auto_map": {"AutoModelForCausalLM": "own.Own"}}
    error = refused(checkpoint(tmp_path, **{"config.json": config, "model.safetensors": tensors()}))
    assert "never run" in error.message
