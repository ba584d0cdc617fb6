"""Short ways to write a predictor for a test."""

from __future__ import annotations

import textwrap

import pytest

from cogsmith.errors import Problem, SignatureError
from cogsmith.signature import InputField, Signature, parse

HEAD = """\
import enum, math, os, typing
from typing import *
import cog
from cog import *
"""


def project(predict: str, **files: str) -> Signature:
    """A predictor in predict.py, beside other modules."""
    texts = {f"{name}.py": textwrap.dedent(text) for name, text in files.items()}
    texts["predict.py"] = textwrap.dedent(predict)
    return parse("predict.py:Predictor", texts.get)


def predictor(arguments: str = "", output: str = "str", before: str = "") -> str:
    body = f"class Predictor(BasePredictor):\n    def predict(self, {arguments}) -> {output}: ...\n"
    return f"{HEAD}{textwrap.dedent(before)}\n{body}"


def signature(arguments: str = "", output: str = "str", before: str = "") -> Signature:
    return project(predictor(arguments, output, before))


def one(argument: str, before: str = "") -> InputField:
    """The single input of a predictor that is declared so."""
    return signature(argument, before=before).inputs[0]


def problems(source: str, reference: str = "predict.py:Predictor", **files: str) -> list[Problem]:
    """What is wrong with a predictor."""
    texts = {f"{name}.py": textwrap.dedent(text) for name, text in files.items()}
    texts["predict.py"] = textwrap.dedent(source)
    with pytest.raises(SignatureError) as caught:
        parse(reference, texts.get)
    return list(caught.value.problems)


def problem(arguments: str = "", output: str = "str", before: str = "") -> Problem:
    """The single problem of a predictor."""
    (found,) = problems(predictor(arguments, output, before))
    return found
