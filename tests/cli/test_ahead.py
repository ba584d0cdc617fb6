"""Layers that travel while others are made: they arrive once, and a failure ends the build."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogsmith.cli.ahead import Ahead
from cogsmith.cli.console import Console
from cogsmith.cli.progress import Display
from cogsmith.errors import RegistryError
from cogsmith.oci import Layer, Reference
from cogsmith.registry import Client, Credentials, Settings, Shipment
from cogsmith.testing.registry import FakeRegistry
from tests.cli.running import until
from tests.image.bases import recipe_of
from tests.registry.images import image_of

RECIPE = recipe_of("a layer")


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as opened:
        yield opened


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with Client(Settings(ledger=tmp_path / "ledger")) as opened:
        yield opened


def ahead(client: Client, registry: FakeRegistry, source: str = "") -> Ahead:
    place = Reference.parse(f"{registry.host}/a/b:1")
    return Ahead(client, place, lambda _: source, Display(Console.of_terminal("quiet")))


def test_layers_are_there_before_the_build_ends(registry: FakeRegistry, client: Client) -> None:
    image = image_of(1000, 2000)
    place = Reference.parse(f"{registry.host}/a/b:1")
    with ahead(client, registry) as travelling:
        travelling.take(RECIPE, image.layers[0])
        until(lambda: travelling.sent)
        assert client.has_blob(place, image.layers[0].digest)
        travelling.take(RECIPE, image.layers[1])
    assert travelling.sent == {layer.digest: layer.size for layer in image.layers}
    asked = registry.count("HEAD .*/blobs/")
    plan = client.plan_push(place, Shipment.of(image), there=travelling.there)
    assert [blob.digest for blob in plan.upload] == [image.manifest.config.digest]
    assert registry.count("HEAD .*/blobs/") == asked + 1
    client.push(plan)
    assert client.fetch(place) == image.manifest


def test_what_is_there_does_not_travel(registry: FakeRegistry, client: Client) -> None:
    image = image_of(1000)
    place = Reference.parse(f"{registry.host}/a/b:1")
    client.push(client.plan_push(place, Shipment.of(image)))
    sent = registry.count("POST")
    with ahead(client, registry) as travelling:
        travelling.take(RECIPE, image.layers[0])
    assert (travelling.sent, travelling.there) == ({}, {image.layers[0].digest})
    assert registry.count("POST") == sent


def test_the_first_failure_ends_the_build(registry: FakeRegistry, client: Client) -> None:
    registry.fail("POST .*/uploads/", status=403, times=1000)
    taken: list[Layer] = []

    def build(travelling: Ahead) -> None:
        for layer in image_of(*range(1, 100)).layers:
            travelling.take(RECIPE, layer)
            taken.append(layer)
            threading.Event().wait(0.05)

    with pytest.raises(RegistryError, match="403"), ahead(client, registry) as travelling:
        build(travelling)
    assert len(taken) < 99


def test_a_failure_after_the_last_layer_is_told_too(registry: FakeRegistry, client: Client) -> None:
    registry.fail("PUT .*/uploads/", status=403, times=1000)
    with pytest.raises(RegistryError, match="403"), ahead(client, registry) as travelling:
        travelling.take(RECIPE, image_of(1000).layers[0])


def test_a_build_that_fails_waits_for_no_upload(registry: FakeRegistry, client: Client) -> None:
    registry.fail("PUT .*/uploads/", delay=60.0)
    with pytest.raises(KeyError, match="the build's"), ahead(client, registry) as travelling:
        travelling.take(RECIPE, image_of(1000).layers[0])
        until(lambda: registry.count("POST .*/uploads/"))
        raise KeyError("the build's own")


def test_it_asks_as_one_who_will_push(tmp_path: Path) -> None:
    who = Credentials("ada", "sesame")
    with (
        FakeRegistry(auth="token", users={"ada": "sesame"}) as registry,
        Client(Settings(ledger=tmp_path / "ledger"), lambda _host, _name: who) as client,
    ):
        with ahead(client, registry) as travelling:
            travelling.take(RECIPE, image_of(1000).layers[0])
        asked = [seen.path for seen in registry.seen if seen.path.startswith("/token")]
    assert asked
    assert all("pull%2Cpush" in path for path in asked)
