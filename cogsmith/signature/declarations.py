"""``name: type = Input(...)`` → one input, with everything that is wrong with it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace

from cogsmith.errors import Problem, SignatureError
from cogsmith.signature.annotations import read
from cogsmith.signature.checks import faults, number
from cogsmith.signature.input_types import input_type
from cogsmith.signature.literals import Evaluator, InputCall, Scope, plain
from cogsmith.signature.modules import place
from cogsmith.signature.types import InputField, InputType, Kind
from cogsmith.values import dataclass

__all__ = ["Declared", "Parameter", "declare"]

ARGUMENTS = (
    "default", "description", "ge", "le", "min_length", "max_length", "regex", "choices",
    "deprecated", "accept",
)  # fmt: skip
RENAMED = {"ge": "minimum", "le": "maximum"}
NUMBERS = frozenset({Kind.INTEGER, Kind.FLOAT})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of the callable, as written."""

    name: str
    order: int
    node: ast.arg
    default: ast.expr | None


@dataclass(slots=True)
class Declared:
    """What became of a parameter: an input, or None, and what there is to say."""

    input: InputField | None = None
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)


def declare(evaluator: Evaluator, scope: Scope, parameter: Parameter) -> Declared:
    """A parameter → its input. Never raises; the problems are in the answer."""
    declared = Declared()
    where = place(scope.module, parameter.node)
    typed = _typed(evaluator, scope, parameter, declared)
    given = _given(evaluator, scope, parameter, declared)
    if typed is None or declared.problems:
        return declared
    made = InputField(name=parameter.name, order=parameter.order, type=typed)
    made = replace(made, **given)  # type: ignore[arg-type]
    made = _settle(made)
    for check in CHECKS:
        declared.problems += [replace(problem, where=where) for problem in check(made)]
    declared.warnings += [replace(problem, where=where) for problem in _doubts(made)]
    declared.input = made
    return declared


def _typed(
    evaluator: Evaluator, scope: Scope, parameter: Parameter, declared: Declared
) -> InputType | None:
    annotation = parameter.node.annotation
    if annotation is None:
        declared.problems.append(
            Problem(
                f'missing type annotation for input "{parameter.name}"',
                where=place(scope.module, parameter.node),
                hint=f"write {parameter.name}: str, or whichever type it is",
            )
        )
        return None
    try:
        note = read(evaluator.project, scope.module, annotation, scope.owner)
        return input_type(evaluator.project, note)
    except SignatureError as error:
        declared.problems += _about(parameter.name, error)
        return None


def _about(name: str, error: SignatureError) -> list[Problem]:
    """The same problems, saying which input they are about."""
    return [
        replace(problem, message=f'{problem.message} (input "{name}")')
        if name not in problem.message
        else problem
        for problem in error.problems
    ]


def _given(
    evaluator: Evaluator, scope: Scope, parameter: Parameter, declared: Declared
) -> dict[str, object]:
    """What the default says: a bare value, or the arguments of Input()."""
    if parameter.default is None:
        return {}
    try:
        value = evaluator.value(parameter.default, scope)
        if isinstance(value, InputCall):
            return _arguments(evaluator, value, parameter.name, declared)
        return {"has_default": True, "default": _json(value, parameter.default, scope)}
    except SignatureError as error:
        declared.problems += _about(parameter.name, error)
        return {}


def _arguments(
    evaluator: Evaluator, found: InputCall, name: str, declared: Declared
) -> dict[str, object]:
    """Every argument of Input(), each problem noted on its own."""
    given: dict[str, object] = {}
    for key, node in _keywords(evaluator, found, declared):
        where = place(found.scope.module, node)
        if key not in ARGUMENTS:
            declared.problems.append(Problem(*_strange(key, name, where)))
            continue
        try:
            value = evaluator.value(node, found.scope)
            value = _choices(evaluator, value) if key == "choices" else value
            value = _json(value, node, found.scope)
            _expect(key, value)
        except SignatureError as error:
            told = declared.warnings if key == "description" else declared.problems
            told += _about(name, error)
        except (TypeError, ValueError) as error:
            declared.problems.append(Problem(f'invalid {key} for input "{name}": {error}', where))
        else:
            _store(given, key, value)
    return given


