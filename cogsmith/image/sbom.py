"""The software bill of materials: what is in an image, as CycloneDX 1.6, without a scan.

The builder knows every package by its hash before the image exists, so nothing is guessed from
files. The document is a value like the image: no time and no random number in it, so whoever
builds the same image makes the same SBOM. 1.6 and not 1.7: what reads SBOMs today (Trivy, Grype,
Dependency-Track) reads it. It is written by hand, since it is one dict: the library for it
(cyclonedx-python-lib) would bring nine packages, and checks our document in the tests instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from cogsmith import __version__
from cogsmith.environment import Wheel
from cogsmith.image.trust import purl
from cogsmith.image.trust.graph import graph, marker_environment
from cogsmith.image.trust.materials import Materials, Package
from cogsmith.image.trust.metadata import Metadata
from cogsmith.image.trust.text import render, serial
from cogsmith.oci import EPOCH, Artifact, Blob, Image

__all__ = ["SBOM_TYPE", "bill", "sbom"]

SBOM_TYPE = "application/vnd.cyclonedx+json"  # registered with IANA
SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
NOBODY_SAYS = Metadata()

_EPOCH = datetime.fromtimestamp(EPOCH, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

Document = dict[str, Any]


def sbom(image: Image, materials: Materials, metadata: Mapping[str, Metadata]) -> Artifact:
    """The SBOM of an image, to be attached to it; ``metadata`` is by the wheels' sha256."""
    data = render(bill(image, materials, metadata))
    return Artifact.of(SBOM_TYPE, [Blob.of(data, SBOM_TYPE)], subject=image.manifest.descriptor)


def bill(image: Image, materials: Materials, metadata: Mapping[str, Metadata]) -> Document:
    """The document: the image, what is in it, and what needs what."""
    bill = _Bill(_image(image, materials))
    bill.add(_base(image, materials), *_distribution(materials))
    bill.add(_python(materials), below="base")
    bill.add(*_debs(materials, materials.debs))
    if materials.distribution:
        bill.add(*_debs(materials, materials.distribution.packages, "base"), below="base")
    environment = marker_environment(materials.python, image.config.platform)
    inside = _Packages(materials.wheels, "/opt/venv", metadata)
    bill.add_all(inside, materials.requirements, environment)
    server = _Packages(materials.server, "/opt/cogsmith", metadata)
    if "cogsmith" not in server.references:  # our server's code came without a wheel of its own
        bill.add(_cogsmith())
    bill.add_all(
        server, ("cogsmith",), environment, below=server.references.get("cogsmith", "cogsmith")
    )
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial(image.digest),
        "version": 1,
        "metadata": _head(image, bill.root),
        "components": bill.components,
        "dependencies": bill.dependencies(),
    }


class _Bill:
    """Components, and who needs whom, as they come together."""

    def __init__(self, root: Document) -> None:
        self.root = root
        self.components: list[Document] = []
        self._edges: dict[str, set[str]] = {root["bom-ref"]: set()}

    def add(self, *components: Document, below: str = "image") -> None:
        """Take components that ``below`` has because it asked for them itself."""
        for component in components:
            reference = component["bom-ref"]
            if reference not in self._edges:
                self.components.append(component)
                self._edges[reference] = set()
            self._edges[below].add(reference)

    def add_all(
        self,
        packages: _Packages,
        requirements: Iterable[str],
        environment: Mapping[str, str],
        below: str = "image",
    ) -> None:
        """Take the wheels of one folder, with what each of them needs."""
        top, edges = packages.edges(requirements, environment)
        self.components += packages.components()
        self._edges.update((reference, set(needed)) for reference, needed in edges.items())
        self._edges[below].update(set(top) - {below})
        if below in edges:
            self._edges[self.root["bom-ref"]].add(below)

    def dependencies(self) -> list[Document]:
        """One entry for each component: an empty one needs nothing that we know of."""
        return [{"ref": name, "dependsOn": sorted(needed)} for name, needed in self._edges.items()]


def _head(image: Image, root: Document) -> Document:
    """Who made it, of what. A time only where the person gave one (SOURCE_DATE_EPOCH)."""
    tool = {"type": "application", "name": "cogsmith", "version": __version__}
    head = {"lifecycles": [{"phase": "build"}], "tools": {"components": [tool]}, "component": root}
    created = image.config.created
    return {**head, "timestamp": created} if created not in ("", _EPOCH) else head


