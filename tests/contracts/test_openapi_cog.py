"""Our signature, read from source, against Cog's own inspector, which imports the source.

Every predictor of the corpus goes through both; the document that we make must say, field by
field, what Cog's inspector knows. Where Cog's builder (which reads source, too) says more than
its inspector, the builder is followed, and the difference is named here.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cogsmith.signature import Signature, load, openapi

CORPUS = Path(__file__).parent.parent / "signature" / "corpus"

# Outputs about which Cog's inspector knows less than Cog's builder, and why.
BUILDER_SAYS_MORE = {
    "out_typed_dict": "the inspector calls every TypedDict an object and stops there",
    "out_nested": "the inspector refuses objects inside objects",
    "out_typed_values": "the inspector forgets the values of a dict",
    "out_any": "the inspector gives Any no type; the builder says object",
}
REFUSED_BY_THE_INSPECTOR = {"out_nested"}
FILES = sorted([*CORPUS.glob("*.py"), CORPUS / "across" / "predict.py"])
INSPECTED = [path for path in FILES if path.stem not in REFUSED_BY_THE_INSPECTOR]


@contextmanager
def imported(path: Path) -> Iterator[ModuleType]:
    """The module, imported as Cog imports it; what it brought along is forgotten after."""
    before = set(sys.modules)
    sys.path.insert(0, str(path.parent))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield importlib.import_module(path.stem)
    finally:
        sys.path.remove(str(path.parent))
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith(str(CORPUS)):
                del sys.modules[name]


def target(module: ModuleType) -> str:
    return next(
        name for name in ("Runner", "Predictor", "predict", "train") if hasattr(module, name)
    )


def both(path: Path) -> tuple[Signature, Any, dict[str, Any]]:
    """Our signature, Cog's, and the arguments of Input() that Cog's inspector drops."""
    inspector = importlib.import_module("cog._inspector")
    with imported(path) as module:
        name = target(module)
        theirs = inspector.create_predictor(path.stem, name)
        made = getattr(module, name)
        call = inspector._unwrap(
            getattr(made, "run" if name == "Runner" else "predict", made)
            if inspect.isclass(made)
            else made
        )
        accepts = {
            one.name: getattr(one.default, "accept", None)
            for one in inspect.signature(call).parameters.values()
        }
    ours = load(path.parent, f"{path.name}:{name}", train=name == "train")
    return ours, theirs, accepts


def document(signature: Signature) -> dict[str, Any]:
    made: Any = openapi(None, train=signature) if signature.is_train else openapi(signature)
    return made["components"]["schemas"]


def expected_input(field: Any, accept: str | None) -> dict[str, Any]:
    """An input's property as Cog's inspector describes it, in the builder's keys."""
    repetition = field.type.repetition.name
    nullable = repetition.startswith("OPTIONAL")
    found: dict[str, Any] = {"x-order": field.order}
    if field.choices:
        found["allOf"] = [{"$ref": f"#/components/schemas/{field.name}"}]
    else:
        found |= field.type.json_type()
        found["title"] = field.name.replace("_", " ").title()
    if nullable:
        found["nullable"] = True
        for variant in found.get("anyOf", ()):
            variant["nullable"] = True
    if field.default is not None:
        found["default"] = field.default
    for key, value in {
        "description": field.description, "minimum": field.ge, "maximum": field.le,
        "minLength": field.min_length, "maxLength": field.max_length, "pattern": field.regex,
        "x-cog-accept": accept,
    }.items():  # fmt: skip
        if value is not None:
            found[key] = value
    if field.deprecated:
        found["deprecated"] = True
    return found


def name_of(path: Path) -> str:
    return path.stem if path.parent == CORPUS else path.parent.name


@pytest.mark.parametrize("path", INSPECTED, ids=name_of)
def test_inputs(path: Path) -> None:
    ours, theirs, accepts = both(path)
    schemas = document(ours)
    inputs = schemas["TrainingInput" if ours.is_train else "Input"]
    properties = {name: dict(value) for name, value in inputs["properties"].items()}
    for value in properties.values():
        if value.get("default", 0) is None:
            del value["default"]  # the inspector cannot tell default=None from none at all
    assert properties == {
        name: expected_input(field, accepts[name]) for name, field in theirs.inputs.items()
    }
    assert list(properties) == list(theirs.inputs)
    assert inputs.get("required", []) == [
        name
        for name, field in theirs.inputs.items()
        if field.default is None and not field.type.repetition.name.startswith("OPTIONAL")
    ]


@pytest.mark.parametrize("path", INSPECTED, ids=name_of)
def test_choices(path: Path) -> None:
    ours, theirs, _ = both(path)
    schemas = document(ours)
    for name, field in theirs.inputs.items():
        if field.choices:
            assert schemas[name] == {
                "description": "An enumeration.",
                "enum": field.choices,
                "title": name,
                "type": field.type.json_type()["type"],
            }


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.stem not in BUILDER_SAYS_MORE], ids=name_of
)
def test_output(path: Path) -> None:
    ours, theirs, _ = both(path)
    expected = theirs.output.json_type()
    assert document(ours)["TrainingOutput" if ours.is_train else "Output"] == expected


@pytest.mark.parametrize("name", sorted(BUILDER_SAYS_MORE))
def test_the_named_differences_are_still_there(name: str) -> None:
    path = CORPUS / f"{name}.py"
    if name in REFUSED_BY_THE_INSPECTOR:
        with pytest.raises(ValueError, match="unsupported"):
            both(path)
        return
    ours, theirs, _ = both(path)
    assert document(ours)["Output"] != theirs.output.json_type()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_concurrency_and_kind_of_callable(path: Path) -> None:
    inspector = importlib.import_module("cog._inspector")
    with imported(path) as module:
        name = target(module)
        made = getattr(module, name)
        call = getattr(made, "run" if name == "Runner" else "predict", made)
        function = inspector._unwrap(call)
        ours = load(path.parent, f"{path.name}:{name}", train=name == "train")
        is_generator = inspect.isgeneratorfunction(function)
        assert ours.concurrency == getattr(call, "__cog_concurrent_max__", 1)
        assert ours.is_async == (
            inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
        )
        assert ours.is_generator == (is_generator or inspect.isasyncgenfunction(function))
        assert ours.doc == inspect.cleandoc(function.__doc__ or "")
        setup = inspect.signature(made.setup).parameters if hasattr(made, "setup") else {}
        own = ours.setup.present
        assert ours.setup.takes_weights == (own and "weights" in setup)
