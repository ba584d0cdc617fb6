"""What registries ask for, in all the ways in which they write it."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.registry.challenge import Challenge, Scope, merged, parse_challenges, parse_scopes

HUB = (
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
    'scope="repository:samalba/my-app:pull,push"'
)


def test_a_token_from_docker_hub() -> None:
    (challenge,) = parse_challenges(HUB)
    assert challenge.scheme == "bearer"
    assert challenge["realm"] == "https://auth.docker.io/token"
    assert challenge["SCOPE".lower()] == "repository:samalba/my-app:pull,push"
    assert challenge["error"] == ""


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", []),
        ("Basic", [("basic", {})]),
        ("Negotiate, Basic realm=a", [("negotiate", {}), ("basic", {"realm": "a"})]),
        ("Negotiate YII=, Basic realm=a", [("negotiate", {}), ("basic", {"realm": "a"})]),
        ('BASIC Realm = "a, b" , charset="UTF-8"',
         [("basic", {"realm": "a, b", "charset": "UTF-8"})]),
        (r'Basic realm="a \"b\" \\ c"', [("basic", {"realm": r'a "b" \ c'})]),
        ('Bearer realm="https://a?x=1,y", Basic realm="b"',
         [("bearer", {"realm": "https://a?x=1,y"}), ("basic", {"realm": "b"})]),
        ('Basic realm="no end', [("basic", {"realm": "no end"})]),
        ('Basic realm=""', [("basic", {"realm": ""})]),
        (",, Basic ,realm=a,,", [("basic", {"realm": "a"})]),
        ("Basic realm=a, realm=b", [("basic", {"realm": "a"})]),
        ('realm="of nobody"', []),
        ("\x00 é Basic", [("basic", {})]),
    ],
)  # fmt: skip
def test_grammar(header: str, found: list[tuple[str, dict[str, str]]]) -> None:
    challenges = parse_challenges(header)
    assert [(c.scheme, dict(c.parameters)) for c in challenges] == found


TOKENS = st.text(string.ascii_letters + string.digits + "-_.!", min_size=1, max_size=12)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40)


@st.composite
def challenges(draw: st.DrawFn) -> list[Challenge]:
    pairs = st.dictionaries(TOKENS.map(str.lower), VALUES, max_size=4)
    return draw(st.lists(st.builds(Challenge, TOKENS.map(str.lower), pairs), max_size=4))


def quoted(value: str) -> str:
    escaped = value.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


@given(challenges(), st.sampled_from([", ", ",", " , "]))
def test_what_is_written_by_the_grammar_is_read(made: list[Challenge], comma: str) -> None:
    texts = []
    for challenge in made:
        pairs = comma.join(
            f"{name}={quoted(value)}" for name, value in challenge.parameters.items()
        )
        texts.append(f"{challenge.scheme} {pairs}".rstrip())
    assert list(parse_challenges(comma.join(texts))) == made


@given(st.text(max_size=200))
def test_any_text_has_an_answer(header: str) -> None:
    for challenge in parse_challenges(header):
        assert challenge.scheme


class TestScopes:
    def test_as_the_specification_writes_them(self) -> None:
        assert parse_scopes("repository:a/b:push,pull registry:catalog:*") == (
            Scope("a/b", ("push", "pull")),
            Scope("catalog", ("*",), "registry"),
        )
        assert str(Scope("a/b", ("push", "pull"))) == "repository:a/b:pull,push"

    def test_a_name_with_a_port(self) -> None:
        assert parse_scopes("repository:host:5000/a:pull")[0].name == "host:5000/a"

    @pytest.mark.parametrize("text", ["", "nothing", "repository:a"])
    def test_what_is_no_scope(self, text: str) -> None:
        assert parse_scopes(text) == ()

    def test_merged(self) -> None:
        scopes = [Scope("b"), Scope("a"), Scope("b", ("push",))]
        assert merged(scopes) == (Scope("b", ("pull", "push")), Scope("a"))

    def test_covers(self) -> None:
        assert Scope("a", ("pull", "push")).covers(Scope("a"))
        assert Scope("a", ("*",)).covers(Scope("a", ("delete",)))
        assert not Scope("a").covers(Scope("a", ("pull", "push")))
        assert not Scope("a").covers(Scope("b"))
