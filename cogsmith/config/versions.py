"""Versions as cog.yaml writes them: of Python, CUDA, cuDNN and the cog package.

The bounds are those of Cog 0.23: Python from 3.10 without an upper end, CUDA from 11 with
major and minor, the cog package from 0.16.0.
"""

from __future__ import annotations

import re

from packaging.version import InvalidVersion, Version

from cogsmith.config.refusal import refused

__all__ = [
    "DEFAULT_PYTHON",
    "KNOWN_PYTHONS",
    "minor_of",
    "parse_cuda",
    "parse_cudnn",
    "parse_python",
    "parse_sdk",
]

KNOWN_PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
DEFAULT_PYTHON = "3.13"
OLDEST_PYTHON = 10
OLDEST_CUDA = 11
OLDEST_SDK = Version("0.16.0")

PYTHON = re.compile(r"3\.(\d{1,3})(?:\.\d{1,3}(?:(?:a|b|rc)\d{1,3})?)?")
TWO_OR_THREE_NUMBERS = re.compile(r"\d{1,4}\.\d{1,4}(?:\.\d{1,4})?")
ONE_TO_FOUR_NUMBERS = re.compile(r"\d{1,4}(?:\.\d{1,4}){0,3}")


def minor_of(version: str) -> int:
    """The minor number of a Python version that ``parse_python`` let through.

    >>> minor_of("3.13.1")
    13
    """
    return int(version.split(".")[1])


def parse_python(text: str) -> str:
    """A Python version: minor (``3.13``) or patch (``3.13.1``)."""
    text = text.strip()
    known = f"choose one of {', '.join(KNOWN_PYTHONS)}"
    if re.fullmatch(r"\d+", text):
        raise refused('must include major and minor version, like "3.13"', known)
    if re.fullmatch(r"[012]\.\d.*", text) or (
        (match := PYTHON.fullmatch(text)) and int(match[1]) < OLDEST_PYTHON
    ):
        hint = (
            f'did you mean "{text}0"? Quote it: YAML reads 3.10 as 3.1' if text == "3.1" else known
        )
        raise refused("minimum supported Python version is 3.10", hint)
    if not match:
        raise refused("is not a version of Python", known)
    return text


def parse_cuda(text: str) -> str:
    """A CUDA version: minor (``12.4``) or patch (``12.4.1``)."""
    text = text.strip()
    if re.fullmatch(r"\d+", text):
        raise refused('must include both major and minor versions, like "12.4"')
    if not TWO_OR_THREE_NUMBERS.fullmatch(text):
        raise refused("is not a version of CUDA", 'write a minor version, like "12.4"')
    if int(text.split(".")[0]) < OLDEST_CUDA:
        raise refused(f"minimum supported CUDA version is {OLDEST_CUDA}")
    return text


def parse_cudnn(text: str) -> str:
    """A cuDNN version, from its major number (``9``) on."""
    text = text.strip()
    if not ONE_TO_FOUR_NUMBERS.fullmatch(text):
        raise refused("is not a version of cuDNN", 'write its number, like "9"')
    return text


def parse_sdk(text: str) -> str:
    """A version of the cog package, as PEP 440 spells it."""
    try:
        version = Version(text)
    except InvalidVersion:
        raise refused("is not a version (PEP 440)", 'write one like "0.23.1"') from None
    if version.release < OLDEST_SDK.release:
        raise refused(f"minimum supported version of the cog package is {OLDEST_SDK}")
    return text.strip()
