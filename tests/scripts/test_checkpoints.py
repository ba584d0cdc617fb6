"""Small checkpoints: they load as the real ones do, say the same each time, stay small."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
from make_checkpoints import CHECKPOINTS, made, place

from tests.conftest import ENGINE_PYTHON

from .conftest import SCRIPTS

CHAT = ("tiny-llama", "tiny-llama2", "tiny-mistral", "tiny-mixtral")
STRANGE = "Zażółć 🦔\n\tif x_1 >= 42: «ok» 你好 \x00"


def make(*words: str) -> subprocess.CompletedProcess[str]:
    command = (ENGINE_PYTHON, SCRIPTS / "make_checkpoints.py", *words)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_help_names_every_checkpoint_and_needs_no_torch() -> None:
    told = make("--help")
    assert told.returncode == 0
    assert all(name in told.stdout for name in CHECKPOINTS)


def test_an_unknown_name_is_refused_with_those_there_are(tmp_path: Path) -> None:
    told = make("--out", str(tmp_path), "tiny-lama")
    assert told.returncode == 2
    assert "tiny-lama" in told.stderr
    assert "tiny-llama" in told.stderr
    assert not list(tmp_path.iterdir())


def test_a_maker_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "config.json").write_text("{}")

    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise OSError("disk full")

    place(tmp_path / "model", fill)
    with pytest.raises(OSError, match="disk full"):
        place(tmp_path / "model", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert digests(tmp_path / "model").keys() == {"config.json"}


@pytest.fixture(scope="session")
def folder(engine_packages: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All tiny checkpoints, made once for this file."""
    folder = tmp_path_factory.mktemp("weights")
    told = make("--out", str(folder))
    assert told.returncode == 0, told.stderr
    return folder


@pytest.mark.engine
@pytest.mark.filterwarnings("ignore")  # what transformers warns of is not ours
class TestTiny:
    def test_each_is_whole_small_and_safe(self, folder: Path) -> None:
        for name in CHECKPOINTS:
            files = {path.name: path.stat().st_size for path in (folder / name).iterdir()}
            assert made(folder / name)
            assert {"generation_config.json", "tokenizer.json", "tokenizer_config.json"} <= set(
                files
            )
            assert [file for file in files if file.endswith((".safetensors", ".bin", ".pt"))] == [
                "model.safetensors"
            ]
            assert sum(files.values()) < 2_000_000

    def test_making_them_again_skips_and_forcing_gives_the_same_bytes(self, folder: Path) -> None:
        before = digests(folder)
        assert make("--out", str(folder)).stdout.count("there already") == len(CHECKPOINTS)
        assert make("--out", str(folder), "--force").returncode == 0
        assert digests(folder) == before

    @pytest.mark.parametrize("name", CHAT)
    def test_a_decoder_answers_a_chat(self, folder: Path, name: str) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder / name)
        model = AutoModelForCausalLM.from_pretrained(folder / name)
        assert len(tokenizer) == model.config.vocab_size
        assert model.config.head_dim == 32
        chat = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": STRANGE}]
        text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        assert text.startswith(tokenizer.bos_token)
        assert "Be kind." in text
        inputs = tokenizer(text, add_special_tokens=False, return_tensors="pt")
        assert generated(model, inputs) == generated(model, inputs)

    @pytest.mark.parametrize("name", CHAT)
    def test_any_text_survives_the_tokenizer(self, folder: Path, name: str) -> None:
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder / name)
        ids = tokenizer(STRANGE).input_ids
        assert ids[0] == tokenizer.bos_token_id
        assert tokenizer.decode(ids, skip_special_tokens=True) == STRANGE

    def test_the_families_differ_where_the_real_ones_do(self, folder: Path) -> None:
        from transformers import AutoConfig

        config = {name: AutoConfig.from_pretrained(folder / name) for name in CHECKPOINTS}
        assert config["tiny-llama"].rope_parameters["rope_theta"] == 500_000
        assert config["tiny-mistral"].sliding_window == 64
        assert config["tiny-mixtral"].num_local_experts == 4
        assert config["tiny-mixtral"].num_experts_per_tok == 2
        assert config["tiny-t5"].decoder_start_token_id == config["tiny-t5"].pad_token_id == 0

    def test_t5_starts_with_pad_and_has_its_own_output_matrix(self, folder: Path) -> None:
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(folder / "tiny-t5")
        model = AutoModelForSeq2SeqLM.from_pretrained(folder / "tiny-t5")
        assert not model.lm_head.weight.equal(model.shared.weight)
        inputs = tokenizer("Once upon a time, a fox slept.", return_tensors="pt")
        assert tokenizer.decode(inputs.input_ids[0]) == "Once upon a time, a fox slept.</s>"
        assert generated(model, inputs)[0] == 0

    def test_llava_reads_a_picture_without_torchvision(self, folder: Path) -> None:
        from PIL import Image
        from transformers import AutoModelForImageTextToText, AutoProcessor

        processor = AutoProcessor.from_pretrained(folder / "tiny-llava")
        model = AutoModelForImageTextToText.from_pretrained(folder / "tiny-llava")
        parts = [{"type": "image"}, {"type": "text", "text": "What is it?"}]
        chat = [{"role": "user", "content": parts}]
        text = processor.apply_chat_template(chat, add_generation_prompt=True)
        assert text == "USER: <image>\nWhat is it? ASSISTANT:"
        inputs = processor(
            images=Image.new("RGB", (100, 60), "red"), text=text, return_tensors="pt"
        ).to(model.dtype)
        assert (inputs["input_ids"] == model.config.image_token_id).sum() == 16
        assert generated(model, inputs) == generated(model, inputs)


@pytest.mark.engine
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("engine_packages")
class TestStories:
    @pytest.fixture(scope="class")
    def storyteller(self, weights: Path, engine_packages: None) -> tuple[Any, Any]:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        folder = weights / "stories-llama"
        return AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)

    def test_it_fits_into_the_repository_and_states_its_license(self, weights: Path) -> None:
        files = list((weights / "stories-llama").iterdir())
        assert sum(path.stat().st_size for path in files) <= 5_000_000
        card = (weights / "stories-llama" / "README.md").read_text("utf-8")
        assert "license: apache-2.0" in card

    def test_it_is_a_base_model_for_any_text(self, storyteller: tuple[Any, Any]) -> None:
        tokenizer, model = storyteller
        assert tokenizer.chat_template is None
        assert len(tokenizer) == model.config.vocab_size
        assert tokenizer.decode(tokenizer(STRANGE).input_ids, skip_special_tokens=True) == STRANGE

    @pytest.mark.parametrize("prompt", ["Once upon a time", "One rainy day, Tom", "\x07Ωhm 你好"])
    def test_a_story_ends(self, storyteller: tuple[Any, Any], prompt: str) -> None:
        tokenizer, model = storyteller
        inputs = tokenizer(prompt, return_tensors="pt")
        ids = generated(model, inputs, tokens=400)
        assert ids[-1] == tokenizer.eos_token_id
        assert len(tokenizer.decode(ids, skip_special_tokens=True).split()) > 30


def generated(model: Any, inputs: Any, *, tokens: int = 8) -> list[int]:
    """Greedy, so that two calls must agree."""
    made = model.generate(**inputs, max_new_tokens=tokens, do_sample=False)
    return [int(token) for token in made[0]]
