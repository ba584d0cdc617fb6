"""Sources in their canonical forms, which stand in weights.lock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.config import Weight, WeightSource
from cogsmith.errors import WeightsError
from cogsmith.weights import FolderSource, HubSource, WebSource, parse_source, wanted


@pytest.mark.parametrize(
    ("uri", "canonical"),
    [
        ("hf://org/repo", "hf://org/repo"), ("hf://org/repo@main", "hf://org/repo"),
        ("huggingface://org/repo@v1.0", "hf://org/repo@v1.0"),
        ("hf://org/repo@refs/pr/3", "hf://org/repo@refs/pr/3"),
        ("weights", "file://./weights"), ("./a//b/../c/", "file://./a/c"),
        ("file://./weights", "file://./weights"), ("file://weights/x", "file://./weights/x"),
        ("/data/w/", "file:///data/w"), ("file:///data/w", "file:///data/w"),
        ("HTTPS://example.com/a.bin?x=1", "https://example.com/a.bin?x=1"),
    ],
    ids=range(11),
)  # fmt: skip
def test_one_form_for_each_source(uri: str, canonical: str) -> None:
    assert parse_source(uri).uri == canonical
    assert parse_source(canonical).uri == canonical


def test_kinds() -> None:
    assert parse_source("hf://org/repo@v2") == HubSource("org/repo", "v2")
    assert parse_source("a/b") == FolderSource("a/b")
    web = parse_source("https://example.com/path/model%20one.pth?download=true")
    assert isinstance(web, WebSource)
    assert web.name == "model one.pth"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("s3://bucket/x", 'scheme "s3"'), ("hf://repo", "names no repository"),
        ("hf://a/b/c", "names no repository"), ("hf://a/b@", "names no repository"),
        ("https://example.com", "names no file"), ("https://example.com/", "names no file"),
        ("https://ada:pw@example.com/a.bin", "name and password"), (".", "project folder itself"),
        ("..", "leads out"), ("file://../x", "leads out"), ("a/../../x", "leads out"),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_source_is_refused_with_advice(uri: str, said: str) -> None:
    with pytest.raises(WeightsError, match=said) as caught:
        parse_source(uri)
    assert caught.value.hint


@given(st.text("ab./:@-", max_size=12))
def test_the_canonical_form_is_its_own(text: str) -> None:
    try:
        source = parse_source(text)
    except WeightsError:
        return
    assert parse_source(source.uri) == source


def test_a_config_s_patterns_are_sets() -> None:
    source = WeightSource(uri="w", include=("b", "a"), exclude=("d", "c"))
    one = wanted(Weight(name="w", target="/src/w", source=source))
    assert (one.include, one.exclude) == (("a", "b"), ("c", "d"))


def test_a_source_that_cannot_be_says_which_weight_it_is() -> None:
    weight = Weight(name="llama", target="/src/w", source=WeightSource(uri="../llama"))
    with pytest.raises(WeightsError) as caught:
        wanted(weight)
    assert "llama" in caught.value.where
