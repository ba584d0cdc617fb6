"""A model's test cases: what it is asked, what it must answer, and what that may cost.

In: case files, a signature, and a target: a model on this machine, or behind a URL.
Out: a verdict on each case, in a report for people (by the command line) and programs.
Touches: case files (``load``); processes, servers and the clock (``run``).
"""

from __future__ import annotations

from cogsmith.cases.case import Answer, Case, Difference, Measures, Outcome, Report, Verdict
from cogsmith.cases.entry import Budget, Entry, Expected, Matcher
from cogsmith.cases.fuzz import generate, inputs_line
from cogsmith.cases.load import available, load
from cogsmith.cases.reports import document, junit
from cogsmith.cases.run.local import Local
from cogsmith.cases.run.play import Fuzzing, Manner, play, play_fuzz
from cogsmith.cases.run.served import Served, fetch_document, wait_until_ready
from cogsmith.cases.run.target import Target
from cogsmith.cases.schema import json_schema
from cogsmith.cases.select import select

__all__ = [
    "Answer",
    "Budget",
    "Case",
    "Difference",
    "Entry",
    "Expected",
    "Fuzzing",
    "Local",
    "Manner",
    "Matcher",
    "Measures",
    "Outcome",
    "Report",
    "Served",
    "Target",
    "Verdict",
    "available",
    "document",
    "fetch_document",
    "generate",
    "inputs_line",
    "json_schema",
    "junit",
    "load",
    "play",
    "play_fuzz",
    "select",
    "wait_until_ready",
]
