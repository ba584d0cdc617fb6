"""The JSON schema: the published one is the generated one, and it fits what we parse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from cogsmith.config import ModelConfig, json_schema, render
from cogsmith.config.model_config import LEVELS
from tests.config.test_parse import WHOLE
from tests.config.test_render import configs

ROOT = Path(__file__).parent.parent.parent
REFERENCE = ROOT / "docs" / "reference"
VALIDATOR = Draft202012Validator(json_schema())


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


def test_the_published_schema_is_the_generated_one() -> None:
    published = json.loads((REFERENCE / "cog.schema.json").read_text("utf-8"))
    assert published == json_schema()


@settings(deadline=None)
@given(configs)
def test_the_schema_takes_every_config(config: ModelConfig) -> None:
    VALIDATOR.validate(yaml.safe_load(render(config)))


@pytest.mark.parametrize("path", sorted(ROOT.glob("cog*.yaml")), ids=lambda path: path.name)
def test_the_schema_takes_our_own_configs(path: Path) -> None:
    VALIDATOR.validate(yaml.safe_load(path.read_text("utf-8")))


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        "build: {python_version: 3.12, cuda: 12.4, run: }",
        "weights: [{name: a, source: b, target: /c}]",
    ],
)
def test_the_schema_takes_the_short_forms(text: str) -> None:
    VALIDATOR.validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    "text",
    ["gpu: true", "build: {gpu: 'yes'}", "concurrency: {max: 0}", "weights: [{name: a}]", "run: 5"],
)
def test_the_schema_refuses_wrong_shapes(text: str) -> None:
    assert not VALIDATOR.is_valid(yaml.safe_load(text))


def test_every_key_has_a_description_and_a_place_in_the_reference() -> None:
    page = (REFERENCE / "cog-yaml.md").read_text("utf-8")
    for level in LEVELS.values():
        for key, field in level.model_fields.items():
            assert field.description, f"{level.__name__}.{key}"
            assert f"`{key}`" in page, f"{level.__name__}.{key}"
