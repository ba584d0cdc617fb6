"""What a contract says badly, or leaves open: one small rule for each thing."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

from cogsmith.contract.contract import Contract
from cogsmith.contract.findings import Finding, Severity
from cogsmith.signature import InputField, InputType, Kind, OutputType, Shape, Signature, check

__all__ = ["lint"]

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
NUMBERS = (Kind.INTEGER, Kind.FLOAT)
# Choices are a component that bears the input's name: these names are taken there.
COMPONENTS = {
    "Status", "HTTPValidationError", "ValidationError", "Input", "Output", "PredictionRequest",
    "PredictionResponse", "TrainingInput", "TrainingOutput", "TrainingRequest", "TrainingResponse",
}  # fmt: skip
# Fields of the request around the inputs: clients that flatten the two cannot tell them apart.
ENVELOPE = {"id", "input", "output", "webhook", "webhook_events_filter", "version", "stream"}
SECRET = re.compile(
    r"(^|_)(secret|password|passwd|passphrase|api_?key|private_?key|credentials?|"
    r"(access|auth|api|hf|bearer|refresh|session)_?token)$",
    re.IGNORECASE,
)

Found = Iterator[Finding]
InputRule = Callable[[InputField], Found]


def lint(contract: Contract) -> tuple[Finding, ...]:
    """All findings, errors first, then in the order of inputs.

    >>> model = Signature(reference="", method="predict", inputs=(), output=OutputType())
    >>> [finding.rule for finding in lint(Contract(predict=model))]
    ['output-any']
    """
    found = list(_signature(contract.predict)) if contract.predict else []
    if contract.train:
        found += [replace(one, where=f"train: {one.where}") for one in _signature(contract.train)]
    order = list(Severity)
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))


def _signature(signature: Signature) -> Found:
    for field in signature.inputs:
        for rule in INPUT_RULES:
            yield from rule(field)
    yield from _order(signature)
    yield from _twins(signature)
    yield from _output(signature.output, "output")


def _of(field: InputField, severity: Severity, rule: str, message: str, hint: str = "") -> Finding:
    where = f"input {field.name}"
    return Finding(severity=severity, rule=rule, where=where, message=message, hint=hint)


# --- one input


def _described(field: InputField) -> Found:
    if not (field.description or "").strip():
        hint = 'Input(description="..."): it is what people see in forms and docs'
        yield _of(field, WARNING, "description", "has no description", hint)


def _bounded(field: InputField) -> Found:
    kinds = {field.type.kind, *(variant.kind for variant in field.type.variants)}
    if field.choices or not kinds & set(NUMBERS):
        return
    missing = [
        name
        for name, value in (("ge", field.minimum), ("le", field.maximum))
        if value is None
    ]  # fmt: skip
    if missing and not _is_seed(field):
        said = " and ".join(missing)
        yield _of(field, WARNING, "bounds", f"has no {said}", "Input(ge=..., le=...)")


def _is_seed(field: InputField) -> bool:
    """Any number is as good as another for a seed."""
    return field.name == "seed" or field.name.endswith("_seed")


def _long(field: InputField) -> Found:
    free = field.type.kind is Kind.STRING and not field.type.variants and not field.choices
    if free and field.max_length is None:
        yield _of(field, INFO, "max-length", "may be a text of any length", "Input(max_length=...)")


def _empty_range(field: InputField) -> Found:
    for low, high, words in (
        (field.minimum, field.maximum, "minimum is above its maximum"),
        (field.min_length, field.max_length, "shortest text is longer than its longest"),
    ):
        if low is not None and high is not None and low > high:
            yield _of(field, ERROR, "empty-range", f"its {words}", "no value would fit")


def _default(field: InputField) -> Found:
    """Whether the default would be taken if a caller gave it."""
    if field.default is None:
        return
    alone = Signature(reference="", method="predict", inputs=(field,), output=OutputType())
    try:
        problems = check(alone, {field.name: field.default})
    except re.error:
        return  # the rule of expressions tells of it
    for problem in problems:
        said = problem.message.partition(": ")[2]
        yield _of(field, ERROR, "default", f"its default {said}", "choose one that fits")


def _expression(field: InputField) -> Found:
    try:
        re.compile(field.regex or "")
    except re.error as error:
        yield _of(field, ERROR, "regex", f"its regular expression cannot be read: {error}")


def _name(field: InputField) -> Found:
    name = field.name
    if not name.isidentifier() or keyword.iskeyword(name):
        hint = "use a name that Python takes for a parameter"
        yield _of(field, ERROR, "name", "cannot be the name of a parameter", hint)
    elif field.choices and name in COMPONENTS:
        hint = "another name; this one belongs to a schema of the document itself"
        yield _of(field, ERROR, "name", "its choices overwrite a schema of the document", hint)
    elif name in ENVELOPE:
        message = "has the name of a field of the request around it"
        yield _of(field, WARNING, "name", message, "a longer name says more")
    elif name.startswith("_") or not name.isascii():
        message = "is hard to type for callers"
        yield _of(field, WARNING, "name", message, "use lower case letters and _")
    elif keyword.issoftkeyword(name) or name in ("self", "cls", "None"):
        message = "is a word of Python, and shadows it"
        yield _of(field, INFO, "name", message)


def _secret(field: InputField) -> Found:
    if field.type.kind is Kind.STRING and SECRET.search(field.name):
        message = "looks like a secret, and is shown in logs and answers"
        yield _of(field, WARNING, "secret", message, f"{field.name}: Secret")


def _deprecated_kind(field: InputField) -> Found:
    if field.type.kind is Kind.FILE:
        yield _of(field, WARNING, "deprecated", "File is deprecated by Cog", "use Path")


def _open(field: InputField) -> Found:
    if field.type == InputType(kind=Kind.ANY, many=field.type.many, optional=field.type.optional):
        message = "may be any object: nobody can tell what belongs in it"
        yield _of(field, INFO, "any", message, "say it in the description")


INPUT_RULES: tuple[InputRule, ...] = (
    _name, _empty_range, _expression, _default, _described, _bounded, _secret, _deprecated_kind,
    _open, _long,
)  # fmt: skip


# --- several inputs, and the output


def _order(signature: Signature) -> Found:
    """People see inputs in this order: what must be given comes first."""
    optional = next((field for field in signature.inputs if not field.required), None)
    for field in signature.inputs:
        if optional and field.required and field.order > optional.order:
            message = f"is required, and stands behind {optional.name}, which is not"
            yield _of(field, INFO, "order", message, "required inputs come first")
    for order, count in sorted(Counter(field.order for field in signature.inputs).items()):
        if count > 1:
            names = [field.name for field in signature.inputs if field.order == order]
            yield Finding(
                severity=ERROR, rule="order", where=f"inputs {', '.join(names)}",
                message=f"have the same x-order, {order}", hint="give each a place of its own",
            )  # fmt: skip


def _twins(signature: Signature) -> Found:
    seen: dict[str, InputField] = {}
    for field in signature.inputs:
        plain = field.name.lower().replace("_", "")
        if plain in seen:
            message = f"differs from {seen[plain].name} by case and underscores alone"
            yield _of(field, WARNING, "name", message, "callers will take one for the other")
        seen.setdefault(plain, field)


def _output(output: OutputType, where: str) -> Found:
    if output.shape is Shape.SINGLE and output.kind is Kind.ANY:
        yield Finding(
            severity=WARNING, rule="output-any", where=where,
            message="may be anything: clients cannot be made from it",
            hint="say what predict() gives: str, list[str], a BaseModel ...",
        )  # fmt: skip
    if output.shape is Shape.SINGLE and output.kind is Kind.FILE:
        yield Finding(
            severity=WARNING, rule="deprecated", where=where,
            message="File is deprecated by Cog", hint="use Path",
        )  # fmt: skip
    if output.items:
        yield from _output(output.items, f"{where}[]")
    for field in output.fields:
        yield from _output(field.type, f"{where}.{field.name}")
