"""Defaults and choices: the values of simple expressions, found without running anything.

Constants, names bound to them anywhere in the project, arithmetic, f-strings, comprehensions,
a few built-in functions, members of enums, and calls of project functions that are a single
``return``. What is beyond that is refused by name, with what to write instead.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from cogsmith.errors import SignatureError
from cogsmith.signature.classes import is_enum, member
from cogsmith.signature.modules import (
    Assigned,
    External,
    Module,
    ModuleName,
    Project,
    Symbol,
    Unknown,
    canonical,
    place,
)
from cogsmith.signature.operators import (
    BINARY,
    COMPARE,
    CONSTANTS,
    FUNCTIONS,
    LIMIT,
    METHODS,
    UNARY,
    size,
)
from cogsmith.values import dataclass

__all__ = ["Class", "EnumMember", "Evaluator", "Function", "InputCall", "Scope", "plain"]

STEPS = 50_000
DEPTH = 100
CONVERSIONS: dict[str, Callable[[object], str]] = {"r": repr, "s": str, "a": ascii}
AUTO = External("enum.auto")
ADVICE = "write the value itself, or a module-level constant"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an expression stands: its module, the class it is in, and its local names."""

    module: Module
    owner: ast.ClassDef | None = None
    local: Mapping[str, object] = field(default_factory=dict)

    def having(self, names: Mapping[str, object]) -> Scope:
        """The same place with more local names."""
        return replace(self, local={**self.local, **names})


@dataclass(frozen=True, slots=True)
class InputCall:
    """``Input(...)``, not looked into yet, and the scope of its arguments."""

    call: ast.Call
    scope: Scope


@dataclass(frozen=True, slots=True)
class EnumMember:
    """``Color.RED``."""

    name: str
    value: object


@dataclass(frozen=True, slots=True)
class Unread:
    """A value in a dict that cannot be known: its key still can, and often is all that counts."""

    error: SignatureError


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the project."""

    module: Module
    node: ast.ClassDef


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the project."""

    module: Module
    node: ast.FunctionDef | ast.AsyncFunctionDef
    bound: bool = False


