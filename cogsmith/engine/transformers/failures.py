"""What goes wrong in a step, and how a request is told: no torch here."""

from __future__ import annotations

from cogsmith.errors import EngineError

__all__ = ["STEP_FAILURES", "failure", "is_memory", "no_number"]

# What torch and transformers raise when a step goes wrong (out of memory is a RuntimeError).
STEP_FAILURES = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)


def is_memory(problem: BaseException) -> bool:
    """Whether memory ran out; torch says so in words, on a CPU and on a GPU."""
    words = str(problem).lower()
    return isinstance(problem, MemoryError) or "out of memory" in words or "allocate" in words


def failure(problem: BaseException) -> EngineError:
    """The error that a request ends with: our own as it is, another's in our words."""
    if isinstance(problem, EngineError):
        return problem
    words = str(problem).strip() or type(problem).__name__
    memory = is_memory(problem)
    return EngineError(
        f"the model failed: {type(problem).__name__}: {words}",
        hint="shorten the prompt or lower max_tokens" if memory else "see the log; try again",
        code="E1200",
    )


def no_number() -> EngineError:
    """The error for an answer whose logits are not numbers."""
    return EngineError(
        "the model's arithmetic overflowed: its next token has no probability",
        hint="use dtype bfloat16 or float32; if it is that already, the weights are damaged",
        code="E1200",
    )
