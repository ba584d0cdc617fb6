"""One run of a builder: an image goes into an engine, is built upon, and what is new comes back.

Nothing of it stays in the engine but BuildKit's own cache.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from pathlib import Path
from typing import Any

from cogsmith.errors import CommandFailed, MissingProgram
from cogsmith.image.docker.dockerfile import Stage
from cogsmith.image.docker.layers import given
from cogsmith.image.docker.programs import Order
from cogsmith.image.docker.python_build import put_python
from cogsmith.image.docker.saved import Saved
from cogsmith.image.docker.settings import DockerSettings
from cogsmith.image.docker.stream import Stream
from cogsmith.image.docker.tools import Tools, find_tools
from cogsmith.image.recipe import Pack, Recipe, key_of
from cogsmith.oci import Image, Layer, Reference, pack, reader
from cogsmith.process import run, star
from cogsmith.values import dataclass

__all__ = ["Build", "Row"]

BLOCK = 512  # bytes; an archive that begins with an empty block has nothing in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A layer of a stage, as the store remembers it."""

    key: str
    kind: Any
    title: str
    created_by: str
    size: int

    def recipe(self, packed: Pack) -> Recipe:
        """The recipe of the layer, which is packed so."""
        return Recipe(
            key=self.key, kind=self.kind, title=self.title, created_by=self.created_by,
            size=self.size, pack=packed,
        )  # fmt: skip


@dataclass(slots=True)
class Build:
    """One run of a builder, in a folder of its own."""

    settings: DockerSettings
    stage: Stage
    below: Image
    hear: Callable[[str], None]
    folder: Path = field(init=False)

    def layers(self, key: str, make: Callable[[Recipe], Layer]) -> list[tuple[Row, Layer]]:
        """Build, and hand what is new to ``make``, which keeps it. ``key`` names the stage."""
        tools = find_tools(self.settings, secrets=bool(self.stage.secrets))
        with tempfile.TemporaryDirectory(prefix="cogsmith-build-") as folder:
            self.folder = Path(folder)
            self._announce(tools)
            return self._layers(tools, key, make)

    def _layers(
        self, tools: Tools, key: str, make: Callable[[Recipe], Layer]
    ) -> list[tuple[Row, Layer]]:
        name = Reference.parse(f"localhost/cogsmith/build:{key[:16]}-{os.getpid()}")
        stream = Stream(stage=self.stage, buildkit=tools.program.buildkit)
        built = ""
        try:
            order = self._order()
            tools.give(self.below, name, self.folder / "below.tar")
            text = self.stage.render(name.familiar)
            (self.folder / "Dockerfile").write_text(text, "utf-8")
            self._run(tools, order, stream)
            built = order.image.read_text("utf-8").strip()
            return [(row, make(recipe)) for row, recipe in self._taken(tools, built, key)]
        finally:
            tools.forget(*([built] if built else stream.images[-1:]), name.familiar)

    def _announce(self, tools: Tools) -> None:
        given = {secret.id for secret in self.settings.secrets}
        for name in self.stage.secrets:
            if name not in given:
                self.hear(f"no secret {name} is given: --secret id={name},src=PATH")
        self.hear(f"Running commands with {tools.program.words}")

    def _order(self) -> Order:
        """Lay out what the builder reads: files to copy, and secrets, which lie beside them."""
        settings, stage = self.settings, self.stage
        context, hidden = self.folder / "context", self.folder / "secrets"
        platform = self.below.config.platform
        context.mkdir()
        hidden.mkdir()
        for name, data in stage.files.items():
            (context / name).write_bytes(data)
        if stage.python:
            put_python(stage.python, platform, context / "python", settings.environ)
        secrets = {}
        for number, secret in enumerate(settings.secrets if stage.secrets else ()):
            secrets[secret.id] = hidden / str(number)
            secrets[secret.id].write_bytes(secret.content)
        return Order(
            folder=self.folder, platform=str(platform), secrets=secrets,
            proxies=settings.proxies, network=settings.network, anew=settings.anew,
        )  # fmt: skip

    def _run(self, tools: Tools, order: Order, stream: Stream) -> None:
        def hear(line: str) -> None:
            if said := stream.hear(line):
                self.hear(said)

        try:
            command = tools.program.build(order)
            run(command, env=tools.variables, on_line=hear, secrets=self.settings.words)
        except MissingProgram:
            raise
        except CommandFailed as error:
            raise stream.failure(error.tail, self.settings.file) from error

    def _taken(self, tools: Tools, built: str, key: str) -> Iterator[tuple[Row, Recipe]]:
        """The layers above those that were there, each to be made before the next one is taken."""
        path = self.folder / "built.tar"
        tools.do(tools.program.save(built, path))
        saved = Saved.read(path)
        names = saved.above(self.below.config.diff_ids)
        for name, row in zip(names, self._rows(key, len(names)), strict=True):
            content = saved.content(name)
            head = next(content, b"")
            if any(head[:BLOCK]):  # else it is empty: the step has changed nothing
                yield row, self._recipe(row, itertools.chain([head], content))

    def _rows(self, key: str, count: int) -> Iterator[Row]:
        """What the layers are called: each as its step, or all steps together as one."""
        kind, steps = self.stage.kind, self.stage.steps
        words = [(step.title, step.line) for step in steps]
        if count != len(steps):
            titles, lines = zip(*words, strict=True)
            words = [("; ".join(titles), "; ".join(lines))] * count
        for number, (title, line) in enumerate(words):
            yield Row(
                key=key_of("docker layer", key, number), kind=kind, title=star(_short(title)),
                created_by=star(line), size=0,
            )  # fmt: skip

    def _recipe(self, row: Row, content: Iterable[bytes]) -> Recipe:
        """A layer, to be read once from what the engine saved."""
        home = self.stage.home
        pieces = given(reader(content), home) if home else content
        return row.recipe(lambda write: pack(pieces, write=write))


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
