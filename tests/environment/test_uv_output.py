"""uv's words: real ones, as it wrote them."""

from __future__ import annotations

import pytest

from cogsmith.environment.events import Progress
from cogsmith.environment.uv_output import HINTS, Downloads, explain, progress_of


@pytest.mark.parametrize(
    ("line", "progress"),
    [
        (
            "numpy                ------------------------------ 15.89 KiB/16.13 MiB",
            Progress(step="download", text="numpy", done=16271, total=16913531, unit="B"),
        ),
        (
            "numpy                ------------------------------     0 B/16.13 MiB",
            Progress(step="download", text="numpy", done=0, total=16913531, unit="B"),
        ),
        (
            "█████████████░░░░░░░ [4/6] idna==3.20",
            Progress(step="install", text="idna==3.20", done=4, total=6, unit="packages"),
        ),
        ("⠙ httpx2==2.16.2", Progress(step="resolve", text="httpx2==2.16.2")),
        (
            "Resolved 45 packages in 3.67s",
            Progress(
                step="resolve", text="Resolved 45 packages in 3.67s", done=45, total=45,
                unit="packages", whole=True,
            ),
        ),
        ("⠋ Resolving dependencies...", None),
        ("Using Python 3.11.7 environment at: v5", None),
        ("", None),
    ],
)  # fmt: skip
def test_progress(line: str, progress: Progress | None) -> None:
    assert progress_of(line) == progress


def test_downloads_at_once_are_told_as_one() -> None:
    downloads = Downloads()

    def told(name: str, done: int, total: int) -> tuple[str, int, int]:
        one = Progress(step="download", text=name, done=done, total=total, unit="B")
        together = downloads.together(one)
        return together.text, together.done, together.total

    assert told("numpy", 1, 10) == ("numpy", 1, 10)
    assert told("torch", 5, 100) == ("torch", 6, 110)
    assert told("torch", 100, 100) == ("numpy", 101, 110)
    assert told("numpy", 10, 10) == ("numpy", 110, 110)


CONFLICT = """\
⠙ transformers==5.23.0

error: No solution found when resolving dependencies
  cause: Because only bb<=2.0 is available and you require bb>3, we can conclude that your \
requirements are unsatisfiable.
"""


def test_an_explanation_is_kept_whole_and_without_frames_of_progress() -> None:
    problem = explain(CONFLICT, what="the packages cannot be resolved", where="cog.yaml")
    first, second = problem.message.splitlines()
    assert first.endswith("resolved: No solution found when resolving dependencies")
    assert second == CONFLICT.splitlines()[-1]
    assert problem.where == "cog.yaml"


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("error: Failed to write: No space left on device (os error 28)", "make room"),
        ("error: Failed to download\n  cause: Hash mismatch for `aa==1.0`", "the bytes that"),
        ("cause: HTTP status client error (401 Unauthorized) for url", "other credentials"),
        ("⠙ Resolving...      error: Failed to fetch: x\n cause: dns error", "is the network"),
        ("cause: Because torch==2 has no wheels with a matching Python ABI tag", "has a wheel"),
        ("error: Failed to build `x`", "there is no wheel"),
        (
            (
                "error: No solution found when resolving dependencies:\n  cause: Because x was not "
                "found in the package registry and you require x==1, ..."
            ),
            "check the spelling of the name",
        ),
        (CONFLICT, "loosen or change"),
        ("error: Distribution not found at: file:///x", "local paths"),
        ("cause: Permission denied (os error 13)", "may write"),
        ("something new", ""),
    ],
)
def test_each_reason_has_its_hint(said: str, hint: str) -> None:
    assert hint in explain(said, what="it failed").hint


def test_no_words_are_no_reason() -> None:
    assert explain("", what="it failed").message == "it failed: it did not say why"
    assert len({hint for _, hint in HINTS}) == len(HINTS)
