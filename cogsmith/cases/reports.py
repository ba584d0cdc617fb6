"""A report for programs: JSON, and the XML that CI systems read (JUnit's).

JUnit's XML has no standard; this is the part that Jenkins (its junit-10.xsd), GitLab and GitHub's
actions read alike.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from cogsmith.cases.case import Outcome, Report, Verdict

__all__ = ["document", "junit"]

# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
FUZZ = "fuzz"  # the file of the cases that stand in none


def document(report: Report) -> dict[str, Any]:
    """The report as a value of JSON; times are seconds, memory is bytes."""
    return {
        "target": report.target,
        "passed": report.count(Outcome.PASSED),
        "failed": report.count(Outcome.FAILED),
        "skipped": report.count(Outcome.SKIPPED),
        "setup": report.setup,
        "seed": report.seed,
        "cases": [_case(verdict) for verdict in report.verdicts],
    }


def _case(verdict: Verdict) -> dict[str, Any]:
    measures = verdict.measures
    return {
        "name": verdict.name,
        "where": verdict.where,
        "outcome": verdict.outcome.value,
        "differences": [
            {"message": one.message, "detail": list(one.detail)} for one in verdict.differences
        ],
        "runs": verdict.runs,
        "first_token": measures.first_token,
        "total": measures.total,
        "tokens_per_second": measures.tokens_per_second,
        "memory": measures.memory,
        "tags": list(verdict.tags),
        "note": verdict.note,
        "logs": verdict.logs,
    }


def junit(report: Report) -> str:
    """The report as XML: a suite for each file."""
    root = ET.Element("testsuites", _counts(report.verdicts) | {"name": "cogsmith test"})
    for file, verdicts in groupby(report.verdicts, key=_file):
        _suite(root, file, list(verdicts), report)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, "unicode")}\n'


def _file(verdict: Verdict) -> str:
    return verdict.where.rpartition(":")[0] or FUZZ


def _suite(root: ET.Element, file: str, verdicts: list[Verdict], report: Report) -> None:
    suite = ET.SubElement(root, "testsuite", _counts(verdicts) | {"name": _clean(file)})
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", {"name": "target", "value": _clean(report.target)})
    if report.seed is not None:
        ET.SubElement(properties, "property", {"name": "seed", "value": str(report.seed)})
    for verdict in verdicts:
        _testcase(suite, file, verdict)


def _testcase(suite: ET.Element, file: str, verdict: Verdict) -> None:
    case = ET.SubElement(
        suite, "testcase",
        {"name": _clean(verdict.name), "classname": _clean(file), "time": _seconds([verdict])},
    )  # fmt: skip
    if verdict.outcome is Outcome.SKIPPED:
        ET.SubElement(case, "skipped", {"message": _clean(verdict.note)})
    elif verdict.outcome is Outcome.FAILED:
        first = verdict.differences[0].message
        failure = ET.SubElement(case, "failure", {"message": _clean(first), "type": "difference"})
        failure.text = _clean("\n".join(_lines(verdict)))
    if verdict.logs:
        ET.SubElement(case, "system-out").text = _clean(verdict.logs)


def _lines(verdict: Verdict) -> Iterable[str]:
    if verdict.where:
        yield verdict.where
    for one in verdict.differences:
        yield one.message
        yield from (f"  {line}" for line in one.detail)


def _counts(verdicts: Iterable[Verdict]) -> dict[str, str]:
    found = list(verdicts)
    failures = sum(verdict.outcome is Outcome.FAILED for verdict in found)
    skips = sum(verdict.outcome is Outcome.SKIPPED for verdict in found)
    return {
        "tests": str(len(found)), "failures": str(failures), "errors": "0",
        "skipped": str(skips), "time": _seconds(found),
    }  # fmt: skip


def _seconds(verdicts: Iterable[Verdict]) -> str:
    return f"{sum((v.measures.total or 0.0) * v.runs for v in verdicts):.3f}"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
