import typing
from typing import Annotated, List, Optional

from cog import BasePredictor, Opaque


class Third:
    """Stands for a type of another package."""


class Predictor(BasePredictor):
    def predict(
        self,
        data: Annotated[Third, Opaque],
        items: Annotated[List[Third], Opaque],
        maybe: Annotated[Optional[Third], Opaque] = None,
        maybe_items: Annotated[list[Third] | None, Opaque] = None,
        inner: list[Annotated[Third, Opaque]] = [],
        outside: Annotated[Third, Opaque] | None = None,
        qualified: typing.Annotated[typing.Union[typing.List[Third], None], Opaque] = None,
        noted: Annotated[str, "only a note"] = "x",
    ) -> str:
        return "ok"
