"""Cases played for real: on workers of this machine, and on servers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cogsmith.cases import Case, Fuzzing, Local, Manner, Target, Verdict, play, play_fuzz
from cogsmith.runtime import WorkerSpec
from cogsmith.signature import Signature
from cogsmith.signature import load as load_signature
from cogsmith.testing import PREDICTORS

PATIENCE = 60.0


def signature_of(name: str) -> Signature:
    return load_signature(PREDICTORS, f"{name}.py:Predictor")


def spec_of(name: str, **environment: str) -> WorkerSpec:
    spec = WorkerSpec(
        python=Path(sys.executable), project=PREDICTORS, reference="",
        environment=environment, setup_timeout=PATIENCE,
    )  # fmt: skip
    return spec.calling(signature_of(name))


def here(name: str, cases: Sequence[Case], manner: Manner | None = None, **environment: str) -> Any:
    """Play cases on one of the predictors that we ship; answers the verdicts by name."""
    signature = signature_of(name)
    manner = manner or Manner()
    told: list[Verdict] = []

    async def go() -> tuple[Verdict, ...]:
        local = Local(
            spec_of(name, **environment), signature, count=manner.at_once, on_log=lambda _: None
        )
        async with local as target:
            return await play(cases, target, signature, told.append, manner)

    verdicts = asyncio.run(go())
    assert tuple(told) == verdicts
    return {verdict.name: verdict for verdict in verdicts}


def fuzzed(name: str, fuzzing: Fuzzing) -> tuple[Verdict, ...]:
    signature = signature_of(name)

    async def go() -> tuple[Verdict, ...]:
        async with Local(spec_of(name), signature, on_log=lambda _: None) as target:
            return await play_fuzz(target, signature, fuzzing, lambda _: None)

    return asyncio.run(go())


def there(target: Target, signature: Signature, *cases: Case) -> dict[str, Verdict]:
    verdicts = asyncio.run(play(cases, target, signature, lambda _: None))
    return {verdict.name: verdict for verdict in verdicts}
