#!/usr/bin/env python3
"""Print short children's stories, made by a grammar of our own: text the project may ship.

A story is a plot from `story_plots` told with people and things from `story_words`. The
same seed gives the same stories. Grammar and stories are under the project's license,
Apache-2.0.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections.abc import Iterator, Sequence

import story_words as words
from story_plots import NAMED_OPENINGS, OPENINGS, PLOTS, SCENES, Plot

ASKING = (
    "Write a story about {about}.",
    "Write a short story about {about}.",
    "Tell me a story about {about}.",
    "A story about {about}:",
)
# Slots that belong together, filled at once.
PAIRS: dict[tuple[str, ...], Sequence[tuple[str, ...]]] = {
    ("in_place", "place", "among"): words.PLACES,
    ("fear", "because"): words.FEARS,
    ("wish", "wishing"): words.WISHES,
    ("seed", "grown"): words.SEEDS,
    ("sound", "cause"): words.SOUNDS,
    ("small_one", "small"): words.SMALL_ONES,
    ("work", "stuff", "must"): words.WORKS,
}
NUMBERS = ("two", "three", "four", "five", "six", "seven", "ten", "twelve", "a hundred")
COLORS = ("red", "blue", "green", "yellow", "white", "purple", "orange", "golden")


class Slots(dict[str, str]):
    """What fills a pattern. The first time that somebody is named, they are introduced.

    So ``{f_N}`` gives "a shy girl named Mia" once and "Mia" ever after, and ``{f_first}``
    the same: a beat need not know whether an earlier one has brought the friend in.
    """

    def __getitem__(self, key: str) -> str:
        whose, _, slot = key.rpartition("_")
        if whose not in ("f", "k") or slot not in ("N", "NN", "first"):
            return super().__getitem__(key)
        if known := self.get(f"{whose}_known"):
            return known
        self[f"{whose}_known"] = super().__getitem__(f"{whose}_N")
        return super().__getitem__(f"{whose}_first")


def stories(count: int, *, seed: int, asked: float = 0.0) -> Iterator[str]:
    """``count`` stories; a share of ``asked`` begins with the words that asked for it."""
    rng = random.Random(seed)
    for _ in range(count):
        yield story(rng, asked=asked)


def story(rng: random.Random, *, asked: float = 0.0) -> str:
    plot, slots = rng.choice(PLOTS), cast(rng)
    patterns = [opening(rng, plot, slots), *(rng.choice(ways) for ways in plot.beats)]
    if rng.random() < 0.4:
        patterns.insert(1, rng.choice(SCENES))
    request = ""
    if rng.random() < asked:
        about = rng.choice(plot.about)
        request = tell(rng, rng.choice(ASKING).format(about=about), slots) + "\n\n"
    told = [tell(rng, pattern, slots) for pattern in that_day(patterns) if pattern]
    return request + paragraphs(rng, told)


def opening(rng: random.Random, plot: Plot, slots: Slots) -> str:
    named = not slots["N"].startswith("the ")
    ways = OPENINGS + NAMED_OPENINGS if named else OPENINGS
    return rng.choice([way for way in ways if not (plot.night and "{day}" in way)])


def that_day(patterns: Sequence[str]) -> list[str]:
    """Where the opening tells the day, the next "one sunny day" is that same day."""
    first, *rest = patterns
    if "{day}" not in first:
        return [first, *rest]
    for index, pattern in enumerate(rest):
        if "{day}" in pattern:
            rest[index] = re.sub(r"\b(One|On a) \{day\}", "That day", pattern)
            rest[index] = rest[index].replace("one {day}", "that day")
            break
    return [first, *rest]


def cast(rng: random.Random) -> Slots:
    """Everybody and everything of one story, by the name of the slot."""
    hero = words.somebody(rng)
    taken = frozenset({hero.name, hero.kind})
    friend = words.somebody(rng, taken=taken)
    helper = words.helper(rng, taken=taken | {friend.name, friend.kind})
    people = {**hero.words(), **friend.words("f_"), **helper.words("k_")}
    people["name"] = hero.name.removeprefix("the ")
    people["f_name"] = friend.name
    return Slots({**people, **things(rng)})


def things(rng: random.Random) -> dict[str, str]:
    thing, thing2 = rng.sample(words.THINGS, 2)
    spot, spot2, spot3 = rng.sample(words.SPOTS, 3)
    slots = {"thing": thing, "thing2": thing2, "spot": spot, "spot2": spot2, "spot3": spot3}
    for names, choices in PAIRS.items():
        slots |= zip(names, rng.choice(choices), strict=True)
    for name, single in (("treat", words.TREATS), ("number", NUMBERS), ("color", COLORS)):
        slots[name] = rng.choice(single)
    slots["in_the_place"] = re.sub(r"\ban? ", "the ", slots["in_place"])
    return slots


def tell(rng: random.Random, pattern: str, slots: Slots) -> str:
    """Make the choices of ``pattern``, fill its slots, and mend articles and capitals."""
    chosen = re.sub(r"\[([^]]*)\]", lambda found: rng.choice(found[1].split("|")), pattern)
    slots["day"] = rng.choice(words.DAYS)
    text = chosen.format_map(slots)
    text = re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)
    return re.sub(r'(^"?|[.!?] "?|(?<=[.!?]) )([a-z])', lambda m: m[1] + m[2].upper(), text)


def paragraphs(rng: random.Random, told: list[str]) -> str:
    """One paragraph, or three: how it begins, what happens, how it ends."""
    if rng.random() < 0.35:
        return " ".join(told)
    first, last = rng.choice([2, 3]), rng.choice([-2, -3])
    parts = (told[:first], told[first:last], told[last:])
    return "\n\n".join(" ".join(part) for part in parts if part)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=3, help="how many (default: 3)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same stories (default: 0)")
    parser.add_argument(
        "--asked", type=float, default=0.0, help="share that begins with a request (default: 0)"
    )
    asked = parser.parse_args(argv)
    print("\n\n* * *\n\n".join(stories(asked.count, seed=asked.seed, asked=asked.asked)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
