"""Source → signature: what is found, and every refusal with its place and its advice."""

from __future__ import annotations

import pytest

from cogsmith.errors import SignatureError
from cogsmith.signature import Kind, Setup, Shape, parse

from .sources import HEAD, one, predictor, problem, problems, project, signature


def test_a_predictor() -> None:
    found = project(
        '''
        from cog import BasePredictor, Input

        class Predictor(BasePredictor):
            async def setup(self, weights): ...
            def healthcheck(self): ...
            def predict(self, prompt: str = Input(description="What to say")) -> str:
                """Say it."""
        '''
    )
    assert found.method == "predict"
    assert found.class_name == "Predictor"
    assert found.setup == Setup(present=True, takes_weights=True, is_async=True)
    assert found.healthcheck
    assert found.doc == "Say it."
    assert found.input("prompt") == found.inputs[0]
    assert found.input("other") is None


def test_run_is_the_same_thing() -> None:
    source = "import cog\nclass Runner(cog.BaseRunner):\n    def run(self, a: int) -> str: ...\n"
    assert parse("run.py:Runner", {"run.py": source}.get).method == "run"


@pytest.mark.parametrize("reference", ["predict.py", "./predict.py:Predictor"])
def test_references_are_forgiving(reference: str) -> None:
    assert parse(reference, {"predict.py": predictor()}.get).class_name == "Predictor"


def test_without_a_name_runner_comes_first_and_says_so() -> None:
    runner = "class Runner(BaseRunner):\n    def run(self) -> str: ...\n"
    found = parse("predict.py", {"predict.py": predictor() + runner}.get)
    assert found.class_name == "Runner"
    assert found.warnings[0].message == "both Runner and Predictor are defined; Runner is used"


def test_without_a_name_a_runner_that_cannot_run_is_passed_over() -> None:
    runner = "class Runner:\n    pass\n"
    found = parse("predict.py", {"predict.py": predictor() + runner}.get)
    assert found.class_name == "Predictor"


def test_plain_functions_and_trainers() -> None:
    source = """
from cog import Input
def train(n: int) -> str: ...
class Trainer:
    def train(self, m: int) -> str: ...
"""
    function = parse("train.py:train", {"train.py": source}.get, train=True)
    trainer = parse("train.py:Trainer", {"train.py": source}.get, train=True)
    assert (function.class_name, function.inputs[0].name) == (None, "n")
    assert (trainer.class_name, trainer.method, trainer.inputs[0].name) == ("Trainer", "train", "m")
    assert parse("train.py", {"train.py": source}.get, train=True).class_name is None


def test_generators_are_told_from_functions_that_hold_one() -> None:
    body = "        def inner():\n            yield 1\n        return inner\n"
    source = f"class Predictor:\n    def predict(self) -> str:\n{body}"
    assert not project(source).is_generator


def test_a_generator_without_an_iterator_is_doubted() -> None:
    source = "class Predictor:\n    def predict(self) -> str:\n        yield 'a'\n"
    (doubt,) = project(source).warnings
    assert doubt.message == "predict() yields, but its return type is no iterator"
    assert doubt.where == "predict.py:2"


