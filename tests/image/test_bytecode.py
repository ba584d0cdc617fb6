"""Byte code in layers: the same in every process, unchecked, and what a Python really takes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cogsmith.errors import InstallError
from cogsmith.image import Venv, bytecode_recipes, wheel_recipes
from cogsmith.image.wheels.modules import likely
from cogsmith.oci import Layer
from tests.image.wheels.made import files_of, members, packed, wheel

MINOR = f"3.{sys.version_info.minor}"
VENV = Venv(python=MINOR, interpreter=sys.executable)
PYTHON = Path(sys.executable)
SOURCES = {
    "box/__init__.py": b'"""Words."""\nNAMES = {"a", "b", "c"}\nfrom box import tool\n',
    "box/tool.py": b"def run(x):\n    return x in {'one', 'two', 'three'}\n",
    "box/broken.py": b"print 'two'\n",
    "box/tests/test_tool.py": b"assert True\n",
    "box/data.txt": b"no code",
}
TAG = f"cpython-3{sys.version_info.minor}"


def made(folder: Path, files: dict[str, bytes] | None = None) -> Layer:
    (recipe,) = bytecode_recipes([wheel(folder, "box", files or SOURCES)], VENV, PYTHON)
    return packed(recipe)[1]


def test_every_module_has_its_byte_code_but_tests_and_what_does_not_compile(tmp_path: Path) -> None:
    assert set(files_of(made(tmp_path))) == {
        f"{VENV.site}/box/__pycache__/__init__.{TAG}.pyc",
        f"{VENV.site}/box/__pycache__/tool.{TAG}.pyc",
    }


def test_it_is_of_the_unchecked_kind_and_of_its_source(tmp_path: Path) -> None:
    data = files_of(made(tmp_path))[f"{VENV.site}/box/__pycache__/tool.{TAG}.pyc"]
    assert data[:4] == importlib.util.MAGIC_NUMBER
    assert int.from_bytes(data[4:8], "little") == 0b01
    assert data[8:16] == importlib.util.source_hash(SOURCES["box/tool.py"])
    assert f"/{VENV.site}/box/tool.py".encode() in data
    assert str(tmp_path).encode() not in data


def test_the_same_in_every_process_and_from_every_folder(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.image.test_bytecode import made;"
        "print(made(Path(sys.argv[1])).digest)"
    )
    found = set()
    for number, seed in enumerate(("0", "1", "77")):
        folder = tmp_path / ("x" * number * 7 + "y")
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", code, str(folder)], check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": seed}, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        found.add(done.stdout)
    assert len(found) == 1


def test_python_takes_it_instead_of_the_source(tmp_path: Path) -> None:
    """Laid out as an engine would; the source is gone bad, and nobody notices."""
    box = wheel(tmp_path, "box", SOURCES)
    recipes = [*wheel_recipes([box], VENV), *bytecode_recipes([box], VENV, PYTHON)]
    for recipe in recipes:
        for member, data in members(packed(recipe)[1]):
            path = tmp_path / "root" / member.path
            if member.kind == "directory":
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.write_bytes(data)
    site = tmp_path / "root" / VENV.site
    (site / "box/tool.py").write_bytes(b"raise SystemExit('the source was read')\n")
    code = f"import sys; sys.path[:0] = [{str(site)!r}]; import box; print(box.tool.run('one'))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_keys_name_wheel_place_and_interpreter(tmp_path: Path) -> None:
    box = wheel(tmp_path, "box", SOURCES)
    other = wheel(tmp_path, "box", SOURCES, version="2.0")
    elsewhere = Venv(python=MINOR, interpreter=sys.executable, folder="/opt/other")
    python = tmp_path / "python"
    python.write_bytes(b"another")
    recipes = [
        *bytecode_recipes([box], VENV, PYTHON),
        *bytecode_recipes([other], VENV, PYTHON),
        *bytecode_recipes([box], elsewhere, PYTHON),
        *bytecode_recipes([box], VENV, python),
    ]
    assert len({recipe.key for recipe in recipes}) == 4
    assert bytecode_recipes([box], VENV, PYTHON)[0].key == recipes[0].key


def test_without_an_interpreter_there_is_none(tmp_path: Path) -> None:
    assert bytecode_recipes([wheel(tmp_path, "box", SOURCES)], VENV, None) == ()


def test_an_interpreter_of_another_version_is_refused(tmp_path: Path) -> None:
    place = Venv(python="3.99", interpreter=sys.executable)
    (recipe,) = bytecode_recipes([wheel(tmp_path, "box", SOURCES)], place, PYTHON)
    with pytest.raises(InstallError, match=f"makes {TAG}, not cpython-399"):
        packed(recipe)


def sizes(*paths: str) -> dict[str, int]:
    return dict.fromkeys(paths, 10)


def test_of_a_collection_only_its_own_files_are_likely() -> None:
    models = [f"big/models/m{n}/{name}.py" for n in range(64) for name in ("__init__", "model")]
    rest = ["big/__init__.py", "big/models/__init__.py", "big/models/auto.py", "big/tests/x.py"]
    assert likely(sizes(*models, *rest), lambda _: "") == sorted(rest[:3])
    fewer = [path for path in models if "/m63/" not in path]
    assert likely(sizes(*fewer), lambda _: "") == sorted(fewer)


def test_of_a_collection_what_the_rest_imports_is_likely() -> None:
    texts = {f"hub/models/m{number}/__init__.py": "" for number in range(70)}
    texts |= {f"hub/models/m{number}/code.py": "" for number in range(70)}
    texts["hub/models/__init__.py"] = "if True:\n    from .m2 import code\n"
    texts["hub/loading.py"] = "from .models.m1.code import one\n"
    texts["hub/__init__.py"] = ""
    found = likely(dict.fromkeys(texts, 1000), lambda path: texts[path])
    assert found == [
        "hub/__init__.py", "hub/loading.py", "hub/models/__init__.py",
        "hub/models/m1/__init__.py", "hub/models/m1/code.py",
    ]  # fmt: skip


def test_of_a_large_wheel_what_its_packages_import_is_likely() -> None:
    texts = {
        "big/__init__.py": "import os, big.direct as d\nif True:\n    from .inside import x\n",
        "big/direct.py": "from . import (  # x\n    sibling,\n)\ndef f():\n    import big.lazy\n",
        "big/inside.py": "from big.deep.part import y\n",
        "big/sibling.py": "from ..beyond import z\n",
        "big/deep/__init__.py": "",
        "big/deep/part.py": "",
        "big/deep/er/__init__.py": "",
        "big/deep/er/est/__init__.py": "",
        "big/lazy.py": "",
        "single.py": "",
    }
    whole = likely(dict.fromkeys(texts, 2_000_000), lambda path: texts[path])
    assert whole == sorted(texts.keys() - {"big/lazy.py", "big/deep/er/est/__init__.py"})
    assert likely(sizes(*texts), lambda path: texts[path]) == sorted(texts)


def test_a_run_is_the_same_first_or_last(tmp_path: Path) -> None:
    """Whatever the process has compiled before: each run is a fork of one that has not."""
    boxes = [
        wheel(tmp_path, name, {f"{name}/__init__.py": text})
        for name, text in (
            ("one", b"def alpha(beta):\n    return {'gamma': beta}\n"),
            ("two", b"class Alpha:\n    gamma = 'beta'\n    delta = 'alpha'\n"),
        )
    ]
    both = bytecode_recipes(boxes, VENV, PYTHON)
    assert len(both) == 2
    forward = [packed(recipe)[1].digest for recipe in both]
    again = bytecode_recipes(boxes, VENV, PYTHON)
    backward = [packed(recipe)[1].digest for recipe in reversed(again)]
    assert forward == backward[::-1]


@pytest.mark.parametrize("method", [0, 8, 12, 14])
def test_sources_are_read_however_they_are_compressed(tmp_path: Path, method: int) -> None:
    box = wheel(tmp_path, "box", SOURCES, method=method)
    (recipe,) = bytecode_recipes([box], VENV, PYTHON)
    assert len(files_of(packed(recipe)[1])) == 2


def test_a_program_that_is_no_python_is_told(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho no, never\nexit 3\n")
    program.chmod(0o755)
    (recipe,) = bytecode_recipes([wheel(tmp_path, "box", SOURCES)], VENV, program)
    with pytest.raises(InstallError, match="byte code cannot be made"):
        packed(recipe)
