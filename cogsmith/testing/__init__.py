"""Fakes that we ship: to test Cogsmith, and for users to test what they build on it.

In: nothing but a name.
Out: predictors, one for each behavior a model can show (``PREDICTORS``).
Touches: nothing itself; a predictor does what its docstring says.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["PREDICTORS"]

PREDICTORS = Path(__file__).parent / "predictors"
