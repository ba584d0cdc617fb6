"""What people and programs are told when an image is built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from cogsmith.cli import amounts
from cogsmith.cli.console import Console
from cogsmith.values import dataclass

__all__ = ["Report"]

ENGINES = {"docker": "Docker's engine", "podman": "podman"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The outcome of a build; sizes in bytes.

    ``names`` are as people write them. ``places`` says where the image lies besides the store, in
    words; ``engine`` which engine has it (``docker``, ``podman``, or ""), ``sent`` what travelled
    there. ``home`` says that the name has a registry, ``gpu`` that the model wants one.
    """

    names: tuple[str, ...]
    digest: str
    platforms: tuple[str, ...]
    layers: int
    made: int
    made_size: int
    size: int
    base: str
    places: tuple[str, ...]
    engine: str
    sent: int
    home: bool
    gpu: bool
    seconds: float

    def document(self) -> dict[str, Any]:
        """As a value of JSON."""
        return asdict(self)

    @classmethod
    def unchanged(cls, document: dict[str, Any], seconds: float) -> Report:
        """The outcome of an equal build, which is now this one's: nothing was made or sent."""
        told = {**document, "made": 0, "made_size": 0, "sent": 0, "seconds": seconds}
        told.update({name: tuple(told[name]) for name in ("names", "platforms", "places")})
        return cls(**told)

    def show(self, console: Console) -> None:
        """Say it, on standard error."""
        if console.json:
            console.event("result", command="build", **self.document())
            return
        console.done(f"Image built as {', '.join(self.names)}")
        for label, text in self._lines():
            console.note(f"  {label:<8}{text}")

    def _lines(self) -> Iterator[tuple[str, str]]:
        yield "digest", self.digest
        if len(self.platforms) > 1 or self.platforms != ("linux/amd64",):
            yield "for", ", ".join(self.platforms)
        yield "layers", f"{self.layers}, {self._new()}"
        yield "size", amounts.size(self.size)
        yield "base", self.base
        places = ["the store", *self.places]
        if self.engine:
            new = f" ({amounts.size(self.sent)})" if self.sent else ""
            places.append(f"{ENGINES[self.engine]}{new}")
        yield "in", ", ".join(places)
        yield "took", amounts.seconds(self.seconds)
        yield "next", self._next()

    def _new(self) -> str:
        if not self.made:
            return "none of them new"
        return f"{self.made} of them new ({amounts.size(self.made_size)})"

    def _next(self) -> str:
        """The command that most people want now."""
        if not self.engine:
            name = self.names[0] if self.home else "REGISTRY/OWNER/NAME"
            return f"cogsmith push {name}"
        gpus = "--gpus all " if self.gpu else ""
        return f"{self.engine} run --rm -p 5000:5000 {gpus}{self.names[0]}"
