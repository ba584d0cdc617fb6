"""Names of images: Docker's short ones, ports, tags, digests, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import InvalidReference
from cogsmith.oci import Digest, Reference
from tests.oci.images import references

SHA = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "whole", "familiar"),
    [
        ("python", "docker.io/library/python:latest", "python:latest"),
        ("python:3.11", "docker.io/library/python:3.11", "python:3.11"),
        ("me/llama", "docker.io/me/llama:latest", "me/llama:latest"),
        ("docker.io/python", "docker.io/library/python:latest", "python:latest"),
        ("index.docker.io/me/x:1", "docker.io/me/x:1", "me/x:1"),
        ("localhost/x", "localhost/x:latest", "localhost/x:latest"),
        ("localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest"),
        ("localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"),
        ("HOST/x", "HOST/x:latest", "HOST/x:latest"),
        ("r8.im/me/x", "r8.im/me/x:latest", "r8.im/me/x:latest"),
        ("ghcr.io/a/b/c/d:v1", "ghcr.io/a/b/c/d:v1", "ghcr.io/a/b/c/d:v1"),
        ("[::1]:5000/x:1", "[::1]:5000/x:1", "[::1]:5000/x:1"),
        (f"python@{SHA}", f"docker.io/library/python@{SHA}", f"python@{SHA}"),
        (f"h.io/x:1@{SHA}", f"h.io/x:1@{SHA}", f"h.io/x:1@{SHA}"),
        ("a__b/c---d.e_f", "docker.io/a__b/c---d.e_f:latest", "a__b/c---d.e_f:latest"),
    ],
)
def test_names_are_read_as_docker_reads_them(text: str, whole: str, familiar: str) -> None:
    reference = Reference.parse(text)
    assert (str(reference), reference.familiar) == (whole, familiar)


def test_the_parts_of_a_name() -> None:
    reference = Reference.parse(f"localhost:5000/me/x:1@{SHA}")
    assert reference == Reference(
        registry="localhost:5000", repository="me/x", tag="1", digest=Digest.parse(SHA)
    )
    assert reference.name == "localhost:5000/me/x"
    assert reference.target == SHA
    assert Reference.parse("x:1").target == "1"
    assert str(reference.with_tag("2")) == "localhost:5000/me/x:2"
    assert str(Reference.parse("x").with_digest(Digest.parse(SHA))) == (
        f"docker.io/library/x:latest@{SHA}"
    )


@given(references())
def test_reading_and_writing_are_inverse(reference: Reference) -> None:
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar) == reference


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is empty"),
        ("https://ghcr.io/me/x", "a reference is no URL"),
        ("me/x ", "it has a space in it"),
        ("me/My-Model", "the repository 'me/My-Model' has capital letters in it"),
        ("Python", "capital letters"),
        ("me//x", "has an empty part"),
        ("localhost:5000/", "has an empty part"),
        ("/x", "has an empty part"),
        ("me/-x", "'-x' is not a part"),
        ("me/x_", "'x_' is not a part"),
        ("me/a..b", "'a..b' is not a part"),
        ("me/a___b", "'a___b' is not a part"),
        ("x:", "a tag must follow the colon"),
        ("x:.1", "'.1' is not a tag"),
        ("x:" + "t" * 129, "the tag has 129 characters, of 128 allowed"),
        ("h.io/" + "a" * 256, "the repository has 256 characters, of 255 allowed"),
        ("x@sha256:abc", "sha256 has 64 characters, not 3"),
        ("x@1", "has no colon"),
        (f"x@{SHA}@{SHA}", "more than one @"),
        ("a" * 64, "64 hexadecimal characters are an image's id"),
        ("-h.io/x", "'-h.io' is not a registry"),
        ("h.io:port/x", "'h.io:port' is not a registry"),
        ("h.io:99999/x", "there is no port 99999"),
        ("[::1/x", "is not a registry"),
        ("me/x\u0430", "is not a part"),
        ("me/x:1\u0660", "is not a tag"),
        ("h.io/../../etc", "'..' is not a part"),
    ],
)
def test_what_is_no_name_says_why_and_what_to_write(text: str, message: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        Reference.parse(text)
    assert message in caught.value.message
    assert caught.value.hint
    assert len(caught.value.message) < 500


@given(st.text(max_size=30) | st.from_regex(r"[a-z:/@.\[\]]{1,20}", fullmatch=True))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except InvalidReference:
        return
    assert Reference.parse(str(reference)) == reference


def test_no_value_is_wrong() -> None:
    for parts in (
        {"registry": "h.io/a", "repository": "x"},
        {"registry": "h.io", "repository": "X"},
        {"registry": "h.io", "repository": "x", "tag": "a b"},
    ):
        with pytest.raises(InvalidReference):
            Reference(**parts)  # type: ignore[arg-type]
