#!/usr/bin/env python3
"""Make tiny checkpoints of the true architectures, in seconds and without a network.

Each is a folder that `AutoModelForCausalLM.from_pretrained` and its kin load: seeded random
weights of under 2 MB, a tokenizer trained here, the family's special tokens and a chat
template. They answer with noise, always the same noise. Needs torch and transformers.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKPOINTS = {
    "tiny-llama": "Llama 3: byte-level BPE, header tokens, grouped queries, bfloat16",
    "tiny-llama2": "Llama 2: SentencePiece-like BPE, [INST] and <<SYS>>, float16",
    "tiny-mistral": "Mistral: sliding window of 64, [INST], bfloat16",
    "tiny-mixtral": "Mixtral: 4 experts, 2 at a time, bfloat16",
    "tiny-t5": "Flan-T5: encoder and decoder, unigram tokenizer, float32",
    "tiny-llava": "Llava 1.5: CLIP tower, projector, Llama, <image> token, float16",
}


def main(words: Sequence[str] | None = None) -> int:
    asked = arguments(words)
    wanted = [n for n in asked.names or CHECKPOINTS if asked.force or not made(asked.out / n)]
    for name in sorted(set(asked.names or CHECKPOINTS) - set(wanted)):
        print(f"{name}: there already")
    if not wanted:
        return 0
    try:
        from tiny_models import MAKERS
    except ImportError as missing:
        hint = f"run it with a model's packages: cogsmith exec python {sys.argv[0]}"
        print(f"{missing}\nhint: {hint}", file=sys.stderr)
        return 1
    for number, name in enumerate(wanted, start=1):
        print(f"[{number}/{len(wanted)}] {name}: {CHECKPOINTS[name]}", flush=True)
        before = time.monotonic()
        place(asked.out / name, MAKERS[name])
        print(f"      {describe(asked.out / name)}, {time.monotonic() - before:.1f} s", flush=True)
    return 0


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="\n".join(["checkpoints:", *(f"  {n:14}{s}" for n, s in CHECKPOINTS.items())]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which ones (default: all)")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "weights", help="folder to write into (default: weights)"
    )
    parser.add_argument("--force", action="store_true", help="make those that are there again")
    asked = parser.parse_args(words)
    if unknown := sorted(set(asked.names) - CHECKPOINTS.keys()):
        parser.error(
            f"no checkpoint named {', '.join(unknown)}; there are: {', '.join(CHECKPOINTS)}"
        )
    return asked


def made(folder: Path) -> bool:
    """Folders appear whole (see `place`), so one file tells."""
    return (folder / "config.json").exists()


def place(folder: Path, make: Callable[[Path], None]) -> None:
    """Let ``make`` fill a temporary folder beside ``folder``, then put it in its place."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        new, old = scratch / "new", scratch / "old"
        new.mkdir()
        make(new)
        for path in new.iterdir():
            path.chmod(0o644)  # safetensors writes files that only their owner may read
        if folder.exists():
            folder.replace(old)
        new.replace(folder)
    finally:
        shutil.rmtree(scratch)


def describe(folder: Path) -> str:
    size = sum(path.stat().st_size for path in folder.iterdir())
    return f"{len(list(folder.iterdir()))} files, {size / 1e6:.2f} MB"


if __name__ == "__main__":
    sys.exit(main())
