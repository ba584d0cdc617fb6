"""The grammar: the same stories for the same seed, whole, varied and in order."""

from __future__ import annotations

import random
import re
import string
import subprocess
import sys

import pytest
from stories import Slots, cast, stories, that_day
from story_plots import NAMED_OPENINGS, OPENINGS, PLOTS, SCENES

from .conftest import SCRIPTS

SAMPLE = list(stories(600, seed=1, asked=0.2))


def test_the_same_seed_tells_the_same_stories() -> None:
    assert list(stories(5, seed=3)) == list(stories(5, seed=3))
    assert list(stories(5, seed=3)) != list(stories(5, seed=4))


def test_no_two_stories_are_the_same() -> None:
    assert len(set(SAMPLE)) == len(SAMPLE)


def test_a_story_has_the_length_of_a_short_story() -> None:
    lengths = sorted(len(text.split()) for text in SAMPLE)
    assert lengths[0] > 50
    assert lengths[-1] < 230
    assert 100 < lengths[len(lengths) // 2] < 150


@pytest.mark.parametrize(
    "mistake",
    [
        r"[{}\[\]|]",  # a slot or a choice that was not filled
        r"\b[Aa] [aeiou]",  # a apple
        r"\b[Aa]n [^aeiou]",  # an pear
        r"  ",
        r"(?<![.!?]\")(?<=[.!?]) [a-z]",  # a sentence that begins small
        r"\b(\w+) \1\b(?<!and up)",  # the the
        r"\b[Aa] (the|a|an)\b",
    ],
)
def test_stories_are_free_of(mistake: str) -> None:
    known = ("had had", "long long", "that that")
    found = [hit for text in SAMPLE if (hit := re.search(mistake, text)) and hit[0] not in known]
    assert not found


def test_some_stories_begin_with_the_request() -> None:
    asked = [
        text for text in SAMPLE if re.match(r"(Write|Tell me|A) .*story about .*[.:]\n\n", text)
    ]
    assert 60 < len(asked) < 180


def test_somebody_is_introduced_once() -> None:
    slots = Slots({"f_first": "a girl named Mia", "f_N": "Mia", "f_NN": "Mia"})
    assert "{f_N} ran. {f_first} sang. {f_NN} slept.".format_map(slots) == (
        "a girl named Mia ran. Mia sang. Mia slept."
    )


def test_a_day_told_by_the_opening_is_the_day_of_the_story() -> None:
    told = that_day(["It was a {day}.", "Yes.", "One {day} it rained.", "One {day} it snowed."])
    assert told == ["It was a {day}.", "Yes.", "That day it rained.", "One {day} it snowed."]


def test_every_slot_of_every_pattern_can_be_filled() -> None:
    slots = {**cast(random.Random(1)), "day": "sunny day"}
    ways = [way for plot in PLOTS for beat in plot.beats for way in beat]
    abouts = [about for plot in PLOTS for about in plot.about]
    for pattern in (*ways, *abouts, *OPENINGS, *NAMED_OPENINGS, *SCENES):
        names = {name for _, name, _, _ in string.Formatter().parse(pattern) if name}
        assert names <= slots.keys(), pattern


def test_the_script_prints_stories() -> None:
    made = subprocess.run(
        [sys.executable, str(SCRIPTS / "stories.py"), "2", "--seed", "9"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert made.stdout.split("\n\n* * *\n\n")[0] == next(stories(1, seed=9))
