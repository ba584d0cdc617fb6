"""An OpenAPI document of a model → its Contract.

Documents come from images, servers and files, made by us, by Cog or by hand.
"""

from __future__ import annotations

from collections.abc import Mapping

from cogsmith.contract.contract import Contract
from cogsmith.errors import ContractError, SignatureError
from cogsmith.signature import Signature, from_openapi

__all__ = ["read"]


def read(document: object, *, where: str = "the document") -> Contract:
    """The contract that a document states; ``where`` names it in errors.

    Raises ContractError when it is not the document of a model.

    >>> from cogsmith.signature import OutputType, openapi
    >>> model = Signature(reference="", method="predict", inputs=(), output=OutputType())
    >>> read(openapi(model)).predict == model
    True
    """
    found = document if isinstance(document, Mapping) else {}
    predict, train = (_mode(found, train=train) for train in (False, True))
    if predict is None and train is None:
        raise ContractError(
            "it is not the OpenAPI document of a model: components.schemas.Input is not there",
            where=where,
            hint="cogsmith schema prints such a document",
        )
    for signature in filter(None, (predict, train)):
        _must_be_sound(signature, where)
    return Contract(predict=predict, train=train)


def _mode(document: Mapping[str, object], *, train: bool) -> Signature | None:
    try:
        return from_openapi(document, train=train)
    except SignatureError:
        return None


def _must_be_sound(signature: Signature, where: str) -> None:
    """Bounds that are no numbers, as a hand may write them, cannot be compared."""
    for field in signature.inputs:
        bounds = (field.minimum, field.maximum, field.min_length, field.max_length)
        if not all(one is None or isinstance(one, int | float) for one in bounds):
            raise ContractError(f"the bounds of input {field.name} are not numbers", where=where)
