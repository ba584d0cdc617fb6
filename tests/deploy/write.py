"""Write what is made: ``python -m tests.deploy.write``; then read the difference."""

from __future__ import annotations

import json
from pathlib import Path

from cogsmith.deploy import json_schema
from tests.deploy.examples import save

SCHEMA = Path(__file__).parent.parent.parent / "docs" / "reference" / "deploy.schema.json"


def main() -> None:
    save()
    SCHEMA.write_text(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
