"""An SBOM is true, valid CycloneDX, and the same for the same image."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL

from cogsmith.environment import Wheel
from cogsmith.image import SBOM_TYPE, Materials, attachments, read_metadata, sbom
from cogsmith.image.sbom import bill
from cogsmith.image.trust.graph import graph, marker_environment
from cogsmith.image.trust.licences import licence_of
from cogsmith.image.trust.purl import purl
from cogsmith.oci import Artifact, Layout, Platform, validate
from tests.image.materials import INVOCATION, elsewhere, image, materials, wheel

Document = dict[str, Any]


def document(artifact: Artifact) -> Document:
    with artifact.blobs[0].open() as stream:
        return json.load(stream)  # type: ignore[no-any-return]


def made(folder: Path) -> tuple[Artifact, Materials]:
    found = materials(folder)
    return sbom(image(), found, read_metadata((*found.wheels, *found.server))), found


def component(document: Document, reference: str) -> Document:
    return next(c for c in document["components"] if c["bom-ref"] == reference)


def needs(document: Document, reference: str) -> list[str]:
    found = [d["dependsOn"] for d in document["dependencies"] if d["ref"] == reference]
    return found[0]  # type: ignore[no-any-return]


def complaints(data: bytes) -> str:
    """What the official schema says, by the library of those who wrote it."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return str(JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode()) or "")


def test_it_is_attached_to_the_image_and_valid(tmp_path: Path) -> None:
    artifact, _ = made(tmp_path)
    assert artifact.manifest.artifact_type == SBOM_TYPE
    assert artifact.manifest.subject is not None
    assert artifact.manifest.subject.digest == image().digest
    assert artifact.blobs[0].descriptor.media_type == SBOM_TYPE
    assert validate(artifact) == ()
    with artifact.blobs[0].open() as stream:
        assert complaints(stream.read()) == ""


def test_the_validator_does_complain(tmp_path: Path) -> None:
    artifact, _ = made(tmp_path)
    broken = document(artifact)
    broken["components"][0]["type"] = "wheel"
    assert "wheel" in complaints(json.dumps(broken).encode())


def test_what_it_tells_of_a_wheel(tmp_path: Path) -> None:
    artifact, found = made(tmp_path)
    told = component(document(artifact), "/opt/venv/transformers")
    transformers = next(w for w in found.wheels if w.name == "transformers")
    assert told == {
        "type": "library",
        "bom-ref": "/opt/venv/transformers",
        "name": "transformers",
        "version": "5.0.0",
        "description": "Models for text",
        "purl": "pkg:pypi/transformers@5.0.0?file_name=transformers-5.0.0-py3-none-any.whl",
        "hashes": [{"alg": "SHA-256", "content": transformers.sha256}],
        "licenses": [{"license": {"id": "Apache-2.0", "acknowledgement": "declared"}}],
        "properties": [{"name": "cogsmith:folder", "value": "/opt/venv"}],
    }


def test_who_needs_whom(tmp_path: Path) -> None:
    """Markers are those of the image; an extra counts because it was asked for."""
    told = document(made(tmp_path)[0])
    assert needs(told, "image") == [
        "/opt/venv/cog", "/opt/venv/tomli", "/opt/venv/torch", "/opt/venv/transformers", "base",
        "cogsmith", "distribution", "image/libsndfile1:amd64",
    ]  # fmt: skip
    assert needs(told, "/opt/venv/transformers") == ["/opt/venv/torch", "/opt/venv/tqdm"]
    assert needs(told, "cogsmith") == ["/opt/cogsmith/tqdm"]
    assert needs(told, "base") == ["base/libc6:amd64", "python"]
    assert component(told, "/opt/venv/tqdm")["version"] == "4.67.1"
    assert component(told, "/opt/cogsmith/tqdm")["version"] == "4.60.0"


