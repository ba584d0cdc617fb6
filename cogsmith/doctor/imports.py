"""Imports of what the ``cog`` package once had: found, and taken out where nothing needs them.

What it has today was read from its release 0.23.1; what it had, from 0.9 to 0.19.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from cogsmith.doctor.finding import Finding, Severity, Topic
from cogsmith.doctor.project import Change, Project
from cogsmith.doctor.reach import reached
from cogsmith.doctor.source import Edit, Source, parse_source

__all__ = ["import_changes", "import_findings"]

WARNING_CLASS = "ExperimentalFeatureWarning"
GONE = frozenset(
    f"cog.{name}"
    for name in (
        "base_input", "base_predictor", "code_xforms", "command", "config", "env_property", "ext",
        "files", "json", "logging", "mimetypes_ext", "schema", "wait", "server.connection",
        "server.errors", "server.eventtypes", "server.exceptions", "server.helpers",
        "server.probes", "server.response_throttler", "server.runner", "server.scope",
        "server.telemetry", "server.useragent", "server.webhook", "server.worker",
    )
)  # fmt: skip
LATER = "import what you need from cog itself"


def import_findings(project: Project) -> Iterator[Finding]:
    """Imports that fail with today's cog, and those that it only bears with."""
    for path, source in _read(project):
        fixed = _edits(source) is not None
        for node in ast.walk(source.tree):
            for message, severity, hint in _said(node):
                ours = WARNING_CLASS in message
                yield Finding(
                    topic=Topic.IMPORTS, severity=severity, message=message,
                    where=f"{path}:{getattr(node, 'lineno', 1)}", hint=hint,
                    fixable=ours and fixed,
                )  # fmt: skip


def import_changes(project: Project) -> tuple[Change, ...]:
    """The files without the class that was removed, its import and its filter of warnings."""
    changes = []
    for path, source in _read(project):
        edits = _edits(source)
        if edits:
            changes.append(Change(path, source.edited(edits)))
    return tuple(changes)


def _read(project: Project) -> Iterator[tuple[str, Source]]:
    """The files of the model that can be read."""
    for path in reached(project.sources, *(file for _, file, _ in project.references)):
        source = parse_source(project.sources[path])
        if source is not None:
            yield path, source


def _said(node: ast.AST) -> Iterator[tuple[str, Severity, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if _is_gone(alias.name):
                yield f"{alias.name} was removed from cog", Severity.ERROR, LATER
    if not isinstance(node, ast.ImportFrom) or node.level or not node.module:
        return
    if _is_gone(node.module):
        yield f"{node.module} was removed from cog", Severity.ERROR, LATER
        return
    for alias in node.names:
        yield from _of_name(node.module, alias.name)


def _of_name(module: str, name: str) -> Iterator[tuple[str, Severity, str]]:
    if name == WARNING_CLASS and module == "cog.types":
        hint = "take the import out, and the filter of warnings that names it"
        yield f"{name} was removed from cog.types", Severity.ERROR, hint
    elif name == WARNING_CLASS and module == "cog":
        hint = "take the import out, and the filter of warnings that names it"
        yield f"{name} will be removed from cog", Severity.WARNING, hint
    elif module == "cog" and name == "emit_metric":
        hint = "write current_scope().record_metric(name, value)"
        yield "emit_metric is deprecated", Severity.WARNING, hint
    elif _is_gone(f"{module}.{name}"):
        yield f"{module}.{name} was removed from cog", Severity.ERROR, LATER


def _is_gone(module: str) -> bool:
    return any(module == gone or module.startswith(f"{gone}.") for gone in GONE)


def _edits(source: Source) -> list[Edit] | None:
    """Take the class out; None where something else needs it. Empty where it is not there."""
    from_cog = [
        node
        for node in source.imports()
        if node.module in ("cog", "cog.types")
        and any(alias.name == WARNING_CLASS for alias in node.names)
    ]
    aliases = [a for node in from_cog for a in node.names if a.name == WARNING_CLASS]
    if any(alias.asname for alias in aliases):
        return None
    filters = [node for node in ast.walk(source.tree) if _is_filter(node)]
    inside = [n for one in filters for n in ast.walk(one) if isinstance(n, ast.Name)]
    if any(use not in inside for use in source.uses(WARNING_CLASS)):
        return None
    found: list[Edit | None] = [source.without_names(n, {WARNING_CLASS}) for n in from_cog]
    found += [source.without(one) for one in filters if isinstance(one, ast.stmt)]
    found += _unused_warnings(source, inside) if filters else []
    edits = [edit for edit in found if edit is not None]
    return edits if len(edits) == len(found) else None


def _is_filter(node: ast.AST) -> bool:
    """``warnings.filterwarnings(..., category=ExperimentalFeatureWarning)``, or its like."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    called = ast.unparse(node.value.func).rpartition(".")[2]
    names = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
    return called in ("filterwarnings", "simplefilter") and WARNING_CLASS in names


def _unused_warnings(source: Source, inside: list[ast.Name]) -> list[Edit | None]:
    """``import warnings`` goes, too, when the filters were all that it was for."""
    if any(use not in inside for use in source.uses("warnings")):
        return []
    return [
        source.without(node)
        for node in source.tree.body
        if isinstance(node, ast.Import) and [(a.name, a.asname) for a in node.names] == PLAIN
    ]


PLAIN = [("warnings", None)]
