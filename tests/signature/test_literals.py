"""What defaults and choices may be written with."""

from __future__ import annotations

import pytest

from .sources import one, problem

BEFORE = """
NAMES = ["a", "b"]
NAMES += ["c"]
TABLE = {"x": 1, "y": 2}
FIRST, SECOND = 1, 2
LATER: int = 5
if typing.TYPE_CHECKING:
    CHECKED = "yes"
else:
    CHECKED = "no"
try:
    import nothing_like_this
    TRIED = 1
except ImportError:
    TRIED = 2
with open("x"):
    INSIDE = "in"

class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"

class Level(enum.IntEnum):
    LOW = enum.auto()
    HIGH = enum.auto()

class Box:
    SIZE = 3
    @classmethod
    def doubled(cls, n=2, *, plus=1): return n * 2 + plus

def names(prefix): return [prefix + name for name in NAMES]
"""


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("NAMES[0]", "a"),
        ("NAMES[-1]", "c"),
        ("TABLE['x']", 1),
        ("TABLE.get('z', 7)", 7),
        ("FIRST + SECOND * 2", 5),
        ("LATER", 5),
        ("CHECKED", "yes"),
        ("TRIED", 1),
        ("INSIDE", "in"),
        ("Color.RED.value", "red"),
        ("Color['BLUE'].value", "blue"),
        ("Color('red').name", "RED"),
        ("Color.BLUE", "blue"),
        ("Level.HIGH", 2),
        ("Box.SIZE", 3),
        ("Box.doubled()", 5),
        ("Box.doubled(3, plus=0)", 6),
        ("2**32 - 1", 2**32 - 1),
        ("1 << 4", 16),
        ("-(3)", -3),
        ("7 // 2 % 2", 1),
        ("not True", False),
        ("1 if NAMES else 2", 1),
        ("'a' in NAMES and 'z' not in NAMES", True),
        ("None or 3", 3),
        ("1 < 2 <= 2", True),
        ("f'{FIRST:02d}-{NAMES[0]!r}'", "01-'a'"),
        ("'%s!' % 'hi'", "hi!"),
        ("'-'.join(NAMES)", "a-b-c"),
        ("' Hi '.strip().upper()", "HI"),
        ("str(1.5) + 'x'", "1.5x"),
        ("round(math.pi, 2)", 3.14),
        ("max(len(NAMES), 2)", 3),
        ("sum(range(4))", 6),
        ("int('7')", 7),
        ("abs(-2)", 2),
        ("string.digits", "0123456789"),
    ],
)
def test_values(expression: str, value: object) -> None:
    kind = {str: "str", bool: "bool", int: "int", float: "float"}[type(value)]
    found = one(f"x: {kind} = {expression}", before=f"import string{BEFORE}")
    assert found.default == value


@pytest.mark.parametrize(
    ("expression", "choices"),
    [
        ("NAMES", ("a", "b", "c")),
        ("NAMES[:2]", ("a", "b")),
        ("['x', *NAMES]", ("x", "a", "b", "c")),
        ("tuple(NAMES)", ("a", "b", "c")),
        ("names('p-')", ("p-a", "p-b", "p-c")),
        ("list(TABLE)", ("x", "y")),
        ("list(TABLE.keys()) + NAMES", ("x", "y", "a", "b", "c")),
        ("sorted(TABLE, reverse=True)", ("y", "x")),
        ("{'b', 'a', 'b'}", ("b", "a")),
        ("Color", ("red", "blue")),
        ("list(Color)", ("red", "blue")),
        ("[c.value for c in Color if c.value != 'red'] + ['z']", ("blue", "z")),
        ("[f'{a}{n}' for a in NAMES for n in range(2)]", ("a0", "a1", "b0", "b1", "c0", "c1")),
        ("{k: v for k, v in TABLE.items()}", ("x", "y")),
        ("list(dict(a=1, b=2))", ("a", "b")),
        ("list({**TABLE, 'z': 3})", ("x", "y", "z")),
        ("[a + b for a, b in zip(NAMES, 'xyz')]", ("ax", "by", "cz")),
        ("[str(i) for i, _ in enumerate(NAMES)]", ("0", "1", "2")),
        ("'one two'.split()", ("one", "two")),
        ("{'a': lambda: 1, 'b': missing()}.keys()", ("a", "b")),
    ],
)
def test_choices(expression: str, choices: tuple[str, ...]) -> None:
    assert one(f"x: str = Input(choices={expression})", before=BEFORE).choices == choices


@pytest.mark.parametrize(
    "expression",
    [
        "missing",
        "missing()",
        "{'a': missing()}['a']",
        "[*{'a': missing()}.values()][0]",
        "open('x').read()",
        "(lambda: 1)()",
        "TABLE['nope']",
        "NAMES[9]",
        "1 / 0",
        "10**10**10",
        "'a' * 10**9",
        "'%9999d' % 1",
        "f'{1:9999}'",
        "1 << 10**9",
        "list(range(10**12))",
        "Color.GREEN.value",
        "Color('green').value",
        "Box.nothing",
        "Box.doubled(1, 2, 3)",
        "several(1)",
        "changed[0]",
        "grown[0]",
        "loop",
        "loops",
        "[x for x in 5]",
        "b'bytes'",
        "...",
        "[i for i in range(9999) for j in range(9999)][0]",
        "int('x')",
        "os.getcwd()",
        "Level",
    ],
)
def test_what_only_running_would_tell_is_refused(expression: str) -> None:
    more = """
def several(a):
    b = a
    return b
changed = [1]
changed[0] = 2
grown = [1]
for i in range(3):
    grown.append(i)
    loop = i
loops = loops
"""
    found = problem(f"x: int = {expression}", before=BEFORE + more)
    assert found.where.startswith("predict.py:")


def test_the_refusal_of_environment_variables_says_why() -> None:
    found = problem("x: str = os.getenv('A')")
    assert found.hint == "environment variables differ between machines; read them in setup()"


def test_paths_as_defaults_are_texts() -> None:
    assert one("x: Path = Path('a', 'b.png')").default == "a/b.png"
    assert one("x: list[Path] = [Path('a.png')]").default == ["a.png"]


def test_inputs_bound_to_names() -> None:
    before = """
    SHARED = Input(description="Shared", default=1, ge=0)
    COMMON = dict(ge=1, le=4)
    """
    assert one("x: int = SHARED", before=before).description == "Shared"
    assert one("x: int = Input(default=2, **COMMON)", before=before).maximum == 4
    assert one("x: int = cog.Input(3)").default == 3
