"""Reading adapters: folders and archives, and everything that is wrong with one, at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cogsmith.engine.adapters import Adapter, AdapterFiles, is_adapter
from cogsmith.errors import AdapterError
from tests.engine.lora import matrices, packed, safetensors, write

LAYERS = {"model.layers.0.self_attn.q_proj": (8, 4), "model.layers.0.mlp.up_proj": (6, 4)}


def parsed(folder: Path) -> Adapter:
    return Adapter.parse(AdapterFiles.read(folder))


def test_what_an_adapter_says_of_itself(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", matrices(LAYERS), base_model_name_or_path="org/base")
    adapter = parsed(folder)
    assert (adapter.base, adapter.rank, adapter.alpha, adapter.scaling) == ("org/base", 2, 4, 2)
    assert adapter.targets == ("q_proj", "up_proj")
    assert adapter.parameters == 2 * (8 + 4) + 2 * (6 + 4)
    adapter.check(LAYERS)


def test_rank_stabilized(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", matrices(LAYERS, rank=4), r=4, lora_alpha=8, use_rslora=True)
    assert parsed(folder).scaling == 4


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_is_the_same_adapter(tmp_path: Path, mode: str) -> None:
    folder = write(tmp_path / "a", matrices(LAYERS))
    tar = packed(folder, mode=mode)
    assert is_adapter(folder)
    assert is_adapter(tar)
    assert AdapterFiles.read(tar).digest == AdapterFiles.read(folder).digest
    assert parsed(tar) == parsed(folder)


def test_other_numbers_are_another_adapter(tmp_path: Path) -> None:
    one, other = (write(tmp_path / str(n), matrices(LAYERS, seed=n)) for n in (1, 2))
    assert AdapterFiles.read(one).digest != AdapterFiles.read(other).digest


@pytest.mark.parametrize(
    ("config", "where"),
    [
        ({"peft_type": "IA3"}, "peft_type"),
        ({"r": 0}, ": r"),
        ({"lora_alpha": "much"}, "lora_alpha"),
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "bias"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"alpha_pattern": {"q_proj": 3}}, "alpha_pattern"),
        ({"init_lora_weights": "pissa_niter_4"}, "init_lora_weights"),
        ({"r": 3}, "adapter_model.safetensors"),
    ],
)
def test_what_is_more_than_two_matrices(tmp_path: Path, config: dict[str, Any], where: str) -> None:
    folder = write(tmp_path / "a", matrices(LAYERS), **config)
    with pytest.raises(AdapterError) as caught:
        parsed(folder)
    assert caught.value.code == "E1203"
    assert any(problem.where.endswith(where) for problem in caught.value.problems)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", matrices(LAYERS), use_dora=True, bias="all", r="two")
    with pytest.raises(AdapterError) as caught:
        parsed(folder)
    ends = {problem.where.rpartition(": ")[2] for problem in caught.value.problems}
    assert ends >= {"use_dora", "bias", "r"}


def test_tensors_that_are_no_part_of_lora(tmp_path: Path) -> None:
    tensors = {**matrices(LAYERS), "base_model.model.lm_head.weight": ((2, 2), [0.0] * 4)}
    with pytest.raises(AdapterError, match="no part of LoRA: base_model"):
        parsed(write(tmp_path / "a", tensors))


def test_half_a_layer(tmp_path: Path) -> None:
    tensors = dict(matrices(LAYERS))
    del tensors["base_model.model.model.layers.0.mlp.up_proj.lora_B.weight"]
    with pytest.raises(AdapterError, match="up_proj has no lora_B"):
        parsed(write(tmp_path / "a", tensors))


@pytest.mark.parametrize("size", [0, 4, 20, -1])
def test_a_file_that_was_cut_off(tmp_path: Path, size: int) -> None:
    folder = write(tmp_path / "a", matrices(LAYERS))
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(AdapterError, match="damaged"):
        parsed(folder)


def test_a_header_that_lies(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", {"x": ((2, 2), [0.0] * 3)})
    with pytest.raises(AdapterError, match="damaged"):
        parsed(folder)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(AdapterError, match="No such file"):
        AdapterFiles.read(tmp_path / "none")
    with pytest.raises(AdapterError, match=r"no adapter_config.json and no adapter_model"):
        AdapterFiles.read(tmp_path)
    text = tmp_path / "notes.txt"
    text.write_text("no archive")
    assert not is_adapter(text)
    with pytest.raises(AdapterError, match="neither a folder nor a tar"):
        AdapterFiles.read(text)


def test_too_large_before_it_is_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", matrices(LAYERS))
    for source in folder, packed(folder):
        with pytest.raises(AdapterError, match="100 are the most"):
            AdapterFiles.read(source, most_bytes=100)


def test_a_config_that_is_none(tmp_path: Path) -> None:
    weights = safetensors(matrices(LAYERS))
    for text in "{", "[]":
        with pytest.raises(AdapterError, match="JSON"):
            Adapter.parse(AdapterFiles(config=text.encode(), weights=weights))


def test_what_does_not_fit_the_base(tmp_path: Path) -> None:
    adapter = parsed(write(tmp_path / "a", matrices(LAYERS)))
    known = {"model.layers.0.self_attn.q_proj": (8, 5)}
    with pytest.raises(AdapterError) as caught:
        adapter.check(known, most_rank=1)
    assert [problem.where for problem in caught.value.problems] == ["rank", *sorted(LAYERS)]
    assert "8 x 5" in str(caught.value)


def test_many_misfits_are_counted(tmp_path: Path) -> None:
    many = {f"model.layers.{n}.mlp.up_proj": (6, 4) for n in range(40)}
    adapter = parsed(write(tmp_path / "a", matrices(many)))
    with pytest.raises(AdapterError, match="and 32 more") as caught:
        adapter.check({})
    assert len(caught.value.problems) == 9


def test_a_config_s_names_do_not_count(tmp_path: Path) -> None:
    """peft writes target_modules as a set, a list or a pattern; the tensors tell the truth."""
    folder = write(tmp_path / "a", matrices(LAYERS), target_modules=".*q_proj")
    assert parsed(folder).targets == ("q_proj", "up_proj")
    assert json.loads((folder / "adapter_config.json").read_text())["target_modules"] == ".*q_proj"
