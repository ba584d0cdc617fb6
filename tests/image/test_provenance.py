"""Provenance is an in-toto statement of SLSA 1.0, true, without times and secrets."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cogsmith.image import PROVENANCE_TYPE, Checkout, bare_url, provenance
from cogsmith.image.provenance import statement
from cogsmith.oci import validate
from tests.image.materials import BASE, CHECKOUT, INVOCATION, elsewhere, image, materials

Document = dict[str, Any]

# The shape that in-toto's attestation spec (Statement v1) and SLSA's provenance v1 prescribe,
# written as a JSON schema: neither publishes one.
DESCRIPTOR = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "uri": {"type": "string", "pattern": "^[a-z][a-z0-9+.-]*:"},
        "digest": {
            "type": "object",
            "additionalProperties": {"type": "string", "pattern": "^[0-9a-f]+$"},
            "minProperties": 1,
        },
        "annotations": {"type": "object"},
    },
    "anyOf": [{"required": ["uri"]}, {"required": ["digest"]}],
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "required": ["_type", "subject", "predicateType", "predicate"],
    "additionalProperties": False,
    "properties": {
        "_type": {"const": "https://in-toto.io/Statement/v1"},
        "predicateType": {"const": "https://slsa.dev/provenance/v1"},
        "subject": {
            "type": "array",
            "minItems": 1,
            "items": {**DESCRIPTOR, "required": ["digest"]},
        },
        "predicate": {
            "type": "object",
            "required": ["buildDefinition", "runDetails"],
            "additionalProperties": False,
            "properties": {
                "buildDefinition": {
                    "type": "object",
                    "required": ["buildType", "externalParameters"],
                    "additionalProperties": False,
                    "properties": {
                        "buildType": {"type": "string", "pattern": "^[a-z]+:"},
                        "externalParameters": {"type": "object"},
                        "internalParameters": {"type": "object"},
                        "resolvedDependencies": {"type": "array", "items": DESCRIPTOR},
                    },
                },
                "runDetails": {
                    "type": "object",
                    "required": ["builder"],
                    "additionalProperties": False,
                    "properties": {
                        "builder": {
                            "type": "object",
                            "required": ["id"],
                            "properties": {
                                "id": {"type": "string", "pattern": "^[a-z]+:"},
                                "version": {"additionalProperties": {"type": "string"}},
                            },
                        },
                        "metadata": {"type": "object"},
                    },
                },
            },
        },
    },
}


def told(folder: Path, **changes: Any) -> Document:
    return statement(image(), materials(folder), replace(INVOCATION, **changes))


def dependency(document: Document, name: str) -> Document:
    found = document["predicate"]["buildDefinition"]["resolvedDependencies"]
    return next(d for d in found if d["name"] == name)


def test_it_is_attached_to_the_image(tmp_path: Path) -> None:
    artifact = provenance(image(), materials(tmp_path), INVOCATION)
    assert artifact.manifest.artifact_type == PROVENANCE_TYPE
    assert artifact.manifest.subject == image().manifest.descriptor
    layer = artifact.manifest.layers[0]
    assert layer.media_type == PROVENANCE_TYPE
    assert layer.annotations == {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v1"}
    assert validate(artifact) == ()
    with artifact.blobs[0].open() as stream:
        assert json.load(stream) == told(tmp_path)


def test_it_has_the_shape_of_the_specs(tmp_path: Path) -> None:
    from jsonschema import Draft202012Validator

    document = json.loads(json.dumps(told(tmp_path)))
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)] == []


def test_what_was_asked_for(tmp_path: Path) -> None:
    definition = told(tmp_path)["predicate"]["buildDefinition"]
    assert definition["externalParameters"] == {
        "config": "cog.yaml",
        "platform": "linux/amd64",
        "accelerator": "cpu",
        "base": "python:3.11-slim",
        "flags": {"separate-weights": True},
        "source": f"git+https://git.example/owner/model.git@{CHECKOUT.commit}",
    }
    assert definition["internalParameters"] == {"python": "3.11", "recipe": "recipes 1, gzip 6"}


def test_what_it_was_made_of(tmp_path: Path) -> None:
    document = told(tmp_path)
    found = materials(tmp_path)
    assert document["subject"] == [{"name": "llama", "digest": {"sha256": image().digest.hex}}]
    assert dependency(document, "base")["digest"] == {"sha256": BASE.digest.hex}
    assert found.lock
    assert dependency(document, "pylock.toml")["digest"] == {"sha256": found.lock.hex}
    assert dependency(document, "source")["digest"] == {"gitCommit": CHECKOUT.commit}
    for wheel in (*found.wheels, *found.server):
        assert dependency(document, wheel.filename)["digest"] == {"sha256": wheel.sha256}
    assert dependency(document, "libsndfile1")["digest"] == {"sha256": "ab" * 32}


def test_the_same_build_says_the_same(tmp_path: Path) -> None:
    found = materials(tmp_path)
    one = provenance(image(), found, INVOCATION)
    other = provenance(image(), elsewhere(found, tmp_path / "x"), INVOCATION)
    assert one.digest == other.digest


def test_a_changed_working_tree_is_said_to_be_one(tmp_path: Path) -> None:
    dirty = replace(CHECKOUT, dirty=True, path="models/llama")
    found = dependency(told(tmp_path, checkout=dirty), "source")
    assert found["annotations"] == {"dirty": True, "path": "models/llama"}
    assert "annotations" not in dependency(told(tmp_path), "source")


def test_without_a_repository_there_is_no_source(tmp_path: Path) -> None:
    document = told(tmp_path, checkout=None)
    names = [d["name"] for d in document["predicate"]["buildDefinition"]["resolvedDependencies"]]
    assert "source" not in names
    assert "source" not in document["predicate"]["buildDefinition"]["externalParameters"]


@pytest.mark.parametrize(
    ("remote", "uri"),
    [
        ("git@git.example:owner/model.git", "git+ssh://git@git.example/owner/model.git@c0ffee"),
        ("https://git.example/m.git", "git+https://git.example/m.git@c0ffee"),
        ("git://git.example/m.git", "git://git.example/m.git@c0ffee"),
        ("", None),
    ],
)
def test_where_the_source_is(tmp_path: Path, remote: str, uri: str | None) -> None:
    found = dependency(told(tmp_path, checkout=Checkout(commit="c0ffee", remote=remote)), "source")
    assert found.get("uri") == uri


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://me:sesame@git.example:8443/o/m.git", "https://git.example:8443/o/m.git"),
        ("https://sesame@git.example/o/m.git?t=1#x", "https://git.example/o/m.git"),
        ("ssh://git@git.example/o/m", "ssh://git@git.example/o/m"),
        ("ssh://sesame@git.example/o/m", "ssh://git.example/o/m"),
        ("https://[::1]:80/m", "https://[::1]:80/m"),
        ("https://x:notaport/m", ""),
        ("file:///home/ada/m", ""),
        ("../model", ""),
        ("C:\\model", ""),
    ],
)
def test_no_credentials_and_no_places_of_this_machine(url: str, bare: str) -> None:
    assert bare_url(url) == bare