def test_our_own_wheel_is_what_the_servers_packages_are_for(tmp_path: Path) -> None:
    found = materials(tmp_path)
    ours = wheel(tmp_path / "server", "cogsmith", "0.2.0")
    told = bill(image(), replace(found, server=(*found.server, ours)), {})
    assert "/opt/cogsmith/cogsmith" in needs(told, "image")
    assert needs(told, "/opt/cogsmith/cogsmith") == ["/opt/cogsmith/tqdm"]
    assert "cogsmith" not in [c["bom-ref"] for c in told["components"]]
    assert complaints(json.dumps(told).encode()) == ""


def test_every_component_is_told_of_once(tmp_path: Path) -> None:
    told = document(made(tmp_path)[0])
    references = ["image", *(c["bom-ref"] for c in told["components"])]
    assert len(set(references)) == len(references)
    assert sorted(references) == sorted(d["ref"] for d in told["dependencies"])
    assert {name for d in told["dependencies"] for name in d["dependsOn"]} <= set(references)


def test_the_same_image_has_the_same_sbom(tmp_path: Path) -> None:
    """In whatever order and folder its wheels lie, and wherever they were fetched from."""
    artifact, found = made(tmp_path)
    metadata = read_metadata((*found.wheels, *found.server))
    again = sbom(image(), elsewhere(found, tmp_path / "other"), metadata)
    assert again.digest == artifact.digest


def test_no_time_unless_one_was_given(tmp_path: Path) -> None:
    found = materials(tmp_path)
    assert "timestamp" not in bill(image(), found, {})["metadata"]
    given_one = bill(image("2026-01-02T03:04:05Z"), found, {})
    assert given_one["metadata"]["timestamp"] == "2026-01-02T03:04:05Z"


def test_its_number_is_the_images(tmp_path: Path) -> None:
    found = materials(tmp_path)
    number = bill(image(), found, {})["serialNumber"]
    other = bill(image("2026-01-02T03:04:05Z"), found, {})["serialNumber"]
    assert number != other
    assert uuid.UUID(number.removeprefix("urn:uuid:")).version == 5


def test_a_wheel_that_cannot_be_read_is_named_all_the_same(tmp_path: Path) -> None:
    found = materials(tmp_path)
    gone = replace(found.wheels[0], path=tmp_path / "gone.whl")
    broken = replace(found.wheels[1], path=tmp_path / "broken.whl")
    broken.path.write_bytes(b"PK no zip")
    some = replace(found, wheels=(gone, broken))
    told = bill(image(), some, read_metadata(some.wheels))
    assert "licenses" not in component(told, f"/opt/venv/{gone.name}")
    assert component(told, f"/opt/venv/{broken.name}")["hashes"][0]["content"] == broken.sha256


def test_an_sbom_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    found = materials(tmp_path)
    layout = Layout.create(tmp_path / "layout")
    layout.add(image())
    first = attachments(image(), found, INVOCATION, layout)
    for artifact in first:
        layout.add(artifact)
    for old in found.wheels:
        old.path.unlink()
    second = attachments(image(), found, INVOCATION, layout)
    assert [a.digest for a in second] == [a.digest for a in first]
    assert {d.artifact_type for d in layout.referrers(image().digest)} == {
        a.manifest.artifact_type for a in first
    }


FILE = "thing-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("told", "url"),
    [
        ({}, "pkg:pypi/thing@1.0?file_name=" + FILE),
        (
            {"url": "https://me:sesame@git.example/o/t.git",
             "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "pkg:pypi/thing@1.0?vcs_url=git%2Bhttps://git.example/o/t.git%40abc&file_name=" + FILE,
        ),
        (
            {"url": "https://x.example/t.whl?token=sesame"},
            "pkg:pypi/thing@1.0?download_url=https://x.example/t.whl&file_name=" + FILE,
        ),
        (
            {"url": "file:///home/ada/thing", "dir_info": {}},
            "pkg:pypi/thing@1.0?file_name=" + FILE,
        ),
    ],
)  # fmt: skip
def test_where_a_wheel_comes_from(tmp_path: Path, told: Document, url: str) -> None:
    """Without credentials, and without paths of this machine."""
    thing = wheel(tmp_path, "thing", "1.0", direct_url=told or None)
    text = component(bill(image(), only(materials(tmp_path), thing), {}), "/opt/venv/thing")["purl"]
    assert PackageURL.from_string(text) == PackageURL.from_string(url)
    assert "sesame" not in text


