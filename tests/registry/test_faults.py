"""Registries on bad days: slow, cut off, limiting, damaged. Each ends right, or in clear words."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from cogsmith.errors import (
    DigestMismatch,
    InvalidDocument,
    RegistryError,
    TooManyRequests,
    Unreachable,
)
from cogsmith.oci import Blob, Descriptor, Digest, Image, Layout, Reference
from cogsmith.registry import BlobProgress, Client, Shipment
from cogsmith.testing.registry import FakeRegistry
from tests.registry.conftest import SOON
from tests.registry.images import LINUX, bytes_of, image_of
from tests.registry.real import free_port

Make = Callable[..., Client]


@pytest.fixture
def reference(fake: FakeRegistry) -> Reference:
    return Reference.parse(f"{fake.host}/a/b:1")


def push(client: Client, reference: Reference, image: Image, **told: Callable[..., None]) -> None:
    client.push(client.plan_push(reference, Shipment.of(image)), **told)  # type: ignore[arg-type]


def stored(fake: FakeRegistry, digest: Digest) -> bytes:
    return fake.stored.content[str(digest)]


class TestPassing:
    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    @pytest.mark.parametrize(
        "line",
        ["HEAD .*/manifests/", "HEAD .*/blobs/", "POST", "PUT .*/blobs/", "PUT .*/manifests/"],
    )
    def test_a_status_that_passes(
        self, fake: FakeRegistry, client: Client, reference: Reference, line: str, status: int
    ) -> None:
        fake.fail(line, times=2, status=status)
        image = image_of(1000)
        push(client, reference, image)
        assert stored(fake, image.digest) == image.manifest.render()

    @pytest.mark.parametrize(
        "line",
        ["HEAD .*/manifests/", "HEAD .*/blobs/", "POST", "PUT .*/blobs/", "PUT .*/manifests/"],
    )
    def test_a_connection_that_breaks(
        self, fake: FakeRegistry, client: Client, reference: Reference, line: str
    ) -> None:
        fake.fail(line, times=2, cut_request=0)
        image = image_of(1000)
        push(client, reference, image)
        assert stored(fake, image.digest) == image.manifest.render()

    def test_when_it_does_not_pass(
        self, fake: FakeRegistry, client: Client, reference: Reference
    ) -> None:
        fake.fail("PUT .*/blobs/", times=1000, status=503)
        with pytest.raises(RegistryError, match="503 Service Unavailable") as caught:
            push(client, reference, image_of(1000))
        assert caught.value.where == reference.name
        assert fake.count("PUT .*/blobs/") <= 2 * SOON.tries
        assert fake.count("PUT .*/manifests/") == 0

    def test_other_statuses_are_final(
        self, fake: FakeRegistry, client: Client, reference: Reference
    ) -> None:
        body = b'{"errors": [{"code": "DENIED", "message": "not yours"}]}'
        fake.fail("POST", times=10, status=403, body=body)
        with pytest.raises(RegistryError, match="DENIED: not yours"):
            push(client, reference, image_of(1000))
        assert fake.count("POST") <= 2  # one for each blob

    def test_what_the_registry_asks_for(
        self, fake: FakeRegistry, make_client: Make, reference: Reference
    ) -> None:
        client = make_client(backoff=replace(SOON, patience=5.0))
        fake.fail("GET .*/manifests/", status=429, headers={"Retry-After": "6"})
        with pytest.raises(TooManyRequests) as caught:
            client.fetch(reference)
        assert "log in for a higher limit" in caught.value.hint
        assert fake.count("GET .*/manifests/") == 1

    def test_it_is_waited_for(
        self, fake: FakeRegistry, client: Client, reference: Reference
    ) -> None:
        push(client, reference, image_of(10))
        fake.fail("GET .*/manifests/", status=429, headers={"Retry-After": "1"})
        assert client.fetch(reference)
        assert fake.count("GET .*/manifests/") == 2


class TestConnections:
    def test_nobody_is_there(self, client: Client) -> None:
        nowhere = Reference.parse(f"127.0.0.1:{free_port()}/a/b:1")
        with pytest.raises(Unreachable, match="Connection refused") as caught:
            client.fetch(nowhere)
        assert caught.value.where == str(nowhere)

    def test_a_name_that_nobody_knows(self, client: Client) -> None:
        with pytest.raises(Unreachable, match=r"no host registry.invalid is known"):
            client.fetch(Reference.parse("registry.invalid/a/b:1"))

    def test_silence(self, fake: FakeRegistry, make_client: Make, reference: Reference) -> None:
        client = make_client(reply_timeout=1.0, backoff=replace(SOON, tries=2))
        client.check(fake.host)
        fake.fail("GET .*/manifests/", times=2, delay=5.0)
        with pytest.raises(Unreachable, match="fell silent"):
            client.fetch(reference)

    def test_a_connection_that_was_kept_too_long(
        self, fake: FakeRegistry, client: Client, reference: Reference
    ) -> None:
        push(client, reference, image_of(10))
        fake.stop()
        fake.start()
        assert client.fetch(reference)

    def test_an_answer_that_is_too_short(
        self, fake: FakeRegistry, client: Client, reference: Reference
    ) -> None:
        image = image_of(10)
        push(client, reference, image)
        fake.fail("GET .*/manifests/", cut_reply=20)
        assert client.fetch(reference) == image.manifest

    def test_a_registry_that_says_no_before_it_has_read_all(
        self, fake: FakeRegistry, client: Client, reference: Reference
    ) -> None:
        fake.fail("PUT .*/blobs/", times=10, status=413, body=b"too much")
        with pytest.raises(RegistryError, match="413 Content Too Large: too much"):
            push(client, reference, image_of(5_000_000))

    def test_it_is_closed(self, fake: FakeRegistry, make_client: Make) -> None:
        client = make_client()
        client.check(fake.host)
        client.close()
        with pytest.raises(Unreachable):
            client.check(fake.host)


class TestUploads:
    def test_between_two_chunks_an_upload_goes_on(
        self, fake: FakeRegistry, make_client: Make, reference: Reference
    ) -> None:
        client, image = make_client(whole=0, chunk=30_000), image_of(100_000)
        fake.fail("PATCH .*_state=60000", cut_request=0)
        told: list[BlobProgress] = []
        push(client, reference, image, tell=told.append)
        assert stored(fake, image.layers[0].digest) == bytes_of(image.layers[0])
        # The layer's four pieces; the config's one.
        assert fake.received("PATCH") == 100_000 + image.manifest.config.size
        assert any(p.note for p in told if p.state == "retrying")

    def test_a_break_inside_a_chunk_begins_the_blob_again(
        self, fake: FakeRegistry, make_client: Make, reference: Reference
    ) -> None:
        client, image = make_client(whole=10_000, chunk=30_000), image_of(100_000)
        fake.fail("PATCH .*_state=60000", cut_request=5000)
        push(client, reference, image)
        assert stored(fake, image.layers[0].digest) == bytes_of(image.layers[0])
        assert fake.count("POST") == 3
        assert fake.received("PATCH .*_state=0") == 60_000

    @pytest.mark.parametrize("whole", [0, 1_000_000])
    def test_a_registry_that_keeps_what_came(self, make_client: Make, whole: int) -> None:
        with FakeRegistry(keeps_cut_uploads=True) as fake:
            client, image = make_client(whole=whole, chunk=300_000), image_of(500_000)
            fake.fail("(PATCH|PUT) .*/uploads/.*_state=0", cut_request=200_000)
            push(client, Reference.parse(f"{fake.host}/a/b:1"), image)
            assert stored(fake, image.layers[0].digest) == bytes_of(image.layers[0])
            assert fake.received() < 500_000 + 2000

    def test_a_smallest_chunk(self, make_client: Make) -> None:
        with FakeRegistry(chunk_min=40_000) as fake:
            client, image = make_client(whole=10_000, chunk=10_000), image_of(100_000)
            push(client, Reference.parse(f"{fake.host}/a/b:1"), image)
            assert [seen.received for seen in fake.seen if seen.method == "PATCH"] == [
                40_000, 40_000, 20_000,
            ]  # fmt: skip

    @pytest.mark.parametrize("chunk", [96_000_000, 15_000_000])
    def test_a_proxy_that_takes_no_large_body(self, make_client: Make, chunk: int) -> None:
        with FakeRegistry(largest=11_000_000) as fake:
            client, image = make_client(whole=chunk, chunk=chunk), image_of(20_000_000)
            push(client, Reference.parse(f"{fake.host}/a/b:1"), image)
            assert stored(fake, image.layers[0].digest) == bytes_of(image.layers[0])

    def test_a_proxy_that_takes_hardly_anything(self, make_client: Make) -> None:
        with FakeRegistry(largest=1_000_000) as fake:
            client, image = make_client(), image_of(20_000_000)
            with pytest.raises(RegistryError, match="413 Content Too Large") as caught:
                push(client, Reference.parse(f"{fake.host}/a/b:1"), image)
            assert "proxy" in caught.value.hint

    def test_a_registry_that_forgets_for_ever(
        self, fake: FakeRegistry, make_client: Make, reference: Reference
    ) -> None:
        client = make_client(whole=10_000, chunk=30_000)
        fake.fail("PATCH .*", times=1000, then=fake.stored.uploads.clear)
        with pytest.raises(RegistryError, match="BLOB_UPLOAD_UNKNOWN"):
            push(client, reference, image_of(100_000))
        assert fake.count("PATCH") < 10

    def test_a_session_that_an_earlier_process_left(
        self, fake: FakeRegistry, make_client: Make, reference: Reference
    ) -> None:
        image = image_of(100_000)
        settings = {"whole": 10_000, "chunk": 30_000}
        fake.fail("PATCH .*_state=60000", times=1000, status=500)
        with pytest.raises(RegistryError):
            push(make_client(**settings), reference, image)
        fake.faults.clear()
        before = fake.received()
        told: list[BlobProgress] = []
        push(make_client(**settings), reference, image, tell=told.append)
        assert stored(fake, image.layers[0].digest) == bytes_of(image.layers[0])
        assert fake.received() - before < 41_000
        assert next(p.done for p in told if p.blob == image.layers[0].descriptor) == 60_000

    def test_a_session_that_is_gone(
        self, fake: FakeRegistry, make_client: Make, reference: Reference
    ) -> None:
        image = image_of(100_000)
        settings = {"whole": 10_000, "chunk": 30_000}
        fake.fail("PATCH .*_state=60000", times=1000, status=500)
        with pytest.raises(RegistryError):
            push(make_client(**settings), reference, image)
        fake.faults.clear()
        fake.stored.uploads.clear()
        push(make_client(**settings), reference, image)
        assert stored(fake, image.layers[0].digest) == bytes_of(image.layers[0])

    def test_a_session_that_holds_other_bytes(
        self, fake: FakeRegistry, make_client: Make, reference: Reference
    ) -> None:
        image = image_of(100_000)
        settings = {"whole": 10_000, "chunk": 30_000}
        fake.fail("PATCH .*_state=60000", times=1000, status=500)
        with pytest.raises(RegistryError):
            push(make_client(**settings), reference, image)
        fake.faults.clear()
        for upload in fake.stored.uploads.values():
            upload[:] = bytes(len(upload))
        push(make_client(**settings), reference, image)
        assert stored(fake, image.layers[0].digest) == bytes_of(image.layers[0])

    def test_one_failure_ends_the_others(
        self, fake: FakeRegistry, client: Client, reference: Reference
    ) -> None:
        image = image_of(*range(1000, 1020))
        fake.fail(f"PUT .*{image.layers[-1].digest.hex}", status=403)
        fake.fail("PUT .*/blobs/", times=1000, delay=0.2)
        with pytest.raises(RegistryError, match="403"):
            push(client, reference, image)
        assert fake.count("POST") < 20
        assert threading.active_count() < 60
        push(client, reference, image)  # and the client is of use again


class TestLostBlobs:
    def test_a_blob_that_was_there_before(
        self, fake: FakeRegistry, client: Client, reference: Reference
    ) -> None:
        image = image_of(1000, 2000)
        push(client, reference, image)
        second = reference.with_tag("2")
        blobs = [blob.digest for blob in image.blobs]
        fake.lose("a/b", str(blobs[0]))
        changed = replace(image, manifest=replace(image.manifest, annotations={"a": "b"}))
        plan = client.plan_push(second, Shipment.of(changed), earlier={image.digest: blobs})
        assert plan.upload == ()
        client.push(plan)
        assert client.fetch(second) == changed.manifest
        assert client.has_blob(second, blobs[0])

    @pytest.mark.parametrize("tag", ["1", "2"])
    def test_blobs_of_an_earlier_manifest_are_not_looked_for(
        self, tag: str, fake: FakeRegistry, client: Client, reference: Reference
    ) -> None:
        image = image_of(1000, 2000)
        push(client, reference.with_tag("1"), image)
        before = fake.count("HEAD .*/blobs/")
        changed = replace(image, manifest=replace(image.manifest, annotations={"a": "b"}))
        earlier = {image.digest: [blob.digest for blob in image.blobs]}
        target = reference.with_tag(tag)
        client.push(client.plan_push(target, Shipment.of(changed), earlier=earlier))
        assert fake.count("HEAD .*/blobs/") == before
        assert client.fetch(target) == changed.manifest

    def test_an_earlier_manifest_that_is_gone_vouches_for_nothing(
        self, fake: FakeRegistry, client: Client, reference: Reference
    ) -> None:
        image = image_of(1000, 2000)
        earlier = {image.digest: [blob.digest for blob in image.blobs]}
        plan = client.plan_push(reference, Shipment.of(image), earlier=earlier)
        assert len(plan.upload) == 3
        client.push(plan)
        assert fake.count("HEAD .*/blobs/") == 3


class TestDownloads:
    def test_a_break_is_gone_on_with(
        self, fake: FakeRegistry, client: Client, reference: Reference, layout: Layout
    ) -> None:
        image = image_of(1_000_000)
        push(client, reference, image)
        fake.fail(f"GET .*{image.layers[0].digest.hex}", cut_reply=600_000)
        fake.fail(f"GET .*{image.layers[0].digest.hex}", cut_reply=300_000)
        client.pull(reference, layout, LINUX)
        assert bytes_of(layout.blob(image.layers[0].descriptor)) == bytes_of(image.layers[0])
        ranges = [seen.headers.get("range") for seen in fake.seen if "range" in seen.headers]
        assert len(ranges) == 2

    def test_a_registry_that_knows_no_ranges(
        self, fake: FakeRegistry, client: Client, reference: Reference, layout: Layout
    ) -> None:
        image, blob = image_of(100_000), image_of(100_000).layers[0]
        push(client, reference, image)
        fake.fail("GET .*/blobs/", cut_reply=60_000)
        fake.fail("GET .*/blobs/", status=200, body=bytes_of(blob))
        client.download(reference, [blob.descriptor], layout)
        assert bytes_of(layout.blob(blob.descriptor)) == bytes_of(blob)

    def test_wrong_bytes(
        self, fake: FakeRegistry, client: Client, reference: Reference, layout: Layout
    ) -> None:
        image = image_of(100_000)
        push(client, reference, image)
        blob = image.layers[0].descriptor
        wrong = Digest.of(bytes([bytes_of(image.layers[0])[0] ^ 1]) + bytes_of(image.layers[0])[1:])
        fake.fail("GET .*/blobs/", times=10, damage=True)
        with pytest.raises(DigestMismatch) as caught:
            client.download(reference, [blob], layout)
        assert str(blob.digest) in caught.value.message
        assert str(wrong) in caught.value.message
        assert caught.value.where == reference.name
        assert "damaged" in caught.value.hint
        assert not layout.has(blob)
        fake.faults.clear()
        client.download(reference, [blob], layout)
        assert layout.has(blob)

    def test_wrong_bytes_as_a_stream(
        self, fake: FakeRegistry, client: Client, reference: Reference
    ) -> None:
        image = image_of(100_000)
        push(client, reference, image)
        fake.fail("GET .*/blobs/", damage=True)
        with pytest.raises(DigestMismatch):
            client.read_blob(reference, image.layers[0].descriptor)

    def test_a_blob_that_never_gets_whole(
        self, fake: FakeRegistry, client: Client, reference: Reference, layout: Layout
    ) -> None:
        image = image_of(100_000)
        push(client, reference, image)
        fake.fail("GET .*/blobs/", times=100, cut_reply=0)
        with pytest.raises(Unreachable):
            client.download(reference, [image.layers[0].descriptor], layout)
        assert fake.count("GET .*/blobs/") == SOON.tries


class TestManifests:
    @pytest.fixture
    def image(self, client: Client, reference: Reference) -> Image:
        image = image_of(10)
        push(client, reference, image)
        return image

    def test_other_bytes_than_their_digest(
        self, fake: FakeRegistry, client: Client, reference: Reference, image: Image
    ) -> None:
        fake.fail("GET .*/manifests/", damage=True)
        with pytest.raises(DigestMismatch, match=f"{image.digest} was named"):
            client.fetch(reference.with_digest(image.digest))

    def test_other_bytes_than_the_registry_announces(
        self, fake: FakeRegistry, client: Client, reference: Reference, image: Image
    ) -> None:
        fake.fail("GET .*/manifests/", damage=True)
        with pytest.raises(DigestMismatch, match="the manifest that came is sha256:"):
            client.fetch(reference)

    @pytest.mark.parametrize("media_type", ["application/json", "text/plain; charset=utf-8", ""])
    def test_a_type_that_says_nothing(
        self,
        fake: FakeRegistry,
        client: Client,
        reference: Reference,
        image: Image,
        media_type: str,
    ) -> None:
        headers = {"Content-Type": media_type}
        fake.fail("GET .*/manifests/", status=200, headers=headers, body=image.manifest.render())
        assert client.fetch(reference) == image.manifest

    def test_docker_schema_1(
        self, fake: FakeRegistry, client: Client, reference: Reference
    ) -> None:
        fake.fail("GET .*/manifests/", status=200, body=b'{"schemaVersion": 1, "fsLayers": []}')
        with pytest.raises(InvalidDocument) as caught:
            client.fetch(reference)
        assert any("newer than 1.10" in problem.hint for problem in caught.value.problems)

    def test_no_digest_in_the_answer(
        self, fake: FakeRegistry, client: Client, reference: Reference, image: Image
    ) -> None:
        fake.fail("HEAD .*/manifests/", status=200)
        found = client.find(reference)
        assert found is not None
        assert found.digest == image.digest

    def test_a_registry_that_changes_what_it_gets(
        self, fake: FakeRegistry, client: Client, reference: Reference, image: Image
    ) -> None:
        other = str(Digest.of(b"other"))
        fake.fail("PUT .*/manifests/", status=201, headers={"Docker-Content-Digest": other})
        with pytest.raises(DigestMismatch, match=f"the registry names it {other}"):
            client.put(reference, image.manifest)

    def test_tags_that_go_in_circles(
        self, fake: FakeRegistry, client: Client, reference: Reference, image: Image
    ) -> None:
        link = '</v2/a/b/tags/list?n=1000>; rel="next"'
        fake.fail(
            "GET .*/tags/", times=50, status=200, headers={"Link": link}, body=b'{"tags":["1"]}'
        )
        assert client.tags(reference) == ("1",)
        assert fake.count("GET .*/tags/") <= 2

    def test_referrers_of_a_registry_that_lists_them(
        self, fake: FakeRegistry, client: Client, reference: Reference, image: Image
    ) -> None:
        manifest = replace(
            image.manifest, artifact_type="application/x", subject=image.manifest.descriptor
        )
        client.put(replace(reference, tag=""), manifest)
        assert [entry.digest for entry in client.referrers(reference)] == [manifest.digest]
        assert fake.count("PUT .*/manifests/sha256-") == 0


def test_a_blob_too_large_for_memory(client: Client, reference: Reference) -> None:
    blob = Descriptor(media_type="x/y", digest=Digest.of(b""), size=10**9)
    with pytest.raises(RegistryError, match="1000000000 bytes, of 4194304 allowed"):
        client.read_blob(reference, blob)


def test_a_blob_inside_its_descriptor(client: Client, reference: Reference) -> None:
    inside = replace(Blob.of(b"{}", "x/y").descriptor, data=b"{}")
    assert client.read_blob(reference, inside) == b"{}"
