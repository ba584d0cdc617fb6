"""Small wheels and source folders, made here, so that no test needs an index."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path


def make_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: Iterable[str] = (),
    tag: str = "py3-none-any",
    script: bool = False,
) -> Path:
    """Write a wheel with one module, ``<name>.VERSION``; with a script of the same name."""
    module = name.replace("-", "_")
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{module}-{version}-{tag}.whl"
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": f"VERSION = {version!r}\n\n\ndef main() -> None:\n    print(VERSION)\n",
        f"{info}/METADATA": "\n".join(
            ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
            + [f"Requires-Dist: {line}" for line in requires]
        )
        + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    if script:
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{name} = {module}:main\n"
    record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record}.items():
            # A fixed time: the same wheel has the same hash.
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return wheel


BACKEND = """
import zipfile


def write(folder, content):
    name = "{name}-1.0-py3-none-any.whl"
    info = "{name}-1.0.dist-info/"
    files = {{
        **content,
        info + "METADATA": "Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\n",
        info + "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    files[info + "RECORD"] = "".join(path + ",,\\n" for path in [*files, info + "RECORD"])
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name


def build_wheel(folder, config_settings=None, metadata_directory=None):
    return write(folder, {{"{name}.py": open("{name}.py").read()}})


def build_editable(folder, config_settings=None, metadata_directory=None):
    import os
    return write(folder, {{"{name}.pth": os.getcwd() + "\\n"}})
"""


def make_source(folder: Path, name: str, version: str) -> Path:
    """Write a source folder that builds without any other package; return its module."""
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        lines(
            "[build-system]", "requires = []", 'build-backend = "backend"', 'backend-path = ["."]',
            "[project]", f'name = "{name}"', 'version = "1.0"',
        ),
        "utf-8",
    )  # fmt: skip
    (folder / "backend.py").write_text(BACKEND.format(name=name), "utf-8")
    module = folder / f"{name}.py"
    module.write_text(f"VERSION = {version!r}\n", "utf-8")
    return module


def lines(*items: str) -> str:
    """Lines of a file."""
    return "".join(f"{item}\n" for item in items)
