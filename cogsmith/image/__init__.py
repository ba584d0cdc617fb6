"""How an image of ours is made: a plan becomes layers, and layers an image, without Docker.

In: a ModelConfig and its schema, a base image, wheels, weights, the project's files.
Out: a Plan, an Image in our store, what is in it (SBOM) and how it was made (provenance).
Touches: the project's files, wheels, the store of images and the layers' table beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cogsmith.door import open_lazily

if TYPE_CHECKING:
    from cogsmith.image.assemble import assemble
    from cogsmith.image.attachments import attachments
    from cogsmith.image.base_image import (
        Base,
        interpreter_of,
        read_system,
        real_path,
        release_of,
    )
    from cogsmith.image.bytecode import bytecode_recipes
    from cogsmith.image.carried import carried
    from cogsmith.image.code import Delivery, project_recipes
    from cogsmith.image.debs.chosen import Deb, Pins
    from cogsmith.image.debs.recipes import Debs, deb_recipes
    from cogsmith.image.debs.settings import DebSettings
    from cogsmith.image.differences import Differences, LayerDifference, differences
    from cogsmith.image.docker.builder import Docker
    from cogsmith.image.docker.dockerfile import dockerfile
    from cogsmith.image.docker.settings import DockerSettings
    from cogsmith.image.engine import Engine, Sent
    from cogsmith.image.ignore import Ignore
    from cogsmith.image.managed import managed_recipe
    from cogsmith.image.other_code import with_project
    from cogsmith.image.plan import Budget, Ingredients, Plan, budget_of, plan
    from cogsmith.image.progress import LayerProgress, Tell, silent
    from cogsmith.image.project import ProjectFile, survey
    from cogsmith.image.provenance import PROVENANCE_TYPE, provenance
    from cogsmith.image.recipe import Kind, Pack, Recipe, Write, key_of
    from cogsmith.image.refusals import refusals
    from cogsmith.image.sbom import SBOM_TYPE, sbom
    from cogsmith.image.server import FOLDER as SERVER_FOLDER
    from cogsmith.image.server import PACKAGES as SERVER_PACKAGES
    from cogsmith.image.server import server_recipes, server_wheel
    from cogsmith.image.store import Store
    from cogsmith.image.system import System
    from cogsmith.image.trust.archives import FileDifference
    from cogsmith.image.trust.distribution import distribution_of
    from cogsmith.image.trust.documents import ValueDifference
    from cogsmith.image.trust.materials import (
        BaseImage,
        Checkout,
        Distribution,
        Invocation,
        Materials,
        Package,
        bare_url,
    )
    from cogsmith.image.trust.metadata import read_metadata
    from cogsmith.image.users import User, user_of
    from cogsmith.image.venv import Folder, Place, Venv
    from cogsmith.image.wheels.conflicts import Claims, claims, conflicts
    from cogsmith.image.wheels.recipes import wheel_recipes, wheels_key

__all__ = [  # noqa: RUF022 - in the order of the alphabet, as every door
    "Base",
    "BaseImage",
    "Budget",
    "Checkout",
    "Claims",
    "Deb",
    "DebSettings",
    "Debs",
    "Delivery",
    "Differences",
    "Distribution",
    "Docker",
    "DockerSettings",
    "Engine",
    "FileDifference",
    "Folder",
    "Ignore",
    "Ingredients",
    "Invocation",
    "Kind",
    "LayerDifference",
    "LayerProgress",
    "Materials",
    "PROVENANCE_TYPE",
    "Pack",
    "Package",
    "Pins",
    "Place",
    "Plan",
    "ProjectFile",
    "Recipe",
    "SBOM_TYPE",
    "SERVER_FOLDER",
    "SERVER_PACKAGES",
    "Sent",
    "Store",
    "System",
    "Tell",
    "User",
    "ValueDifference",
    "Venv",
    "Write",
    "assemble",
    "attachments",
    "bare_url",
    "budget_of",
    "bytecode_recipes",
    "carried",
    "claims",
    "conflicts",
    "deb_recipes",
    "differences",
    "distribution_of",
    "dockerfile",
    "interpreter_of",
    "key_of",
    "managed_recipe",
    "plan",
    "project_recipes",
    "provenance",
    "read_metadata",
    "read_system",
    "real_path",
    "refusals",
    "release_of",
    "sbom",
    "server_recipes",
    "server_wheel",
    "silent",
    "survey",
    "user_of",
    "wheel_recipes",
    "wheels_key",
    "with_project",
]

# Where each name is at home: its module is imported when somebody asks for the name. Whoever
# wants a store of images does not wait for pydantic.
_HOMES = {
    "Base": "base_image.Base",
    "BaseImage": "trust.materials.BaseImage",
    "Budget": "plan.Budget",
    "Checkout": "trust.materials.Checkout",
    "Claims": "wheels.conflicts.Claims",
    "Deb": "debs.chosen.Deb",
    "DebSettings": "debs.settings.DebSettings",
    "Debs": "debs.recipes.Debs",
    "Delivery": "code.Delivery",
    "Differences": "differences.Differences",
    "Distribution": "trust.materials.Distribution",
    "Docker": "docker.builder.Docker",
    "DockerSettings": "docker.settings.DockerSettings",
    "Engine": "engine.Engine",
    "FileDifference": "trust.archives.FileDifference",
    "Folder": "venv.Folder",
    "Ignore": "ignore.Ignore",
    "Ingredients": "plan.Ingredients",
    "Invocation": "trust.materials.Invocation",
    "Kind": "recipe.Kind",
    "LayerDifference": "differences.LayerDifference",
    "LayerProgress": "progress.LayerProgress",
    "Materials": "trust.materials.Materials",
    "PROVENANCE_TYPE": "provenance.PROVENANCE_TYPE",
    "Pack": "recipe.Pack",
    "Package": "trust.materials.Package",
    "Pins": "debs.chosen.Pins",
    "Place": "venv.Place",
    "Plan": "plan.Plan",
    "ProjectFile": "project.ProjectFile",
    "Recipe": "recipe.Recipe",
    "SBOM_TYPE": "sbom.SBOM_TYPE",
    "SERVER_FOLDER": "server.FOLDER",
    "SERVER_PACKAGES": "server.PACKAGES",
    "Sent": "engine.Sent",
    "Store": "store.Store",
    "System": "system.System",
    "Tell": "progress.Tell",
    "User": "users.User",
    "ValueDifference": "trust.documents.ValueDifference",
    "Venv": "venv.Venv",
    "Write": "recipe.Write",
    "assemble": "assemble.assemble",
    "attachments": "attachments.attachments",
    "bare_url": "trust.materials.bare_url",
    "budget_of": "plan.budget_of",
    "bytecode_recipes": "bytecode.bytecode_recipes",
    "carried": "carried.carried",
    "claims": "wheels.conflicts.claims",
    "conflicts": "wheels.conflicts.conflicts",
    "deb_recipes": "debs.recipes.deb_recipes",
    "differences": "differences.differences",
    "distribution_of": "trust.distribution.distribution_of",
    "dockerfile": "docker.dockerfile.dockerfile",
    "interpreter_of": "base_image.interpreter_of",
    "key_of": "recipe.key_of",
    "managed_recipe": "managed.managed_recipe",
    "plan": "plan.plan",
    "project_recipes": "code.project_recipes",
    "provenance": "provenance.provenance",
    "read_metadata": "trust.metadata.read_metadata",
    "read_system": "base_image.read_system",
    "real_path": "base_image.real_path",
    "refusals": "refusals.refusals",
    "release_of": "base_image.release_of",
    "sbom": "sbom.sbom",
    "server_recipes": "server.server_recipes",
    "server_wheel": "server.server_wheel",
    "silent": "progress.silent",
    "survey": "project.survey",
    "user_of": "users.user_of",
    "wheel_recipes": "wheels.recipes.wheel_recipes",
    "wheels_key": "wheels.recipes.wheels_key",
    "with_project": "other_code.with_project",
}

open_lazily(__name__, _HOMES)
