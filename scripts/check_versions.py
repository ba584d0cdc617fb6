"""The newest entry of CHANGELOG.md and the package must name the same version."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> int:
    package = (ROOT / "cogsmith" / "__init__.py").read_text("utf-8")
    ours = re.search(r'__version__ = "([^"]+)"', package)
    newest = re.search(
        r"^## \[?([0-9][^\s\]]*)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    if ours and newest and ours[1] == newest[1]:
        return 0
    print(f"CHANGELOG.md says {newest and newest[1]}, cogsmith says {ours and ours[1]}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
