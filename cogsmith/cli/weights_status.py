"""``cogsmith weights status``: how each weight is, as values for JSON and as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cogsmith.cli import amounts
from cogsmith.oci import Digest
from cogsmith.weights import LockedLayer, LockedWeight, Wanted, WeightsLock, drift

__all__ = ["states", "table"]

CHECKS = 8  # layers that are asked for at once
WORDS = {"pending": "pending", "config-changed": "stale", "orphaned": "orphaned"}


def states(
    declared: Sequence[Wanted], lock: WeightsLock, has: Callable[[LockedLayer], bool]
) -> list[dict[str, Any]]:
    """One entry for each weight: declared ones in their order, then those left over.

    ``has`` says whether the registry has a layer; it is asked for weights that are as declared.
    """
    found = {one.name: WORDS[one.kind] for one in drift(lock, declared)}
    entries = []
    for one in declared:
        weight = lock.find(one.name)
        entries.append(_entry(one.name, one.target, found.get(one.name, ""), weight))
        if weight is not None and one.name not in found:
            layers = _layers(weight, has)
            ready = all(layer["status"] == "ready" for layer in layers)
            entries[-1] |= {"status": "ready" if ready else "incomplete", "layers": layers}
    left = (weight for weight in lock.weights if found.get(weight.name) == "orphaned")
    return entries + [_entry(one.name, one.target, "orphaned", one) for one in left]


def table(entries: Sequence[dict[str, Any]], *, verbose: bool) -> str:
    """The entries as lines for people; with a line for each layer."""
    if not entries:
        return "No weights configured.\n"
    rows = [("NAME", "TARGET", "STATUS", "SIZE", "LAYERS", "DIGEST")]
    for entry in entries:
        size = amounts.size(entry["size"]) if entry.get("size") else "-"
        digest = _short(entry["digest"]) if "digest" in entry else "-"
        count = str(entry.get("layerCount") or "-")
        rows.append((entry["name"], entry["target"], entry["status"], size, count, digest))
        layers = entry.get("layers", []) if verbose else []
        for number, layer in enumerate(layers, 1):
            branch = "  └─" if number == len(layers) else "  ├─"
            size = amounts.size(layer["size"])
            rows.append((branch, "", layer["status"], size, "", _short(layer["digest"])))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)


def _entry(name: str, target: str, word: str, weight: LockedWeight | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "target": target, "status": word}
    if weight is not None:
        source = weight.sources[0]
        entry |= {
            "size": weight.size,
            "sizeCompressed": weight.size_compressed,
            "layerCount": len(weight.layers),
            "fileCount": len(weight.files),
            "digest": str(weight.digest),
            "source": {"uri": source.uri, "fingerprint": source.fingerprint},
        }
    return entry


def _layers(weight: LockedWeight, has: Callable[[LockedLayer], bool]) -> list[dict[str, Any]]:
    with ThreadPoolExecutor(CHECKS) as pool:
        answers = pool.map(has, weight.layers)
        return [
            {
                "digest": str(layer.digest),
                "size": layer.size,
                "status": "ready" if there else "missing",
            }
            for layer, there in zip(weight.layers, answers, strict=True)
        ]


def _short(digest: str) -> str:
    return f"sha256:{Digest.parse(digest).short}"
