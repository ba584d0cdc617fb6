"""What a model promises to its callers: whether it is said well, and whether it is kept.

In: signatures, or the OpenAPI documents that images and servers carry.
Out: a Contract, findings of the lint, and the changes from one version to the next.
Touches: nothing.
"""

from __future__ import annotations

from cogsmith.contract.compare import compare
from cogsmith.contract.contract import Contract
from cogsmith.contract.findings import Change, Effect, Finding, Severity, step_of
from cogsmith.contract.lint import lint
from cogsmith.contract.read import read

__all__ = [
    "Change",
    "Contract",
    "Effect",
    "Finding",
    "Severity",
    "compare",
    "lint",
    "read",
    "step_of",
]
