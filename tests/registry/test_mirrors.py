"""Mirrors: asked first when something is read, never trusted, never written to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cogsmith.errors import NotFound
from cogsmith.oci import Layout, Reference
from cogsmith.registry import Client, Settings, Shipment
from cogsmith.testing.registry import FakeRegistry
from tests.registry.images import LINUX, bytes_of, image_of
from tests.registry.real import free_port

Make = Callable[..., Client]
IMAGE = image_of(50_000, 1000)


@pytest.fixture
def mirror() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        yield registry


@pytest.fixture
def reference(fake: FakeRegistry, client: Client) -> Reference:
    reference = Reference.parse(f"{fake.host}/a/b:1")
    client.push(client.plan_push(reference, Shipment.of(IMAGE)))
    fake.seen.clear()
    return reference


@pytest.fixture
def near(fake: FakeRegistry, mirror: FakeRegistry, make_client: Make) -> Client:
    return make_client(mirrors={fake.host: (f"{mirror.host}/cache",)})


def fill(mirror: FakeRegistry, client: Client) -> None:
    there = Reference.parse(f"{mirror.host}/cache/a/b:1")
    client.push(client.plan_push(there, Shipment.of(IMAGE)))


def pull(client: Client, reference: Reference, layout: Layout) -> None:
    entry = client.pull(reference, layout, LINUX)
    assert entry == layout.find(reference)
    assert bytes_of(layout.image(entry).layers[0]) == bytes_of(IMAGE.layers[0])


def test_what_a_mirror_has_comes_from_there(
    fake: FakeRegistry, mirror: FakeRegistry, client: Client, near: Client, reference: Reference,
    layout: Layout,
) -> None:  # fmt: skip
    fill(mirror, client)
    pull(near, reference, layout)
    assert bytes_of(near.image(reference, LINUX).layers[1]) == bytes_of(IMAGE.layers[1])
    assert fake.seen == []


def test_what_it_has_not_comes_from_the_registry(
    fake: FakeRegistry, near: Client, reference: Reference, layout: Layout
) -> None:
    pull(near, reference, layout)
    assert bytes_of(near.image(reference, LINUX).layers[1]) == bytes_of(IMAGE.layers[1])
    with pytest.raises(NotFound) as caught:
        near.fetch(reference.with_tag("nope"))
    assert caught.value.where == str(reference.with_tag("nope"))


def test_a_blob_that_it_lost(
    mirror: FakeRegistry, client: Client, near: Client, reference: Reference, layout: Layout
) -> None:
    fill(mirror, client)
    mirror.lose("cache/a/b", str(IMAGE.layers[0].digest))
    pull(near, reference, layout)


@pytest.mark.parametrize("what", ["manifests", "blobs"])
def test_a_mirror_that_lies(
    mirror: FakeRegistry, client: Client, near: Client, reference: Reference, layout: Layout,
    what: str,
) -> None:  # fmt: skip
    fill(mirror, client)
    mirror.fail(f"GET .*/{what}/", times=100, damage=True)
    pull(near, reference, layout)


def test_a_mirror_that_is_down(
    fake: FakeRegistry, make_client: Make, reference: Reference, layout: Layout
) -> None:
    client = make_client(mirrors={fake.host: (f"127.0.0.1:{free_port()}",)})
    pull(client, reference, layout)


def test_nothing_is_pushed_to_one(mirror: FakeRegistry, near: Client, reference: Reference) -> None:
    near.push(near.plan_push(reference.with_tag("2"), Shipment.of(image_of(10))))
    assert mirror.seen == []


def test_a_variable_names_them() -> None:
    told = "docker.io=mirror.example:5000/, ghcr.io=cache/ghcr nonsense =x docker.io=second"
    assert Settings.of({"COGSMITH_REGISTRY_MIRRORS": told}).mirrors == {
        "docker.io": ("mirror.example:5000", "second"), "ghcr.io": ("cache/ghcr",),
    }  # fmt: skip
