"""Which repository weights go to: Cog's rules."""

from __future__ import annotations

import pytest

from cogsmith.config import ModelConfig
from cogsmith.errors import UsageError
from cogsmith.weights import model_repository

MODEL = ModelConfig(model="registry.example.com/ada/llama")
IMAGE = ModelConfig(image="registry.example.com/ada/llama:v2")
NOTHING = ModelConfig()


@pytest.mark.parametrize(
    ("config", "environ", "given", "name"),
    [
        (MODEL, {}, "", "registry.example.com/ada/llama"),
        (IMAGE, {}, "", "registry.example.com/ada/llama"),
        (MODEL, {}, "localhost:5000/x", "localhost:5000/x"),
        (MODEL, {"COG_MODEL": "ghcr.io/o/m:v1"}, "", "ghcr.io/o/m"),
        (MODEL, {"COG_MODEL_REGISTRY": "localhost:5000"}, "", "localhost:5000/ada/llama"),
        (MODEL, {"COG_MODEL_REPO": "bob/x"}, "", "registry.example.com/bob/x"),
        (NOTHING, {"COG_MODEL_REPO": "bob/x"}, "", "r8.im/bob/x"),
        (NOTHING, {"COG_MODEL_REPO": "b/x", "COG_REGISTRY_HOST": "r.test"}, "", "r.test/b/x"),
        (MODEL, {"COG_MODEL": "ghcr.io/o/m", "COG_MODEL_REPO": "no/no"}, "", "ghcr.io/o/m"),
    ],
    ids=range(9),
)
def test_where_weights_go(
    config: ModelConfig, environ: dict[str, str], given: str, name: str
) -> None:
    found = model_repository(config, environ, given=given)
    assert (found.name, found.tag, found.digest) == (name, "", None)


@pytest.mark.parametrize(
    ("config", "environ", "given", "said"),
    [
        (NOTHING, {}, "", "no repository is named"),
        (NOTHING, {"COG_MODEL_REGISTRY": "r.test"}, "", "no repository is named"),
        (ModelConfig(model="r.test/a/b:v1"), {}, "", "includes a tag or digest"),
        (NOTHING, {}, "r.test:5000/a/b:v1", "includes a tag or digest"),
        (IMAGE, {"COG_MODEL": "r.test/a/b"}, "", "cannot be combined"),
        (IMAGE, {"COG_MODEL_REPO": "a/b"}, "", "cannot be combined"),
        (MODEL, {"COG_MODEL": "R test"}, "", "COG_MODEL"),
        (MODEL, {"COG_MODEL_REPO": "a/b:v1"}, "", "includes a tag or digest"),
    ],
    ids=range(8),
)
def test_what_names_none_is_refused(
    config: ModelConfig, environ: dict[str, str], given: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        model_repository(config, environ, given=given)
    assert caught.value.hint
