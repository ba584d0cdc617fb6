"""What runs: replicas, and what was applied, as the target tells it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from cogsmith.deploy.manifests import Manifest, write

__all__ = ["Replica", "Running", "Spec"]


@dataclass(frozen=True, slots=True)
class Spec:
    """Documents that were applied, or are to be, as a line of JSON: a version to return to."""

    text: str

    @classmethod
    def of(cls, manifests: Sequence[Manifest]) -> Spec:
        """Of documents, in their order."""
        text = json.dumps(manifests, separators=(",", ":"), ensure_ascii=False, sort_keys=False)
        return cls(text)

    @property
    def manifests(self) -> list[Manifest]:
        """The documents; a new copy each time."""
        found = json.loads(self.text) if self.text else []
        return found if isinstance(found, list) else []

    def differences(self, wanted: Spec, name: str) -> Iterator[str]:
        """What would change, as a unified diff of two YAML texts; nothing where they are alike."""
        before, after = (write(spec.manifests).splitlines() for spec in (self, wanted))
        yield from difflib.unified_diff(
            before, after, f"{name} (runs)", f"{name} (wanted)", lineterm=""
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One copy of the model that the target has started, or tries to."""

    name: str
    state: str  # in the target's own word: running, starting, failed, Pending
    ready: bool
    image: str
    node: str = ""
    address: str = ""
    note: str = ""

    @property
    def digest(self) -> str:
        """Which image it runs; "" when the target does not say."""
        return self.image.partition("@")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A deployment that is there. ``wanted`` is how many replicas the target aims for."""

    name: str
    image: str
    wanted: int
    replicas: tuple[Replica, ...] = ()
    spec: Spec = Spec("")
    previous: Spec = Spec("")
    progress: str = ""  # of an update: the target's own word

    @property
    def ready(self) -> int:
        """How many replicas take predictions."""
        return sum(replica.ready for replica in self.replicas)

    def document(self) -> dict[str, object]:
        """For programs."""
        return {
            "name": self.name, "image": self.image, "wanted": self.wanted, "ready": self.ready,
            "progress": self.progress,
            "replicas": [{**asdict(one), "digest": one.digest} for one in self.replicas],
        }  # fmt: skip
