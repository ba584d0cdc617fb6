"""Output classes that are pydantic's models: found, and made cog's where that changes nothing else.

Today's cog does not need pydantic, and its own BaseModel makes dataclasses. Pydantic is not in a
model's environment unless its requirements say so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from cogsmith.doctor.finding import Finding, Severity, Topic
from cogsmith.doctor.project import Change, Project
from cogsmith.doctor.reach import reached
from cogsmith.doctor.source import Edit, Source, parse_source

__all__ = ["output_changes", "output_findings"]

CALLS = frozenset({"predict", "run", "train"})
PLAIN = frozenset({"BaseModel", "ConfigDict"})
SETTING = "arbitrary_types_allowed"
# What pydantic's models can do and cog's cannot.
METHODS = frozenset(
    {
        "copy", "dict", "json", "model_copy", "model_dump", "model_dump_json", "model_fields",
        "model_validate", "parse_obj",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _File:
    """A file with classes made from pydantic's BaseModel; ``outputs`` are those of the API."""

    path: str
    source: Source
    models: tuple[ast.ClassDef, ...]
    outputs: tuple[ast.ClassDef, ...] = field(default=())


def output_findings(project: Project) -> Iterator[Finding]:
    """Every output class that descends from pydantic.BaseModel itself."""
    for file in _files(project):
        fixable = _edits(file) is not None
        by_hand = "" if fixable else ", and do without what only pydantic has"
        for node in file.outputs:
            yield Finding(
                topic=Topic.OUTPUTS, severity=Severity.ERROR, where=f"{file.path}:{node.lineno}",
                message=f"{node.name} is a pydantic.BaseModel; outputs are made from cog.BaseModel",
                hint=f"import BaseModel from cog{by_hand}", fixable=fixable,
            )  # fmt: skip


def output_changes(project: Project) -> tuple[Change, ...]:
    """The files with cog's BaseModel in the place of pydantic's."""
    changes = []
    for file in _files(project):
        edits = _edits(file)
        if edits and file.outputs:
            changes.append(Change(file.path, file.source.edited(edits)))
    return tuple(changes)


def _files(project: Project) -> list[_File]:
    """The files of the model that hold output classes made from pydantic's."""
    paths = reached(project.sources, *(file for _, file, _ in project.references))
    sources = {path: parse_source(project.sources[path]) for path in paths}
    trees = [source.tree for source in sources.values() if source]
    wanted = _wanted(trees)
    found = []
    for path, source in sources.items():
        models = tuple(_models(source)) if source else ()
        outputs = tuple(node for node in models if node.name in wanted)
        if source and outputs:
            found.append(_File(path, source, models, outputs))
    return found


def _wanted(trees: list[ast.Module]) -> set[str]:
    """The names of the classes that stand in return annotations, with all that is in them."""
    nodes = [node for tree in trees for node in ast.walk(tree)]
    classes = {node.name: node for node in nodes if isinstance(node, ast.ClassDef)}
    waiting = [
        name
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in CALLS
        for name in _names(node.returns)
    ]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in classes and name not in found:
            found.add(name)
            waiting += [n for base in classes[name].bases for n in _names(base)]
            for inner in classes[name].body:
                if isinstance(inner, ast.AnnAssign):
                    waiting += _names(inner.annotation)
    return found


def _names(node: ast.expr | None) -> list[str]:
    """The plain names in an annotation, also in one that is written as a text."""
    found = []
    for inner in ast.walk(node) if node else ():
        if isinstance(inner, ast.Name):
            found.append(inner.id)
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            try:
                found += _names(ast.parse(inner.value, mode="eval").body)
            except (SyntaxError, ValueError):
                continue
    return found


def _models(source: Source) -> Iterator[ast.ClassDef]:
    """The classes whose base is pydantic's BaseModel."""
    local = {
        alias.asname or alias.name
        for node in source.imports()
        if node.module == "pydantic"
        for alias in node.names
        if alias.name == "BaseModel"
    }
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base) for base in node.bases}
            if bases & (local | {"pydantic.BaseModel"}):
                yield node


def _edits(file: _File) -> list[Edit] | None:
    """Cog's BaseModel in pydantic's place; None where more than the import would change."""
    source = file.source
    imports = [n for n in source.imports() if (n.module or "").split(".")[0] == "pydantic"]
    aliases = [alias for node in imports for alias in node.names]
    plain = all(a.name in PLAIN and a.asname is None for a in aliases)
    if not plain or len(imports) != 1 or imports[0].module != "pydantic":
        return None
    if set(file.models) != set(file.outputs) or _is_used_otherwise(file):
        return None
    found: list[Edit | None] = [*_settings(file)]
    cogs = next((n for n in source.imports() if n.module == "cog" and _is_list(n)), None)
    if cogs is None:
        whole = Edit(source.start(imports[0]), source.end(imports[0]), b"from cog import BaseModel")
        found.append(whole)
    else:
        found.append(source.without(imports[0]))
        if not any(alias.name == "BaseModel" for alias in cogs.names):
            found.append(source.with_name(cogs, "BaseModel"))
    edits = [edit for edit in found if edit is not None]
    return edits if len(edits) == len(found) else None


def _is_list(node: ast.ImportFrom) -> bool:
    return node.names[0].name != "*"


def _settings(file: _File) -> Iterator[Edit | None]:
    """``model_config`` and ``class Config`` go: cog's BaseModel takes any type."""
    for node in file.models:
        for inner in node.body:
            if _is_setting(inner):
                yield file.source.without(inner)


def _is_setting(node: ast.stmt) -> bool:
    """Whether a statement does nothing but allow any type."""
    if isinstance(node, ast.ClassDef) and node.name == "Config":
        texts = [ast.unparse(inner) for inner in node.body]
        return bool(texts) and all(text.startswith(f"{SETTING} =") for text in texts)
    if not isinstance(node, ast.Assign) or ast.unparse(node.targets[0]) != "model_config":
        return False
    value = node.value
    if isinstance(value, ast.Call) and not value.args and ast.unparse(value.func) == "ConfigDict":
        return {keyword.arg for keyword in value.keywords} <= {SETTING}
    return False


def _is_used_otherwise(file: _File) -> bool:
    """Whether the file needs what only pydantic has."""
    tree = file.source.tree
    gone = [
        n for c in file.models for inner in c.body if _is_setting(inner) for n in ast.walk(inner)
    ]
    bases = [base for node in file.models for base in node.bases]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            return True
        if isinstance(node, ast.Name) and node.id == "ConfigDict" and node not in gone:
            return True
        if isinstance(node, ast.Name) and node.id == "BaseModel" and node not in bases:
            return True
        if isinstance(node, ast.Name) and node.id == "model_config" and node not in gone:
            return True
    configs = [c for m in file.models for c in m.body if getattr(c, "name", "") == "Config"]
    return not all(map(_is_setting, configs))