def _image(image: Image, materials: Materials) -> Document:
    platform = image.config.platform
    return {
        "type": "container",
        "bom-ref": "image",
        "name": materials.name,
        "version": str(image.digest),
        "purl": purl.image_purl("", materials.name, image.digest, platform),
        "hashes": _hashes(image.digest.hex, image.digest.algorithm),
        "properties": _properties({"platform": str(platform)}),
    }


def _base(image: Image, materials: Materials) -> Document:
    base = materials.base
    return {
        "type": "container",
        "bom-ref": "base",
        "name": base.reference,
        "version": str(base.digest),
        "purl": purl.of_image(base, image.config.platform),
        "hashes": _hashes(base.digest.hex, base.digest.algorithm),
    }


def _python(materials: Materials) -> Document:
    """The interpreter, which lies in the base image."""
    return {
        "type": "platform",
        "bom-ref": "python",
        "name": "python",
        "version": materials.python,
        "purl": purl.of_python(materials.python),
    }


def _cogsmith() -> Document:
    """Our server, which runs in the image; its files have no wheel of their own."""
    return {
        "type": "application",
        "bom-ref": "cogsmith",
        "name": "cogsmith",
        "version": __version__,
        "purl": purl.purl("pypi", "cogsmith", __version__),
        "properties": _properties({"folder": "/opt/cogsmith"}),
    }


def _distribution(materials: Materials) -> list[Document]:
    found = materials.distribution
    if found is None:
        return []
    made = {"type": "operating-system", "bom-ref": "distribution", "name": found.name}
    return [{**made, "version": found.version} if found.version else made]


def _debs(materials: Materials, debs: Iterable[Package], place: str = "image") -> list[Document]:
    """Debian packages, of the base or on top of it; one that we replaced is in both."""
    ordered = sorted(debs, key=lambda deb: (deb.name, deb.architecture, deb.version))
    return [_deb(deb, purl.of_deb(deb, materials.distribution), place) for deb in ordered]


def _deb(deb: Package, url: str, place: str) -> Document:
    made = {
        "type": "library",
        "bom-ref": f"{place}/{deb.name}:{deb.architecture}",
        "name": deb.name,
        "version": deb.version,
        "purl": url,
    }
    return {**made, "hashes": _hashes(deb.sha256)} if deb.sha256 else made


class _Packages:
    """The wheels of one folder of the image: the model's own, or the server's."""

    def __init__(
        self, wheels: Iterable[Wheel], folder: str, metadata: Mapping[str, Metadata]
    ) -> None:
        self.wheels = sorted(wheels, key=lambda wheel: (wheel.name, wheel.filename))
        self.folder = folder
        self.metadata = {w.name: metadata.get(w.sha256, NOBODY_SAYS) for w in self.wheels}
        # Both folders may have the same wheel, and each reference names one component.
        self.references = {w.name: f"{folder}/{w.name}" for w in self.wheels}

    def components(self) -> list[Document]:
        """A component for each wheel."""
        return [self._component(wheel) for wheel in self.wheels]

    def edges(
        self, requirements: Iterable[str], environment: Mapping[str, str]
    ) -> tuple[list[str], dict[str, list[str]]]:
        """References of what is asked for itself, and who needs whom."""
        requires = {name: found.requires for name, found in self.metadata.items()}
        top, found = graph(requires, requirements, environment)
        edges = {self.references[name]: self._all(needed) for name, needed in found.items()}
        return self._all(top), edges

    def _all(self, names: Iterable[str]) -> list[str]:
        return [self.references[name] for name in names]

    def _component(self, wheel: Wheel) -> Document:
        said = self.metadata[wheel.name]
        made: Document = {
            "type": "library",
            "bom-ref": self.references[wheel.name],
            "name": wheel.name,
            "version": wheel.version,
            "purl": purl.of_wheel(wheel),
            "hashes": _hashes(wheel.sha256),
            "properties": _properties(
                {"folder": self.folder, "built": "true" if wheel.built else ""}
            ),
        }
        if said.summary:
            made["description"] = said.summary
        if said.licence:
            made["licenses"] = [said.licence.document()]
        return made


def _hashes(hex_digest: str, algorithm: str = "sha256") -> list[Document]:
    name = {"sha256": "SHA-256", "sha512": "SHA-512"}[algorithm]
    return [{"alg": name, "content": hex_digest}]


def _properties(told: Mapping[str, str]) -> list[Document]:
    named = sorted((name, value) for name, value in told.items() if value)
    return [{"name": f"cogsmith:{name}", "value": value} for name, value in named]
