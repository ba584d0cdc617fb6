"""Imports of what cog no longer has."""

from __future__ import annotations

import pytest

from cogsmith.doctor import Severity, Surroundings, Topic, examine, treat
from tests.doctor.projects import NEWER, RUNNER, mended, project

NOTHING = Surroundings(python="3.12.1")
FILTER = 'warnings.filterwarnings("ignore", category=ExperimentalFeatureWarning)\n'
IMPORT = "from cog.types import ExperimentalFeatureWarning\n"
OLD = f"import warnings\nfrom cog import BaseRunner\n{IMPORT}\n{FILTER}" + RUNNER.partition("\n")[2]


def said(text: str, **more: str) -> list[tuple[Severity, str, bool]]:
    found = examine(project(NEWER, run=text, **more), NOTHING)
    return [(f.severity, f.message, f.fixable) for f in found if f.topic is Topic.IMPORTS]


def test_the_removed_class_goes_with_its_filter() -> None:
    [(severity, message, fixable)] = said(OLD)
    assert (severity, fixable) == (Severity.ERROR, True)
    assert message == "ExperimentalFeatureWarning was removed from cog.types"
    assert mended(project(NEWER, run=OLD))["run.py"] == RUNNER


def test_what_stands_beside_it_stays() -> None:
    text = OLD.replace("types import", "types import Path,").replace(
        "import warnings\n", "import warnings  # w\nwarnings.warn('x')\n"
    )
    made = mended(project(NEWER, run=text))["run.py"]
    assert made.startswith(
        "import warnings  # w\nwarnings.warn('x')\nfrom cog import BaseRunner\n"
        "from cog.types import Path\n\n\nclass Runner"
    )


def test_in_a_block_of_its_own_pass_takes_its_place() -> None:
    block = f"try:\n    {IMPORT}except ImportError:\n    pass\n"
    text = OLD.replace(IMPORT, block)
    assert "try:\n    pass\nexcept ImportError:" in mended(project(NEWER, run=text))["run.py"]


@pytest.mark.parametrize(
    "more",
    [
        f"{IMPORT[:-1]} as Old\nwarnings.simplefilter('ignore', Old)\n",
        "class Mine(ExperimentalFeatureWarning): ...\n",
        "x = 1; warnings.simplefilter('ignore', ExperimentalFeatureWarning)\n",
    ],
)
def test_what_needs_it_otherwise_is_left_to_its_author(more: str) -> None:
    text = OLD.replace(FILTER, more)
    assert {fixable for _, _, fixable in said(text)} == {False}
    assert treat(project(NEWER, run=text)).changes == ()


@pytest.mark.parametrize(
    ("line", "message", "severity"),
    [
        ("import cog.files", "cog.files was removed from cog", Severity.ERROR),
        ("from cog import json", "cog.json was removed from cog", Severity.ERROR),
        ("from cog.server.runner import x", "cog.server.runner was removed", Severity.ERROR),
        ("from cog import emit_metric", "emit_metric is deprecated", Severity.WARNING),
        ("from cog import ExperimentalFeatureWarning", "will be removed", Severity.WARNING),
    ],
)
def test_other_names_that_are_gone(line: str, message: str, severity: Severity) -> None:
    [found] = said(f"{line}\n{RUNNER}")
    assert found[0] is severity
    assert message in found[1]


@pytest.mark.parametrize("line", ["from .cog import json", "import cogs.files", "import json"])
def test_what_only_looks_like_it(line: str) -> None:
    assert said(f"{line}\n{RUNNER}") == []


def test_imports_inside_of_a_package_are_followed() -> None:
    files = {"models/parts": "import cog.files", "models/llama": f"from . import parts\n{RUNNER}"}
    found = examine(project(NEWER.replace("run.py", "models/llama.py"), **files), NOTHING)
    assert [f.where for f in found if f.topic is Topic.IMPORTS] == ["models/parts.py:1"]


def test_files_that_the_model_does_not_import_are_not_looked_at() -> None:
    assert said(RUNNER, parts=OLD) == []
    assert len(said(f"import parts\n{RUNNER}", parts=OLD)) == 1
