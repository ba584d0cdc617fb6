"""The document: every key of cog.yaml, typed and frozen.

The descriptions travel to the JSON schema, where editors show them. What one key may hold is
checked here; what two keys may not hold together is in ``rules``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic import StrictBool as Flag
from pydantic import StrictInt as Whole
from pydantic import StrictStr as Text

from cogsmith.config.references import reference
from cogsmith.config.requirements import package
from cogsmith.config.variables import split, variable
from cogsmith.config.versions import (
    DEFAULT_PYTHON,
    parse_cuda,
    parse_cudnn,
    parse_python,
    parse_sdk,
)
from cogsmith.config.weight_names import scheme_of, source_uri, target_folder, weight_name

__all__ = [
    "LEVELS",
    "Build",
    "Concurrency",
    "ModelConfig",
    "RunCommand",
    "SecretMount",
    "Weight",
    "WeightSource",
]


def _list(value: object) -> object:
    """A key with nothing behind its colon is an empty list, as in Cog."""
    return () if value is None else value


def _command(value: object) -> object:
    return {"command": value} if isinstance(value, str) else value


def _source(value: object) -> object:
    return {"uri": value} if isinstance(value, str) else value


Line = Annotated[Text, Field(min_length=1)]
Lines = Annotated[
    tuple[Line, ...], BeforeValidator(_list, json_schema_input_type=list[Line] | None)
]
Variables = Annotated[
    tuple[Annotated[Text, AfterValidator(variable)], ...],
    BeforeValidator(_list, json_schema_input_type=list[Line] | None),
]
Packages = Annotated[
    tuple[Annotated[Line, AfterValidator(package)], ...],
    BeforeValidator(_list, json_schema_input_type=list[Line] | None),
]
# A number is accepted where a version stands: the reader hands over its text as written.
VersionText = Annotated[Text, Field(json_schema_extra={"type": ["string", "number"]})]


class Document(BaseModel):
    """What all levels share: frozen, and no key beyond those that are written here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SecretMount(Document):
    """A secret that a build command can read, and that stays out of the image."""

    type: Literal["secret"] = Field(description="What is mounted; secrets are the only kind.")
    id: Line = Field(description="The name by which the builder is given the secret.")
    target: Line = Field(description="The file in which the command finds the secret.")


class RunCommand(Document):
    """A command run in the image while it is built."""

    command: Line = Field(description="The command, as a shell reads it.")
    mounts: Annotated[
        tuple[SecretMount, ...],
        BeforeValidator(_list, json_schema_input_type=list[SecretMount] | None),
    ] = Field(default=(), description="Secrets for this command alone.")


RunItem = Annotated[RunCommand, BeforeValidator(_command, json_schema_input_type=Line | RunCommand)]


class Build(Document):
    """What the model's environment is made of."""

    python_version: Annotated[VersionText, AfterValidator(parse_python)] = Field(
        default=DEFAULT_PYTHON,
        description='Python of the model, quoted: minor ("3.13") or patch ("3.13.1").',
    )
    python_requirements: Line | None = Field(
        default=None,
        description="A requirements file of pip, relative to this file. Excludes python_packages.",
    )
    python_packages: Packages = Field(
        default=(),
        description="Python packages, one `name==version` a line. Use python_requirements instead.",
        json_schema_extra={"deprecated": True},
    )
    python_overrides: Line | None = Field(
        default=None,
        description="A requirements file whose versions win over what packages ask for.",
    )
    system_packages: Lines = Field(
        default=(), description="Packages of Debian or Ubuntu to install."
    )
    run: Annotated[
        tuple[RunItem, ...],
        BeforeValidator(_list, json_schema_input_type=list[RunItem] | None),
    ] = Field(
        default=(),
        description="Commands run after all packages are installed. They do not see your code.",
    )
    pre_install: Lines = Field(
        default=(),
        description="Commands run before the Python packages are installed. Use run instead.",
        json_schema_extra={"deprecated": True},
    )
    gpu: Flag = Field(default=False, description="Whether the model needs a GPU of NVIDIA.")
    cuda: Annotated[VersionText, AfterValidator(parse_cuda)] | None = Field(
        default=None,
        description='CUDA in the image, quoted ("12.4"). Left out, it follows torch.',
    )
    cudnn: Annotated[VersionText, AfterValidator(parse_cudnn)] | None = Field(
        default=None, description='cuDNN in the image, quoted ("9"). Left out, it follows CUDA.'
    )
    sdk_version: Annotated[VersionText, AfterValidator(parse_sdk)] | None = Field(
        default=None,
        description="Version of the cog package beside the model. Left out: the newest.",
    )
    environment: Variables = Field(
        default=(), description="Variables seen while the image is built, as `NAME=value`."
    )
    fast: Flag = Field(
        default=False,
        description="A trial of Cog that has ended; has no effect.",
        json_schema_extra={"deprecated": True},
    )