def only(found: Materials, *wheels: Wheel) -> Materials:
    return replace(found, wheels=wheels, requirements=())


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (["License-Expression: MIT OR Apache-2.0", "License: GPL"],
         {"expression": "MIT OR Apache-2.0", "acknowledgement": "declared"}),
        (["Classifier: License :: OSI Approved :: MIT License", "License: whatever"],
         {"license": {"id": "MIT", "acknowledgement": "declared"}}),
        (["Classifier: License :: OSI Approved :: BSD License"],
         {"license": {"name": "BSD License", "acknowledgement": "declared"}}),
        (["Classifier: License :: OSI Approved"], None),
        (["License: UNKNOWN"], None),
        (["License: " + "Permission is hereby granted, " * 20], None),
        (["License: Modified BSD"],
         {"license": {"name": "Modified BSD", "acknowledgement": "declared"}}),
        ([], None),
    ],
)  # fmt: skip
def test_licences(tmp_path: Path, fields: list[str], told: Document | None) -> None:
    thing = wheel(tmp_path, "thing", "1.0", fields=fields)
    some = only(materials(tmp_path), thing)
    found = component(bill(image(), some, read_metadata([thing])), "/opt/venv/thing")
    assert found.get("licenses") == ([told] if told else None)


def test_the_ids_are_of_spdx() -> None:
    """Every word of ours for a licence is on SPDX's list, as the schema has it."""
    from cyclonedx.spdx import is_supported_id

    from cogsmith.image.trust import licences

    for known in (*licences._CLASSIFIERS.values(), *licences._WORDS.values()):
        assert is_supported_id(known), known


@given(st.text(max_size=8), st.text(max_size=8), st.lists(st.text(max_size=8), max_size=2))
def test_a_licence_is_never_empty(expression: str, field: str, classifiers: list[str]) -> None:
    found = licence_of(expression, field, [f"License :: {c}" for c in classifiers])
    assert found is None or found.text


text = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=8)


@given(
    st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,6}[a-z0-9])?", fullmatch=True), text,
    st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,5}", fullmatch=True), text, max_size=3),
)  # fmt: skip
def test_package_urls_are_those_of_the_reference(
    name: str, version: str, qualifiers: dict[str, str]
) -> None:
    parsed = PackageURL.from_string(purl("generic", name, version, **qualifiers))
    assert (parsed.name, parsed.version) == (name, version)
    assert parsed.qualifiers == {k: v for k, v in qualifiers.items() if v}


names = st.sampled_from(["a", "b", "c", "d"])


@given(
    st.dictionaries(
        names, st.lists(st.tuples(names, st.sampled_from(["", "x", "y"])), max_size=3), max_size=4
    ),
    st.lists(names, max_size=2),
)
def test_all_that_is_there_is_reached(
    requires: dict[str, list[tuple[str, str]]], roots: list[str]
) -> None:
    """From what is asked for one comes to every package, but for circles that nobody enters."""
    lines = {
        name: [f"{other}; extra == '{extra}'" if extra else other for other, extra in needed]
        for name, needed in requires.items()
    }
    environment = marker_environment("3.11", Platform.parse("linux/arm64"))
    top, edges = graph(lines, roots, environment)
    assert edges.keys() == requires.keys()
    assert {root for root in roots if root in requires} <= set(top)
    needed = {name for found in edges.values() for name in found}
    assert requires.keys() <= set(top) | needed
    assert all(name not in found for name, found in edges.items())


def test_extras_are_followed_as_far_as_they_lead() -> None:
    requires = {
        "a": ["b[fast]; extra == 'all'", "a[all]; extra == 'everything'"],
        "b": ["c; extra == 'fast'"],
        "c": [],
    }
    environment = marker_environment("3.12.4", Platform.parse("linux/arm64"))
    assert graph(requires, ["A[everything]"], environment) == (
        ("a",),
        {"a": ("b",), "b": ("c",), "c": ()},
    )
    assert environment["python_full_version"] == "3.12.4"
    assert environment["platform_machine"] == "aarch64"