@dataclass(slots=True)
class Evaluator:
    """Finds values; counts its steps, so that no source can keep it busy."""

    project: Project
    steps: int = 0
    depth: int = 0

    def value(self, node: ast.expr, scope: Scope) -> object:
        """The value of an expression. Raises SignatureError where only running it would tell."""
        self.steps += 1
        self.depth += 1
        handler = HANDLERS.get(type(node))
        try:
            if handler is None or self.steps > STEPS or self.depth > DEPTH:
                raise self._refusal(node, scope)
            found = handler(self, node, scope)
        except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise self._refusal(node, scope, str(error).strip("'\"")) from error
        finally:
            self.depth -= 1
        if isinstance(found, Unread):
            raise found.error
        return found

    def _refusal(self, node: ast.expr, scope: Scope, why: str = "") -> SignatureError:
        """The words for an expression that cannot be known from here."""
        text = _short(node)
        because = f": {why}" if why else ""
        hint = ADVICE
        if text.startswith(("os.environ", "os.getenv")):
            hint = "environment variables differ between machines; read them in setup()"
        return SignatureError(
            f"cannot resolve `{text}` without running it{because}",
            where=place(scope.module, node),
            hint=hint,
        )

    def items(self, value: object) -> list[object]:
        """What a loop over a value would see."""
        if isinstance(value, Class):
            return list(self.members(value))
        if isinstance(value, str | list | tuple | dict):
            return list(value)
        raise TypeError("it cannot be looped over")

    def members(self, enum: Class) -> Iterator[EnumMember]:
        """The members of an enum, in order."""
        scope, count = Scope(enum.module, enum.node), 0
        if not is_enum(self.project, enum.module, enum.node):
            raise TypeError(f"{enum.node.name} is not an enum")
        for statement in enum.node.body:
            if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
                continue
            target = statement.targets[0]
            if isinstance(target, ast.Name) and not target.id.startswith("_"):
                count += 1
                yield EnumMember(target.id, self._member_value(statement.value, scope, count))

    def _member_value(self, node: ast.expr, scope: Scope, count: int) -> object:
        """A member's value; ``auto()`` counts from 1."""
        automatic = isinstance(node, ast.Call) and self.value(node.func, scope) == AUTO
        return count if automatic else self.value(node, scope)

    def _name(self, node: ast.Name, scope: Scope) -> object:
        if node.id in scope.local:
            return scope.local[node.id]
        found = member(self.project, scope.module, scope.owner, node.id) if scope.owner else None
        symbol = found or self.project.look_up(scope.module, node.id)
        if symbol is None:
            raise self._refusal(node, scope, f'"{node.id}" is not defined')
        return self._known(symbol, node, scope)

    def _known(self, symbol: Symbol, node: ast.expr, scope: Scope) -> object:
        """The value behind a symbol."""
        if isinstance(symbol, External):
            origin = canonical(symbol.origin)
            return CONSTANTS.get(origin, External(origin))
        if isinstance(symbol, ModuleName):
            return symbol
        binding = symbol.binding
        if isinstance(binding, Unknown):
            raise self._refusal(node, scope, f"it {binding.reason}")
        if isinstance(binding, Assigned):
            return self.value(binding.value, Scope(symbol.module))
        if isinstance(binding, ast.ClassDef):
            return Class(symbol.module, binding)
        return Function(symbol.module, binding)

    def _attribute(self, node: ast.Attribute, scope: Scope) -> object:
        base = self.value(node.value, scope)
        if isinstance(base, External | ModuleName):
            symbol = self.project.attribute(base, node.attr)
            if symbol is None:
                raise self._refusal(node, scope)
            return self._known(symbol, node, scope)
        if isinstance(base, EnumMember) and node.attr in ("name", "value"):
            return getattr(base, node.attr)
        if isinstance(base, Class):
            return self._of_class(base, node, scope)
        raise self._refusal(node, scope)

    def _of_class(self, owner: Class, node: ast.Attribute, scope: Scope) -> object:
        """``Inputs.prompt``: a member of an enum, a class attribute, or a method."""
        if is_enum(self.project, owner.module, owner.node):
            named = {one.name: one for one in self.members(owner)}
            return named[node.attr]
        found = member(self.project, owner.module, owner.node, node.attr)
        if found is None or isinstance(found.binding, Unknown):
            raise self._refusal(node, scope, f"{owner.node.name} has no such attribute")
        if isinstance(found.binding, Assigned):
            return self.value(found.binding.value, Scope(found.module, owner.node))
        known = self._known(found, node, scope)
        if isinstance(known, Function):
            marks = {_short(mark) for mark in known.node.decorator_list}
            return replace(known, bound="classmethod" in marks)
        return known

    def _call(self, node: ast.Call, scope: Scope) -> object:
        if isinstance(node.func, ast.Attribute):
            base = self.value(node.func.value, scope)
            methods = METHODS.get(type(base), {})
            if node.func.attr in methods:
                positional, named = self._arguments(node, scope)
                return methods[node.func.attr](base, *positional, **named)
        called = self.value(node.func, scope)
        if called == External("cog.Input"):
            return InputCall(node, scope)
        if isinstance(called, External) and called.origin in FUNCTIONS:
            return self._built_in(called.origin, node, scope)
        if isinstance(called, Function):
            return self._inline(called, node, scope)
        if isinstance(called, Class) and is_enum(self.project, called.module, called.node):
            (wanted,), _ = self._arguments(node, scope)
            return {one.value: one for one in self.members(called)}[wanted]
        raise self._refusal(node, scope)

    def _built_in(self, origin: str, node: ast.Call, scope: Scope) -> object:
        positional, named = self._arguments(node, scope)
        if len(positional) == 1 and isinstance(positional[0], Class):
            positional = [list(self.members(positional[0]))]
        return FUNCTIONS[origin](*positional, **named)

    def _arguments(self, node: ast.Call, scope: Scope) -> tuple[list[object], dict[str, object]]:
        positional = self._elements(node.args, scope)
        named: dict[str, object] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value, scope)
            if keyword.arg is not None:
                named[keyword.arg] = value
            elif isinstance(value, dict):
                named.update(value)
        return positional, named

    def _inline(self, function: Function, node: ast.Call, scope: Scope) -> object:
        """A function that is one ``return``: its value with the arguments put in."""
        body = function.node.body
        body = body[1:] if ast.get_docstring(function.node) is not None else body
        last = body[0] if len(body) == 1 else None
        if not isinstance(last, ast.Return) or last.value is None:
            raise self._refusal(node, scope, "the function does more than return one expression")
        if isinstance(function.node, ast.AsyncFunctionDef) or function.node.args.posonlyargs:
            raise self._refusal(node, scope)
        return self.value(last.value, self._called(function, node, scope))

    def _called(self, function: Function, node: ast.Call, scope: Scope) -> Scope:
        """The scope inside a function that is called with these arguments."""
        signature = function.node.args
        names = [one.arg for one in signature.args][1 if function.bound else 0 :]
        positional, named = self._arguments(node, scope)
        home = Scope(function.module)
        values = dict(zip(reversed(names), reversed(signature.defaults), strict=False))
        keyword_only = zip(signature.kwonlyargs, signature.kw_defaults, strict=True)
        values |= {one.arg: default for one, default in keyword_only if default is not None}
        given = {**dict(zip(names, positional, strict=False)), **named}
        wanted = {*names, *(one.arg for one in signature.kwonlyargs)}
        if len(positional) > len(names) or not set(given) <= wanted or wanted - {*given, *values}:
            raise self._refusal(node, scope, "the arguments do not fit the function")
        rest = {name: self.value(values[name], home) for name in values.keys() - given.keys()}
        return home.having({**rest, **given})

    def _elements(self, nodes: list[ast.expr], scope: Scope) -> list[object]:
        found: list[object] = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                found += self.items(self.value(node.value, scope))
            else:
                found.append(self.value(node, scope))
        return found

    def _table(self, node: ast.Dict, scope: Scope) -> dict[object, object]:
        found: dict[object, object] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                inner = self.value(value, scope)
                found.update(_as_dict(inner))
            else:
                found[self.value(key, scope)] = self._perhaps(value, scope)
        return found

    def _perhaps(self, node: ast.expr, scope: Scope) -> object:
        try:
            return self.value(node, scope)
        except SignatureError as error:
            return Unread(error)

    def _loops(self, generators: list[ast.comprehension], scope: Scope) -> Iterator[Scope]:
        """The scopes that a comprehension's loops go through."""
        if not generators:
            yield scope
            return
        first, *rest = generators
        if first.is_async:
            raise TypeError("it waits for something")
        for item in self.items(self.value(first.iter, scope)):
            inner = scope.having(_bound(first.target, item))
            if all(self.value(test, inner) for test in first.ifs):
                yield from self._loops(rest, inner)

    def _comprehension(self, node: ast.ListComp | ast.GeneratorExp, scope: Scope) -> list[object]:
        return [self.value(node.elt, inner) for inner in self._loops(node.generators, scope)]

    def _table_comprehension(self, node: ast.DictComp, scope: Scope) -> dict[object, object]:
        inner = self._loops(node.generators, scope)
        return {self.value(node.key, one): self.value(node.value, one) for one in inner}

    def _subscript(self, node: ast.Subscript, scope: Scope) -> object:
        base: Any = self.value(node.value, scope)
        if isinstance(base, Class):
            named = {one.name: one for one in self.members(base)}
            return named[str(self.value(node.slice, scope))]
        index = node.slice
        if isinstance(index, ast.Slice):
            parts = (index.lower, index.upper, index.step)
            return base[
                slice(*(None if part is None else self.value(part, scope) for part in parts))
            ]
        return base[self.value(index, scope)]

    def _joined(self, node: ast.JoinedStr, scope: Scope) -> str:
        return "".join(str(self.value(part, scope)) for part in node.values)

    def _formatted(self, node: ast.FormattedValue, scope: Scope) -> str:
        value = self.value(node.value, scope)
        spec = str(self.value(node.format_spec, scope)) if node.format_spec else ""
        if not isinstance(value, str | int | float | None) or re.search(r"\d{3}", spec):
            raise TypeError("it is not a text or a number")
        if node.conversion != -1:
            value = CONVERSIONS[chr(node.conversion)](value)
        return format(value, spec)

    def _binary(self, node: ast.BinOp, scope: Scope) -> object:
        left, right = self.value(node.left, scope), self.value(node.right, scope)
        return BINARY[type(node.op)](left, right)

    def _compare(self, node: ast.Compare, scope: Scope) -> bool:
        values = self._elements([node.left, *node.comparators], scope)
        pairs = zip(node.ops, values, values[1:], strict=False)
        return all(COMPARE[type(op)](left, right) for op, left, right in pairs)

    def _logic(self, node: ast.BoolOp, scope: Scope) -> object:
        stop_at = isinstance(node.op, ast.Or)
        value: object = None
        for one in node.values:
            value = self.value(one, scope)
            if bool(value) == stop_at:
                break
        return value

    def _choice(self, node: ast.IfExp, scope: Scope) -> object:
        chosen = node.body if self.value(node.test, scope) else node.orelse
        return self.value(chosen, scope)


