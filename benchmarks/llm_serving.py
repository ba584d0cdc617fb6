"""One checkpoint, served by us, by Cog and by transformers itself: 1, 8 and 32 clients.

    .venv/bin/python benchmarks/llm_serving.py [--model small|large|FOLDER] [--tokens 64]
        [--rounds 3] [--only cogsmith,cog] [--clients 1,8,32] [--save]

Small is the checkpoint of this repository (2 million parameters), large a Llama of 130
million random weights that is made on first use. All servers run in one environment, with
the same torch and transformers and as many threads, greedily and in float32, and stream their
answers; so all must give the same text for the same prompt, which is checked. Clients send
their next prompt when the last one is answered, and a refused one (Cog has no queue) again
after 10 ms; its time counts from the first try. Tokens are those that the server counts.
Gaps between tokens are gaps between events. CPU is that of a server's whole process tree for
each token. Rounds are interleaved; figures are medians with the least and the most.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from serving import peers
from serving.figures import Samples, busy, save, show
from serving.load import CACHE, SSE, Load, drive, read_answers
from serving.peers import HERE, ROOT, Start
from serving.server import Server, free_port, machine_busy

RESULTS = ROOT / "benchmarks" / "results" / "llm_serving.json"
SMALL = ROOT / "weights" / "stories-llama"
OURS, BASE = "cogsmith", "cog"
SLOTS = 32
RETRY = 0.01  # seconds
GRACE = 60.0  # seconds for those under way at the end
ANIMALS = ("lamb", "fox", "owl", "bear", "mouse", "duck", "cat", "hen")
NAMES = ("Hazel", "Lily", "Max", "Rose", "Finn", "Ruby", "Otis", "Mila")
OPENINGS = (
    "Once upon a time a careful little {animal} named {name}",
    "Write a story about a little {animal}.",
    "{name} was a small {animal} who lived on a farm near the woods. One sunny day, {name}",
    "One morning the {animal} woke up early and saw that the whole garden was white with snow.",
)
PROMPTS = [
    opening.format(animal=animal, name=name)
    for animal, name in zip(ANIMALS, NAMES, strict=True)
    for opening in OPENINGS
]


@dataclass(frozen=True, kw_only=True)
class Model:
    """The checkpoint that all serve, and how."""

    folder: Path
    dtype: str
    tokens: int
    threads: int


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server said: the whole text, and how many tokens it was."""

    text: str
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to serve a checkpoint."""

    start: Callable[[Model, int, Path], Start]
    body: Callable[[Model, str], dict[str, Any]]
    read: Callable[[bytes], Answer]
    path: str = "/predictions"
    headers: Mapping[str, str] = field(default_factory=lambda: SSE)
    event: str = "event: output"

    def load(self, model: Model, clients: int, seconds: float) -> Load:
        """What so many clients ask."""
        bodies = [json.dumps(self.body(model, prompt)) for prompt in PROMPTS]
        return Load(
            path=self.path, headers=self.headers, event=self.event, bodies=bodies,
            connections=clients, seconds=seconds, grace=GRACE, pause=RETRY,
        )  # fmt: skip


# ---- the ways ----


def start_ours(model: Model, port: int, _: Path) -> Start:
    python = peers.environment("llm")
    return Start(
        words=[sys.executable, "-m", "cogsmith.runtime"], folder=ROOT,
        environment={"COG_PREDICT_TYPE_STUB": "predictors/llama.py:Predictor",
                     "COGSMITH_PYTHON": str(python), "COG_MAX_CONCURRENCY": str(SLOTS),
                     "PORT": str(port), **variables(model)},
    )  # fmt: skip


def start_cog(app: str) -> Callable[[Model, int, Path], Start]:
    def start(model: Model, port: int, folder: Path) -> Start:
        python = peers.environment("llm")
        peers.make_project(HERE / "apps" / f"{app}.py", folder)
        slots = {"COG_MAX_CONCURRENCY": str(SLOTS)} if app.endswith("async") else {}
        return Start(
            words=[str(python), "-m", "cog.server.http"], folder=folder,
            environment={"COG_PREDICT_TYPE_STUB": "predict.py:Predictor", "PORT": str(port),
                         **slots, **variables(model), **peers.activated(python)},
        )  # fmt: skip

    return start


def start_transformers(*flags: str) -> Callable[[Model, int, Path], Start]:
    def start(model: Model, port: int, folder: Path) -> Start:
        program = peers.environment("llm").parent / "transformers"
        return Start(
            words=[str(program), "serve", str(model.folder), "--device", "cpu", "--dtype",
                   model.dtype, "--host", "127.0.0.1", "--port", str(port), *flags],
            folder=folder, environment=variables(model),
        )  # fmt: skip

    return start


def variables(model: Model) -> dict[str, str]:
    return {"MODEL_ID": str(model.folder), "MODEL_DTYPE": model.dtype, "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": str(model.threads)}  # fmt: skip


def ours_body(model: Model, prompt: str) -> dict[str, Any]:
    return {"input": {"prompt": prompt, "max_tokens": model.tokens, "temperature": 0}}


def cog_body(model: Model, prompt: str) -> dict[str, Any]:
    return {"input": {"prompt": prompt, "max_tokens": model.tokens}}


def openai_body(model: Model, prompt: str) -> dict[str, Any]:
    return {"model": str(model.folder), "prompt": prompt, "max_tokens": model.tokens,
            "temperature": 0, "stream": True}  # fmt: skip


def data_of(body: bytes) -> Iterator[dict[str, Any]]:
    """The documents of an event stream."""
    for line in body.decode().splitlines():
        if line.startswith("data: {"):
            yield json.loads(line[6:])


def read_cog(body: bytes) -> Answer:
    *_, last = data_of(body)
    if last.get("status") != "succeeded":
        raise ValueError(f"a stream ends with {last}")
    return Answer(text="".join(last["output"]), tokens=last["metrics"]["output_token_count"])


def read_openai(body: bytes) -> Answer:
    text, last = "", {}
    for last in data_of(body):
        text += last["choices"][0].get("text") or ""
    ended = last["choices"][0].get("finish_reason") == "stop"  # its end token is counted there
    return Answer(text=text, tokens=last["usage"]["completion_tokens"] - ended)


WAYS = {
    OURS: Way(start=start_ours, body=ours_body, read=read_cog),
    BASE: Way(start=start_cog("cog_llm"), body=cog_body, read=read_cog),
    "cog-async": Way(start=start_cog("cog_llm_async"), body=cog_body, read=read_cog),
    "transformers": Way(
        start=start_transformers(), body=openai_body, read=read_openai, path="/v1/completions",
        headers={}, event='[{"index":0,"text"',
    ),
    "transformers-cb": Way(
        start=start_transformers("--continuous-batching", "--cb-num-blocks", "64"),
        body=openai_body, read=read_openai, path="/v1/completions",
        headers={}, event='[{"index":0,"text"',
    ),
}  # fmt: skip


# ---- measuring ----


def measure(
    server: Server, way: Way, load: Load, texts: dict[int, set[str]]
) -> dict[str, float | None]:
    """Drive a server once; ``texts`` collects what was answered to each prompt."""
    with tempfile.NamedTemporaryFile() as file:
        cpu, busy, begun = server.cpu(), machine_busy(), time.perf_counter()
        told = drive(server.port, load, answers=Path(file.name))
        used, wall = server.cpu() - cpu, time.perf_counter() - begun
        answers = read_answers(Path(file.name))
    tokens = 0
    for prompt, body in answers.values():
        answer = way.read(body)
        tokens += answer.tokens
        texts.setdefault(prompt, set()).add(answer.text)
    first, gap, latency = (told[name] or {} for name in ("first", "gap", "latency"))
    return {
        "rate": tokens / told["seconds"], "cpu": used / tokens if tokens else None,
        "answers": told["ok"], "tokens": tokens, "events": told["events"],
        "unanswered": told["broken"] + told["unfinished"],
        "refused": 1 - told["ok"] / told["answered"] if told["answered"] else None,
        "first_p50": first.get("p50"), "first_p99": first.get("p99"),
        "gap_p50": gap.get("p50"), "gap_p99": gap.get("p99"), "p50": latency.get("p50"),
        "others": max(0.0, (machine_busy() - busy - used - told["cpu"]) / wall),
    }  # fmt: skip


def serve(
    name: str, model: Model, given: argparse.Namespace, samples: Samples
) -> dict[int, set[str]]:
    """One server of one round, from its start to its end; the texts it gave."""
    way, texts = WAYS[name], dict[int, set[str]]()
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        start = way.start(model, port, Path(folder))
        with Server(
            start.words, folder=start.folder, port=port, environment=start.environment
        ) as server:
            shorter = replace(model, tokens=2)
            waited = server.wait(way.load(shorter, 1, 1))
            for clients in given.clients:
                drive(port, replace(way.load(shorter, clients, 0.2), requests=2 * clients))
                load = way.load(model, clients, given.seconds)
                figures = measure(server, way, load, texts)
                samples.add(name, f"{clients}", figures)
            samples.add(name, "start", {"first_answer": waited, **server.memory()})
    return texts


@dataclass(frozen=True)
class Outcome:
    """What all rounds brought: figures, the texts to each prompt by who gave them, failures."""

    samples: Samples = field(default_factory=Samples)
    texts: dict[int, dict[str, str]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def differing(self) -> list[str]:
        """The prompts that did not get the same text from all, in words."""
        return [
            f"prompt {prompt}: " + " | ".join(f"{name}: {text!r}" for text, name in found.items())
            for prompt, found in sorted(self.texts.items())
            if len(found) > 1
        ]


def run(names: Sequence[str], model: Model, given: argparse.Namespace) -> Outcome:
    """All rounds: every server in each, in an order of its own."""
    outcome = Outcome()
    for number in range(given.rounds):
        order = [*names]
        random.Random(number).shuffle(order)
        for name in order:
            print(f"round {number + 1}: {name}", file=sys.stderr)
            try:
                told = serve(name, model, given, outcome.samples)
            except (RuntimeError, ValueError, LookupError) as problem:
                outcome.failures.append(f"round {number + 1}, {name}: {problem!r}")
                print(outcome.failures[-1], file=sys.stderr)
                continue
            for prompt, texts in told.items():
                for text in texts:
                    outcome.texts.setdefault(prompt, {}).setdefault(text, name)
    return outcome


def model_of(given: argparse.Namespace) -> Model:
    """The checkpoint that was asked for; the large one is made on first use."""
    if given.model == "small":
        folder = SMALL
    elif given.model == "large":
        folder = CACHE / "llama-130m"
        if not (folder / "model.safetensors").exists():
            words = [peers.environment("llm"), HERE / "checkpoint.py", folder, SMALL]
            subprocess.run([str(word) for word in words], check=True)
    else:
        folder = Path(given.model).resolve()
    return Model(folder=folder, dtype=given.dtype, tokens=given.tokens, threads=given.threads)


def rows(clients: Sequence[int]) -> list[tuple[str, str, str, float]]:
    found = [("start to first answer, s", "start", "first_answer", 1.0),
             ("PSS at the end, MiB", "start", "pss", 1.0)]  # fmt: skip
    for number in clients:
        found += [(f"{number} clients: tokens/s", f"{number}", "rate", 1.0),
                  (f"{number} clients: CPU ms/token", f"{number}", "cpu", 1e3),
                  (f"{number} clients: first token p50 ms", f"{number}", "first_p50", 1e3),
                  (f"{number} clients: gap p50 ms", f"{number}", "gap_p50", 1e3),
                  (f"{number} clients: gap p99 ms", f"{number}", "gap_p99", 1e3),
                  (f"{number} clients: unanswered", f"{number}", "unanswered", 1.0)]  # fmt: skip
    return found


def about(model: Model, given: argparse.Namespace) -> dict[str, object]:
    """What was measured, on what."""
    packages = peers.versions(peers.environment("llm"))
    named = ("python", "torch", "transformers", "tokenizers", "cog", "coglet", "uvicorn", "fastapi")
    place = model.folder
    return {
        "date": date.today().isoformat(), "commit": peers.commit(), "rounds": given.rounds,
        "machine": peers.machine(), "versions": {name: packages[name] for name in named},
        "model": place.relative_to(ROOT).as_posix() if ROOT in place.parents else place.name,
        "dtype": model.dtype, "threads": model.threads, "most_tokens": model.tokens,
        "prompts": len(PROMPTS), "slots": SLOTS, "seconds": given.seconds,
        "units": "seconds, MiB; rate: tokens a second; cpu: seconds a token, of the whole process "
        "tree; others: cores that other work used meanwhile",
    }  # fmt: skip


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="small", help="small, large or a folder")
    parser.add_argument("--tokens", type=int, default=64, help="the most of an answer")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--threads", type=int, default=1, help="that each server computes with")
    parser.add_argument("--seconds", type=float, default=4.0, help="of new requests, each time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", metavar="SERVER,...", default=",".join(WAYS))
    parser.add_argument(
        "--clients", default="1,8,32", type=lambda text: [*map(int, text.split(","))]
    )
    parser.add_argument("--save", nargs="?", type=Path, const=RESULTS, metavar="PATH")
    return parser.parse_args()


def main() -> None:
    """Measure, show, save: each model has its own part of the file."""
    given = options()
    model = model_of(given)
    outcome = run(given.only.split(","), model, given)
    results, differing = outcome.samples.results(), outcome.differing()
    show(results, rows(given.clients), BASE)
    others = busy(results)
    print("\nthe same texts from all:", "NO" if differing else "yes")
    for words in differing:
        print(f"  {words}")
    print(f"other work used {others['median']} cores ({others['least']}-{others['most']})")
    if given.save:
        document = json.loads(given.save.read_text("utf-8")) if given.save.exists() else {}
        document[given.model if given.model in ("small", "large") else model.folder.name] = {
            "about": {**about(model, given), "same_texts": not differing, "others": others,
                      "failures": outcome.failures},
            "results": results,
        }  # fmt: skip
        save(given.save, document)


if __name__ == "__main__":
    main()