class Concurrency(Document):
    """How many predictions one container runs at once."""

    max: Annotated[Whole, Field(ge=1)] = Field(
        description="The most predictions at once. Above 1, predict() must be async."
    )
    default_target: Annotated[Whole, Field(ge=1)] | None = Field(
        default=None, description="How many at once an autoscaler should aim for."
    )


class WeightSource(Document):
    """Where the files of a weight come from, and which of them are taken."""

    uri: Annotated[Line, AfterValidator(source_uri)] = Field(
        description="hf://org/repo@revision, https://…, file://…, or a path beside this file."
    )
    include: Lines = Field(
        default=(), description="Patterns as in .gitignore: only files that match one are taken."
    )
    exclude: Lines = Field(
        default=(), description="Patterns of files to leave out, also of those included."
    )

    @property
    def scheme(self) -> str:
        """The kind of source: hf, huggingface, https, http or file."""
        return scheme_of(self.uri)


class Weight(Document):
    """A named set of files that is stored and delivered apart from the image."""

    name: Annotated[Line, AfterValidator(weight_name)] = Field(
        description="The weight's name, unique in this file."
    )
    source: Annotated[
        WeightSource, BeforeValidator(_source, json_schema_input_type=Line | WeightSource)
    ] = Field(description="Where the files come from.")
    target: Annotated[Line, AfterValidator(target_folder)] = Field(
        description="The absolute folder where the container finds them. No two may overlap."
    )


class ModelConfig(Document):
    """How to build a model's environment, and where its code is."""

    build: Build = Field(
        default_factory=Build, description="What the model's environment is made of."
    )
    image: Line | None = Field(
        default=None, description="The image's name; with its registry, where push sends it."
    )
    model: Line | None = Field(
        default=None,
        description="The repository of image and weights together, for models with weights.",
    )
    predict: Annotated[Text, AfterValidator(reference("predict.py:Predictor"))] | None = Field(
        default=None, description="The predictor, as `file.py:Class`. Excludes run."
    )
    run: Annotated[Text, AfterValidator(reference("run.py:Runner"))] | None = Field(
        default=None, description="The predictor under Cog's newer name, as `file.py:Class`."
    )
    train: Annotated[Text, AfterValidator(reference("train.py:train"))] | None = Field(
        default=None, description="What trains the model, as `file.py:function` or `file.py:Class`."
    )
    concurrency: Concurrency | None = Field(
        default=None, description="How many predictions run at once. Left out: one."
    )
    environment: Variables = Field(
        default=(), description="Variables that the model sees when it runs, as `NAME=value`."
    )
    weights: Annotated[
        tuple[Weight, ...], BeforeValidator(_list, json_schema_input_type=list[Weight] | None)
    ] = Field(default=(), description="Files delivered apart from the image.")
    tests: Annotated[
        tuple[dict[str, Any], ...],
        BeforeValidator(_list, json_schema_input_type=list[dict[str, Any]] | None),
    ] = Field(
        default=(),
        description="Commands to test the model with; read, and not used.",
        json_schema_extra={"deprecated": True},
    )

    @property
    def predictor(self) -> str | None:
        """The predictor's reference, ``file.py:Class``, whichever key names it."""
        return self.run or self.predict

    @property
    def max_concurrency(self) -> int:
        """How many predictions may run at once."""
        return self.concurrency.max if self.concurrency else 1

    def variables(self) -> dict[str, str]:
        """What the model sees in its environment when it runs, by name."""
        return dict(split(line) for line in self.environment)


# The model of each mapping in the document, by its path; "[]" stands for any item of a list.
LEVELS: dict[tuple[str, ...], type[Document]] = {
    (): ModelConfig,
    ("build",): Build,
    ("build", "run", "[]"): RunCommand,
    ("build", "run", "[]", "mounts", "[]"): SecretMount,
    ("concurrency",): Concurrency,
    ("weights", "[]"): Weight,
    ("weights", "[]", "source"): WeightSource,
}