def _as_dict(value: object) -> dict[object, object]:
    if not isinstance(value, dict):
        raise TypeError("it is not a dict")
    return value


def _bound(target: ast.expr, item: object) -> dict[str, object]:
    if isinstance(target, ast.Name):
        return {target.id: item}
    if isinstance(target, ast.Tuple | ast.List) and isinstance(item, list | tuple):
        pairs = zip(target.elts, item, strict=True)
        return {name: value for one, part in pairs for name, value in _bound(one, part).items()}
    raise TypeError("its loop is not a simple one")


def _short(node: ast.expr, length: int = 60) -> str:
    try:
        text = ast.unparse(node)
    except (RecursionError, ValueError):
        return "..."
    return text if len(text) <= length else text[: length - 3] + "..."


def plain(value: object, budget: list[int] | None = None) -> object:
    """A found value as JSON. Raises ValueError for what JSON cannot say."""
    budget = [LIMIT] if budget is None else budget
    budget[0] -= 1
    if budget[0] < 0 or (isinstance(value, int) and size(value) > 1024):
        raise ValueError("it is too large")
    if isinstance(value, EnumMember):
        return plain(value.value, budget)
    if isinstance(value, list | tuple):
        return [plain(item, budget) for item in value]
    if isinstance(value, dict):
        return {str(plain(key, budget)): plain(item, budget) for key, item in value.items()}
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        raise ValueError("JSON has no infinity and no NaN")
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, External):
        raise ValueError(f"{value.origin} comes from outside the project")
    raise ValueError("it is not a text, a number, a list or a dict")


