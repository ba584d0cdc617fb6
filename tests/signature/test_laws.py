"""What holds for every source and every value."""

from __future__ import annotations

import ast
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogsmith.errors import Problem, SignatureError
from cogsmith.signature import (
    InputField,
    InputType,
    Kind,
    OutputType,
    Signature,
    check,
    coerce,
    complete,
    decoders,
    openapi,
    parse,
)

from .sources import HEAD

relaxed = settings(deadline=None)  # slow machines are no failures
CORPUS = sorted((Path(__file__).parent / "corpus").rglob("*.py"))
TEXTS = [path.read_text("utf-8") for path in CORPUS]

kinds = st.sampled_from(list(Kind))
scalars = st.builds(InputType, kind=kinds, many=st.booleans(), optional=st.booleans())
native = st.sampled_from([Kind.BOOLEAN, Kind.INTEGER, Kind.FLOAT, Kind.STRING, Kind.ANY])
unions = st.builds(
    lambda variants, optional: InputType(variants=tuple(variants), optional=optional),
    st.lists(st.builds(InputType, kind=native, many=st.booleans()), min_size=2, unique=True),
    st.booleans(),
)
types = st.one_of(scalars, unions)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def signature_of(kinds: list[InputType]) -> Signature:
    fields = tuple(InputField(name=f"x{i}", order=i, type=kind) for i, kind in enumerate(kinds))
    return Signature(reference="a.py:A", method="predict", inputs=fields, output=OutputType())


def value_of(kind: InputType) -> st.SearchStrategy[Any]:
    if kind.variants:
        return st.one_of([value_of(variant) for variant in kind.variants])
    plain = {
        Kind.BOOLEAN: st.booleans(),
        Kind.INTEGER: st.integers(),
        Kind.FLOAT: st.floats(allow_nan=False, allow_infinity=False) | st.integers(),
        Kind.ANY: st.dictionaries(st.text(), st.none() | st.integers(), max_size=2),
    }.get(kind.kind, st.text())
    return st.lists(plain, max_size=3) if kind.many else plain


@st.composite
def signatures_with_values(draw: st.DrawFn) -> tuple[Signature, dict[str, Any]]:
    signature = signature_of(draw(st.lists(types, max_size=4)))
    return signature, {
        field.name: draw(value_of(field.type))
        for field in signature.inputs
        if field.required or draw(st.booleans())
    }


@relaxed
@given(signatures_with_values())
def test_what_fits_still_fits_when_completed(pair: tuple[Signature, dict[str, Any]]) -> None:
    signature, values = pair
    assert check(signature, values) == ()
    completed = complete(signature, values)
    assert list(completed) == [field.name for field in signature.inputs]
    known = {name: value for name, value in completed.items() if value is not None}
    assert check(signature, known) == ()
    assert complete(signature, completed) == completed


@relaxed
@given(signatures_with_values())
def test_values_survive_the_command_line(pair: tuple[Signature, dict[str, Any]]) -> None:
    """Written as a person would, a value comes back as itself, or as one that fits as well."""
    signature, values = pair
    words = [(name, written(value)) for name, value in values.items()]
    read = coerce(signature, words)
    assert check(signature, read) == ()


def written(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.lstrip("@") if isinstance(value, str) else text


@relaxed
@given(st.lists(types, max_size=3), st.dictionaries(st.text(max_size=3), anything, max_size=4))
def test_check_and_complete_never_raise(kinds: list[InputType], values: dict[str, Any]) -> None:
    signature = signature_of(kinds)
    values |= {f"x{i}": value for i, value in enumerate(values.values())}
    check(signature, values)
    complete(signature, values)


@relaxed
@given(st.lists(types, max_size=4))
def test_documents_and_decoders_are_json(kinds: list[InputType]) -> None:
    signature = signature_of(kinds)
    assert json.loads(json.dumps(openapi(signature)))
    assert json.loads(json.dumps(decoders(signature))) == decoders(signature)


def reads_or_refuses(texts: dict[str, str], reference: str = "predict.py:Predictor") -> None:
    refused: tuple[Problem, ...] = ()
    try:
        openapi(parse(reference, texts.get))
    except SignatureError as error:
        refused = error.problems
    assert all(problem.where and problem.message for problem in refused)


@relaxed
@given(st.text(), st.text())
def test_any_text_is_read_or_refused(source: str, reference: str) -> None:
    reads_or_refuses({"predict.py": source})
    reads_or_refuses({"predict.py": source}, reference)


pieces = st.lists(
    st.sampled_from(
        [
            "X", "Y", "Input", "cog", "str", "int", "list", "None", "Optional", "Literal", "Path",
            "Annotated", "Opaque", "Iterator", "enum", "Enum", "1", "0", "-", "1.5", "'a'", "''",
            "(", ")", "[", "]", "{", "}", ",", ":", ".", "=", "|", "+", "*", "**", "<<", "%", "if",
            "else", "for", "in", "lambda", "not", "and", "Predictor", "Model", "default", "f'{X}'",
        ]
    ),
    max_size=12,
)  # fmt: skip


@settings(relaxed, max_examples=300)
@given(pieces, pieces, pieces)
def test_any_expression_is_read_or_refused(
    annotation: list[str], default: list[str], assigned: list[str]
) -> None:
    reads_or_refuses(
        {
            "predict.py": f"{HEAD}\nX = {' '.join(assigned) or 1}\nY = [X]\n"
            "class Model(BaseModel):\n    a: 'Model'\n    b: X\n"
            "class Predictor(BasePredictor):\n"
            f"    def predict(self, a: {' '.join(annotation) or 'str'} = "
            f"{' '.join(default) or 1}) -> {' '.join(annotation) or 'str'}: ..."
        }
    )


@pytest.mark.parametrize("seed", range(40))
def test_shuffled_predictors_are_read_or_refused(seed: int) -> None:
    """Every node of the corpus in places where it does not belong."""
    chance = random.Random(seed)
    trees = [ast.parse(text) for text in TEXTS]
    spare = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.expr)]
    tree = chance.choice([one for one in trees if "Predictor" in ast.dump(one)])
    for node in list(ast.walk(tree)):
        for name, value in ast.iter_fields(node):
            if isinstance(value, ast.expr) and chance.random() < 0.15:
                setattr(node, name, chance.choice(spare))
    try:
        source = ast.unparse(ast.fix_missing_locations(tree))
    except (AttributeError, ValueError, TypeError, RecursionError):
        return
    reads_or_refuses({"predict.py": source})
