"""The vLLM back end on a real vLLM, run in its own environment (see scenario.py).

``COGSMITH_VLLM_PACKAGES`` names the site-packages of an environment that has vLLM, for a CPU
or a GPU; docs/how-to/vllm.md tells how to make one.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
STORIES = ROOT / "weights" / "stories-llama"
PACKAGES = Path(os.environ.get("COGSMITH_VLLM_PACKAGES", ""))

pytestmark = [
    pytest.mark.engine,
    pytest.mark.timeout(1200),  # two starts, of up to two minutes each on a busy machine
    pytest.mark.skipif(
        not (PACKAGES / "vllm").is_dir(),
        reason="needs an environment with vLLM, named by COGSMITH_VLLM_PACKAGES",
    ),
]


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What one process saw, from the first start to the killed engine."""
    python = PACKAGES.parents[2] / "bin" / "python"
    words = [python, "-m", "tests.engine.vllm.scenario", STORIES]
    # vLLM has an opinion on threads of its own, and tests elsewhere set this to 1.
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    ran = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1100, check=False
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert "Exception ignored" not in ran.stderr
    facts: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return facts


def test_it_says_what_it_can(told: dict[str, Any]) -> None:
    assert told["capabilities"] == {
        "batching": True,
        "logprobs": True,
        "seed": True,
        "adapters": False,
        "images": False,
        "max_context": 512,
    }
    assert list(told["phases"]) == ["checkpoint", "import_vllm", "start"]


def test_a_bad_start_is_refused_in_our_words(told: dict[str, Any]) -> None:
    starts = told["starts"]
    assert starts["device"][:2] == ["E1000", "device"]
    assert starts["device"][2].startswith("tpu asked for, but this build of vLLM runs on ")
    assert starts["name"] == [
        "E1000",
        "tensor_paralel_size",
        "vLLM has no such engine argument",
        "did you mean tensor_parallel_size?",
    ]
    code, where, message, _ = starts["value"]
    assert (code, where) == ("E1202", str(STORIES))
    assert "gpu_memory_utilization" in message


def test_greedy_is_what_transformers_answers_alone_and_in_company(told: dict[str, Any]) -> None:
    greedy = told["greedy"]
    assert greedy["alone"] == told["reference"]["greedy"]
    assert greedy["together"] == greedy["alone"] * 3


def test_a_seed_repeats_itself_alone_and_in_company(told: dict[str, Any]) -> None:
    zero, again, one, two = told["drawn"]["alone"]
    assert zero == again
    assert len({tuple(answer) for answer in (zero, one, two)}) == 3
    assert told["drawn"]["together"] == told["drawn"]["alone"]


def test_logprobs_are_the_models_own(told: dict[str, Any]) -> None:
    seen = [
        (id_, one) for ids, ones in told["logprobs"] for id_, one in zip(ids, ones, strict=True)
    ]
    assert [id_ for id_, _ in seen] == told["greedy"]["alone"][0][:5]
    assert all(len(one) == 3 and max(one, key=one.get) == str(id_) for id_, one in seen)
    assert seen[0][1] == pytest.approx(told["reference"]["likeliest"], abs=1e-3)


def test_how_answers_end(told: dict[str, Any]) -> None:
    ends = told["ends"]
    whole = ends["whole"]
    assert len(whole) == 12
    assert ends["one"] == [whole[:1], "length"]
    assert ends["stop"] == [whole[: whole.index(whole[5])], "stop"]
    answer, reason = ends["own"]
    assert reason == "stop"
    assert len(answer) < 400
    assert 1278 not in answer  # the end token of that checkpoint
    answer, reason = ends["late"]
    assert whole[5] not in answer[:9]
    assert len(answer) >= 9


def test_what_is_refused_does_no_harm(told: dict[str, Any]) -> None:
    refusals = told["refusals"]
    assert refusals.pop("after") == "length"
    assert {name: (code, where) for name, (code, where, _, _) in refusals.items()} == {
        "long": ("E1002", ""),
        "temperature": ("E1000", "temperature"),
        "vocabulary": ("E1000", "token_ids"),
        "logprobs": ("E1000", "logprobs"),
        "images": ("E1000", "images"),
        "adapter": ("E1000", "adapter"),
    }


def test_a_cancelled_request_is_gone_from_vllm(told: dict[str, Any]) -> None:
    cancels = told["cancels"]
    assert cancels["reasons"] == ["cancelled", "cancelled"]
    assert cancels["task"] == ["CancelledError('')"]
    assert cancels["seen"] >= 3
    assert cancels["running"] == 3
    assert 0 < cancels["used"] < 1
    assert cancels["twice"][:2] == ["E1000", "id"]
    assert cancels["unfinished"] == 0
    assert cancels["stats"] == [0, 0]


def test_text_and_stop_sequences(told: dict[str, Any]) -> None:
    words = told["words"]
    assert words["cut"] == words["whole"][: words["whole"].index(words["stop"])]
    assert words["report"]["finish_reason"] == "stop"


def test_another_event_loop_is_told_so(told: dict[str, Any]) -> None:
    assert "another event loop" in told["loops"][2]


def test_close_leaves_nothing_behind(told: dict[str, Any]) -> None:
    assert told["closed"][0] == "E1200"
    assert told["left"] == {"processes": 0, "segments": []}


def test_a_killed_engine_is_told_to_everybody(told: dict[str, Any]) -> None:
    death = told["death"]
    for problem in (death["reading"], death["next"]):
        assert problem[0] == "E1200"
        assert "the worker has to start again" in problem[3]
    assert death["alive"] is False
    assert death["left"]["processes"] == 0
