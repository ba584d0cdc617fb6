# ruff: noqa
from .output import Result
