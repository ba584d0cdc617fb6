from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cogsmith import __version__, config
from cogsmith.environment import Wheel
from cogsmith.errors import OciError
from cogsmith.image import Ingredients, Plan, Recipe, Store, budget_of, plan, refusals
from cogsmith.oci import MAX_LAYERS, SECOND, File
from tests.image.bases import VENV, base_of, recipe_of

YAML = """
build:
  python_version: "3.11"
predict: predict.py:Predictor
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


def planned(
    store: Store, text: str = YAML, base: dict[str, Any] | None = None, **more: Any
) -> Plan:
    fields: dict[str, Any] = {
        "config": config.parse(text, where="cog.yaml"), "schema": {"openapi": "3.0.2"},
        "base": base_of(store, **(base or {})), "venv": VENV,
        "recipes": (recipe_of("code", kind="code"),),
    }  # fmt: skip
    return plan(Ingredients(**{**fields, **more}))


def wheel(name: str, version: str = "1.0", **more: Any) -> Wheel:
    return Wheel(
        name=name, version=version, filename=f"{name}.whl", path=Path(name), sha256="0" * 64,
        size=1, **more,
    )  # fmt: skip


def test_how_a_container_starts(store: Store) -> None:
    container = planned(store, base={"entrypoint": ("/nvidia",), "cmd": ("bash",)}).container
    assert container.cmd == ("/usr/bin/python3.11", "-I", "-S", "/opt/cogsmith")
    assert container.entrypoint is None
    assert container.user == "1000"
    assert container.working_dir == "/src"
    assert container.exposed_ports == ("5000/tcp",)
    assert container.stop_signal == "SIGTERM"
    assert container.healthcheck is not None
    assert container.healthcheck.test[:2] == ("CMD", "/usr/bin/python3.11")
    assert container.healthcheck.timeout == 5 * SECOND


def test_the_environment_of_a_container(store: Store) -> None:
    base = {"env": ("PATH=/conda/bin:/bin", "LANG=C.UTF-8", "PYTHONDONTWRITEBYTECODE=1")}
    variables = planned(store, base=base).container.environment
    assert variables == {
        "PATH": "/opt/venv/bin:/conda/bin:/bin", "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1",
        "HOME": "/home/cog", "COGSMITH_PYTHON": "/opt/venv/bin/python", "COGSMITH_MODEL": "model",
        "COG_PREDICT_TYPE_STUB": "predict.py:Predictor",
    }  # fmt: skip


def test_what_the_config_asks_for_is_in_the_environment(store: Store) -> None:
    text = """
    build: {python_version: "3.11", gpu: true}
    predict: predict.py:Predictor
    train: train.py:train
    concurrency: {max: 8}
    environment: [GREETING=hello, HOME=/src]
    """
    variables = planned(store, text, name="llama").container.environment
    assert variables["COG_TRAIN_TYPE_STUB"] == "train.py:train"
    assert variables["COG_MAX_CONCURRENCY"] == "8"
    assert variables["COGSMITH_MODEL"] == "llama"
    assert variables["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert variables["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
    assert variables["GREETING"] == "hello"
    assert variables["HOME"] == "/src"  # the author's word is the last


def test_a_base_that_says_no_path_gets_the_usual_one(store: Store) -> None:
    assert planned(store).container.environment["PATH"].startswith("/opt/venv/bin:/usr/local/sbin:")


def test_the_layers_lie_in_the_order_of_their_kinds(store: Store) -> None:
    kinds = ["code", "weights", "bytecode", "wheel", "server", "system"]
    recipes = tuple(recipe_of(kind, kind=kind) for kind in kinds)
    made = planned(store, recipes=(*recipes, recipe_of("wheel 2", kind="wheel")))
    assert [recipe.title for recipe in made.recipes] == [
        "system", "environment", "server", "wheel", "wheel 2", "bytecode", "weights", "code",
    ]  # fmt: skip


def test_the_same_recipe_twice_is_one_layer(store: Store) -> None:
    made = planned(store, recipes=(recipe_of("a"), recipe_of("a")))
    assert [recipe.title for recipe in made.recipes] == ["environment", "a"]


def test_cog_s_labels(store: Store) -> None:
    wheels = (
        wheel("torch", "2.13.0"), wheel("cog", "0.23.1"),
        wheel("mine", direct_url={"url": "file:///home/ada/mine"}),
        wheel("theirs", direct_url={"url": "https://example.com/theirs.whl"}),
    )  # fmt: skip
    made = planned(
        store, wheels=wheels, lock="sha256:1", labels={"org.opencontainers.image.version": "7"},
        base={"labels": {"maintainer": "them"}},
    )  # fmt: skip
    labels = dict(made.container.labels)
    base = made.base.image
    assert json.loads(labels.pop("run.cog.config")) == {
        "build": {"python_version": "3.11"}, "predict": "predict.py:Predictor",
    }  # fmt: skip
    assert labels == {
        "maintainer": "them",
        "run.cog.version": "0.23.1",
        "run.cog.openapi_schema": '{"openapi":"3.0.2"}',
        "run.cog.pip_freeze": (
            "cog==0.23.1\nmine==1.0\ntheirs @ https://example.com/theirs.whl\ntorch==2.13.0"
        ),
        "run.cog.has_init": "true",
        "run.cog.cog-base-image-name": "docker.io/library/python:3.11-slim",
        "run.cog.cog-base-image-last-layer-sha": str(base.layers[-1].diff_id),
        "run.cog.cog-base-image-last-layer-idx": "0",
        "run.cogsmith.version": __version__,
        "run.cogsmith.recipes": "1",
        "run.cogsmith.lock": "sha256:1",
        "org.opencontainers.image.base.name": "docker.io/library/python:3.11-slim",
        "org.opencontainers.image.base.digest": str(base.digest),
        "org.opencontainers.image.version": "7",
    }
    assert made.annotations == {
        name: value for name, value in labels.items() if name.startswith("org.opencontainers")
    }


def test_a_plan_is_a_value(store: Store) -> None:
    assert planned(store) == planned(store)
    assert planned(store) != planned(store, mtime=1)
    assert planned(store, mtime=0).created == "1970-01-01T00:00:00Z"


def layers_of(store: Store, count: int) -> dict[str, Any]:
    return {"base": base_of(store, *([File.of(f"f{n}", b"")] for n in range(count - 1)))}


def test_more_layers_than_engines_take_are_refused(store: Store) -> None:
    recipes: tuple[Recipe, ...] = tuple(recipe_of(str(n)) for n in range(MAX_LAYERS - 1))
    with pytest.raises(OciError, match="126 layers"):
        planned(store, recipes=recipes)


@pytest.mark.parametrize("count", [1, 5, 40, 78])
def test_budgets_leave_room_for_those_who_build_on_us(store: Store, count: int) -> None:
    budget = budget_of(layers_of(store, count)["base"])
    kinds = (budget.system, budget.server, budget.wheel, budget.bytecode, budget.weights)
    assert min(kinds) >= 3
    assert count + sum(kinds) + 2 <= 100  # the environment and the code


def test_a_base_with_too_many_layers_is_refused(store: Store) -> None:
    with pytest.raises(OciError, match="90 layers"):
        budget_of(layers_of(store, 90)["base"])


def test_what_needs_a_running_container_is_refused_at_once() -> None:
    text = """
    build:
      python_version: "3.11"
      run: [make, "make install"]
      pre_install: [ldconfig]
    """
    problems = refusals(config.parse(text, where="cog.yaml"))
    assert [problem.where for problem in problems] == [
        "cog.yaml: build.run", "cog.yaml: build.pre_install",
    ]  # fmt: skip
    assert {problem.hint for problem in problems} == {"build with --builder docker"}
    assert "2 commands" in problems[0].message
    assert refusals(config.parse(YAML, where="cog.yaml")) == ()
