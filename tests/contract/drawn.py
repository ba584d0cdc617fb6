"""Contracts that hypothesis draws: signatures whose documents mean something."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from cogsmith.contract import Contract
from cogsmith.signature import (
    InputField,
    InputType,
    Kind,
    OutputField,
    OutputType,
    Shape,
    Signature,
)

SCALARS = [kind for kind in Kind if kind not in (Kind.FILE, Kind.ANY)]
NAMES = ["prompt", "steps", "mode", "image", "seed"]

kinds = st.sampled_from(SCALARS)
types = st.builds(InputType, kind=kinds, many=st.booleans()) | st.builds(
    lambda variants: InputType(variants=tuple(variants)),
    st.lists(
        st.builds(InputType, kind=st.sampled_from([Kind.INTEGER, Kind.STRING, Kind.BOOLEAN])),
        min_size=2, max_size=3, unique=True,
    ),
)  # fmt: skip


@st.composite
def bounds(draw: st.DrawFn, kind: InputType) -> dict[str, Any]:
    if kind.variants or kind.many:
        return {}
    if kind.kind is Kind.STRING and draw(st.booleans()):
        return {"choices": tuple(draw(st.lists(st.sampled_from("abcd"), min_size=1, unique=True)))}
    if kind.kind is Kind.STRING:
        low, size = draw(st.integers(0, 3)), draw(st.integers(0, 5))
        return {"min_length": low, "max_length": low + size}
    if kind.kind in (Kind.INTEGER, Kind.FLOAT):
        low, size = draw(st.integers(-9, 9)), draw(st.integers(0, 9))
        told = {"minimum": low, "maximum": low + size}
        return {name: value for name, value in told.items() if draw(st.booleans())}
    return {}


@st.composite
def inputs(draw: st.DrawFn, name: str, order: int) -> InputField:
    kind = draw(types)
    required = draw(st.booleans())
    if not required:
        kind = InputType(kind=kind.kind, many=kind.many, optional=True, variants=kind.variants)
    words = draw(st.none() | st.text(min_size=1, max_size=5))
    return InputField(
        name=name, order=order, type=kind, has_default=not required, description=words,
        **draw(bounds(kind)),
    )  # fmt: skip


singles = st.builds(OutputType, kind=st.sampled_from([k for k in Kind if k is not Kind.FILE]))
outputs = st.recursive(
    singles,
    lambda inner: (
        st.builds(OutputType, shape=st.sampled_from([Shape.LIST, Shape.DICT]), items=inner)
        | st.builds(
            lambda types: OutputType(
                shape=Shape.OBJECT,
                fields=tuple(
                    OutputField(name=f"f{i}", type=one, required=need)
                    for i, (one, need) in enumerate(types)
                ),
            ),
            st.lists(st.tuples(inner, st.booleans()), min_size=1, max_size=2),
        )
    ),
    max_leaves=4,
) | st.builds(OutputType, shape=st.just(Shape.ITERATOR), items=singles)


@st.composite
def signatures(draw: st.DrawFn) -> Signature:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    fields = tuple(draw(inputs(name, order)) for order, name in enumerate(names))
    return Signature(
        reference="", method="predict", inputs=fields, output=draw(outputs),
        streaming=draw(st.booleans()),
    )  # fmt: skip


contracts = st.builds(lambda one: Contract(predict=one), signatures())
