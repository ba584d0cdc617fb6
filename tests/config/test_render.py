"""Rendering, and the law that parsing undoes it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cogsmith.config import (
    Build,
    Concurrency,
    ModelConfig,
    RunCommand,
    SecretMount,
    Weight,
    WeightSource,
    parse,
    render,
)

texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
lists = st.lists(texts, max_size=2).map(tuple)
names = st.from_regex(r"[A-Z][A-Z_]{1,8}", fullmatch=True).filter(
    lambda name: not name.startswith(("NV_", "CUDA_", "PGET_")) and name != "PATH"
)
variables = st.dictionaries(names, texts, max_size=2).map(
    lambda found: tuple(f"{name}={value}" for name, value in found.items())
)
mounts = st.builds(SecretMount, type=st.just("secret"), id=texts, target=texts)
commands = st.builds(RunCommand, command=texts, mounts=st.lists(mounts, max_size=1).map(tuple))
builds = st.builds(
    Build,
    python_version=st.sampled_from(["3.11", "3.12.4", "3.13", "3.14"]),
    python_requirements=st.none() | texts,
    python_overrides=st.none() | texts,
    system_packages=lists,
    run=st.lists(commands, max_size=2).map(tuple),
    pre_install=lists,
    gpu=st.booleans(),
    cuda=st.sampled_from([None, "11.8", "12.10"]),
    cudnn=st.sampled_from([None, "9", "8.9.7"]),
    sdk_version=st.sampled_from([None, "0.20", "0.23.1"]),
    environment=variables,
)
sources = st.builds(
    WeightSource,
    uri=st.sampled_from(
        ["hf://org/repo", "https://example.org/w.tar", "weights/here", "file:///w"]
    ),
    include=lists,
    exclude=lists,
)
weights = st.lists(sources, max_size=2).map(
    lambda found: tuple(
        Weight(name=f"w{index}", source=source, target=f"/src/w{index}")
        for index, source in enumerate(found)
    )
)
configs = st.builds(
    ModelConfig,
    build=builds,
    image=st.none() | texts,
    model=st.none() | texts,
    predict=st.sampled_from([None, "predict.py:Predictor", "a/b.py:f"]),
    train=st.sampled_from([None, "train.py:train"]),
    concurrency=st.none() | st.builds(Concurrency, max=st.integers(1, 64)),
    environment=variables,
    weights=weights,
)


@settings(deadline=None)
@given(configs)
def test_parsing_undoes_rendering(config: ModelConfig) -> None:
    assert parse(render(config), where="cog.yaml") == config


def test_only_what_was_asked_for_is_written() -> None:
    config = ModelConfig(
        build=Build(gpu=True, python_version="3.10", run=(RunCommand(command="make"),)),
        predict="predict.py:Predictor",
    )
    assert render(config) == (
        "build:\n  python_version: '3.10'\n  run:\n  - make\n  gpu: true\n"
        "predict: predict.py:Predictor\n"
    )
