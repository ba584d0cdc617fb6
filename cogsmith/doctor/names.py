"""Cog's newer names: ``run`` for ``predict``, ``Runner`` for ``Predictor``.

Both words are good here; Cog calls the older ones deprecated from 0.22 on. What it says of them
and what ``--fix`` makes of them is kept word for word, because programs rely on it: the starter
shape, ``predict.py:Predictor``, becomes ``run.py:Runner``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from cogsmith.config import parse
from cogsmith.doctor.finding import Finding, Severity, Topic
from cogsmith.doctor.project import Change, Project
from cogsmith.doctor.source import Edit, Source, parse_source
from cogsmith.errors import ConfigError

__all__ = ["name_changes", "name_findings", "obstacle"]

STARTER = ("predict", "predict.py", "Predictor")
BASE, NEW_BASE = "BasePredictor", "BaseRunner"
BOTH = "nothing has to be done: here both words are good"
FIX = f"{BOTH}; with --fix the model gets Cog's newer names, run.py:Runner"

_KEY = re.compile(
    rb"""^(["']?)predict\1[ \t]*:[ \t]*          # the key
    (["']?)(?:\./)?predict\.py:Predictor\2     # its value
    (?=[ \t]*(?:\#.*)?\r?$)                   # what follows on the line stays""",
    re.MULTILINE | re.VERBOSE,
)
_TRAIN = re.compile(
    rb"""^(["']?train["']?[ \t]*:[ \t]*["']?(?:\./)?)predict(?=\.py:)""", re.MULTILINE
)
_IMPORTED = re.compile(rb"^\s*(?:from\s+predict\s+import\b|import\s+predict\b)", re.MULTILINE)


def name_findings(project: Project) -> Iterator[Finding]:
    """A note for each place where the older names stand."""
    config = project.config
    if config is None or not config.predict:
        return
    fixable = not obstacle(project)
    yield Finding(
        topic=Topic.NAMES, severity=Severity.NOTE, where=project.file,
        message="predict in cog.yaml is deprecated in Cog from 0.22 on, which says run",
        hint=FIX if fixable else BOTH, fixable=fixable,
    )  # fmt: skip
    if _is_starter(project) and b"class Predictor" in project.sources.get(STARTER[1], b""):
        yield Finding(
            topic=Topic.NAMES, severity=Severity.NOTE, where=STARTER[1],
            message="Predictor, BasePredictor and predict() are Runner, BaseRunner and run() there",
            hint=FIX if fixable else BOTH, fixable=fixable,
        )  # fmt: skip


def _is_starter(project: Project) -> bool:
    return STARTER in project.references


def obstacle(project: Project) -> str:
    """Why the names cannot be changed; "" when they can, " " when nobody would ask for it."""
    if not _is_starter(project) or STARTER[1] not in project.sources:
        return " "
    if "run.py" in project.names:
        return "run.py already exists"
    if not _KEY.search(project.text):
        return f"the line of predict in {project.file} is written in an unusual way"
    others = [name for name, text in project.configs.items() if b"predict.py" in text]
    if others:
        return f"{', '.join(others)} names predict.py, too"
    users = [p for p, text in project.sources.items() if p != STARTER[1] and _IMPORTED.search(text)]
    if users:
        return f"{', '.join(users)} imports predict"
    source = parse_source(project.sources[STARTER[1]])
    if source is None:
        return "predict.py cannot be read"
    return _unusual(source) or _old_cog(project)


def _unusual(source: Source) -> str:
    """What in predict.py a change of names would not see."""
    classes = [n for n in source.tree.body if isinstance(n, ast.ClassDef) and n.name == "Predictor"]
    if len(classes) != 1:
        return "predict.py does not have one class Predictor"
    methods = [
        n.name for n in classes[0].body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    if methods.count("predict") != 1 or "run" in methods:
        return "Predictor does not have predict() alone"
    bound = {n.id for n in ast.walk(source.tree) if isinstance(n, ast.Name)}
    bound |= {getattr(n, "name", "") for n in ast.walk(source.tree)}
    if bound & {"Runner", NEW_BASE}:
        return "predict.py uses the name Runner already"
    return ""


def _old_cog(project: Project) -> str:
    """BaseRunner came with cog 0.20."""
    version = project.config.build.sdk_version if project.config else None
    match = re.match(r"0\.(\d+)", version or "")
    return f"cog {version} has no BaseRunner" if match and int(match[1]) < 20 else ""


def name_changes(project: Project) -> tuple[Change, ...]:
    """run.py in predict.py's place, and the config that names it; () where that cannot be."""
    if obstacle(project):
        return ()
    text = _TRAIN.sub(rb"\1run", _KEY.sub(b'run: "run.py:Runner"', project.text))
    try:
        made = parse(text.decode("utf-8-sig"), where=project.file)
    except (ConfigError, UnicodeDecodeError):
        return ()
    source = parse_source(project.sources[STARTER[1]])
    if made.run != "run.py:Runner" or source is None:
        return ()
    return (
        Change("run.py", source.edited(_edits(source)), new=True),
        Change(project.file, text),
        Change(STARTER[1], None),
    )


def _edits(source: Source) -> Iterator[Edit]:
    """The class, its method, its base, and where they are used."""
    predictor = next(
        n for n in source.tree.body if isinstance(n, ast.ClassDef) and n.name == "Predictor"
    )
    yield source.named(predictor, "Runner")
    for method in predictor.body:
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and method.name == "predict":
            yield source.named(method, "run")
    for old, new in (("Predictor", "Runner"), (BASE, NEW_BASE)):
        for use in source.uses(old):
            yield Edit(source.start(use), source.end(use), new.encode())
    yield from _of_imports(source)
    yield from _of_calls(source, predictor)


def _of_imports(source: Source) -> Iterator[Edit]:
    for node in source.imports():
        for alias in node.names:
            if node.module in ("cog", "cog.predictor") and alias.name == BASE:
                start = source.start(alias)
                yield Edit(start, start + len(BASE), NEW_BASE.encode())
    for inner in ast.walk(source.tree):
        if isinstance(inner, ast.Attribute) and ast.unparse(inner) == f"cog.{BASE}":
            yield source.attribute(inner, NEW_BASE)


def _of_calls(source: Source, predictor: ast.ClassDef) -> Iterator[Edit]:
    """``self.predict`` in the class, ``Predictor().predict``, and variables that hold one."""
    inside = set(ast.walk(predictor))
    holders = {
        target.id
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Assign) and _is_made(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr == "predict":
            owner = node.value
            of_self = node in inside and isinstance(owner, ast.Name) and owner.id == "self"
            of_holder = isinstance(owner, ast.Name) and owner.id in holders
            if of_self or of_holder or _is_made(owner):
                yield source.attribute(node, "run")


def _is_made(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "Predictor"
