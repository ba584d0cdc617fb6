"""What Docker runs in a build: steps below the packages, and steps above them."""

from __future__ import annotations

from dataclasses import field

from cogsmith.cli.environment import settings
from cogsmith.cli.progress import Display
from cogsmith.cli.request import Request
from cogsmith.environment import Source, Wheel, fetch_wheels, pinned_source
from cogsmith.image import (
    Base,
    Docker,
    Ingredients,
    Package,
    Recipe,
    Store,
    Tell,
    assemble,
    distribution_of,
    plan,
)
from cogsmith.values import dataclass

__all__ = ["Steps"]

# So that commands of `build.run` have a pip for the model's packages, as in Cog's images.
PIP = ("pip==25.3",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The steps of one image. ``docker`` None: nothing is run.

    ``base`` is the base image with the system that it has after the steps ``below``, ``before``
    the same as it was. ``runs``: there are
    steps above the packages.
    """

    docker: Docker | None
    before: Base
    base: Base
    below: tuple[Recipe, ...] = field(repr=False, default=())
    runs: bool = False

    @classmethod
    def of(cls, request: Request, base: Base, store: Store, display: Display, tell: Tell) -> Steps:
        """Run the lower steps, where somebody is to run any."""
        if request.docker is None:
            return cls(docker=None, before=base, base=base)
        docker = Docker(
            settings=request.docker, store=store, hear=display.console.note, tell=tell
        )  # fmt: skip
        after, recipes = docker.below(request.loaded.config, base, request.python)
        runs = bool(request.loaded.config.build.run)
        return cls(docker=docker, before=base, base=after, below=recipes, runs=runs)

    def tools(
        self, source: Source, wheels: tuple[Wheel, ...], display: Display
    ) -> tuple[Wheel, ...]:
        """What the upper steps need besides the model's packages: pip, if it is not among them."""
        if not self.runs or any(wheel.name == "pip" for wheel in wheels):
            return ()
        pinned = pinned_source(PIP, source.target, settings(), tell=display.step)
        return fetch_wheels(pinned, settings(), tell=display.step)

    def above(self, packages: Ingredients, store: Store, tell: Tell) -> tuple[Recipe, ...]:
        """Run the upper steps on an image of these packages."""
        if self.docker is None or not self.runs:
            return ()
        image = assemble(plan(packages), store, tell)
        return self.docker.above(packages.config, self.base, packages.venv, image)

    @property
    def variables(self) -> dict[str, str]:
        """What the image's environment has because of the steps."""
        return self.docker.variables if self.docker else {}

    @property
    def installed(self) -> tuple[Package, ...]:
        """Debian's packages that the lower steps have brought."""
        after = distribution_of(self.base.system) if self.below else None
        if after is None:
            return ()
        before = distribution_of(self.before.system)
        there = {_words(package) for package in before.packages} if before else set()
        return tuple(package for package in after.packages if _words(package) not in there)


def _words(package: Package) -> tuple[str, str, str]:
    return package.name, package.version, package.architecture
