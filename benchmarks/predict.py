"""Start to first token: `cogsmith predict` beside plain Python with transformers.

Both answer the same prompt with the same checkpoint, greedily, in a new process each time.
*Cold* begins with no environment: we make one from the requirements (uv), plain Python makes
a venv and fills it with pip; both have their download caches. *Warm* has the environment. Runs
are interleaved; the table shows medians, least and most. CPU is user and system time of the
whole process tree: on a busy machine it is the figure to trust.

    .venv/bin/python benchmarks/predict.py [--rounds 5] [--cold 1]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "predict.json"
COGSMITH = Path(sys.executable).parent / "cogsmith"
PROMPT = "Once upon a time"
TOKENS = 40
PLAIN = """
import sys, threading
from transformers import AutoModelForCausalLM, AutoTokenizer, TextIteratorStreamer
source, prompt, tokens = sys.argv[1], sys.argv[2], int(sys.argv[3])
tokenizer = AutoTokenizer.from_pretrained(source)
model = AutoModelForCausalLM.from_pretrained(source, dtype="float32").eval()
streamer = TextIteratorStreamer(tokenizer, skip_prompt=True, skip_special_tokens=True)
inputs = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
threading.Thread(target=model.generate, kwargs=dict(
    **inputs, streamer=streamer, max_new_tokens=tokens, do_sample=False)).start()
for text in streamer:
    print(text, end="", flush=True)
"""


@dataclass(frozen=True)
class Run:
    """One process from its start to its end, in seconds."""

    first: float
    total: float
    cpu: float
    text: str
    phases: Mapping[str, float]


def run(words: list[str], env: Mapping[str, str]) -> Run:
    """Start a command, note when its first output comes, and what the whole tree used."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        words, cwd=ROOT, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout
    assert process.stderr
    head = process.stdout.read(1)
    first = time.perf_counter() - begun
    text = (head + process.stdout.read()).decode("utf-8", "replace")
    said = process.stderr.read().decode("utf-8", "replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(words)} failed:\n{said}")
    total = time.perf_counter() - begun
    return Run(first, total, usage.ru_utime + usage.ru_stime, text.strip(), dict(phases(said)))


def phases(said: str) -> Iterator[tuple[str, float]]:
    """The table that --timings prints."""
    for line in said.splitlines():
        words = line.split(None, 3)
        if len(words) == 4 and words[1] == "s" and words[2].endswith("%"):
            yield words[3], float(words[0])


def ours(cache: Path) -> Run:
    """Run `cogsmith predict`, which makes its environment when it is not there."""
    inputs = {"prompt": PROMPT, "max_tokens": TOKENS, "temperature": 0}
    words = [str(COGSMITH), "predict", "--timings"]
    for name, value in inputs.items():
        words += ["-i", f"{name}={value}"]
    return run(words, {"COGSMITH_CACHE_DIR": str(cache)})


def plain(venv: Path) -> Run:
    """Run the script that one writes by hand, in an environment made by hand."""
    script = venv.parent / "plain.py"
    script.write_text(PLAIN, "utf-8")
    source = str(ROOT / "weights" / "stories-llama")
    return run([str(venv / "bin/python"), str(script), source, PROMPT, str(TOKENS)], {})


def make_venv(venv: Path) -> float:
    """Make a virtual environment and install the requirements with pip; seconds."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    requirements = ROOT / "predictors" / "requirements.txt"
    subprocess.run([venv / "bin/pip", "install", "--quiet", "-r", requirements], check=True)
    return time.perf_counter() - begun


def measure(folder: Path, *, rounds: int, cold: int) -> dict[str, object]:
    """All runs, interleaved."""
    cache, venv = folder / "cache", folder / "venv"
    colds: dict[str, list[float]] = {"cogsmith": [], "plain": []}
    for _ in range(cold):
        shutil.rmtree(cache, ignore_errors=True)
        shutil.rmtree(venv, ignore_errors=True)
        colds["cogsmith"].append(ours(cache).first)
        colds["plain"].append(make_venv(venv) + plain(venv).first)
    ours(cache), plain(venv)  # one of each that does not count
    warm: dict[str, list[Run]] = {"cogsmith": [], "plain": []}
    for _ in range(rounds):
        warm["cogsmith"].append(ours(cache))
        warm["plain"].append(plain(venv))
    texts = {name: {run.text for run in runs} for name, runs in warm.items()}
    return {
        "what": "seconds from the start of the process to the first token, and CPU of the tree",
        "cold_first_token": colds,
        "warm": {name: [asdict(run) for run in runs] for name, runs in warm.items()},
        "same_text": texts["cogsmith"] == texts["plain"],
        "python": platform.python_version(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "versions": (ROOT / "predictors" / "requirements.txt").read_text("utf-8").splitlines(),
    }


def show(result: dict[str, object]) -> None:
    """Print the table of medians."""
    warm, cold = result["warm"], result["cold_first_token"]
    assert isinstance(warm, dict)
    assert isinstance(cold, dict)
    print(f"{'':24}{'cogsmith':>24}{'plain python':>24}{'ratio':>8}")
    rows = [("cold, first token, s", cold["cogsmith"], cold["plain"])]
    for name, key in (("first token", "first"), ("whole run", "total"), ("CPU", "cpu")):
        columns = [[run[key] for run in warm[who]] for who in ("cogsmith", "plain")]
        rows.append((f"warm, {name}, s", *columns))
    for name, mine, theirs in rows:
        ratio = statistics.median(mine) / statistics.median(theirs)
        print(f"{name:24}{spread(mine):>24}{spread(theirs):>24}{ratio:8.2f}")
    print("the same text:", "yes" if result["same_text"] else "NO")
    print("\nwarm, by phase (median):")
    runs = warm["cogsmith"]
    for phase in runs[0]["phases"]:
        print(f"{statistics.median(run['phases'].get(phase, 0.0) for run in runs):9.3f} s  {phase}")


def spread(values: list[float]) -> str:
    """Median (least-most)."""
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def main() -> None:
    """Measure, save, show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5, help="warm runs of each")
    parser.add_argument("--cold", type=int, default=1, help="cold runs of each")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), rounds=given.rounds, cold=given.cold)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    show(result)


if __name__ == "__main__":
    main()