def _keywords(
    evaluator: Evaluator, found: InputCall, declared: Declared
) -> list[tuple[str, ast.expr]]:
    """Input's arguments by name: the first may be the default; ``**common`` is opened."""
    pairs: list[tuple[str, ast.expr]] = []
    for index, node in enumerate(found.call.args):
        pairs.append(("default" if index == 0 else f"argument {index + 1}", node))
    for keyword in found.call.keywords:
        if keyword.arg is not None:
            pairs.append((keyword.arg, keyword.value))
            continue
        try:
            table = evaluator.value(keyword.value, found.scope)
            literal = ast.parse(repr(plain(table)), mode="eval").body
        except (SignatureError, ValueError) as error:
            where = place(found.scope.module, keyword.value)
            declared.problems.append(Problem(f"cannot resolve Input(**...): {error}", where))
            continue
        if isinstance(literal, ast.Dict):
            for key, value in zip(literal.keys, literal.values, strict=True):
                _move(value, keyword.value)
                pairs.append((str(getattr(key, "value", "")), value))
    return pairs


def _move(node: ast.expr, to: ast.expr) -> None:
    for part in ast.walk(node):
        if isinstance(part, ast.expr):
            part.lineno = to.lineno


def _strange(key: str, name: str, where: str) -> tuple[str, str, str]:
    if key == "default_factory":
        message = f'default_factory is not supported in Input() (input "{name}")'
        return message, where, "write default=..., and make lists in predict()"
    message = f'Input() has no argument "{key}" (input "{name}")'
    return message, where, f"it takes {', '.join(ARGUMENTS)}"


def _choices(evaluator: Evaluator, value: object) -> list[object]:
    if isinstance(value, str):
        raise TypeError("choices must be a list, not a text")
    return [] if value is None else evaluator.items(value)


def _json(value: object, node: ast.expr, scope: Scope) -> object:
    try:
        return plain(value)
    except ValueError as error:
        raise SignatureError(
            f"cannot use `{ast.unparse(node)}` here: {error}",
            where=place(scope.module, node),
            hint="write a text, a number, True, False, None, a list or a dict",
        ) from None


TEXT = (str, type(None))
NUMBER = (int, float, type(None))
EXPECTED: Mapping[str, tuple[type, ...]] = {
    "description": TEXT,
    "regex": TEXT,
    "accept": TEXT,
    "ge": NUMBER,
    "le": NUMBER,
    "min_length": (int, type(None)),
    "max_length": (int, type(None)),
    "deprecated": (bool, type(None)),
}


def _expect(key: str, value: object) -> None:
    types = EXPECTED.get(key)
    wrong_bool = isinstance(value, bool) and types is not None and bool not in types
    if types is not None and (not isinstance(value, types) or wrong_bool):
        words = " or ".join(one.__name__ for one in types if one is not type(None))
        raise TypeError(f"expected {words}, got {type(value).__name__}")
    if key == "regex" and isinstance(value, str):
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"{value!r} is not a regular expression: {error}") from None


def _store(given: dict[str, object], key: str, value: object) -> None:
    if key == "default":
        given["has_default"] = True
    if key == "choices":
        value = tuple(value) if isinstance(value, list) else ()
    given[RENAMED.get(key, key)] = bool(value) if key == "deprecated" else value


def _settle(made: InputField) -> InputField:
    """Whole numbers as defaults of an int are ints, however they were written."""
    default = made.default
    if made.type.kind is Kind.INTEGER and isinstance(default, float) and default.is_integer():
        return replace(made, default=int(default))
    return made


