from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cogsmith.engine.engine import Capabilities, Request, admit, prompt_size
from cogsmith.errors import EngineError, PromptTooLong

SEES = Capabilities(images=True, image_token_id=9, image_tokens=16, max_context=40)


def test_the_context_holds_prompt_images_and_answer() -> None:
    request = Request(id="a", token_ids=(1, 9, 2), max_tokens=22, images=(b"png",))
    assert prompt_size(request, SEES) == 18
    admit(request, SEES)
    with pytest.raises(PromptTooLong, match=r"has 18 tokens and max_tokens is 23.* of 40 tokens"):
        admit(Request(id="a", token_ids=(1, 9, 2), max_tokens=23, images=(b"png",)), SEES)


def test_what_an_engine_lacks_is_refused_all_at_once() -> None:
    request = Request(id="a", token_ids=(), max_tokens=0, logprobs=1, adapter="x", images=(b"",))
    with pytest.raises(EngineError) as caught:
        admit(request, Capabilities())
    assert [problem.where for problem in caught.value.problems] == [
        "logprobs", "adapter", "images", "token_ids", "max_tokens",
    ]  # fmt: skip


def test_every_image_has_one_place() -> None:
    with pytest.raises(EngineError, match="images: 1 given, but the prompt has places for 2"):
        admit(Request(id="a", token_ids=(9, 9), max_tokens=1, images=(b"png",)), SEES)
    with pytest.raises(EngineError, match="images: 0 given, but the prompt has places for 1"):
        admit(Request(id="a", token_ids=(9,), max_tokens=1), SEES)


def test_a_seed_needs_an_engine_with_seeds() -> None:
    with pytest.raises(EngineError, match="cannot do that: seed"):
        admit(Request(id="a", token_ids=(1,), max_tokens=1, seed=0), Capabilities(seed=False))


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"token_ids": (1, 768)}, "token_ids"),
        ({"token_ids": (-1,)}, "token_ids"),
        ({"stop_ids": frozenset({999})}, "token_ids"),
        ({"logprobs": -1}, "logprobs"),
    ],
)
def test_what_would_break_a_step_that_others_share(asked: dict[str, Any], where: str) -> None:
    known = Capabilities(vocabulary=768, logprobs=True)
    plain = {"id": "a", "token_ids": (0, 767), "max_tokens": 1, "logprobs": 0}
    admit(Request(**plain), known)
    with pytest.raises(EngineError) as caught:
        admit(Request(**{**plain, **asked}), known)
    assert [problem.where for problem in caught.value.problems] == [where]


def test_the_door_is_cheap() -> None:
    code = (
        "import sys, cogsmith.engine; "
        "print({'torch', 'transformers', 'jinja2', 'tokenizers', 'cog'} & set(sys.modules))"
    )
    root = Path(__file__).parent.parent.parent
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "set()"
