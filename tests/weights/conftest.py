"""What the tests of weights share: a hub, a store, and a small real checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from cogsmith.testing.hub import FakeHub
from cogsmith.weights import (
    FileProgress,
    Listed,
    Settings,
    Store,
    WeightFile,
    fetch,
    look,
    parse_source,
)

CHECKPOINT = Path(__file__).parent.parent.parent / "weights" / "stories-llama"


@pytest.fixture(scope="session")
def checkpoint() -> dict[str, bytes]:
    """The files of a small language model."""
    return {path.name: path.read_bytes() for path in sorted(CHECKPOINT.iterdir())}


@pytest.fixture
def hub(checkpoint: dict[str, bytes]) -> Iterator[FakeHub]:
    """A hub with ``ada/stories``, its bytes behind a redirect, its listing in pages of two."""
    with FakeHub(page=2) as hub:
        hub.add("ada/stories", {**checkpoint, "onnx/model.onnx": b"o" * 100_000})
        yield hub


@pytest.fixture
def settings(tmp_path: Path, hub: FakeHub) -> Settings:
    return Settings(store=tmp_path / "cache" / "weights", hub=hub.url, pause=0.001)


@pytest.fixture
def store(settings: Settings) -> Store:
    return Store(settings.store)


Events = list[FileProgress]
Bring = Callable[..., tuple[WeightFile, ...]]


@pytest.fixture
def bring(settings: Settings, tmp_path: Path) -> Bring:
    """Look at a source and fetch all of it, or the files that are named."""

    def do(
        uri: str, *, only: Sequence[str] = (), tell: Callable[[FileProgress], None] = lambda _: None
    ) -> tuple[WeightFile, ...]:
        listing = look(parse_source(uri), settings, project=tmp_path, tell=tell)
        files: list[Listed] = [f for f in listing.files if not only or f.path in only]
        return fetch(listing, files, settings, tell=tell)

    return do
