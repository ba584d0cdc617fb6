"""Write the pages that are made: ``python -m tests.docs.write``, or ``scripts/docs``.

Commands run as a person would run them; the cases that make an environment need the
package index.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cogsmith.config import json_schema
from tests.docs import cli_page, errors_page
from tests.docs.cases import Said, cases, lay_out, run_as_command
from tests.stories.story import Story

REFERENCE = errors_page.PAGE.parent


def main() -> None:
    """Write each page, or leave it where it is right."""
    pages = {
        cli_page.PAGE: cli_page.render(),
        errors_page.PAGE: errors_page.render(_said()),
        REFERENCE / "cog.schema.json": json.dumps(json_schema(), indent=2, ensure_ascii=False)
        + "\n",
    }
    for path, text in pages.items():
        path.write_text(text, "utf-8")
        sys.stderr.write(f"wrote {path.relative_to(REFERENCE.parents[1])}\n")


def _said() -> Iterator[tuple[Story, Said]]:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    for case in cases():
        with tempfile.TemporaryDirectory() as folder:
            lay_out(case, Path(folder))
            yield case, run_as_command(case, Path(folder), environment)


if __name__ == "__main__":
    main()