Handler = Callable[[Evaluator, Any, Scope], object]

HANDLERS: dict[type[ast.expr], Handler] = {
    ast.Constant: lambda _, node, __: node.value,
    ast.Name: Evaluator._name,
    ast.Attribute: Evaluator._attribute,
    ast.Call: Evaluator._call,
    ast.List: lambda self, node, scope: self._elements(node.elts, scope),
    ast.Tuple: lambda self, node, scope: tuple(self._elements(node.elts, scope)),
    ast.Set: lambda self, node, scope: list(dict.fromkeys(self._elements(node.elts, scope))),
    ast.Dict: Evaluator._table,
    ast.ListComp: Evaluator._comprehension,
    ast.GeneratorExp: Evaluator._comprehension,
    ast.SetComp: lambda self, node, scope: list(dict.fromkeys(self._comprehension(node, scope))),
    ast.DictComp: Evaluator._table_comprehension,
    ast.Subscript: Evaluator._subscript,
    ast.JoinedStr: Evaluator._joined,
    ast.FormattedValue: Evaluator._formatted,
    ast.BinOp: Evaluator._binary,
    ast.UnaryOp: lambda self, node, scope: UNARY[type(node.op)](self.value(node.operand, scope)),
    ast.Compare: Evaluator._compare,
    ast.BoolOp: Evaluator._logic,
    ast.IfExp: Evaluator._choice,
}