def test_all_problems_at_once() -> None:
    found = problems(
        HEAD
        + """
class Predictor(BasePredictor):
    def setup(self, extra): ...
    def predict(self, a, b: str = Input(choices=get()), c: int = "x") -> Optional[str]: ...
"""
    )
    assert [one.message for one in found] == [
        'missing type annotation for input "a"',
        'cannot resolve `get` without running it: "get" is not defined (input "b")',
        'invalid default for input "c" (int): expected integer, got string',
        "unsupported output type: Optional is not allowed as a return type",
        "unexpected setup() arguments: extra",
    ]
    assert {one.where for one in found} == {"predict.py:7", "predict.py:8"}
    assert all(one.hint for one in found)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("None", "unsupported output type: None"),
        ("str | int", "unsupported output type: a union"),
        ("set", "unsupported type: set"),
        ("Generator[str, None, None]", "unsupported output type: Generator"),
        ("Iterator", "Iterator needs the type of its items"),
        ("list[Iterator[str]]", "unsupported output type: Iterator inside another type"),
        ("ConcatenateIterator[int]", "ConcatenateIterator must have str items"),
        ("Literal['a']", "unsupported output type: Literal"),
        ("Missing", 'cannot resolve type "Missing"'),
        ("5", "`5` is not a type"),
        ("'a b'", "`'a b'` is not a type"),
        (
            "list[Optional[str]]",
            "unsupported output type: Optional is not allowed as a return type",
        ),
        ("Plain", 'unsupported output type: class "Plain"'),
        ("os", '"os" is a module, not a type'),
        ("Made", 'cannot resolve type "Made": it is made by calling `NewType`'),
        ("Changed", 'cannot resolve type "Changed": it is set in a loop or deleted on line 8'),
    ],
)
def test_outputs_refused(output: str, message: str) -> None:
    before = """
    class Plain: ...
    Made = NewType("Made", str)
    for Changed in [int]: ...
    """
    found = problem(output=output, before=before)
    assert found.message == message
    assert found.where.startswith("predict.py:")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("x: set", "unsupported type: set"),
        ("x: tuple[int, int]", "unsupported type: tuple"),
        ("x: list[list[str]]", "unsupported input type: a list of list[str]"),
        ("x: list[str | None]", "unsupported input type: a list of str | None"),
        ("x: list[str, int]", "list takes one type, not 2"),
        ("x: str | Path", "unsupported input type: Path in a union"),
        ("x: Literal['a', 'b']", "unsupported input type: Literal is not taken by Cog"),
        ("x: Model", 'unsupported input type: class "Model"'),
        ("x: Color", 'unsupported input type: class "Color"'),
        ("x: None", "unsupported input type: None alone"),
        ("x: Whatever[str]", 'cannot resolve type "Whatever"'),
        ("x: typing.Sequence[str]", "unsupported input type: Sequence"),
        ("x: str[int]", "unsupported type: str"),
        ("x: str = Input(defualt='a')", 'Input() has no argument "defualt"'),
        ("x: list = Input(default_factory=list)", "default_factory is not supported in Input()"),
        ("x: str = Input(ge=1)", "ge and le are only valid on int or float inputs"),
        ("x: int = Input(regex='a')", "regex: only valid on str inputs"),
        ("x: str = Input(regex='(')", 'invalid regex for input "x"'),
        ("x: str = Input(regex=5)", 'invalid regex for input "x": expected str, got int'),
        ("x: str = Input(accept='.png')", "accept is only valid on Path or File inputs"),
        ("x: float = Input(choices=[1.0, 2.0])", "choices are only valid on str or int inputs"),
        ("x: str = Input(choices=['a', 1])", 'invalid choices for input "x"'),
        ("x: str = Input(choices='ab')", 'invalid choices for input "x"'),
        ("x: int = Input(choices=[1, 2], ge=1)", "choices and ge/le exclude each other"),
        ("x: int = Input(ge=5, le=3)", 'invalid bounds for input "x": minimum 5 is greater'),
        ("x: int = Input(default=1, ge=5)", 'invalid default for input "x" (int): must be at min'),
        ("x: str = Input(min_length=5, max_length=3)", 'invalid lengths for input "x": minimum 5'),
        ("x: str = Input(default='', min_length=1)", 'invalid default for input "x" (str)'),
        ("x: str = Input(default='A', regex='[a-z]')", 'invalid default for input "x" (str)'),
        ("x: list[int] = Input(default=[1, 'a'])", 'invalid default for input "x" (list[int])'),
        ("x: float = Input(default=math.inf)", "cannot use `math.inf` here: JSON has no infinity"),
        ("x: str | int = Input(ge=1)", "ge and le are only valid on int or float inputs"),
        ("x: bool = 1", 'invalid default for input "x" (bool): expected boolean, got number'),
        ("x: Secret = Secret('s')", "cannot resolve `Secret("),
        ("x: str = os.environ.get('A')", "cannot resolve `os.environ.get"),
    ],
)
def test_inputs_refused(argument: str, message: str) -> None:
    before = """
    class Model(BaseModel):
        a: str
    class Color(enum.Enum):
        RED = "red"
    """
    found = problem(argument, before=before)
    assert found.message.startswith(message)
    assert found.where.startswith("predict.py:")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("class Predictor: ...", '"Predictor" must define run() or predict()'),
        (
            "import lib\nclass Predictor(lib.Base): ...",
            '"Predictor" must define run() or predict(); lib.Base cannot be looked into',
        ),
        (
            "class Predictor:\n def run(self) -> str: ...\n def predict(self) -> str: ...",
            '"Predictor" must define either run() or predict(), not both',
        ),
        ("x = 1", '"Predictor" not found in predict.py'),
        ("from lib import Predictor", '"Predictor" is imported from outside the project'),
        ("class Predictor:\n def predict() -> str: ...", "predict() must have self as its first"),
        ("class Predictor:\n def predict(self): ...", "predict() must have a return type"),
        ("class Predictor:\n def predict(self, *a: str) -> str: ...", "predict() must not have *a"),
        ("class Predictor:\n def predict(self, **a) -> str: ...", "predict() must not have **a"),
        (
            "class Predictor:\n def predict(self, *, a: str) -> str: ...",
            "predict() must not have k",
        ),
        (
            "class Predictor:\n def predict(self, a: str, /) -> str: ...",
            "predict() must not have p",
        ),
        ("class Predictor:\n  def predict(self -> str", "not valid Python: "),
        (
            "import cog\nclass Predictor:\n @cog.concurrent(max=2)\n def predict(self) -> str: ...",
            "concurrent max greater than 1 needs an async function",
        ),
        (
            "import cog\nclass Predictor:\n @cog.concurrent(max=0)\n def predict(self) -> str: ...",
            "concurrent max must be a whole number, at least 1",
        ),
        (
            "class Predictor:\n def setup(): ...\n def predict(self) -> str: ...",
            "setup() must have self as its first argument",
        ),
        (
            "from mypackage import Output\nclass Predictor:\n def predict(self) -> Output: ...",
            'cannot resolve type "Output" (imported from "mypackage")',
        ),
    ],
)
def test_predictors_refused(source: str, message: str) -> None:
    (found,) = problems(source)
    assert found.message.startswith(message)
    assert found.where.startswith("predict.py")


