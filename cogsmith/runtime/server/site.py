"""What is served: the model's code and signature, and how it may be reached."""

from __future__ import annotations

from dataclasses import dataclass

from cogsmith.errors import SignatureError
from cogsmith.runtime.spec import WorkerSpec
from cogsmith.signature import Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One thing that the model does: predict, or train."""

    spec: WorkerSpec
    signature: Signature

    @classmethod
    def of(cls, spec: WorkerSpec, signature: Signature, wanted: int | None = None) -> Offer:
        """A spec with what the signature says; ``wanted`` predictions at once win over its own.

        Raises SignatureError for a sync predictor that is to run several at once.
        """
        concurrency = 1 if signature.is_train else wanted or signature.concurrency
        if concurrency > 1 and not signature.is_async:
            raise SignatureError(
                "COG_MAX_CONCURRENCY > 1 requires an async run() or predict() method",
                where=signature.reference,
                hint="write async def, or give a sync predictor several processes: "
                "COGSMITH_WORKERS=2 (cogsmith serve --workers 2)",
            )
        return cls(signature=signature, spec=spec.calling(signature, concurrency))


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A model to be served; ``name`` is what people and OpenAI's clients call it."""

    name: str
    predict: Offer
    train: Offer | None = None
