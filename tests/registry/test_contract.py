"""What every registry does for us: the one that we ship for tests, and the real one."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cogsmith.errors import DigestMismatch, NotFound, OciError, RegistryError
from cogsmith.oci import (
    Artifact,
    Blob,
    Descriptor,
    Digest,
    Image,
    Index,
    Layout,
    Manifest,
    Platform,
    Reference,
    media_types,
    validate,
)
from cogsmith.registry import BlobProgress, Client, Shipment
from cogsmith.testing.registry import FakeRegistry
from tests.registry.images import LINUX, bytes_of, image_of, whole_image
from tests.registry.real import RealRegistry

Registry = FakeRegistry | RealRegistry
ARM = Platform.parse("linux/arm64")


@pytest.fixture
def reference(registry: Registry, request: pytest.FixtureRequest) -> Reference:
    """A repository that no other test uses."""
    name = request.node.originalname.replace("test_", "").strip("_")[:100].rstrip("_")
    return Reference.parse(f"{registry.host}/{name}:1")


def push(client: Client, reference: Reference, image: Image | Artifact) -> Descriptor:
    return client.push(client.plan_push(reference, Shipment.of(image)))


class TestPush:
    def test_what_was_pushed_comes_back(self, client: Client, reference: Reference) -> None:
        image = image_of(100_000, 1, 70_000)
        assert push(client, reference, image).digest == image.digest
        assert client.fetch(reference) == image.manifest
        again = client.image(reference, LINUX)
        for there, here in zip(again.blobs, image.blobs, strict=True):
            assert bytes_of(there) == bytes_of(here)

    def test_an_empty_blob(self, client: Client, reference: Reference) -> None:
        image = image_of(0)
        push(client, reference, image)
        assert client.read_blob(reference, image.manifest.layers[0]) == b""

    def test_a_second_push_sends_nothing(self, client: Client, reference: Reference) -> None:
        image = image_of(5000)
        assert client.plan_push(reference, Shipment.of(image)).bytes_to_send > 5000
        push(client, reference, image)
        plan = client.plan_push(reference, Shipment.of(image))
        assert plan.named
        assert (plan.bytes_to_send, plan.upload, plan.mount) == (0, (), ())
        assert client.push(plan) == image.manifest.descriptor

    def test_a_changed_layer_travels_alone(self, client: Client, reference: Reference) -> None:
        first = image_of(5000, 6000)
        push(client, reference, first)
        second = Image.of(first.config, (first.layers[0], *image_of(7000, seed=2).layers))
        plan = client.plan_push(reference.with_tag("2"), Shipment.of(second))
        assert plan.upload[0].size == 7000
        assert [blob.digest for blob in plan.present] == [first.layers[0].digest]
        client.push(plan)
        assert client.tags(reference) == ("1", "2")

    def test_a_second_tag_needs_no_blob(self, client: Client, reference: Reference) -> None:
        image = image_of(5000)
        push(client, reference, image)
        plan = client.plan_push(reference.with_tag("latest"), Shipment.of(image))
        assert (plan.named, plan.upload) == (False, ())
        client.push(plan)
        assert client.fetch(reference.with_tag("latest")).digest == image.digest

    def test_blobs_are_mounted_from_another_repository(
        self, client: Client, reference: Reference, registry: Registry
    ) -> None:
        image = image_of(50_000)
        push(client, reference, image)
        other = replace(reference, repository=f"{reference.repository}/other")
        sources = {blob.digest: reference.repository for blob in image.blobs}
        plan = client.plan_push(other, Shipment.of(image), sources=sources)
        assert plan.upload == ()
        told: list[BlobProgress] = []
        client.push(plan, tell=told.append)
        assert {progress.state for progress in told} == {"mounted"}
        assert client.fetch(other).digest == image.digest

    def test_a_mount_that_fails_is_an_upload(self, client: Client, reference: Reference) -> None:
        image = image_of(50_000)
        sources = dict.fromkeys((blob.digest for blob in image.blobs), "nobody/has-it")
        plan = client.plan_push(reference, Shipment.of(image), sources=sources)
        told: list[BlobProgress] = []
        client.push(plan, tell=told.append)
        ends = {p.blob.digest: p for p in told}
        assert {progress.state for progress in ends.values()} == {"done"}
        assert client.fetch(reference).digest == image.digest

    def test_large_blobs_travel_in_chunks(
        self, make_client: Callable[..., Client], reference: Reference, registry: Registry
    ) -> None:
        client = make_client(whole=10_000, chunk=30_000)
        image = image_of(100_000, seed=7)
        push(client, reference, image)
        assert registry.count(f"PATCH /v2/{reference.repository}/") == 4
        assert client.read_blob(reference, image.manifest.layers[0]) == bytes_of(image.layers[0])

    def test_by_digest_without_a_tag(self, client: Client, reference: Reference) -> None:
        image = image_of(100)
        place = replace(reference, tag="")
        push(client, place, image)
        found = client.find(place.with_digest(image.digest))
        assert found is not None
        assert found.digest == image.digest
        assert client.plan_push(place, Shipment.of(image)).named

    def test_an_index_of_two_platforms(self, client: Client, reference: Reference) -> None:
        images = image_of(1000), image_of(2000, seed=2, platform=ARM)
        entries = [
            replace(image.manifest.descriptor, platform=platform)
            for image, platform in zip(images, (LINUX, ARM), strict=True)
        ]
        index = Index(manifests=tuple(entries))
        client.push(client.plan_push(reference, Shipment.of(*images, index=index)))
        assert client.fetch(reference) == index
        assert client.manifest(reference, ARM) == images[1].manifest
        with pytest.raises(OciError, match="no image for linux/s390x here") as caught:
            client.manifest(reference, Platform.parse("linux/s390x"))
        assert (caught.value.code, caught.value.where) == ("no_platform", str(reference))

    def test_docker_schema_2(self, client: Client, reference: Reference) -> None:
        image = image_of(1000)
        docker = replace(
            image.manifest,
            media_type=media_types.DOCKER_MANIFEST,
            config=replace(image.manifest.config, media_type=media_types.DOCKER_CONFIG),
            layers=tuple(
                replace(layer, media_type=media_types.to_docker(layer.media_type))
                for layer in image.manifest.layers
            ),
        )
        push(client, reference, replace(image, manifest=docker))
        assert client.manifest(reference, LINUX) == docker
        assert bytes_of(client.image(reference, LINUX).layers[0]) == bytes_of(image.layers[0])

    def test_progress_counts_every_byte(self, client: Client, reference: Reference) -> None:
        image = image_of(3_000_000, 10)
        told: list[BlobProgress] = []
        client.push(client.plan_push(reference, Shipment.of(image)), tell=told.append)
        for blob in image.blobs:
            mine = [p for p in told if p.blob.digest == blob.digest]
            assert (mine[0].state, mine[0].done) == ("running", 0)
            assert (mine[-1].state, mine[-1].done) == ("done", blob.size)
            assert mine[-1].total == blob.size
            assert [p.done for p in mine] == sorted(p.done for p in mine)
        assert max(p.rate for p in told) > 0

    def test_bytes_that_are_not_what_they_are_called(
        self, client: Client, reference: Reference
    ) -> None:
        image = image_of(1000)
        liar = replace(image.layers[0], open=lambda: io.BytesIO(bytes(1000)))
        with pytest.raises(RegistryError, match="DIGEST_INVALID") as caught:
            push(client, reference, replace(image, layers=(liar,)))
        assert caught.value.reasons == ("DIGEST_INVALID",)
        assert "push again" in caught.value.hint
        assert client.find(reference) is None

    def test_fewer_bytes_than_announced(self, client: Client, reference: Reference) -> None:
        image = image_of(1000)
        liar = replace(image.layers[0], open=lambda: io.BytesIO(bytes(999)))
        with pytest.raises(RegistryError, match="gives fewer than its 1000 bytes"):
            push(client, reference, replace(image, layers=(liar,)))

    def test_a_source_that_cannot_be_read(
        self, client: Client, reference: Reference, tmp_path: Path
    ) -> None:
        image = image_of(1000)
        gone = replace(image.layers[0], open=lambda: (tmp_path / "gone").open("rb"))
        with pytest.raises(RegistryError, match=r"cannot be read: .*gone"):
            push(client, reference, replace(image, layers=(gone,)))


class TestPull:
    def test_into_a_layout(self, client: Client, reference: Reference, layout: Layout) -> None:
        image = whole_image(1_000_000, 5, 200_000)
        push(client, reference, image)
        told: list[BlobProgress] = []
        entry = client.pull(reference, layout, LINUX, tell=told.append)
        assert entry == layout.find(reference)
        assert entry.platform == LINUX
        assert validate(layout.image(entry)) == ()
        assert {p.blob.digest for p in told if p.state == "done"} == {b.digest for b in image.blobs}
        told.clear()
        client.pull(reference, layout, tell=told.append)
        ends = {(p.blob.digest, p.state, p.done) for p in told}
        assert ends == {(b.digest, "present", b.size) for b in image.blobs}

    def test_the_rest_of_what_was_left(
        self, client: Client, reference: Reference, layout: Layout
    ) -> None:
        image = image_of(500_000)
        push(client, reference, image)
        data, blob = bytes_of(image.layers[0]), image.manifest.layers[0]
        leave(layout, blob, data[:400_000])
        told: list[BlobProgress] = []
        client.download(reference, [blob], layout, tell=told.append)
        assert bytes_of(layout.blob(blob)) == data
        assert told[0].done == 400_000

    @pytest.mark.parametrize("size", [1000, 500_000, 700_000])
    def test_what_was_left_is_of_something_else(
        self, client: Client, reference: Reference, layout: Layout, size: int
    ) -> None:
        image = image_of(500_000)
        push(client, reference, image)
        blob = image.manifest.layers[0]
        leave(layout, blob, b"x" * size)
        client.download(reference, [blob], layout)
        assert bytes_of(layout.blob(blob)) == bytes_of(image.layers[0])

    def test_another_size_than_the_manifest_says(
        self, client: Client, reference: Reference, layout: Layout
    ) -> None:
        image = image_of(1000)
        push(client, reference, image)
        liar = replace(image.manifest.layers[0], size=999)
        with pytest.raises(DigestMismatch, match=r"with 999 bytes was named.* has 1000 bytes"):
            client.download(reference, [liar], layout)
        assert not layout.has(image.manifest.layers[0])

    def test_a_blob_that_is_not_there(
        self, client: Client, reference: Reference, layout: Layout
    ) -> None:
        push(client, reference, image_of(10))
        missing = Descriptor.of(b"nothing", "text/plain")
        with pytest.raises(NotFound, match="BLOB_UNKNOWN") as caught:
            client.download(reference, [missing], layout)
        assert caught.value.where == reference.name
        assert not client.has_blob(reference, missing.digest)

    def test_an_artifact(self, client: Client, reference: Reference, layout: Layout) -> None:
        made = sbom(image_of(1), b"text")
        push(client, reference, made)
        entry = client.pull(reference, layout)
        assert bytes_of(layout.artifact(entry).blobs[0]) == b"text"

    def test_a_tag_that_is_not_there(self, client: Client, reference: Reference) -> None:
        push(client, reference, image_of(10))
        with pytest.raises(NotFound, match="MANIFEST_UNKNOWN: manifest unknown") as caught:
            client.fetch(reference.with_tag("nope"))
        assert caught.value.where == str(reference.with_tag("nope"))
        assert caught.value.status == 404
        assert "check the tag" in caught.value.hint
        assert client.find(reference.with_tag("nope")) is None


def leave(layout: Layout, blob: Descriptor, data: bytes) -> None:
    """As a pull that was killed."""
    layout.ingest.mkdir(exist_ok=True)
    (layout.ingest / f"sha256-{blob.digest.hex}.part").write_bytes(data)


class TestLists:
    def test_tags_come_in_pages(self, client: Client, reference: Reference) -> None:
        image = image_of(10)
        push(client, reference, image)
        names = [f"v{number:02}" for number in range(25)]
        for name in names:
            client.put(reference.with_tag(name), image.manifest)
        assert client.tags(reference) == ("1", *names)

    def test_no_tags_of_what_is_not_there(self, client: Client, reference: Reference) -> None:
        with pytest.raises(NotFound, match="NAME_UNKNOWN") as caught:
            client.tags(reference)
        assert "check the name" in caught.value.hint

    def test_artifacts_refer_to_an_image(self, client: Client, reference: Reference) -> None:
        image = image_of(10)
        push(client, reference, image)
        assert client.referrers(reference) == ()
        sboms = [sbom(image, text) for text in (b"one", b"two")]
        for made in sboms:
            push(client, replace(reference, tag=""), made)
        found = client.referrers(reference, SBOM)
        assert {entry.digest for entry in found} == {made.digest for made in sboms}
        assert {entry.annotations["title"] for entry in found} == {"one", "two"}
        assert client.referrers(reference, "application/other") == ()

    def test_deleting(self, client: Client, reference: Reference) -> None:
        image = image_of(10)
        push(client, reference, image)
        client.delete(reference.with_digest(image.digest))
        assert client.find(reference) is None
        with pytest.raises(NotFound):
            client.delete(reference.with_digest(image.digest))


SBOM = "application/vnd.cyclonedx+json"


def sbom(image: Image, text: bytes) -> Artifact:
    config, layer = Blob.of(b"{}", media_types.EMPTY), Blob.of(text, SBOM)
    manifest = Manifest(
        config=config.descriptor,
        layers=(layer.descriptor,),
        artifact_type=SBOM,
        subject=image.manifest.descriptor,
        annotations={"title": text.decode()},
    )
    return Artifact(manifest=manifest, blobs=(layer, config))


def test_a_registry_without_passwords_takes_anybody(client: Client, registry: Registry) -> None:
    client.check(registry.host)


def test_a_repository_that_is_not_there(client: Client, registry: Registry) -> None:
    nowhere = Reference.parse(f"{registry.host}/no/where:1")
    with pytest.raises(NotFound) as caught:
        client.fetch(nowhere)
    assert caught.value.status == 404
    assert client.find(nowhere) is None
    assert not client.has_blob(nowhere, Digest.of(b""))