def test_files_that_are_not_there() -> None:
    (found,) = problems("", "other.py:Predictor")
    assert found.message == "other.py not found"
    (found,) = problems("x = 1", "predict.py")
    assert found.message == "predict.py has no Runner or Predictor"
    with pytest.raises(SignatureError, match="has no train function"):
        parse("train.py", {"train.py": ""}.get, train=True)


def test_too_deep_a_source_is_refused() -> None:
    deep = "x" + " + x" * 5000
    with pytest.raises(SignatureError):
        signature(f"a: int = {deep}", before="x = 1")


@pytest.mark.parametrize(
    ("argument", "doubt"),
    [
        ("x: int = Input(default=None)", 'input "x" stays required: None is no int'),
        ("x: str = Input(default='c', choices=['a', 'b'])", "is not among its choices"),
        ("x: File", "cog.File is deprecated"),
        ("x: str = Input(description=lib.text())", "cannot resolve `lib`"),
    ],
)
def test_doubts(argument: str, doubt: str) -> None:
    (found,) = signature(argument).warnings
    assert doubt in found.message


def test_required_and_nullable() -> None:
    assert one("x: int = Input(default=None)").required
    assert not one("x: Optional[int]").required
    assert not one("x: Secret = Input(default=None)").required
    assert one("x: Secret = Input(default=None)").nullable
    assert one("x: Secret").required
    assert one("x: int = 2.0").default == 2


def test_types_may_be_made_in_the_class_itself() -> None:
    found = project(
        """
        from cog import BaseModel
        class Predictor:
            Text = str
            class Output(BaseModel):
                a: int
            def predict(self, text: Text) -> Output: ...
        """
    )
    assert found.inputs[0].type.kind is Kind.STRING
    assert found.output.shape is Shape.OBJECT


def test_output_shapes() -> None:
    assert signature(output="ConcatenateIterator[str]").output.is_concatenated
    assert signature(output="AsyncIterator[Path]").output.has_files
    assert signature(output="dict[str, list[Path]]").output.has_files
    assert signature(output="list").output.shape is Shape.LIST
    assert signature(output="Annotated[list[Missing], Opaque]").output.shape is Shape.LIST
    assert signature(output="Any").output.kind is Kind.ANY
    assert not signature(output="str").output.is_iterator
