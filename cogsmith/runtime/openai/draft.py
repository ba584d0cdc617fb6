"""Inputs in the making: each value with the parameter that it came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from cogsmith.runtime.openai.errors import ApiError
from cogsmith.signature import InputField, Signature, check

__all__ = ["Draft"]


class Draft:
    """The inputs of one prediction, filled in from a request."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.inputs: dict[str, object] = {}
        self._params: dict[str, str] = {}

    def place(self, names: Iterable[str]) -> InputField | None:
        """The first of these inputs that the model has."""
        fields = (self.signature.input(name) for name in names)
        return next((field for field in fields if field is not None), None)

    def put(self, name: str, value: object, *, param: str) -> None:
        """Set an input. Raises ApiError when another parameter has set it to something else."""
        if self.inputs.get(name, value) != value:
            raise ApiError(
                f"sets the model's {name}, and so does {self._params[name]}",
                where=param, hint="give one of the two", code="invalid_value",
            )  # fmt: skip
        self.inputs[name] = value
        self._params[name] = param

    def checked(self, **others: object) -> Mapping[str, object]:
        """The inputs, some of them with another value; ApiError for what does not fit."""
        inputs = {**self.inputs, **others}
        if check(self.signature, inputs):
            raise self._misfit(inputs)
        return inputs

    def _misfit(self, inputs: Mapping[str, object]) -> ApiError:
        """The first input that is wrong, told of the parameter that it came from."""
        for field in self.signature.inputs:
            alone = replace(self.signature, inputs=(field,))
            given = {field.name: inputs[field.name]} if field.name in inputs else {}
            for problem in check(alone, given):
                return self._told(field, problem.message, missing=not given)
        raise AssertionError(f"none of these inputs is wrong: {sorted(inputs)}")

    def _told(self, field: InputField, message: str, *, missing: bool) -> ApiError:
        param = self._params.get(field.name, field.name)
        if missing:
            return ApiError(
                "this model needs it", where=param, hint=_how_to_give(field),
                code="missing_required_parameter",
            )  # fmt: skip
        hint = _bounds(field.minimum, field.maximum)
        words = message.partition('": ')[2]  # after: invalid input "name
        return ApiError(words, where=param, hint=hint, code="invalid_value")


def _how_to_give(field: InputField) -> str:
    if field.type.is_file:
        return 'add a part such as {"type": "image_url", "image_url": {"url": "https://..."}}'
    return field.description or ""


def _bounds(minimum: float | None, maximum: float | None) -> str:
    """What the model takes, in words.

    >>> _bounds(0.5, 5.0)
    'this model takes 0.5 to 5'
    """
    least, most = _number(minimum), _number(maximum)
    if least and most:
        return f"this model takes {least} to {most}"
    if least:
        return f"this model takes {least} and more"
    return f"this model takes at most {most}" if most else ""


def _number(value: float | None) -> str:
    """A bound as people write it: 5, not 5.0."""
    if value is None:
        return ""
    return str(int(value)) if float(value).is_integer() else str(value)
