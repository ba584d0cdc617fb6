"""What is attached to an image: its SBOM and its provenance, as referrers (OCI 1.1).

Where a build ends::

    for artifact in attachments(image, materials, invocation, store.layout):
        store.layout.add(artifact)

and where a push ends, after the image has its name::

    for artifact in artifacts:
        there = replace(reference, tag="", digest=artifact.digest)
        client.push(client.plan_push(there, Shipment.of(artifact)))

A registry without a list of referrers gets the tag ``sha256-<hex>`` instead; ``Client`` sees to
that, and reads it again. ``prune`` takes an attachment away with its image.
"""

from __future__ import annotations

from cogsmith.image.provenance import provenance
from cogsmith.image.sbom import SBOM_TYPE, sbom
from cogsmith.image.trust.materials import Invocation, Materials
from cogsmith.image.trust.metadata import read_metadata
from cogsmith.oci import Artifact, Image, Layout

__all__ = ["attachments"]


def attachments(
    image: Image, materials: Materials, invocation: Invocation, layout: Layout | None = None
) -> tuple[Artifact, ...]:
    """The SBOM and the provenance of an image, in this order.

    An SBOM of this image that ``layout`` has is taken as it is: it would be the same, and to
    read the wheels' licences takes a tenth of a second for torch alone.
    """
    known = _known(image, layout) if layout else None
    wheels = () if known else (*materials.wheels, *materials.server)
    bill = known or sbom(image, materials, read_metadata(wheels))
    return bill, provenance(image, materials, invocation)


def _known(image: Image, layout: Layout) -> Artifact | None:
    for entry in layout.referrers(image.digest):
        artifact = layout.artifact(entry)
        if artifact.manifest.artifact_type == SBOM_TYPE:
            return artifact
    return None
