from __future__ import annotations

import typing as t
from typing import TYPE_CHECKING, Optional

from cog import BasePredictor, ConcatenateIterator, Input, Path

if TYPE_CHECKING:
    from collections.abc import Sequence

try:
    import torch_that_is_not_there
except ImportError:
    torch_that_is_not_there = None

Name = str
MaybeImage = Optional[Path]


class Predictor(BasePredictor):
    def predict(
        self,
        name: Name,
        image: "MaybeImage" = Input(default=None),
        words: t.List["str"] = Input(default=["a"]),
    ) -> ConcatenateIterator[str]:
        yield name
