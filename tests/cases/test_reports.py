"""Reports for programs: the same each time, and JUnit's XML as others read it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.cases import Difference, Measures, Outcome, Report, Verdict, document, junit

SCHEMA = Path(__file__).parent / "junit.xsd"
texts = st.text(max_size=20)

verdicts = st.builds(
    Verdict,
    name=texts,
    where=st.sampled_from(["tests/a.yaml:1", "tests/b.yaml:7", ""]),
    outcome=st.sampled_from([Outcome.PASSED, Outcome.SKIPPED]),
    measures=st.builds(Measures, total=st.none() | st.floats(0, 9)),
    runs=st.integers(0, 3),
    note=texts,
    logs=texts,
) | st.builds(
    Verdict,
    name=texts,
    where=st.just("tests/a.yaml:1"),
    outcome=st.just(Outcome.FAILED),
    differences=st.lists(st.builds(Difference, texts, st.tuples(texts)), min_size=1).map(tuple),
)
reports = st.builds(
    Report, target=texts, verdicts=st.lists(verdicts, max_size=5).map(tuple),
    seed=st.none() | st.integers(),
)  # fmt: skip

REPORT = Report(
    target="this machine",
    setup=2.0,
    verdicts=(
        Verdict(
            name="says hello", where="tests/a.yaml:1", outcome=Outcome.PASSED, runs=2,
            measures=Measures(total=0.5, first_token=0.1, memory=7), tags=("fast",),
        ),
        Verdict(
            name="<says> \x00more", where="tests/a.yaml:5", outcome=Outcome.FAILED, runs=1,
            differences=(Difference("the output is another", ("- a", "+ b")),), logs="once",
        ),
        Verdict(name="later", where="tests/b.yaml:1", outcome=Outcome.SKIPPED, note="not yet"),
    ),
)  # fmt: skip


def test_a_report_as_json() -> None:
    told = document(REPORT)
    assert (told["passed"], told["failed"], told["skipped"]) == (1, 1, 1)
    assert told["cases"][0]["first_token"] == 0.1
    assert told["cases"][1]["differences"] == [
        {"message": "the output is another", "detail": ["- a", "+ b"]}
    ]
    assert json.loads(json.dumps(told)) == told
    assert not REPORT.good


def test_a_report_as_junit_xml() -> None:
    root = ET.fromstring(junit(REPORT))
    assert (root.tag, root.get("tests"), root.get("failures")) == ("testsuites", "3", "1")
    assert [suite.get("name") for suite in root] == ["tests/a.yaml", "tests/b.yaml"]
    first, second, third = root.iter("testcase")
    assert (first.get("classname"), first.get("time")) == ("tests/a.yaml", "1.000")
    assert second.get("name") == "<says> \ufffdmore"
    failure = second.find("failure")
    assert failure is not None
    assert failure.text == "tests/a.yaml:5\nthe output is another\n  - a\n  + b"
    assert second.findtext("system-out") == "once"
    skip = third.find("skipped")
    assert skip is not None
    assert skip.get("message") == "not yet"


@given(reports)
def test_any_report_can_be_told_and_is_the_same_again(report: Report) -> None:
    root = ET.fromstring(junit(report).encode())
    assert len(list(root.iter("testcase"))) == len(report.verdicts)
    assert junit(report) == junit(report)
    assert document(report) == document(report)


@given(reports)
def test_junit_xml_fits_what_ci_systems_read(report: Report) -> None:
    xmlschema = pytest.importorskip("xmlschema", reason="the package xmlschema is not installed")
    xmlschema.XMLSchema(str(SCHEMA)).validate(junit(report))
