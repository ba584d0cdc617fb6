"""What a model is: its inputs, its output, and how it wants to be called."""

from __future__ import annotations

from enum import Enum

from cogsmith.errors import Problem
from cogsmith.values import dataclass

__all__ = [
    "FileInput",
    "InputField",
    "InputType",
    "Kind",
    "OutputField",
    "OutputType",
    "Setup",
    "Shape",
    "Signature",
]


class Kind(Enum):
    """The kinds of single values, named as an author writes them."""

    BOOLEAN = "bool"
    FLOAT = "float"
    INTEGER = "int"
    STRING = "str"
    PATH = "Path"
    FILE = "File"
    SECRET = "Secret"  # noqa: S105 - a type, not a secret
    ANY = "Any"


class Shape(Enum):
    """How an output is put together."""

    SINGLE = "single"
    LIST = "list"
    DICT = "dict"
    OBJECT = "object"
    ITERATOR = "iterator"
    CONCATENATED = "concatenated"


@dataclass(frozen=True, slots=True)
class FileInput:
    """``@path`` on the command line: the caller puts the file's URL, or its text, in its place.

    ``text`` is true where the input is a ``str``, which wants the words in the file.
    """

    path: str
    text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InputType:
    """The type of one input: a value of ``kind``, or a list of them, or one of ``variants``."""

    kind: Kind = Kind.ANY
    many: bool = False
    optional: bool = False
    variants: tuple[InputType, ...] = ()

    @property
    def is_file(self) -> bool:
        """Whether a value names a file."""
        return self.kind in (Kind.PATH, Kind.FILE)

    def __str__(self) -> str:
        if self.variants:
            text = " | ".join(str(variant) for variant in self.variants)
        else:
            text = f"list[{self.kind.value}]" if self.many else self.kind.value
        return f"{text} | None" if self.optional else text


@dataclass(frozen=True, slots=True, kw_only=True)
class InputField:
    """One parameter of ``predict``: its type, its bounds, and what people are told about it.

    ``default`` is JSON: paths and secrets are texts. ``has_default`` tells ``default=None``
    from none at all.
    """

    name: str
    order: int
    type: InputType
    has_default: bool = False
    default: object = None
    description: str | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    min_length: int | None = None
    max_length: int | None = None
    regex: str | None = None
    choices: tuple[str | int, ...] = ()
    deprecated: bool = False
    accept: str | None = None

    @property
    def nullable(self) -> bool:
        """Whether None may be passed; with ``Secret = Input(default=None)`` too, as in Cog."""
        secret = self.type == InputType(kind=Kind.SECRET)
        return self.type.optional or (secret and self.has_default and self.default is None)

    @property
    def shows_default(self) -> bool:
        """``int = Input(default=None)`` has no default that could be shown (Cog: required)."""
        return self.has_default and (self.default is not None or self.nullable)

    @property
    def required(self) -> bool:
        """Whether a caller must give it."""
        return not self.shows_default and not self.type.optional


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputField:
    """One field of an output object."""

    name: str
    type: OutputType
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputType:
    """The type of what ``predict`` gives back; recursive, as outputs nest."""

    shape: Shape = Shape.SINGLE
    kind: Kind = Kind.ANY
    items: OutputType | None = None
    fields: tuple[OutputField, ...] = ()
    nullable: bool = False

    @property
    def is_iterator(self) -> bool:
        """Whether it comes in chunks."""
        return self.shape in (Shape.ITERATOR, Shape.CONCATENATED)

    @property
    def is_concatenated(self) -> bool:
        """Whether its chunks make one text when put together."""
        return self.shape is Shape.CONCATENATED

    @property
    def has_files(self) -> bool:
        """Whether a file can be in it, at any depth."""
        inside = [field.type for field in self.fields] + ([self.items] if self.items else [])
        mine = self.shape is Shape.SINGLE and self.kind in (Kind.PATH, Kind.FILE)
        return mine or any(output.has_files for output in inside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the predictor wants done once, before the first prediction."""

    present: bool = False
    takes_weights: bool = False
    is_async: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A model as others see it: read from source, without importing it.

    ``reference`` is the whole ``file.py:Name``; ``method`` the callable's name (``predict``,
    ``run``, ``train``, or the function's own); ``class_name`` is None for a plain function.
    """

    reference: str
    method: str
    inputs: tuple[InputField, ...]
    output: OutputType
    class_name: str | None = None
    is_train: bool = False
    is_async: bool = False
    is_generator: bool = False
    streaming: bool = False
    concurrency: int = 1
    setup: Setup = Setup()
    healthcheck: bool = False
    doc: str = ""
    warnings: tuple[Problem, ...] = ()

    def input(self, name: str) -> InputField | None:
        """The input of that name, if there is one."""
        return next((field for field in self.inputs if field.name == name), None)
