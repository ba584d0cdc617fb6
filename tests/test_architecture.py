"""The constitution: who may import whom, who may touch the world, and the budgets (DESIGN §4-6).

To add an arrow or an edge, change the tables here, with an ADR in the same commit.
"""

from __future__ import annotations

import ast
import importlib
import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cogsmith"

# room -> the rooms of ours that it may import; every room may import errors and values.
ARROWS: dict[str, set[str]] = {
    "errors": set(),
    "values": set(),
    "door": set(),
    "process": set(),
    "oci": set(),
    "registry": {"oci", "process"},
    "config": set(),
    "signature": set(),
    "environment": {"config", "door", "process"},
    "weights": {"config", "oci", "process"},
    "image": {"door", "oci", "config", "environment", "signature", "process", "weights"},
    "cases": {"config", "prediction", "runtime", "signature"},
    "contract": {"signature"},
    "container": {"image", "prediction", "signature"},
    "deploy": {"config", "oci", "process"},
    "doctor": {"config", "environment", "process", "signature"},
    "pipeline": set(),
    "adapters": {"oci", "engine"},
    "prediction": set(),
    "engine": set(),
    "runtime": {"signature", "prediction"},
    "cli": {
        "config", "signature", "environment", "prediction", "engine", "runtime", "process", "oci",
        "registry", "image", "weights", "cases", "contract", "container", "deploy", "doctor",
        "pipeline", "adapters",
    },
    "testing": {
        "config", "signature", "environment", "prediction", "engine", "runtime", "process", "oci",
        "registry", "image", "weights", "cases", "contract", "container", "deploy", "doctor",
        "pipeline", "adapters",
    },
    "predictors": {"engine"},
}  # fmt: skip

# Rooms that are one file: their door is the file itself.
SINGLE = {"errors", "process", "values", "door"}

# What goes into the image and beside the author's code: it imports nothing else of ours.
CLOSED = {"errors", "values", "signature", "prediction", "engine", "runtime"}

# Edge modules: these may touch disk, network, processes, clocks and environment variables.
EDGES = {
    "process", "config.load", "signature.load", "oci.layout", "registry.client",
    "registry.credentials", "registry.ledger", "registry.transport", "environment.load",
    "environment.machine", "environment.resolve", "environment.install",
    "environment.fetch", "environment.build_wheel",
    "image.store", "image.project", "image.wheels.archive", "image.compiler", "image.engine",
    "image.debs.fetch", "image.trust.metadata", "weights.store", "weights.fetch",
    "image.docker.build", "image.docker.settings", "image.docker.tools",
    "image.docker.python_build",
    "cases.load", "cases.run", "container.engine", "container.guard", "container.http",
    "container.podman", "container.running", "container.terminal",
    "deploy.apply", "doctor.look", "doctor.mend", "adapters.files", "engine.adapters",
    "engine.transformers", "engine.vllm", "runtime.worker", "runtime.process", "cli", "testing",
    "prediction.send", "prediction.wire",  # webhooks
    "runtime.files", "runtime.page", "runtime.image", "runtime.__main__", "runtime.probe",
    "runtime.server.app", "runtime.server.http", "runtime.server.connection",
    "runtime.server.exchange", "runtime.server.pool", "runtime.server.tracing",
    "predictors",  # the author's side: their code, in their process
}  # fmt: skip
WORLD_MODULES = {
    "subprocess", "socket", "shutil", "tempfile", "urllib.request", "http", "httpx", "signal",
    "fcntl", "selectors", "multiprocessing",
}  # fmt: skip
WORLD_NAMES = {"open", "input", "print"}
WORLD_ATTRIBUTES = {
    "os.environ", "os.getenv", "os.open", "os.system", "os.kill", "os.remove", "os.unlink",
    "time.time", "time.sleep", "time.monotonic", "time.perf_counter", "datetime.now",
    "datetime.utcnow",
}  # fmt: skip
WORLD_METHODS = {
    "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "unlink", "rmdir", "iterdir",
    "glob", "rglob", "exists", "is_file", "is_dir", "stat", "touch", "rename", "symlink_to",
}  # fmt: skip

