"""Servers for tests: shared by a module where tests do no harm, a fresh one where they do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.prediction.receiver import Answers, Receiver, receiving
from tests.serving.server import Server, serving

Serve = Callable[..., Server]


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """A server that the tests of a module share: the same words, the same server."""
    known: dict[Any, Server] = {}
    with ExitStack() as servers:

        def start(reference: str, **environ: str) -> Server:
            key = (reference, *sorted(environ.items()))
            if key not in known:
                known[key] = servers.enter_context(serving(reference, **environ))
            return known[key]

        yield start


@pytest.fixture
def fresh() -> Iterator[Serve]:
    """A server for one test, which may break it."""
    with ExitStack() as servers:

        def start(reference: str, *words: str, **how: Any) -> Server:
            return servers.enter_context(serving(reference, *words, **how))

        yield start


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver of webhooks and uploads that takes everything."""
    with receiving() as found:
        yield found


@pytest.fixture
def receivers() -> Iterator[Callable[[Answers], Receiver]]:
    """Receivers that answer as they are told."""
    with ExitStack() as stack:
        yield lambda answers: stack.enter_context(receiving(answers))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder for a model of one test's own."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder
