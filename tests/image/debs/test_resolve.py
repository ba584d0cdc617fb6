"""Which packages are taken."""

from __future__ import annotations

import pytest

from cogsmith.errors import SystemPackageError
from cogsmith.image.debs.index import Index, Origin, Package
from cogsmith.image.debs.resolve import resolve

Stanza = dict[str, str]


def stanza(name: str, version: str = "1", **fields: str) -> str:
    told = {"Package": name, "Version": version, "Architecture": "amd64", **fields}
    return "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in told.items())


def chosen(wanted: list[str], *stanzas: str, have: tuple[str, ...] = ()) -> list[str]:
    index = Index("amd64")
    index.add("\n".join(stanzas), Origin(url="http://a", names=frozenset(["bookworm"])))
    late = stanza("late", "9")
    index.add(late, Origin(url="http://b", names=frozenset(["backports"]), automatic=False))
    present = [Package.of(one, Origin(url="")) for one in have]
    found = resolve(wanted, index, {package.name: package for package in present})
    return [f"{package.name}={package.version}" for package in found]


def refused(wanted: list[str], *stanzas: str, have: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(SystemPackageError) as caught:
        chosen(wanted, *stanzas, have=have)
    return [problem.message for problem in caught.value.problems]


def test_the_newest_and_what_it_needs() -> None:
    found = chosen(
        ["a"], stanza("a", "1"), stanza("a", "2", Depends="b:any (>= 1)", Pre_Depends="c"),
        stanza("b"), stanza("c", Recommends="d"), stanza("d"),
    )  # fmt: skip
    assert found == ["a=2", "b=1", "c=1"]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("a=1", "a=1"), ("a/bookworm", "a=2"), ("a:amd64", "a=2"), ("late/backports", "late=9"),
    ],
)  # fmt: skip
def test_words_of_apt(word: str, found: str) -> None:
    assert chosen([word], stanza("a", "1"), stanza("a", "2")) == [found]


def test_backports_are_not_taken_by_themselves() -> None:
    assert refused(["late"], stanza("a")) == ["late: there is no such version of late"]


def test_the_first_alternative_that_can_be_had() -> None:
    stanzas = stanza("a", Depends="gone | b | c"), stanza("b"), stanza("c")
    assert chosen(["a"], *stanzas) == ["a=1", "b=1"]
    assert chosen(["a"], *stanzas, have=(stanza("c"),)) == ["a=1"]


def test_what_is_provided() -> None:
    provider = stanza("p", Provides="v (= 3), w")
    assert chosen(["a"], stanza("a", Depends="v (>= 2), w"), provider) == ["a=1", "p=1"]
    assert refused(["a"], stanza("a", Depends="w (>= 2)"), provider) == [
        "a 1 depends on w (>= 2), which cannot be had"
    ]
    assert chosen(["w"], provider) == ["p=1"]
    other = stanza("q", Provides="w")
    assert refused(["w"], provider, other) == ["w is a virtual package"]


def test_providers_by_priority_and_then_by_name() -> None:
    stanzas = [stanza(n, Provides="v", Priority=p) for n, p in (("x", "extra"), ("y", "optional"))]
    assert chosen(["a"], stanza("a", Depends="v"), *stanzas) == ["a=1", "y=1"]


def test_an_alternative_that_hurts_is_passed_over() -> None:
    found = chosen(
        ["a"], stanza("a", Depends="b | c"), stanza("b", Conflicts="here"), stanza("c"),
        have=(stanza("here"),),
    )  # fmt: skip
    assert found == ["a=1", "c=1"]


def test_conflicts_are_told() -> None:
    assert refused(["a", "b"], stanza("a", Breaks="b (<< 2)"), stanza("b")) == [
        "a 1 and b 1 cannot be together: a refuses b (<< 2)"
    ]
    assert chosen(["a", "b"], stanza("a", Breaks="b (<< 2)"), stanza("b", "2")) == ["a=1", "b=2"]
    assert chosen(["a"], stanza("a", Provides="mta", Conflicts="mta")) == ["a=1"]


def test_an_older_package_of_the_base_is_upgraded_where_that_is_needed() -> None:
    stanzas = stanza("dev", Depends="lib (= 2)"), stanza("lib", "2")
    assert chosen(["dev"], *stanzas, have=(stanza("lib", "1"),)) == ["dev=1", "lib=2"]
    assert chosen(["lib"], *stanzas, have=(stanza("lib", "1"),)) == []


def test_what_fits_only_the_older_one_is_upgraded_too() -> None:
    have = stanza("lib", "1"), stanza("bin", "1", Depends="lib (= 1)")
    dev = stanza("dev", Depends="lib (= 2)"), stanza("lib", "2")
    newer = stanza("bin", "2", Depends="lib (= 2)")
    assert chosen(["dev"], *dev, newer, have=have) == ["bin=2", "dev=1", "lib=2"]
    assert refused(["dev"], *dev, have=have) == ["bin 1 would lack lib (= 1)"]


def test_circles_end() -> None:
    stanzas = stanza("a", Depends="b"), stanza("b", Depends="a")
    assert chosen(["a"], *stanzas) == ["a=1", "b=1"]


@pytest.mark.parametrize("word", ["", "a=", "a b", "a:arm64", "=1"])
def test_what_is_no_name(word: str) -> None:
    assert len(refused([word], stanza("a"))) == 1


def test_another_architecture_is_not_taken() -> None:
    assert refused(["a"], stanza("a", Architecture="arm64")) == ["there is no package a"]
    assert chosen(["a"], stanza("a", Architecture="all")) == ["a=1"]
