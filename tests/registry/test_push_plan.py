"""Plans of pushes: pure, and every blob has its one place in them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.oci import Index, Reference
from cogsmith.registry import Shipment, plan_push
from tests.registry.images import image_of

REFERENCE = Reference.parse("r.example/a/b:1")
IMAGE = image_of(5, 30, 20, 1)
SHIPMENT = Shipment.of(IMAGE)
DIGESTS = [blob.digest for blob in SHIPMENT.blobs]
SOME = st.sets(st.sampled_from(DIGESTS))


@given(SOME, st.dictionaries(st.sampled_from(DIGESTS), st.sampled_from(["c/d", "e/f"])))
def test_every_blob_has_one_place(there: set, sources: dict) -> None:  # type: ignore[type-arg]
    plan = plan_push(REFERENCE, SHIPMENT, there=there, sources=sources)
    present = {blob.digest for blob in plan.present}
    mounted = {blob.digest: source for blob, source in plan.mount}
    sent = [blob.digest for blob in plan.upload]
    assert present == there
    assert mounted == {digest: name for digest, name in sources.items() if digest not in there}
    assert sorted([*present, *mounted, *sent]) == sorted(DIGESTS)
    assert [blob.size for blob in plan.upload] == sorted(
        (blob.size for blob in plan.upload), reverse=True
    )
    document = len(IMAGE.manifest.render())
    assert plan.bytes_to_send == sum(blob.size for blob in plan.upload) + document
    assert plan.bytes_present == sum(blob.size for blob in plan.present)


def test_what_is_named_already_needs_nothing() -> None:
    plan = plan_push(REFERENCE, SHIPMENT, named=True)
    assert (plan.upload, plan.mount, plan.bytes_to_send) == ((), (), 0)
    assert plan.present == SHIPMENT.blobs


class TestShipment:
    def test_documents_that_others_name_come_first(self) -> None:
        other = image_of(7, seed=2)
        index = Index(manifests=(IMAGE.descriptor, other.descriptor))
        shipment = Shipment.of(IMAGE, other, index=index)
        assert shipment.documents == (IMAGE.manifest, other.manifest, index)
        assert shipment.root == index

    def test_a_blob_of_two_images_travels_once(self) -> None:
        other = replace(IMAGE, manifest=replace(IMAGE.manifest, annotations={"a": "b"}))
        index = Index(manifests=(IMAGE.descriptor, other.descriptor))
        assert Shipment.of(IMAGE, other, index=index).blobs == IMAGE.blobs

    def test_layers_that_are_kept_elsewhere_stay_there(self) -> None:
        layer = IMAGE.layers[0]
        foreign = replace(layer, descriptor=replace(layer.descriptor, urls=("https://else",)))
        shipment = Shipment.of(replace(IMAGE, layers=(foreign, *IMAGE.layers[1:])))
        assert layer.digest not in {blob.digest for blob in shipment.blobs}

    def test_several_need_an_index(self) -> None:
        with pytest.raises(AssertionError, match="need an index"):
            Shipment.of(IMAGE, image_of(1))
