"""What a model is: its inputs, its output, and how it is called.

In: the source of a predictor, never imported; and the words or values of its inputs.
Out: a Signature, its OpenAPI document, and checked, completed inputs.
Touches: nothing; only :mod:`cogsmith.signature.load` reads files of the project.
"""

from __future__ import annotations

from cogsmith.signature.checks import check, fits
from cogsmith.signature.documents import openapi
from cogsmith.signature.from_openapi import from_openapi
from cogsmith.signature.load import load
from cogsmith.signature.reader import parse
from cogsmith.signature.types import (
    FileInput,
    InputField,
    InputType,
    Kind,
    OutputField,
    OutputType,
    Setup,
    Shape,
    Signature,
)
from cogsmith.signature.values import complete, decoders
from cogsmith.signature.words import coerce

__all__ = [
    "FileInput",
    "InputField",
    "InputType",
    "Kind",
    "OutputField",
    "OutputType",
    "Setup",
    "Shape",
    "Signature",
    "check",
    "coerce",
    "complete",
    "decoders",
    "fits",
    "from_openapi",
    "load",
    "openapi",
    "parse",
]
