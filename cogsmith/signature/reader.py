"""Source → :class:`Signature`, with every problem at once."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from cogsmith.errors import Problem, SignatureError
from cogsmith.signature.annotations import read
from cogsmith.signature.declarations import Parameter, declare
from cogsmith.signature.literals import Evaluator, Scope
from cogsmith.signature.modules import Located, Project, Read, place
from cogsmith.signature.output_types import output_type
from cogsmith.signature.targets import (
    Callable,
    Target,
    ancestors,
    defined,
    find,
    is_generator,
    marks,
    method,
)
from cogsmith.signature.types import InputField, Kind, OutputType, Setup, Shape, Signature

__all__ = ["parse"]


def parse(reference: str, read_file: Read, *, train: bool = False) -> Signature:
    """The signature of ``file.py:Name``.

    ``read_file`` gives the text of a file of the project by its path (``models/output.py``),
    None where there is none; nothing else is touched, and no code of the author is run.
    ``train`` asks for the method of a trainer. Raises SignatureError with all problems.
    """
    try:
        project = Project(read_file)
        target = find(project, reference, train=train)
        return _Reading(project, target, reference, train).signature()
    except RecursionError:
        raise SignatureError(
            "the source is too deeply nested to be read", where=reference.partition(":")[0]
        ) from None


@dataclass(slots=True)
class _Reading:
    """One callable being read; collects what is wrong on the way."""

    project: Project
    target: Target
    reference: str
    train: bool
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def signature(self) -> Signature:
        """Everything there is to know, or every reason why not."""
        node, owner = self.target.node, self.target.owner
        inputs, output = self.inputs(), self.output()
        streaming, concurrency = self.decorators()
        setup = self.setup() if owner else Setup()
        if self.problems:
            raise SignatureError(self.problems)
        self.doubt_output(output)
        return Signature(
            reference=self.reference,
            method=self.target.name,
            class_name=_class_name(owner),
            inputs=tuple(inputs),
            output=output,
            is_train=self.train,
            is_async=isinstance(node, ast.AsyncFunctionDef),
            is_generator=is_generator(node),
            streaming=streaming,
            concurrency=concurrency,
            setup=setup,
            healthcheck=bool(owner and method(self.project, owner, "healthcheck")),
            doc=ast.get_docstring(node) or "",
            warnings=(*self.target.warnings, *self.warnings),
        )

    def problem(self, message: str, node: ast.AST, hint: str = "") -> None:
        self.problems.append(Problem(message, place(self.target.module, node), hint))

    def inputs(self) -> list[InputField]:
        evaluator = Evaluator(self.project)
        found: list[InputField] = []
        for parameter in self.parameters():
            scope = Scope(self.target.module, self.home())
            declared = declare(evaluator, scope, parameter)
            self.problems += declared.problems
            self.warnings += declared.warnings
            found += [declared.input] if declared.input else []
        return found

    def home(self) -> ast.ClassDef | None:
        """The class whose body the callable stands in: its names are seen by the defaults."""
        owner = self.target.owner
        for one in ancestors(self.project, owner) if owner else ():
            if one.node and defined(one.node.body, self.target.name) is self.target.node:
                return one.node
        return None

    def parameters(self) -> list[Parameter]:
        """The parameters that become inputs: all but self."""
        node = self.target.node
        signature = node.args
        self.refuse_kinds(node)
        names = [*signature.posonlyargs, *signature.args]
        blanks: list[ast.expr | None] = [None] * (len(names) - len(signature.defaults))
        pairs = list(zip(names, [*blanks, *signature.defaults], strict=True))
        if self.target.owner is not None:
            if not names or names[0].arg != "self":
                self.problem(f"{node.name}() must have self as its first argument", node)
            pairs = pairs[1:]
        return [Parameter(one.arg, order, one, value) for order, (one, value) in enumerate(pairs)]

    def refuse_kinds(self, node: Callable) -> None:
        """Inputs have names: no stars, no bars."""
        signature = node.args
        own = [one for one in signature.posonlyargs if one.arg != "self"]
        for stars, one in (("*", signature.vararg), ("**", signature.kwarg)):
            if one is not None:
                hint = "write every input out: their names and types are the model's API"
                self.problem(f"{node.name}() must not have {stars}{one.arg}", one, hint)
        if signature.kwonlyargs:
            hint = "remove the * before them"
            words = f"{node.name}() must not have keyword-only arguments"
            self.problem(words, signature.kwonlyargs[0], hint)
        if own:
            hint = "remove the / after them"
            self.problem(f"{node.name}() must not have positional-only arguments", own[0], hint)

    def output(self) -> OutputType:
        node = self.target.node
        if node.returns is None:
            hint = f"write def {node.name}(...) -> str, or whichever type it returns"
            self.problem(f"{node.name}() must have a return type annotation", node, hint)
            return OutputType()
        try:
            note = read(self.project, self.target.module, node.returns, self.home())
            return output_type(self.project, note)
        except SignatureError as error:
            self.problems += error.problems
            return OutputType()

    def doubt_output(self, output: OutputType) -> None:
        node = self.target.node
        where = place(self.target.module, node)
        if output.shape is Shape.SINGLE and output.kind is Kind.FILE:
            words = "cog.File as an output is deprecated"
            self.warnings.append(Problem(words, where, "return a cog.Path"))
        if is_generator(node) and not output.is_iterator:
            words = f"{node.name}() yields, but its return type is no iterator"
            self.warnings.append(Problem(words, where, "write -> Iterator[...]"))

    def decorators(self) -> tuple[bool, int]:
        """``@streaming`` and ``@concurrent(max=N)``, called or not."""
        streaming, concurrency = False, 1
        for origin, decorator in marks(self.project, self.target.module, self.target.node):
            if origin == "cog.streaming":
                streaming = True
            elif origin == "cog.concurrent" and isinstance(decorator, ast.Call):
                concurrency = self.concurrency(decorator)
        return streaming, concurrency

    def concurrency(self, decorator: ast.Call) -> int:
        nodes = [keyword.value for keyword in decorator.keywords if keyword.arg == "max"]
        if not nodes:
            return 1
        try:
            value = Evaluator(self.project).value(nodes[0], Scope(self.target.module))
        except SignatureError as error:
            self.problems += error.problems
            return 1
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            self.problem("concurrent max must be a whole number, at least 1", nodes[0])
            return 1
        if value > 1 and not isinstance(self.target.node, ast.AsyncFunctionDef):
            hint = f"write async def {self.target.node.name}(...), or max=1"
            self.problem("concurrent max greater than 1 needs an async function", nodes[0], hint)
        return value

    def setup(self) -> Setup:
        assert self.target.owner is not None
        found = method(self.project, self.target.owner, "setup")
        if found is None or not isinstance(found.binding, Callable):
            return Setup()
        node = found.binding
        names = [one.arg for one in [*node.args.posonlyargs, *node.args.args]]
        self.check_setup(found, node, names)
        return Setup(
            present=True,
            takes_weights="weights" in names,
            is_async=isinstance(node, ast.AsyncFunctionDef),
        )

    def check_setup(self, found: Located, node: Callable, names: list[str]) -> None:
        """``setup(self)`` or ``setup(self, weights)``; more only with defaults."""
        needed = names[: len(names) - len(node.args.defaults)]
        extra = [name for name in needed if name not in ("self", "weights")]
        extra += [one.arg for one in node.args.kwonlyargs]
        extra += [one.arg for one in (node.args.vararg, node.args.kwarg) if one]
        where = place(found.module, node)
        if names[:1] != ["self"]:
            words = "setup() must have self as its first argument"
            self.problems.append(Problem(words, where))
        elif extra:
            words = f"unexpected setup() arguments: {', '.join(extra)}"
            hint = "setup takes self, and weights if it wants them"
            self.problems.append(Problem(words, where, hint))


def _class_name(owner: Located | None) -> str | None:
    return owner.binding.name if owner and isinstance(owner.binding, ast.ClassDef) else None
