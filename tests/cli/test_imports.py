"""What commands import: next to nothing until it is needed, as imports are what people wait for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import cogsmith.environment
import cogsmith.image

HEAVY = {"pydantic", "yaml", "rich", "packaging"}


def loaded(program: str) -> set[str]:
    """The modules that are there when a program has run in a Python of its own."""
    words = [sys.executable, "-c", f"{program}\nimport sys; print(*sys.modules)"]
    ran = subprocess.run(words, capture_output=True, text=True, check=True)
    return set(ran.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("door", [cogsmith.environment, cogsmith.image], ids=["env", "image"])
def test_a_door_opens_to_what_it_names(door: object) -> None:
    homes = door._HOMES  # type: ignore[attr-defined]
    assert sorted(homes) == sorted(door.__all__)  # type: ignore[attr-defined]
    assert set(homes) <= set(dir(door))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        door.nothing  # type: ignore[attr-defined] # noqa: B018


@pytest.mark.parametrize(
    "first", ["from cogsmith.image.plan import Plan", "import cogsmith.image.plan", "pass"]
)
def test_a_function_that_is_called_as_its_module_stays_one(first: str) -> None:
    loaded(
        f"{first}\nfrom cogsmith.image import plan, sbom\nimport cogsmith.image\n"
        "assert callable(plan) and callable(sbom) and cogsmith.image.plan is plan"
    )


@pytest.mark.parametrize(
    "module",
    ["push", "build", "edited", "pushing", "images", "transfers", "delivery", "login"],
)
def test_commands_that_read_no_config_import_nothing_heavy(module: str) -> None:
    assert loaded(f"import cogsmith.cli.{module}") & HEAVY == set()


@pytest.mark.parametrize("module", ["push", "build"])
def test_a_command_that_may_have_nothing_to_do_waits_with_imports(module: str) -> None:
    rooms = {"cogsmith.oci", "cogsmith.image", "cogsmith.registry", "http.client"}
    assert loaded(f"import cogsmith.cli.{module}") & rooms == set()
