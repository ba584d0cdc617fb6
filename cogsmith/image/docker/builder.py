"""What Docker does for a plan: the layers below the packages, and those of steps above them.

What was made is kept in the store under what it was made of, so that the same steps on the same
image need no engine at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, field, replace

from cogsmith.config import ModelConfig
from cogsmith.image.base_image import Base, read_system
from cogsmith.image.docker.build import Build, Row
from cogsmith.image.docker.dockerfile import (
    Stage,
    above_packages,
    below_packages,
    trusted_variables,
)
from cogsmith.image.docker.layers import Sources
from cogsmith.image.docker.settings import DockerSettings
from cogsmith.image.progress import LayerProgress, Tell, silent
from cogsmith.image.recipe import Pack, Recipe, Write, key_of
from cogsmith.image.store import Store
from cogsmith.image.users import user_of
from cogsmith.image.venv import Venv
from cogsmith.oci import (
    ContainerConfig,
    Descriptor,
    Digest,
    File,
    Image,
    ImageConfig,
    Layer,
    TarReader,
    chunks_of,
    pack,
    recipe,
    tar,
)
from cogsmith.values import dataclass

__all__ = ["Docker"]

VERSION = 1  # goes up when another version of this room would make other layers of a stage


def _mute(_: str) -> None:
    """Hear a line and say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Docker:
    """Runs the steps of configs.

    ``hear`` gets the lines of the build for people, secrets starred; ``tell`` hears of layers.
    All methods raise DockerError for a step that fails (code ``build_step``) and for an engine
    that does not do as it should, MissingProgram where nothing can build, UsageError for
    secrets that cannot be mounted, and OciError for a base image that lacks what a step takes.
    """

    settings: DockerSettings
    store: Store
    hear: Callable[[str], None] = field(default=_mute, compare=False, repr=False)
    tell: Tell = field(default=silent, compare=False, repr=False)

    @property
    def variables(self) -> dict[str, str]:
        """What the image's environment has because of this builder: trust in certificates."""
        return trusted_variables(self.settings.certificates)

    def below(
        self, config: ModelConfig, base: Base, python: str
    ) -> tuple[Base, tuple[Recipe, ...]]:
        """The layers on the base image: Python, Debian's packages, ``pre_install``.

        The base that is returned is the same image, and its system is the one with these layers.
        """
        stage = below_packages(config, base.system, python, self.settings.certificates)
        made = self._layers(stage, base.image)
        if not made:
            return base, ()
        whole = base.image.append([layer for _, layer in made])
        return replace(base, system=read_system(whole, self.store)), _recipes(made)

    def above(
        self, config: ModelConfig, base: Base, venv: Venv, image: Image
    ) -> tuple[Recipe, ...]:
        """The layers of ``run`` on an image that has the packages already."""
        user = user_of(base, venv.interpreter)
        stage = above_packages(config, venv.folder, self.settings.certificates, user)
        made = self._layers(stage, image.with_config(_bare))
        return (*_recipes(made), *_refreshed([layer for _, layer in made], venv))

    def _layers(self, stage: Stage, below: Image) -> list[tuple[Row, Layer]]:
        """The layers of a stage, all of them in the store; none for a step that changes nothing."""
        if not stage.steps:
            return []
        key = _key(stage, below)
        known = None if self.settings.anew else self._known(key)
        if known is not None:
            return known
        made = Build(self.settings, stage, below, self.hear).layers(key, self._kept)
        rows = [asdict(row) for row, _ in made]
        about = made[-1][1].digest if made else below.digest
        self.store.note(key, {"rows": rows}, about=about)
        return made

    def _known(self, key: str) -> list[tuple[Row, Layer]] | None:
        """The layers that the store has of a stage, if it has all of them."""
        rows = self.store.recall(key).get("rows")
        if not isinstance(rows, list):
            return None
        found = [(row, self.store.known(row.recipe(_unmade))) for row in (Row(**r) for r in rows)]
        whole = [(row, layer) for row, layer in found if layer is not None]
        return whole if len(whole) == len(found) else None

    def _kept(self, made: Recipe) -> Layer:
        layer = self.store.make(made, self.tell)
        self.tell(LayerProgress(title=made.title, state="made", done=layer.size, total=layer.size))
        return layer


def _bare(config: ImageConfig) -> ImageConfig:
    """As much of a config as steps see: no folder to make, no user, nothing to warn of."""
    return replace(config, config=ContainerConfig(env=config.config.env))


def _key(stage: Stage, below: Image) -> str:
    """What the layers of a stage depend on. Secrets are not part of it."""
    files = {name: str(Digest.of(data)) for name, data in sorted(stage.files.items())}
    return key_of(
        "docker", VERSION, recipe("gzip"), str(below.config.platform), stage.kind,
        list(map(str, below.config.diff_ids)), list(below.config.config.env),
        stage.render("-"), files, stage.python, stage.home,
    )  # fmt: skip


def _recipes(made: Sequence[tuple[Row, Layer]]) -> tuple[Recipe, ...]:
    return tuple(row.recipe(_again(layer)) for row, layer in made)


def _unmade(_: Write) -> tuple[Descriptor, Digest]:
    raise AssertionError("a layer of Docker's is only looked up")


def _again(layer: Layer) -> Pack:
    """Pack a layer that is in the store: the same bytes."""

    def packed(write: Write) -> tuple[Descriptor, Digest]:
        with layer.uncompressed() as stream:
            return pack(chunks_of(stream), write=write)

    return packed


def _refreshed(layers: Sequence[Layer], venv: Venv) -> tuple[Recipe, ...]:
    """The layer that hides the byte code of sources that steps have changed, if there are any."""
    sources = Sources(venv.site, venv.python)
    for layer in layers:
        with layer.uncompressed() as stream:
            sources.lay(member.path.strip("/").removeprefix("./") for member in TarReader(stream))
    stale = sources.stale
    if not stale:
        return ()
    entries = [File.of(path, b"") for path in stale]
    title = "byte code of changed sources"
    made = Recipe(
        key=key_of("stale", VERSION, recipe("gzip"), list(stale)), kind="run", title=title,
        created_by=f"cogsmith: {title}", size=0,
        pack=lambda write: pack(tar(entries), write=write),
    )  # fmt: skip
    return (made,)
