"""The lines of requirements files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.environment.requirements import Requirements, is_local, name_of, parse
from cogsmith.errors import LockError
from tests.environment.wheels import lines


def read(**files: str) -> Requirements:
    texts = {name.replace("_", "/") + ".txt": text for name, text in files.items()}
    return parse(texts.__getitem__, "main.txt")


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("numpy", "numpy"),
        ("NumPy == 2.0 ", "numpy==2.0"),
        ("Torch >=2.6,  <3;python_version<'3.14'", 'torch<3,>=2.6; python_version < "3.14"'),
        ("uvicorn[standard,Extra]>=0.1", "uvicorn[extra,standard]>=0.1"),
        ("numpy  # why", "numpy"),
        ("x @ https://host/x-1.0.zip", "x @ https://host/x-1.0.zip"),
        ("numpy==1 --hash=sha256:b --hash sha256:a", "numpy==1 --hash=sha256:a --hash=sha256:b"),
        ("numpy \\\n  ==1", "numpy==1"),
        ("./local/x-1-py3-none-any.whl", "./local/x-1-py3-none-any.whl"),
        ("-e .", "-e ."),
        ("--editable=./lib", "-e ./lib"),
        ("git+https://host/x.git@v1#egg=x", "git+https://host/x.git@v1#egg=x"),
    ],
)
def test_each_requirement_has_one_form(written: str, form: str) -> None:
    assert read(main=f"{written}\n").packages == (form,)


def test_blank_lines_comments_and_pips_own_switches_say_nothing() -> None:
    assert read(main="\n# numpy\n--require-hashes\n--prefer-binary\n") == Requirements()


@pytest.mark.parametrize(
    ("written", "option"),
    [
        ("-i https://host/simple", "--index-url https://host/simple"),
        ("--extra-index-url=https://host/simple", "--extra-index-url https://host/simple"),
        ("-f ./wheels", "--find-links ./wheels"),
        ("--no-index", "--no-index"),
        ("--pre", "--pre"),
    ],
)
def test_options_that_say_where_packages_come_from(written: str, option: str) -> None:
    assert read(main=written).options == (option,)


def test_includes_are_found_beside_the_file_that_names_them() -> None:
    found = read(
        main=lines("-r deep/more.txt", "numpy"), deep_more=lines("-c limits.txt", "torch"),
        deep_limits="numpy<2\n",
    )  # fmt: skip
    assert found.packages == ("torch", "numpy")
    assert found.constraints == ("numpy<2",)


def test_a_file_that_includes_itself_is_read_once() -> None:
    assert read(main="-r main.txt\nnumpy\n").packages == ("numpy",)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("numpy=>2", "numpy>=2"),
        ("numpy=<2", "numpy<=2"),
        ("numpy=~2.0", "numpy~=2.0"),
        ("numpy=2", "numpy==2"),
        ("numpy=>1,=<2", "numpy>=1,<=2"),
    ],
)
def test_a_sign_that_is_turned_around(written: str, meant: str) -> None:
    with pytest.raises(LockError) as caught:
        read(main=written)
    assert caught.value.hint == f"did you mean {meant!r}?"


def test_all_problems_come_at_once_with_file_line_and_advice() -> None:
    with pytest.raises(LockError) as caught:
        read(main=lines("numpy=1.0", "ok", "--global-magic", "-r deep/more.txt"), deep_more="a b\n")
    assert [(p.where, p.hint) for p in caught.value.problems][:2] == [
        ("main.txt:1", "did you mean 'numpy==1.0'?"),
        ("main.txt:3", "leave it out"),
    ]
    assert caught.value.problems[2].where == "deep/more.txt:1"
    assert "'a b' is not a requirement" in caught.value.problems[2].message


@pytest.mark.parametrize(
    ("packages", "added"),
    [
        (("numpy",), True),
        (("cog>=0.20",), False),
        (("Cog",), False),
        (("./wheels/cog-0.23.1-py3-none-any.whl",), False),
        (("cogs",), True),
    ],
)
def test_the_sdk_is_added_unless_a_line_names_it(packages: tuple[str, ...], added: bool) -> None:
    found = Requirements(packages=packages).with_sdk()
    assert ("cog==0.23.1" in found.packages) is added


def test_the_sdk_of_the_config_wins_over_the_default() -> None:
    assert Requirements().with_sdk("0.20.0").packages == ("cog==0.20.0",)


def test_hashes_are_known_by_package() -> None:
    found = read(main="NumPy==1 --hash=sha256:a --hash=sha256:b\ntorch\n")
    assert found.hashes() == {"numpy": {"sha256:a", "sha256:b"}}


def test_options_stay_out_of_what_is_shown() -> None:
    assert "sesame" not in repr(read(main="--index-url https://me:sesame@host/simple\n"))


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,10}[a-z0-9]", fullmatch=True))
def test_parsing_a_form_gives_the_form(name: str) -> None:
    once = read(main=f"{name} >= 1.0\n").packages
    assert once == read(main=lines(*once)).packages


@given(st.text(alphabet="abc./ -=[]<>;#\\\n", max_size=40))
def test_any_text_parses_or_is_refused_by_line(text: str) -> None:
    try:
        found = read(main=text)
    except (LockError, KeyError):
        return  # KeyError: the test's way to say that an included file is not there
    assert all(is_local(line) or name_of(line) is not None for line in found.packages)
