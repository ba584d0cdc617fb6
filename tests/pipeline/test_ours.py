"""Our own repository uses what it writes for others, but for three things."""

from __future__ import annotations

import difflib
import re
import subprocess
from pathlib import Path

from tests.real.projects import COGSMITH

ROOT = Path(__file__).parent.parent.parent


def test_our_own_pipeline_is_what_we_write_for_others() -> None:
    """It installs itself, makes the checkpoints that are not in git, and says so."""
    words = [COGSMITH, "ci", "init", "github", "--stdout"]
    written = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    ours = (ROOT / ".github" / "workflows" / "models.yml").read_text()
    lines = difflib.ndiff(written.splitlines(), ours.splitlines())
    changes = [line for line in lines if line.startswith(("+ ", "- "))]
    assert [re.sub(r"==\S+", "==…", line) for line in changes if " #" not in line[:4]] == [
        "-   COGSMITH: cogsmith==…",
        "+   COGSMITH: . # this very commit",
        "+       - name: Tiny checkpoints",
        "+         run: cogsmith exec python scripts/make_checkpoints.py",
    ]
