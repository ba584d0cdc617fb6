"""Samples, what they come to, and how they compare."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

Summary = dict[str, float]
# server -> case -> figure -> median, least, most
Results = dict[str, dict[str, dict[str, Summary]]]


class Samples:
    """Figures of many rounds: by server, by case, by name."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, dict[str, list[float]]]] = {}

    def add(self, server: str, case: str, figures: Mapping[str, float | None]) -> None:
        """Keep a round's figures; None is not measured."""
        kept = self._found.setdefault(server, {}).setdefault(case, {})
        for name, value in figures.items():
            if value is not None:
                kept.setdefault(name, []).append(value)

    def results(self) -> Results:
        """What they come to."""
        return {
            server: {
                case: {name: summary(values) for name, values in figures.items()}
                for case, figures in cases.items()
            }
            for server, cases in self._found.items()
        }


def summary(values: Sequence[float]) -> Summary:
    """Median, least and most, to four digits that count."""
    found = {"median": statistics.median(values), "least": min(values), "most": max(values)}
    return {name: float(f"{value:.4g}") for name, value in found.items()} | {"count": len(values)}


def busy(results: Results) -> Summary:
    """How many cores other work used meanwhile, over all cases."""
    found = [
        figures["others"]["median"]
        for cases in results.values() for figures in cases.values() if "others" in figures
    ]  # fmt: skip
    return summary(found or [0.0])


def median(results: Results, server: str, case: str, figure: str) -> float | None:
    """One median, or None where it was not measured."""
    found = results.get(server, {}).get(case, {}).get(figure)
    return found["median"] if found else None


@dataclass(frozen=True, kw_only=True)
class Target:
    """Something to reach: ours against another's figure, so many times better."""

    what: str
    case: str
    figure: str
    against: str
    least: float
    more_is_better: bool = False

    def ratio(self, results: Results, ours: str) -> float | None:
        """How many times better ours is; None where one of the two was not measured."""
        mine = median(results, ours, self.case, self.figure)
        theirs = median(results, self.against, self.case, self.figure)
        if not mine or not theirs:
            return None
        return mine / theirs if self.more_is_better else theirs / mine


def judge(results: Results, ours: str, targets: Iterable[Target]) -> list[dict[str, object]]:
    """Each target, the ratio found, and whether it is reached (None: not measured)."""
    found = []
    for target in targets:
        ratio = target.ratio(results, ours)
        reached = None if ratio is None else ratio >= target.least
        rounded = None if ratio is None else float(f"{ratio:.3g}")
        found.append({**asdict(target), "ratio": rounded, "reached": reached})
    return found


def show_targets(judged: Iterable[Mapping[str, object]]) -> None:
    """A line for each target."""
    words = {True: "reached", False: "NOT REACHED", None: "not measured"}
    print(f"\n{'target':58}{'wanted':>10}{'found':>10}")
    for one in judged:
        reached = one["reached"]
        assert reached is None or isinstance(reached, bool)
        found = "-" if one["ratio"] is None else f"{one['ratio']:g}x"
        print(f"{one['what']!s:58}{one['least']:>9}x{found:>10}  {words[reached]}")


def show(results: Results, rows: Sequence[tuple[str, str, str, float]], base: str) -> None:
    """A table: a row for each case and figure, a column for each server, ratios to one of them.

    A row is the title, the case, the figure, and what to multiply it with.
    """
    servers = [base, *(name for name in results if name != base)] if base in results else [*results]
    print(f"{'':42}" + "".join(f"{name:>30}" for name in servers))
    for title, case, figure, scale in rows:
        cells = [cell(results, server, case, figure, scale, base) for server in servers]
        if any(text != "-" for text in cells):
            print(f"{title:42}" + "".join(f"{text:>30}" for text in cells))


def cell(  # noqa: PLR0913 - a cell of a table is where it stands
    results: Results, server: str, case: str, figure: str, scale: float, base: str
) -> str:
    """Median (least-most) and, beside the base, how many times as much."""
    found = results.get(server, {}).get(case, {}).get(figure)
    if not found:
        return "-"
    middle, least, most = (short(found[name] * scale) for name in ("median", "least", "most"))
    text = f"{middle} ({least}-{most})"
    against = median(results, base, case, figure)
    if server == base or not against or not found["median"]:
        return text
    ratio = found["median"] / against
    return text + (f" {ratio:.3g}x" if ratio >= 1 else f" 1/{1 / ratio:.3g}")


def short(value: float) -> str:
    """Three digits that count; thousands as k."""
    if abs(value) >= 1_000_000:
        return f"{value / 1e6:.3g}M"
    if abs(value) >= 10_000:
        return f"{value / 1e3:.3g}k"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def save(path: Path, document: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
