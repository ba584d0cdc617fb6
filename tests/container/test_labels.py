"""What labels say of the model in an image."""

from __future__ import annotations

import json

import pytest

from cogsmith.container import Packaged

SCHEMA = {"openapi": "3.0.2"}
GPU = json.dumps({"build": {"gpu": True}})


@pytest.mark.parametrize("prefix", ["run.cog.", "org.cogmodel."])
def test_cog_s_labels_new_and_old(prefix: str) -> None:
    labels = {f"{prefix}openapi_schema": json.dumps(SCHEMA), f"{prefix}config": GPU}
    found = Packaged.of(labels)
    assert found == Packaged(schema=SCHEMA, gpu=True, cogs=True)
    assert found.training() == ("python", "-m", "cog.server.http", "--x-mode", "train")


def test_ours_serves_trainings_too() -> None:
    found = Packaged.of({"run.cogsmith.version": "1", "run.cog.version": "0.23.1"})
    assert (found.ours, found.cogs, found.training()) == (True, False, None)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"build": 1}', '{"build": {"gpu": 1}}'])
def test_labels_that_say_nothing(text: str) -> None:
    assert Packaged.of({"run.cog.config": text}) == Packaged(cogs=True)
    assert Packaged.of({}) == Packaged()
