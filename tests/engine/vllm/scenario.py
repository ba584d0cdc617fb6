"""One run of a real vLLM, told as JSON; started by test_real.py with vLLM's own Python.

    python scenario.py CHECKPOINT

vLLM and the project's other packages pin different releases of torch, so that they cannot
share a process with the tests.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from cogsmith.engine.engine import Request
from cogsmith.engine.load import load
from cogsmith.engine.sampling import Sampling
from cogsmith.engine.text import LanguageModel, TextRequest
from cogsmith.errors import EngineError

GREEDY = Sampling(temperature=0)
FREE = Sampling(temperature=1.0)
# Compiling takes longer than everything here; half a GiB of cache is plenty.
OPTIONS = {"enforce_eager": True, "kv_cache_memory_bytes": 1 << 29}
PROMPTS = ("Once upon a time", "The dog", "One day, a girl named", "In the forest")


async def main(checkpoint: str) -> dict[str, Any]:
    before, segments = children(), shared()
    starts = await bad_starts(checkpoint)
    model = await load(checkpoint, engine="vllm", engine_options=OPTIONS)
    told: dict[str, Any] = {"phases": model.phases, "starts": starts}
    told["capabilities"] = {
        name: getattr(model.engine.capabilities, name)
        for name in ("batching", "logprobs", "seed", "adapters", "images", "max_context")
    }
    for part in (greedy, drawn, logprobs, ends, refusals, cancels, words, loops):
        told[part.__name__] = await part(model)
    told["load"] = vars_of(model)
    await model.close()
    await model.close()
    told["closed"] = await fails(model, request(model, "late"))
    told["left"] = {"processes": children() - before, "segments": sorted(shared() - segments)}
    told["death"] = await death(checkpoint)
    told["death"]["left"] = {
        "processes": children() - before,
        "segments": sorted(shared() - segments),
    }
    told["reference"] = reference(checkpoint, told["greedy"]["prompts"])
    return told


async def bad_starts(checkpoint: str) -> dict[str, list[str]]:
    """What is refused before any process is started."""

    async def failing(**how: Any) -> list[str]:
        try:
            await load(checkpoint, engine="vllm", **how)
        except EngineError as problem:
            return [problem.code, problem.where, problem.message, problem.hint]
        return []

    return {
        "device": await failing(device="tpu"),
        "name": await failing(engine_options={"tensor_paralel_size": 2}),
        "value": await failing(engine_options={"gpu_memory_utilization": 7}),
    }


async def greedy(model: LanguageModel) -> dict[str, Any]:
    """Alone, then all at once, with joins and a cancel between."""
    asked = [request(model, f"g{n}", text) for n, text in enumerate(PROMPTS)]
    alone = [(await answer(model, one))[0] for one in asked]
    crowd = [answer(model, request(model, f"c{n}", PROMPTS[n % 4])) for n in range(12)]
    together = [ids for ids, _ in await asyncio.gather(*crowd)]
    return {"prompts": [one.token_ids for one in asked], "alone": alone, "together": together}


async def drawn(model: LanguageModel) -> dict[str, Any]:
    """Seeds."""
    seeds = (0, 0, 1, 2)
    asked = [request(model, f"s{n}", sampling=FREE, seed=seed) for n, seed in enumerate(seeds)]
    alone = [(await answer(model, one))[0] for one in asked]
    again = await asyncio.gather(*(answer(model, one) for one in asked))
    return {"alone": alone, "together": [ids for ids, _ in again]}


async def logprobs(model: LanguageModel) -> list[Any]:
    """Per chunk: its tokens and their mappings."""
    asked = request(model, "l", max_tokens=5, logprobs=3)
    stream = model.engine.generate(asked)
    return [[chunk.token_ids, [dict(one) for one in chunk.logprobs]] async for chunk in stream]


async def ends(model: LanguageModel) -> dict[str, Any]:
    """How answers end: a count, a stop id, the model's own end token, and not before a minimum."""
    whole, _ = await answer(model, request(model, "e0", max_tokens=12))
    stop = frozenset([whole[5]])
    late = Sampling(temperature=0, min_tokens=9)
    long = request(model, "e3", max_tokens=400)
    return {
        "whole": whole,
        "one": await answer(model, request(model, "e1", max_tokens=1)),
        "stop": await answer(model, request(model, "e2", max_tokens=12, stop_ids=stop)),
        "own": await answer(model, long),
        "late": await answer(
            model, request(model, "e4", max_tokens=12, stop_ids=stop, sampling=late)
        ),
    }


async def refusals(model: LanguageModel) -> dict[str, Any]:
    """What is refused before it costs a step, and that the engine lives on."""
    hot = Sampling(temperature=3)
    strange = Request(id="r2", token_ids=(1, 10**6), max_tokens=4)
    return {
        "long": await fails(model, request(model, "r0", max_tokens=5000)),
        "temperature": await fails(model, request(model, "r1", sampling=hot)),
        "vocabulary": await fails(model, strange),
        "logprobs": await fails(model, request(model, "r3", logprobs=21)),
        "images": await fails(model, request(model, "r4", images=(b"png",))),
        "adapter": await fails(model, request(model, "r5", adapter="mine")),
        "after": (await answer(model, request(model, "r6", max_tokens=3)))[1],
    }


