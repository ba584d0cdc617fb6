"""Every error of ours, in one tree.

::

    CogsmithError
    ├── UsageError            the command line asks for something that does not fit
    ├── ConfigError           cog.yaml is wrong
    ├── SignatureError        predict() cannot be understood from its source
    ├── ContractError         an OpenAPI document is not that of a model
    ├── CasesError            files of test cases are wrong
    ├── TargetError           a server that is to be tested or asked does not answer as one
    ├── LockError             requirements cannot be resolved, or a lock cannot be read
    │   └── LockStale         the lock answers other requirements
    ├── InstallError          an environment cannot be made from a lock
    ├── SystemPackageError    Debian packages cannot be added to an image without Docker
    ├── CommandFailed         a program that we started failed
    │   └── MissingProgram    a program that we need cannot be started
    ├── PredictionError       a prediction did not happen
    │   ├── InvalidInput      the inputs do not fit the signature
    │   ├── SetupFailed       setup() raised, timed out or its process died
    │   ├── PredictionFailed  predict() raised
    │   ├── Canceled          somebody took it back
    │   ├── WorkerCrashed     the worker's process died
    │   └── DeliveryFailed    an output's file cannot be handed on
    ├── RegistryError         a registry refuses, or answers what no registry should
    │   ├── Unreachable       no connection to it, or none that lasts
    │   ├── Unauthorized      it does not know us (401)
    │   ├── Denied            it knows us and says no (403)
    │   ├── NotFound          it has no such thing (404)
    │   └── TooManyRequests   it says to wait, longer than we do (429)
    ├── OciError              an image, or a name or a part of one, is not what it must be
    │   ├── InvalidReference  not the name of an image
    │   ├── InvalidDigest     not the name of content
    │   ├── InvalidDocument   a manifest, index or config is not one
    │   ├── InvalidLayer      a layer's bytes cannot be made or read
    │   ├── DigestMismatch    bytes are not those that were named
    │   └── NotInLayout       an image layout lacks what was asked for
    ├── DockerError           Docker's engine refuses, or none answers
    ├── DeployError           a deployment cannot be rendered, compared or made so
    │   ├── DeploymentInvalid deploy.yaml is wrong
    │   └── RolledBack        a new version did not hold; the old one runs
    ├── WeightsError          weights cannot be fetched, packed or read
    │   └── WeightsStale      weights.lock answers another cog.yaml
    └── EngineError           the engine refuses a request or cannot load a checkpoint
        ├── PromptTooLong     E1002
        ├── BadTemplate       E1003, E1004
        ├── CheckpointError   E1202
        ├── AdapterError      E1203
        └── DatasetError      E1301

An error holds *problems*, each with three fields: ``where`` (file, line and key path, or a
URL), ``message`` (what is wrong, with the value) and ``hint`` (what to do). ``code`` is a
stable word for programs. All problems of one file travel in one error (DESIGN, D9).

This module imports the standard library alone: it also runs inside the author's
environment, next to the predictor.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "AdapterError",
    "BadTemplate",
    "Canceled",
    "CasesError",
    "CheckpointError",
    "CogsmithError",
    "CommandFailed",
    "ConfigError",
    "ContractError",
    "DatasetError",
    "DeliveryFailed",
    "Denied",
    "DeployError",
    "DeploymentInvalid",
    "DockerError",
    "EngineError",
    "InstallError",
    "InvalidDigest",
    "InvalidDocument",
    "InvalidInput",
    "InvalidLayer",
    "InvalidReference",
    "LockError",
    "LockStale",
    "MissingProgram",
    "NotFound",
    "PredictionError",
    "PredictionFailed",
    "Problem",
    "PromptTooLong",
    "RegistryError",
    "RolledBack",
    "SetupFailed",
    "SignatureError",
    "SystemPackageError",
    "TargetError",
    "TooManyRequests",
    "Unauthorized",
    "Unreachable",
    "UsageError",
    "WeightsError",
    "WeightsStale",
    "WorkerCrashed",
]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where, what, and what to do about it."""

    message: str
    where: str = ""
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class CogsmithError(Exception):
    """The root: one or more problems that a person can act on.

    >>> str(ConfigError("no such key", where="cog.yaml:3: build.gpus"))
    'cog.yaml:3: build.gpus: no such key'
    """

    code = "error"

    def __init__(
        self, message: str | Iterable[Problem], *, where: str = "", hint: str = "", code: str = ""
    ) -> None:
        """Hold one problem, given by its words, or several, given whole."""
        if isinstance(message, str):
            self.problems: tuple[Problem, ...] = (Problem(message, where, hint),)
        else:
            self.problems = tuple(message)
        if code:
            self.code = code
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @property
    def message(self) -> str:
        """The first problem's words."""
        return self.problems[0].message

    @property
    def hint(self) -> str:
        """The first problem's advice."""
        return self.problems[0].hint

    @property
    def where(self) -> str:
        """The first problem's place."""
        return self.problems[0].where


