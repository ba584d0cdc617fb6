"""What a worker is to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from cogsmith.signature import Signature
from cogsmith.signature import decoders as decoders_of


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSpec:
    """A model, and how to start it.

    ``python`` is the author's interpreter; ``project`` the folder that it runs in;
    ``reference`` is ``file.py:Name`` and ``method`` what is called on it (a plain
    function's own name). ``decoders`` are those of ``cogsmith.signature``. ``concurrency``
    counts predictions at once; a sync predictor gets one whatever it says. ``iterator``
    says whether the output is declared to come in pieces. ``environment`` is added to ours.
    ``setup_timeout`` is in seconds, None for ever.
    """

    python: Path
    project: Path
    reference: str
    method: str = "predict"
    decoders: Mapping[str, object] = field(default_factory=dict)
    concurrency: int = 1
    iterator: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    weights: str | None = None
    setup_timeout: float | None = None

    def calling(self, signature: Signature, concurrency: int = 1) -> WorkerSpec:
        """The same, for what a signature names, ``concurrency`` predictions at once."""
        return replace(
            self,
            reference=signature.reference,
            method=signature.method,
            decoders=decoders_of(signature),
            concurrency=concurrency,
            iterator=signature.output.is_iterator,
        )
