"""vLLM itself: the only module that imports it. Run with 0.32, read against 0.33."""

from __future__ import annotations

import dataclasses
import difflib
import weakref
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any

from vllm import SamplingParams
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.exceptions import VLLMClientError, VLLMError
from vllm.inputs import tokens_input
from vllm.platforms import current_platform
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError

from cogsmith.engine.engine import Capabilities, Chunk, Request
from cogsmith.engine.transformers.failures import STEP_FAILURES
from cogsmith.engine.vllm.engine import dead
from cogsmith.engine.vllm.translate import chunk, refuse, sampling_arguments
from cogsmith.errors import CheckpointError, EngineError

__all__ = ["VllmBackend", "start"]

# vLLM waits 5 s by default, then kills. Its processes take 6 s on two cores to end by
# themselves, and killed ones leave a shared-memory segment behind.
_PATIENCE = 60.0
# What vLLM raises while it reads a configuration and starts its processes.
_START_FAILURES = (VLLMError, AssertionError, *STEP_FAILURES)


def start(arguments: Mapping[str, Any], *, end_ids: frozenset[int], device: str) -> VllmBackend:
    """Start vLLM's processes and wait until they can answer.

    Raises CheckpointError when they do not come up, EngineError for a device or an engine
    argument that there is not.
    """
    _check_device(device)
    _check_names(arguments)
    arguments = {**arguments, "dtype": _dtype(arguments["dtype"])}
    gauge = _Gauge()
    try:
        engine = AsyncLLM.from_engine_args(
            AsyncEngineArgs(**arguments), stat_loggers=[gauge.logger]
        )
    except _START_FAILURES as problem:
        raise _not_started(problem, str(arguments["model"])) from None
    return VllmBackend(engine, gauge, end_ids)


class VllmBackend:
    """A `Backend`: vLLM's `AsyncLLM`, its exceptions turned into ours."""

    def __init__(self, engine: Any, gauge: _Gauge, end_ids: frozenset[int]) -> None:
        self._engine = engine
        self._gauge = gauge
        vocabulary = int(engine.model_config.get_vocab_size())
        # vLLM refuses a request that is to end at a token which the model cannot say.
        self._end_ids = frozenset(id_ for id_ in end_ids if 0 <= id_ < vocabulary)
        self.capabilities = Capabilities(
            batching=True,
            logprobs=True,
            max_context=int(engine.model_config.max_model_len),
            # vLLM 0.32 does not look, and one such token ends the engine and every request.
            vocabulary=vocabulary,
        )
        self._end = weakref.finalize(self, _shut_down, engine)

    @property
    def alive(self) -> bool:
        """Whether vLLM's processes are there."""
        return self._end.alive and not self._engine.errored

    @property
    def cache_used(self) -> float:
        """As of the last step."""
        return self._gauge.cache_used

    async def answer(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Answer; closing it aborts the request."""
        refuse(request)
        try:
            outputs = self._engine.generate(
                tokens_input(list(request.token_ids)), self._sampling(request), request.id
            )
            async with aclosing(outputs):
                async for output in outputs:
                    yield chunk(output.outputs[0])
        except EngineDeadError:
            raise dead() from None
        except VLLMError as problem:
            raise _failed(problem) from None

    async def abort(self, request_id: str) -> None:
        """Let the answer end as aborted."""
        with suppress(VLLMError):  # it has died: the stream is told so by itself
            await self._engine.abort(request_id)

    def close(self) -> None:
        """End vLLM's processes, gently; they also end so when the program does."""
        self._end()
        self._engine = None

    def _sampling(self, request: Request) -> SamplingParams:
        arguments = sampling_arguments(request, self._end_ids)
        return SamplingParams(output_kind=RequestOutputKind.DELTA, **arguments)


def _shut_down(engine: Any) -> None:
    handler = engine.output_handler
    if handler is not None:
        # Else it would take the processes' end for their death, and log it as an error.
        with suppress(RuntimeError):  # the loop is closed already
            handler.get_loop().call_soon_threadsafe(handler.cancel)
    engine.shutdown(timeout=_PATIENCE)


class _Gauge:
    """The use of the cache, which vLLM tells to those who log statistics.

    It calls `record` after every step, with arguments that it does not promise to keep; an
    exception there would end every request, so that what is unknown is passed over.
    """

    cache_used = 0.0

    def logger(self, *_: object) -> _Gauge:
        """The logger of one engine process, as vLLM makes it."""
        return self

    def record(self, scheduler_stats: object = None, *_: object, **__: object) -> None:
        self.cache_used = getattr(scheduler_stats, "kv_cache_usage", self.cache_used)

    def log(self) -> None:
        """Nothing to write."""

    def log_engine_initialized(self) -> None:
        """Nothing to write."""

    def record_sleep_state(self, *_: object) -> None:
        """It never sleeps."""


def _check_device(name: str) -> None:
    kind = current_platform.device_type
    if name not in {"auto", kind}:
        raise EngineError(
            f"{name} asked for, but this build of vLLM runs on {kind}",
            where="device",
            hint="use auto; CUDA_VISIBLE_DEVICES chooses among several GPUs",
        )


def _check_names(arguments: Mapping[str, Any]) -> None:
    known = [field.name for field in dataclasses.fields(AsyncEngineArgs)]
    for name in arguments:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise EngineError(
                "vLLM has no such engine argument",
                where=name,
                hint=f"did you mean {near[0]}?" if near else "see vLLM's page of engine arguments",
            )


def _dtype(name: str) -> str:
    """Float32 on a CPU, as in the transformers back end; elsewhere what the checkpoint says."""
    return "float32" if name == "auto" and current_platform.device_type == "cpu" else name


def _failed(problem: VLLMError) -> EngineError:
    """One request's failure: refused by vLLM (the words say why), or gone wrong in it."""
    if isinstance(problem, VLLMClientError):
        where = str(getattr(problem, "parameter", "") or "")
        return EngineError(f"vLLM refuses the request: {problem}", where=where)
    cause = problem.__cause__ or problem
    return EngineError(
        f"vLLM failed on this request: {type(cause).__name__}: {cause}",
        code="E1200",
        hint="see the log; try again",
    )


def _not_started(problem: BaseException, where: str) -> CheckpointError:
    words = str(problem).strip() or type(problem).__name__
    return CheckpointError(
        f"vLLM cannot run this checkpoint: {words}",
        where=where,
        hint="see the log above for the cause; if it is memory, set MODEL_CONTEXT to fewer tokens",
    )
