"""A request's JSON object, taken apart parameter by parameter."""

from __future__ import annotations

from cogsmith.runtime.openai.errors import ApiError, kind_of

__all__ = ["Body"]


class Body:
    """What was asked and has not been taken yet; null counts as not given, as with OpenAI."""

    def __init__(self, body: object) -> None:
        """Hold a parsed JSON text. Raises ApiError when it is no object."""
        if not isinstance(body, dict):
            raise ApiError(f"the body must be a JSON object, not {kind_of(body)}")
        self.rest: dict[str, object] = {k: v for k, v in body.items() if v is not None}

    def take(self, name: str) -> object:
        """The parameter's value, or None; it is not there any more."""
        return self.rest.pop(name, None)

    def flag(self, name: str) -> bool:
        """A boolean; False when it was not given."""
        value = self.take(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        raise _mistyped(name, "a boolean", value)

    def text(self, name: str) -> str | None:
        """A text."""
        value = self.take(name)
        if value is None or isinstance(value, str):
            return value
        raise _mistyped(name, "a text", value)

    def whole(self, name: str) -> int | None:
        """A whole number."""
        value = self.take(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise _mistyped(name, "a whole number", value)

    def count(self, name: str, *, least: int, most: int) -> int | None:
        """A whole number within bounds."""
        value = self.whole(name)
        if value is not None and not least <= value <= most:
            raise ApiError(f"must be {least} to {most}", where=name, code="invalid_value")
        return value

    def option(self, name: str, key: str) -> bool:
        """A boolean inside a parameter that is an object."""
        value = self.take(name)
        if value is not None and not isinstance(value, dict):
            raise _mistyped(name, "an object", value)
        return bool(value and value.get(key))


def _mistyped(name: str, wanted: str, value: object) -> ApiError:
    return ApiError(f"must be {wanted}, not {kind_of(value)}", where=name, code="invalid_type")