# The two boundaries (DESIGN, D9), and the worker's child: the author's code may raise anything.
BROAD_EXCEPT = {"cli.main", "runtime.server.http", "runtime.worker"}

# What runs in the front process, or beside an engine, and may import more than the standard
# library: docs/adr/0002-dependencies.md.
EQUIPPED = ("engine.transformers", "engine.vllm", "runtime.server")


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name inside the package and its tree."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.name.split(".")[0]

    def inside(self, places: set[str]) -> bool:
        return any(self.name == place or self.name.startswith(f"{place}.") for place in places)


def modules() -> list[Module]:
    found = []
    for path in sorted([*PACKAGE.rglob("*.py"), *(ROOT / "predictors").rglob("*.py")]):
        relative = path.relative_to(PACKAGE if PACKAGE in path.parents else ROOT)
        if "templates" in relative.parts or relative.parts[:2] == ("testing", "predictors"):
            continue  # the author's side: example code that we ship as data
        name = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
        found.append(Module(name, path, ast.parse(path.read_text("utf-8"))))
    return [module for module in found if module.name != "__init__"]


MODULES = modules()


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def ours(tree: ast.AST) -> set[tuple[int, str, str]]:
    """The rooms of ours that are imported: line, room, whole name."""
    found = set()
    for line, name in imports(tree):
        parts = name.split(".")
        if parts[0] == "cogsmith" and len(parts) > 1 and not parts[1].startswith("__"):
            found.add((line, parts[1], name))
        elif parts[0] == "predictors" and len(parts) > 1:
            found.add((line, "predictors", name))
    return found


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = node.body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]


def offenders(found: list[str]) -> None:
    assert not found, "\n" + "\n".join(found)


def test_every_module_belongs_to_a_room_of_the_design() -> None:
    offenders([str(m.path) for m in MODULES if m.room not in ARROWS])


def test_arrows() -> None:
    found = [
        f"{module.path}:{line}: {module.room} may not import {room}"
        for module in MODULES
        for line, room, _ in sorted(ours(module.tree))
        if room not in {module.room, "errors", "values"} | ARROWS[module.room]
    ]
    offenders(found)


def test_the_closed_set_stays_closed() -> None:
    for room in CLOSED:
        assert ARROWS[room] <= CLOSED


def test_other_rooms_come_in_by_the_door() -> None:
    found = []
    for module in MODULES:
        for line, room, name in sorted(ours(module.tree)):
            inner = name.split(".")[2:]
            if inner and room not in {module.room, "predictors"} | SINGLE:
                door = importlib.import_module(f"cogsmith.{room}")
                if inner[0] not in door.__all__ or len(inner) > 1:
                    found.append(f"{module.path}:{line}: {name} goes around {room}'s door")
    offenders(found)


def test_no_import_cycles() -> None:
    names = {module.name for module in MODULES}
    graph: dict[str, set[str]] = {}
    for module in MODULES:
        top = [n for n in module.tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
        wanted = {name.removeprefix("cogsmith.") for node in top for _, name in imports(node)}
        graph[module.name] = {name for name in wanted if name in names and name != module.name}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail[trail.index(name) :], name])
        if name not in done:
            for other in sorted(graph[name]):
                visit(other, (*trail, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())


def test_no_hidden_imports_of_our_own() -> None:
    found = []
    for module in MODULES:
        for function in functions(module):
            found += [
                f"{module.path}:{line}: {name} is imported inside {function.name}()"
                for line, _, name in sorted(ours(function))
                if module.room != "cli"
            ]
    offenders(found)


def test_only_edges_touch_the_world() -> None:
    found = []
    for module in MODULES:
        if module.inside(EDGES):
            continue
        for line, name in imports(module.tree):
            if name in WORLD_MODULES or name.split(".")[0] in WORLD_MODULES - {"urllib.request"}:
                found.append(f"{module.path}:{line}: imports {name}")
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call | ast.Attribute):
                continue
            text = ast.unparse(node.func if isinstance(node, ast.Call) else node)
            last = text.rsplit(".", 1)[-1]
            called = isinstance(node, ast.Call)
            if (
                (called and text in WORLD_NAMES)
                or text in WORLD_ATTRIBUTES
                or (called and "." in text and last in WORLD_METHODS)
            ):
                found.append(f"{module.path}:{node.lineno}: {text}")
    offenders(sorted(set(found)))