async def cancels(model: LanguageModel) -> dict[str, Any]:
    """By id, by closing, by the task, before the first token; nothing is left running."""
    engine = model.engine
    by_id = asyncio.create_task(answer(model, endless(model, "k0")))
    by_task = asyncio.create_task(answer(model, endless(model, "k1")))
    closed = engine.generate(endless(model, "k2"))
    seen = [await anext(closed) for _ in range(3)]
    while engine.stats().running < 3:
        await asyncio.sleep(0.001)
    running = engine.stats()
    twice = await fails(model, endless(model, "k0"))
    await engine.cancel("k0")
    await engine.cancel("k0")
    await engine.cancel("nobody")
    by_task.cancel()
    await closed.aclose()
    early = asyncio.create_task(answer(model, endless(model, "k3")))
    await asyncio.sleep(0)
    await engine.cancel("k3")
    return {
        "reasons": [(await by_id)[1], (await early)[1]],
        "task": [repr(one) for one in await asyncio.gather(by_task, return_exceptions=True)],
        "seen": sum(len(chunk.token_ids) for chunk in seen),
        "running": running.running,
        "used": running.cache_used,
        "twice": twice,
        "unfinished": engine._backend._engine.get_num_unfinished_requests(),
        "stats": [engine.stats().running, engine.stats().waiting],
    }


async def words(model: LanguageModel) -> dict[str, Any]:
    """Text, as a predictor asks for it."""
    asked = TextRequest(prompt=PROMPTS[0], max_tokens=40, sampling=GREEDY)
    whole = await model.complete(asked)
    stop = whole.split()[6]
    stream = model.stream(TextRequest(prompt=PROMPTS[0], sampling=GREEDY, stop=(stop,)))
    return {
        "whole": whole,
        "stop": stop,
        "cut": "".join([text async for text in stream]),
        "report": stream.report.metrics(),
    }


async def loops(model: LanguageModel) -> list[str]:
    """An engine that belongs to one loop says so in another."""
    asked = request(model, "o", max_tokens=2)
    return await asyncio.to_thread(lambda: asyncio.run(fails(model, asked)))


async def death(checkpoint: str) -> dict[str, Any]:
    """The process that holds the model is killed while it answers."""
    model = await load(checkpoint, engine="vllm", engine_options=OPTIONS)
    reading = asyncio.create_task(fails(model, endless(model, "d0")))
    while model.engine.stats().running < 1:
        await asyncio.sleep(0.001)
    for process in model.engine._backend._engine.engine_core.resources.engine_manager.processes:
        os.kill(process.pid, signal.SIGKILL)
    told = {"reading": await reading, "next": await fails(model, request(model, "d1"))}
    await model.engine.cancel("d0")
    told["alive"] = model.engine.alive
    await model.close()
    return told


def reference(checkpoint: str, prompts: list[tuple[int, ...]]) -> dict[str, Any]:
    """What transformers answers in float32, and how likely it finds each first token."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32).eval()
    answers = []
    for prompt in prompts:
        row = torch.tensor([prompt])
        mask = torch.ones_like(row)
        out = model.generate(row, attention_mask=mask, max_new_tokens=30, do_sample=False)
        answers.append(out[0][len(prompt) :].tolist())
    with torch.inference_mode():
        scores = model(torch.tensor([prompts[0]])).logits[0, -1].log_softmax(-1)
    values, ids = scores.topk(3)
    return {"greedy": answers, "likeliest": dict(zip(ids.tolist(), values.tolist(), strict=True))}


def request(model: LanguageModel, id_: str, text: str = PROMPTS[0], **more: Any) -> Request:
    ids = tuple(model.tokenizer.encode(text, special=True))
    return Request(
        **{"id": id_, "token_ids": ids, "max_tokens": 30, "sampling": GREEDY, "seed": 7, **more}
    )


def endless(model: LanguageModel, id_: str) -> Request:
    sampling = Sampling(temperature=1, min_tokens=400)
    return request(model, id_, max_tokens=400, sampling=sampling)


async def answer(model: LanguageModel, asked: Request) -> tuple[list[int], str | None]:
    chunks = [chunk async for chunk in model.engine.generate(asked)]
    assert [chunk.finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    return [id_ for chunk in chunks for id_ in chunk.token_ids], chunks[-1].finish_reason


async def fails(model: LanguageModel, asked: Request) -> list[str]:
    try:
        await answer(model, asked)
    except EngineError as problem:
        return [problem.code, problem.where, problem.message, problem.hint]
    return []


def vars_of(model: LanguageModel) -> dict[str, int]:
    stats = model.engine.stats()
    return {"prompt_tokens": stats.prompt_tokens, "output_tokens": stats.output_tokens}


def children() -> int:
    """Processes below this one, Python's own tracker of resources not counted."""
    found, parents = 0, {os.getpid()}
    for path in sorted(Path("/proc").glob("[0-9]*/stat"), key=lambda path: int(path.parts[2])):
        try:
            rest = path.read_text().rpartition(")")[2]
            command = (path.parent / "cmdline").read_text()
        except OSError:
            continue
        state, parent, *_ = rest.split()
        if int(parent) in parents and state != "Z" and "resource_tracker" not in command:
            parents.add(int(path.parts[2]))
            found += 1
    return found


def shared() -> set[str]:
    return {path.name for path in Path("/dev/shm").glob("psm_*")}


if __name__ == "__main__":
    told = asyncio.run(main(sys.argv[1]))
    sys.stdout.write(f"\n{json.dumps(told)}\n")
