"""Two versions of a model → what has changed, and what that does to those who call it.

The rule for inputs: whatever was taken must be taken still. For outputs: whatever is given
must be what was promised. Laws: a contract compared with itself has no changes; without a
breaking change, inputs that fit the old signature fit the new one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cogsmith.contract.contract import Contract
from cogsmith.contract.findings import Change, Effect
from cogsmith.contract.inputs import input_changes
from cogsmith.contract.outputs import output_changes
from cogsmith.signature import Signature

__all__ = ["compare"]

_ORDER = list(Effect)


def compare(old: Contract, new: Contract) -> tuple[Change, ...]:
    """Every change from ``old`` to ``new``: breaking ones first, then in the order of inputs."""
    found = [
        *_mode("predictions", old.predict, new.predict),
        *(_prefixed(change) for change in _mode("trainings", old.train, new.train)),
    ]
    return tuple(sorted(found, key=lambda change: _ORDER.index(change.effect)))


def _prefixed(change: Change) -> Change:
    return replace(change, where=f"train: {change.where}")


def _mode(noun: str, old: Signature | None, new: Signature | None) -> Iterator[Change]:
    if old is None and new is not None:
        yield Change(effect=Effect.COMPATIBLE, where="model", message=f"{noun} are new")
    elif old is not None and new is None:
        yield Change(
            effect=Effect.BREAKING, where="model", message=f"{noun} are gone",
            hint="keep the key in cog.yaml",
        )  # fmt: skip
    elif old is not None and new is not None:
        yield from _inputs(old, new)
        yield from output_changes(old.output, new.output, "output")
        yield from _streaming(old, new)


def _inputs(old: Signature, new: Signature) -> Iterator[Change]:
    for field in old.inputs:
        now = new.input(field.name)
        if now is None:
            yield Change(
                effect=Effect.BREAKING, where=f"input {field.name}", message="is gone",
                hint="keep it, and mark it: Input(deprecated=True)",
            )  # fmt: skip
        else:
            yield from input_changes(field, now)
    for field in new.inputs:
        if old.input(field.name) is None:
            yield Change(
                effect=Effect.BREAKING if field.required else Effect.COMPATIBLE,
                where=f"input {field.name}",
                message="is new and required" if field.required else "is new",
                hint="give it a default" if field.required else "",
            )


def _streaming(old: Signature, new: Signature) -> Iterator[Change]:
    if old.streaming and not new.streaming:
        yield Change(
            effect=Effect.BREAKING, where="output",
            message="is no stream of server-sent events any more", hint="keep @streaming",
        )  # fmt: skip
    elif new.streaming and not old.streaming:
        yield Change(
            effect=Effect.COMPATIBLE, where="output", message="can be read as server-sent events"
        )