class UsageError(CogsmithError):
    """The command line asks for something that does not fit (exit code 2)."""

    code = "usage"


class ConfigError(CogsmithError):
    """cog.yaml is wrong."""

    code = "config"


class SignatureError(CogsmithError):
    """predict() cannot be understood from its source."""

    code = "signature"


class ContractError(CogsmithError):
    """An OpenAPI document is not that of a model."""

    code = "contract"


class CasesError(CogsmithError):
    """Files of test cases are wrong."""

    code = "cases"


class TargetError(CogsmithError):
    """A server that is to be tested, or asked for its document, does not answer as one."""

    code = "target"


class LockError(CogsmithError):
    """Requirements cannot be resolved, or a lock cannot be read."""

    code = "lock"


class LockStale(LockError):
    """The lock answers other requirements than the project's."""

    code = "lock_stale"


class InstallError(CogsmithError):
    """An environment cannot be made from a lock."""

    code = "install"


class SystemPackageError(CogsmithError):
    """Debian packages cannot be added to an image without Docker."""

    code = "system_packages"


class CommandFailed(CogsmithError):
    """A program that we started failed.

    ``words`` is the command as shown to people (secrets already starred), ``exit_code``
    its status, ``tail`` the last lines of what it wrote.
    """

    code = "command"

    def __init__(self, words: tuple[str, ...], exit_code: int, tail: str = "") -> None:
        """Say which program failed, how, and its last words."""
        self.words, self.exit_code, self.tail = words, exit_code, tail
        said = f":\n{tail.rstrip()}" if tail.strip() else ""
        super().__init__(f"{' '.join(words[:2])} ended with exit code {exit_code}{said}")

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.words, self.exit_code, self.tail)


class MissingProgram(CommandFailed):
    """A program that we need cannot be started; ``exit_code`` is the shell's 127."""

    code = "missing_program"

    def __init__(self, program: str, reason: str) -> None:
        """Say which program, and why."""
        self.program, self.reason = program, reason
        super().__init__((program,), 127, reason)
        message = f"{program} cannot be started: {reason}"
        self.problems = (Problem(message, hint=f"install {program}, or check PATH"),)
        self.args = (message,)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.program, self.reason)


class PredictionError(CogsmithError):
    """A prediction did not happen."""

    code = "prediction"


class InvalidInput(PredictionError):
    """The inputs do not fit the signature."""

    code = "invalid_input"


class SetupFailed(PredictionError):
    """setup() raised, timed out, or its process died.

    ``log`` is what setup printed, its traceback last.
    """

    code = "setup_failed"

    def __init__(self, message: str, *, where: str = "", hint: str = "", log: str = "") -> None:
        """Hold what went wrong and what was printed before."""
        self.log = log
        super().__init__(message, where=where, hint=hint)


class PredictionFailed(PredictionError):
    """predict() raised."""

    code = "prediction_failed"


class Canceled(PredictionError):
    """Somebody took the prediction back."""

    code = "canceled"