def _bounds(made: InputField) -> list[Problem]:
    name, problems = made.name, []
    bounded = made.minimum is not None or made.maximum is not None
    if bounded and made.type.kind not in NUMBERS:
        problems.append(
            Problem(
                f'ge and le are only valid on int or float inputs (input "{name}": {made.type})'
            )
        )
    if made.minimum is not None and made.maximum is not None and made.minimum > made.maximum:
        problems.append(
            Problem(
                f'invalid bounds for input "{name}": minimum {number(made.minimum)} is greater '
                f"than maximum {number(made.maximum)}",
                hint="no value would fit; swap ge and le",
            )
        )
    return problems


def _lengths(made: InputField) -> list[Problem]:
    name, problems = made.name, []
    low, high = made.min_length, made.max_length
    given = [key for key in ("min_length", "max_length", "regex") if getattr(made, key) is not None]
    if given and made.type.kind is not Kind.STRING:
        words = " and ".join(given)
        problems.append(Problem(f'{words}: only valid on str inputs (input "{name}": {made.type})'))
    if high is not None and high < (low or 0):
        problems.append(
            Problem(
                f'invalid lengths for input "{name}": minimum {low or 0} is greater '
                f"than maximum {high}",
                hint="no text would fit; swap min_length and max_length",
            )
        )
    return problems


def _choice_rules(made: InputField) -> list[Problem]:
    if not made.choices:
        return []
    name, problems = made.name, []
    kinds = {Kind.STRING: str, Kind.INTEGER: int}
    wanted = kinds.get(made.type.kind)
    if wanted is None or made.type.variants:
        words = "choices are only valid on str or int inputs"
        problems.append(Problem(f'{words} (input "{name}": {made.type})'))
    elif not all(isinstance(one, wanted) and not isinstance(one, bool) for one in made.choices):
        words = f"not all choices are {made.type.kind.value}"
        problems.append(
            Problem(f'invalid choices for input "{name}": {words}', hint="write them as the type")
        )
    if made.minimum is not None or made.maximum is not None:
        problems.append(Problem(f'choices and ge/le exclude each other (input "{name}")'))
    if made.min_length is not None or made.max_length is not None:
        words = "choices and min_length/max_length exclude each other"
        problems.append(Problem(f'{words} (input "{name}")'))
    return problems


def _accept_rule(made: InputField) -> list[Problem]:
    if made.accept is None or (made.type.is_file and not made.type.variants):
        return []
    return [
        Problem(
            f'accept is only valid on Path or File inputs (input "{made.name}": {made.type})',
            hint="remove accept, or annotate the input with cog.Path",
        )
    ]


def _default_rule(made: InputField) -> list[Problem]:
    """A default must pass the input's own checks; where Cog lets one through, it is a doubt."""
    if made.default is None:
        return []
    tested = replace(made, choices=())
    return [
        Problem(
            f'invalid default for input "{made.name}" ({made.type}): {fault}',
            hint="correct the default or the bounds",
        )
        for _, fault, _ in faults(tested, made.default)
    ]


CHECKS: tuple[Callable[[InputField], list[Problem]], ...] = (
    _bounds, _lengths, _choice_rules, _accept_rule, _default_rule,
)  # fmt: skip


def _doubts(made: InputField) -> list[Problem]:
    """What Cog takes, but an author hardly means."""
    doubts = []
    if made.has_default and made.default is None and not made.nullable:
        doubts.append(
            Problem(
                f'input "{made.name}" stays required: None is no {made.type}',
                hint=f"write {made.name}: {made.type} | None",
            )
        )
    single = made.choices and made.default is not None and not made.type.many
    if single and made.default not in made.choices:
        doubts.append(Problem(f'the default of input "{made.name}" is not among its choices'))
    if made.type.kind is Kind.FILE and not made.type.variants:
        doubts.append(Problem(f'input "{made.name}": cog.File is deprecated', hint="use cog.Path"))
    return doubts
