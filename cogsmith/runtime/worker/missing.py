"""What to do about a module that the author's code imports and that is not there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

# Packages whose name on an index is another than the one that is imported.
PACKAGES = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python-headless",
    "dotenv": "python-dotenv",
    "git": "GitPython",
    "pkg_resources": "setuptools",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
DEPTH = 4  # folders below the project's that are looked into
NOT_SOURCE = {"__pycache__", "node_modules", "site-packages", "venv"}


def advice(error: BaseException) -> str:
    """What to do, for a ModuleNotFoundError; "" for any other error.

    >>> advice(ModuleNotFoundError("No module named 'cv2'", name="cv2")).splitlines()[0]
    'add opencv-python-headless to the requirements file that build.python_requirements names'
    """
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return ""
    package = error.name.partition(".")[0]
    if package in sys.modules:
        return f"{package} is there, without {error.name}: is another version of it meant?"
    if found := next(_places(package, Path.cwd()), None):
        inside = ".".join(found.with_suffix("").parts)
        return f"there is {found} in the project: write it as {inside}, or move it to the top"
    name = PACKAGES.get(package, package)
    return f"add {name} to the requirements file that build.python_requirements names"


def _places(name: str, project: Path) -> Iterator[Path]:
    """Where a project has a module or a package of a name, elsewhere than at its top."""
    for folder, folders, files in os.walk(project):
        here = Path(folder).relative_to(project)
        folders[:] = sorted(f for f in folders if f not in NOT_SOURCE and not f.startswith("."))
        if f"{name}.py" in files:
            yield here / f"{name}.py"
        if name in folders and any((Path(folder) / name).glob("*.py")):
            yield here / name
        if len(here.parts) >= DEPTH:
            folders.clear()