class WorkerCrashed(PredictionError):
    """The worker's process died."""

    code = "worker_crashed"


class DeliveryFailed(PredictionError):
    """An output's file cannot be handed on: it is gone, too large, or its upload failed."""

    code = "delivery_failed"


class RegistryError(CogsmithError):
    """A registry refuses, or answers what no registry should.

    ``status`` is the HTTP status (0: there was no answer), ``reasons`` the codes that the
    registry itself gave, such as ``MANIFEST_UNKNOWN`` (OCI distribution, "Error Codes").
    """

    code = "registry"

    def __init__(
        self, message: str, *, where: str = "", hint: str = "", status: int = 0,
        reasons: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """Hold what went wrong, and what the registry said of it in its own codes."""
        self.status, self.reasons = status, reasons
        super().__init__(message, where=where, hint=hint)


class Unreachable(RegistryError):
    """There is no connection to the registry, or none that lasts."""

    code = "unreachable"


class Unauthorized(RegistryError):
    """The registry does not know us: no credentials, or wrong ones."""

    code = "unauthorized"


class Denied(RegistryError):
    """The registry knows us and says no."""

    code = "denied"


class NotFound(RegistryError):
    """The registry has no such repository, manifest or blob."""

    code = "not_found"


class TooManyRequests(RegistryError):
    """The registry asks to wait, longer than we are willing to."""

    code = "too_many_requests"


class OciError(CogsmithError):
    """An image, or a name or a part of one, is not what it must be."""

    code = "oci"


class InvalidReference(OciError):
    """A text is not the name of an image."""

    code = "invalid_reference"


class InvalidDigest(OciError):
    """A text is not a digest."""

    code = "invalid_digest"


class InvalidDocument(OciError):
    """A manifest, an index or a config is not one, or does not fit what is around it."""

    code = "invalid_document"


class InvalidLayer(OciError):
    """A layer's bytes cannot be made or read: compression, archive, or a path in it."""

    code = "invalid_layer"


class DigestMismatch(OciError):
    """Bytes are not those that a digest and a size named."""

    code = "digest_mismatch"


class NotInLayout(OciError):
    """An image layout lacks the image, or the blob, that was asked for."""

    code = "not_in_layout"


class DeployError(CogsmithError):
    """A deployment cannot be rendered, compared with what runs, or made so."""

    code = "deploy"


class DeploymentInvalid(DeployError):
    """deploy.yaml is wrong."""

    code = "deployment_invalid"


class RolledBack(DeployError):
    """A new version did not become ready, crashed or failed its tests; the old one runs."""

    code = "rolled_back"


class DockerError(CogsmithError):
    """Docker's engine refuses what was asked of it, or none answers."""

    code = "docker"


class WeightsError(CogsmithError):
    """Weights cannot be fetched, packed or read."""

    code = "weights"


class WeightsStale(WeightsError):
    """weights.lock answers another cog.yaml."""

    code = "weights_stale"


class EngineError(CogsmithError):
    """The engine refuses a request or cannot load a checkpoint.

    ``code`` is one of the E-numbers that LLM predictors share (facts/replicate-api.md §8.4):
    E1000 generic, E1001 prompt required, E1002 prompt too long, E1003 template without
    ``{prompt}``, E1004 template not formattable, E1101/E1102 both old and new token limits
    given, E1200 engine, E1202 checkpoint or its configuration; ours: E1203 adapter, E1301 data
    to train with.
    """

    code = "E1000"


class PromptTooLong(EngineError):
    """The prompt does not fit the model's context."""

    code = "E1002"


class BadTemplate(EngineError):
    """The prompt template cannot be used."""

    code = "E1003"


class CheckpointError(EngineError):
    """The checkpoint cannot be loaded."""

    code = "E1202"


class AdapterError(EngineError):
    """An adapter is none, does not fit its base, or is larger than what is allowed."""

    code = "E1203"


class DatasetError(EngineError):
    """Data to train with cannot be read, or its lines cannot be learned from."""

    code = "E1301"
