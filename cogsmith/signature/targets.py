"""Which class or function a reference means, and which of its methods is called."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import field

from cogsmith.errors import Problem, SignatureError
from cogsmith.signature.classes import Ancestor, ancestry, symbol_of
from cogsmith.signature.modules import External, Located, Module, Project, canonical, place
from cogsmith.values import dataclass

__all__ = ["Callable", "Target", "ancestors", "defined", "find", "is_generator", "marks", "method"]

Callable = ast.FunctionDef | ast.AsyncFunctionDef
FRAMEWORK = frozenset({"cog.BasePredictor", "cog.BaseRunner", "builtins.object"})


@dataclass(frozen=True, slots=True)
class Target:
    """The callable that makes a prediction, its module, and the class it belongs to."""

    module: Module
    node: Callable
    name: str
    owner: Located | None = None
    warnings: tuple[Problem, ...] = field(default=())


def find(project: Project, reference: str, *, train: bool) -> Target:
    """The callable behind ``file.py:Name`` or ``file.py``. Raises SignatureError."""
    path, _, name = reference.partition(":")
    path = path.removeprefix("./")
    module = project.file(path) if path else None
    if module is None:
        raise SignatureError(
            f"{path or repr(reference)} not found",
            where=reference or "the reference",
            hint=f'create {path or "the file"}, or correct the reference: "file.py:Name"',
        )
    if name:
        return _named(project, module, name, train=train)
    return _train_default(project, module) if train else _default(project, module)


def _named(project: Project, module: Module, name: str, *, train: bool) -> Target:
    symbol = project.own(module, name)
    if isinstance(symbol, Located) and isinstance(symbol.binding, ast.ClassDef):
        return _of_class(project, symbol, name, train=train)
    if isinstance(symbol, Located) and isinstance(symbol.binding, Callable):
        return Target(symbol.module, symbol.binding, symbol.binding.name)
    if isinstance(symbol, External):
        raise SignatureError(
            f'"{name}" is imported from outside the project: {symbol.origin}',
            where=module.path,
            hint=f"define class {name} in the project; it may inherit",
        )
    classes = [one for one, node in module.names.items() if isinstance(node, ast.ClassDef)]
    hint = f"it defines {', '.join(classes)}" if classes else f"define class {name} there"
    raise SignatureError(f'"{name}" not found in {module.path}', where=module.path, hint=hint)


def _default(project: Project, module: Module) -> Target:
    """Without a name: Runner if it can be used, else Predictor, as in Cog."""
    has = {name: project.own(module, name) is not None for name in ("Runner", "Predictor")}
    if not any(has.values()):
        raise SignatureError(
            f"{module.path} has no Runner or Predictor",
            where=module.path,
            hint=f"define class Predictor there, or name yours: {module.path}:Name",
        )
    if not has["Runner"]:
        return _named(project, module, "Predictor", train=False)
    try:
        found = _named(project, module, "Runner", train=False)
    except SignatureError:
        if not has["Predictor"]:
            raise
        return _named(project, module, "Predictor", train=False)
    if not has["Predictor"]:
        return found
    doubt = Problem(
        "both Runner and Predictor are defined; Runner is used",
        where=place(found.module, found.node),
        hint=f'name the one you mean: "{module.path}:Predictor"',
    )
    return Target(found.module, found.node, found.name, found.owner, (doubt,))


def _train_default(project: Project, module: Module) -> Target:
    for name in ("train", "Trainer"):
        if project.own(module, name) is not None:
            return _named(project, module, name, train=True)
    raise SignatureError(
        f"{module.path} has no train function", where=module.path, hint="define def train(...)"
    )


def _of_class(project: Project, owner: Located, name: str, *, train: bool) -> Target:
    assert isinstance(owner.binding, ast.ClassDef)
    wanted = ("train", "run", "predict") if train else ("run", "predict")
    found = {one: method(project, owner, one) for one in wanted}
    there = {one: node for one, node in found.items() if node is not None}
    where = place(owner.module, owner.binding)
    if "run" in there and "predict" in there and "train" not in there:
        raise SignatureError(
            f'"{name}" must define either run() or predict(), not both',
            where=where,
            hint="remove one of them",
        )
    for one in wanted:
        if one in there:
            located = there[one]
            node = located.binding
            assert isinstance(node, Callable)
            return Target(located.module, node, one, owner)
    raise _without_method(project, owner, name, where, wanted)


def _without_method(
    project: Project, owner: Located, name: str, where: str, wanted: tuple[str, ...]
) -> SignatureError:
    unseen = [
        one.origin
        for one in ancestors(project, owner)
        if one.origin and one.origin not in FRAMEWORK
    ]
    words = " or ".join(f"{one}()" for one in wanted)
    inherited = f"; {', '.join(unseen)} cannot be looked into" if unseen else ""
    return SignatureError(
        f'"{name}" must define {words}{inherited}',
        where=where,
        hint=f"add def {wanted[0 if len(wanted) == 3 else -1]}(self, ...) to the class",
    )


def ancestors(project: Project, owner: Located) -> tuple[Ancestor, ...]:
    """The class that owns a callable, and what it inherits from."""
    assert isinstance(owner.binding, ast.ClassDef)
    return ancestry(project, owner.module, owner.binding)


def method(project: Project, owner: Located, name: str) -> Located | None:
    """A method that the author wrote, in the class or an ancestor before Cog's own bases."""
    for one in ancestors(project, owner):
        if one.origin in FRAMEWORK:
            return None
        if one.node is not None and one.module is not None:
            node = defined(one.node.body, name)
            if node is not None:
                return Located(one.module, node)
    return None


def defined(body: list[ast.stmt], name: str) -> Callable | None:
    """The last function of that name among the statements, branches included."""
    found: Callable | None = None
    for statement in body:
        if isinstance(statement, Callable) and statement.name == name:
            found = statement
        elif isinstance(statement, ast.If | ast.Try | ast.With):
            found = defined(statement.body, name) or found
    return found


def marks(project: Project, module: Module, node: Callable) -> Iterator[tuple[str, ast.expr]]:
    """The decorators by the names they mean: ``cog.streaming``."""
    for decorator in node.decorator_list:
        head = decorator.func if isinstance(decorator, ast.Call) else decorator
        symbol = symbol_of(project, module, head)
        if isinstance(symbol, External):
            yield canonical(symbol.origin), decorator


def is_generator(node: Callable) -> bool:
    """Whether the function itself yields."""
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(one)
    return False
