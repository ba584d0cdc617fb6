"""Provenance: how an image was made and from what, as SLSA 1.0 in an in-toto statement.

It is a value too: no times and no number of the run are in it, so that the same build of the
same commit makes the same statement, byte for byte, and a second builder can be compared with the
first. What stands in it is written down in docs/how-to/trust.md. It is not signed: whoever
signs (cosign attest) signs this digest, or the image's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cogsmith import __version__
from cogsmith.environment import Wheel
from cogsmith.image.trust import purl
from cogsmith.image.trust.materials import Checkout, Invocation, Materials, Package
from cogsmith.image.trust.text import render
from cogsmith.oci import Artifact, Blob, Digest, Image

__all__ = [
    "BUILDER",
    "BUILD_TYPE",
    "PREDICATE_TYPE",
    "PROVENANCE_TYPE",
    "provenance",
    "provenance_after",
    "statement",
]

PROVENANCE_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
# What BuildKit and others call the annotation that says what a statement is about.
PREDICATE_ANNOTATION = "in-toto.io/predicate-type"
BUILD_TYPE = "urn:cogsmith:build:1"
# Who made it is a person's machine or a runner of theirs: nobody vouches for it (SLSA's level 1).
BUILDER = "urn:cogsmith:builder"

Document = dict[str, Any]


def provenance(image: Image, materials: Materials, invocation: Invocation) -> Artifact:
    """The provenance of an image, to be attached to it."""
    return _attached(statement(image, materials, invocation), image)


def provenance_after(
    told: Mapping[str, Any], image: Image, checkout: Checkout | None
) -> Artifact:  # fmt: skip
    """That of an image which differs from one with this statement in the project's files alone.

    Raises KeyError and TypeError for what is no statement of ours.
    """
    made: Document = json.loads(json.dumps(told))
    [subject] = made["subject"]
    subject["digest"] = _digest(image.digest)
    definition = made["predicate"]["buildDefinition"]
    source = _source(checkout) if checkout else {}
    asked = {**definition["externalParameters"], "source": source.get("uri", "")}
    definition["externalParameters"] = _told(asked)
    others = [
        d for d in definition["resolvedDependencies"] if "gitCommit" not in d.get("digest", {})
    ]
    below = 2 if others[1:] and "uri" not in others[1] else 1  # the base, and the lock if any
    found = [*others[:below], *([source] if source else []), *others[below:]]
    definition["resolvedDependencies"] = found
    return _attached(made, image)


def _attached(statement: Mapping[str, Any], image: Image) -> Artifact:
    blob = Blob.of(render(statement), PROVENANCE_TYPE)
    told = {PREDICATE_ANNOTATION: PREDICATE_TYPE}
    blob = replace(blob, descriptor=replace(blob.descriptor, annotations=told))
    made = Artifact.of(PROVENANCE_TYPE, [blob], subject=image.manifest.descriptor)
    return replace(made, manifest=replace(made.manifest, annotations=told))


def statement(image: Image, materials: Materials, invocation: Invocation) -> Document:
    """The statement: its subject is the image, whatever it is called in a registry."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": materials.name, "digest": _digest(image.digest)}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": _asked(invocation),
                "internalParameters": _told(
                    {"python": materials.python, "recipe": invocation.recipe}
                ),
                "resolvedDependencies": _dependencies(image, materials, invocation.checkout),
            },
            "runDetails": {
                "builder": {
                    "id": BUILDER,
                    "version": {"cogsmith": invocation.version or __version__},
                }
            },
        },
    }


def _asked(invocation: Invocation) -> Document:
    """What a person chose: with the same choice and the same dependencies, the same image."""
    source = _source(invocation.checkout) if invocation.checkout else {}
    return _told(
        {
            "config": invocation.config,
            "platform": invocation.platform,
            "accelerator": invocation.accelerator,
            "base": invocation.base,
            "flags": dict(invocation.flags),
            "source": source.get("uri", ""),
        }
    )


def _dependencies(image: Image, materials: Materials, checkout: Checkout | None) -> list[Document]:
    base = materials.base
    found = [
        {
            "name": "base",
            "uri": purl.of_image(base, image.config.platform),
            "digest": _digest(base.digest),
        }
    ]
    if materials.lock:
        found.append({"name": materials.lock_name, "digest": _digest(materials.lock)})
    if checkout:
        found.append(_source(checkout))
    debs = sorted(materials.debs, key=lambda deb: (deb.name, deb.version))
    found += [_deb(deb, purl.of_deb(deb, materials.distribution)) for deb in debs]
    for wheels, place in ((materials.wheels, "/opt/venv"), (materials.server, "/opt/cogsmith")):
        found += [_wheel(w, place) for w in sorted(wheels, key=lambda w: (w.name, w.filename))]
    return found


def _source(checkout: Checkout) -> Document:
    """The commit; a changed working tree is said to be one, since the commit does not make it."""
    made: Document = {"name": "source", "digest": {"gitCommit": checkout.commit}}
    if checkout.remote:
        made["uri"] = f"{_git_url(checkout.remote)}@{checkout.commit}"
    told = _told({"path": checkout.path, "dirty": checkout.dirty})
    return {**made, "annotations": told} if told else made


def _git_url(remote: str) -> str:
    """The remote as SPDX writes it: ``git+https://...``; ``git@host:path`` is short for ssh."""
    if "://" not in remote:
        host, _, path = remote.partition(":")
        remote = f"ssh://{host}/{path.lstrip('/')}"
    return remote if remote.startswith("git") else f"git+{remote}"


def _wheel(wheel: Wheel, place: str) -> Document:
    return {
        "name": wheel.filename,
        "uri": purl.of_wheel(wheel),
        "digest": {"sha256": wheel.sha256},
        "annotations": _told({"folder": place, "built": wheel.built}),
    }


def _deb(deb: Package, uri: str) -> Document:
    made: Document = {"name": deb.name, "uri": uri}
    return {**made, "digest": {"sha256": deb.sha256}} if deb.sha256 else made


def _digest(digest: Digest) -> dict[str, str]:
    return {digest.algorithm: digest.hex}


def _told(fields: Mapping[str, Any]) -> Document:
    return {name: value for name, value in fields.items() if value}
