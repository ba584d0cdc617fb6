"""Registries to speak to: ours, and the real one where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cogsmith.oci import Layout
from cogsmith.registry import Backoff, Client, Credentials, Settings
from cogsmith.testing.registry import FakeRegistry
from tests.registry.real import PROGRAM, RealRegistry

SOON = Backoff(tries=6, first=0.01, longest=0.05)
ADA = Credentials("ada", "sesame", source="a test")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "registry: needs docker-registry")


KINDS = ["fake", pytest.param("real", marks=pytest.mark.registry)]


def is_there() -> None:
    if PROGRAM is None:
        pytest.skip("docker-registry is not installed (apt-get install docker-registry)")


@pytest.fixture(scope="module", params=KINDS)
def registry(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FakeRegistry | RealRegistry]:
    """A registry for the tests of a module, which use repositories of their own."""
    if request.param == "fake":
        with FakeRegistry(referrers=False) as fake:
            yield fake
        return
    is_there()
    with RealRegistry(tmp_path_factory.mktemp("registry")) as real:
        yield real


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    """A registry for one test."""
    with FakeRegistry() as registry:
        yield registry


@pytest.fixture
def make_client(tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes clients that wait little, and closes them."""
    made: list[Client] = []

    def make(who: Credentials | None = None, **changes: object) -> Client:
        settings = Settings(
            **{"backoff": SOON, "ledger": tmp_path / "ledger", "idle_timeout": 20.0, **changes}  # type: ignore[arg-type]
        )
        client = Client(settings, lambda _host, _name: who) if who else Client(settings)
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout.create(tmp_path / "layout")