def test_doors_name_what_goes_out() -> None:
    for room in sorted({m.room for m in MODULES} - {"predictors"}):
        door = importlib.import_module(f"cogsmith.{room}")
        assert door.__doc__, f"{room}: a door says what the room is"
        names = door.__all__
        assert list(names) == sorted(names), f"{room}: __all__ is sorted"
        missing = [name for name in names if getattr(door, name, None) is None]
        assert not missing, f"{room}: __all__ names {missing} that are not there"


def test_functions_stay_short() -> None:
    sizes = [
        (body_lines(f), f"{m.path}:{f.lineno} {f.name}") for m in MODULES for f in functions(m)
    ]
    lengths = sorted(size for size, _ in sizes)
    offenders([f"{where}: {size} lines" for size, where in sizes if size > 60])
    assert statistics.median(lengths) <= 7
    assert lengths[len(lengths) * 9 // 10] <= 25


def test_modules_stay_short() -> None:
    sizes = [(len(m.path.read_text("utf-8").splitlines()), m.path) for m in MODULES]
    offenders([f"{path}: {size} lines" for size, path in sizes if size > 500])


def test_functions_take_few_parameters() -> None:
    found = []
    for module in MODULES:
        if module.room in {"predictors", "cli"}:
            continue  # predict's parameters are its API; a command's are its options
        for f in functions(module):
            names = [a.arg for a in [*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs]]
            count = len([name for name in names if name not in {"self", "cls"}])
            if count > 5 and f.name != "__init__":
                found.append(f"{module.path}:{f.lineno} {f.name}: {count} parameters")
    offenders(found)


def test_broad_except_only_at_the_boundaries() -> None:
    found = []
    for module in MODULES:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler) and not module.inside(BROAD_EXCEPT):
                if ast.unparse(node.body[-1]) == "raise":
                    continue  # cleans up and passes it on
                text = ast.unparse(node.type) if node.type else "everything"
                if node.type is None or {"Exception", "BaseException"} & set(
                    text.strip("()").split(", ")
                ):
                    found.append(f"{module.path}:{node.lineno}: except {text}")
    offenders(found)


def test_no_global_statements() -> None:
    found = [
        f"{m.path}:{node.lineno}"
        for m in MODULES
        for node in ast.walk(m.tree)
        if isinstance(node, ast.Global)
    ]
    offenders(found)


def test_no_rooms_without_a_noun() -> None:
    forbidden = {"utils", "util", "common", "manager", "helpers", "helper", "core", "misc", "base"}
    offenders([str(m.path) for m in MODULES if set(m.name.split(".")) & forbidden])


def test_tests_hardly_mock() -> None:
    words = ("mock.", "MagicMock", "monkeypatch.setattr", "patch(")
    tests = sorted((ROOT / "tests").rglob("test_*.py"))
    texts = [p.read_text("utf-8") for p in tests if p.name != "test_architecture.py"]
    lines = [line for text in texts for line in text.splitlines() if any(w in line for w in words)]
    count = sum(text.count("\ndef test_") + text.count("\n    def test_") for text in texts)
    assert len(lines) <= 3 * count / 100, lines


@pytest.mark.parametrize("room", sorted(CLOSED))
def test_rooms_beside_the_author_import_the_standard_library_alone(room: str) -> None:
    allowed = set(sys.stdlib_module_names) | {"cogsmith", "__future__"}
    found = []
    for module in MODULES:
        if module.room != room or module.name.startswith(EQUIPPED):
            continue
        for node in module.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                found += [
                    f"{module.path}:{line}: {name}"
                    for line, name in imports(node)
                    if name.split(".")[0] not in allowed
                ]
    offenders(found)
