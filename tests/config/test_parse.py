"""Texts of cog.yaml, and what is said about the broken ones."""

from __future__ import annotations

import contextlib
import json
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cogsmith.config import ModelConfig, RunCommand, SecretMount, WeightSource, parse
from cogsmith.config.model_config import LEVELS
from cogsmith.config.parse import read
from cogsmith.errors import ConfigError


def said(text: str) -> list[str]:
    """Every problem of a text, as a terminal shows it: place, message, hint in brackets."""
    with pytest.raises(ConfigError) as caught:
        parse(text, where="cog.yaml")
    return [
        f"{problem} ({problem.hint})" if problem.hint else str(problem)
        for problem in caught.value.problems
    ]


def warned(text: str) -> list[str]:
    return [str(problem) for problem in read(text, where="cog.yaml").warnings]


class Story(NamedTuple):
    text: str
    problem: str


STORIES = {
    "unknown key": Story(
        "build:\n  gpus: true\n",
        'cog.yaml:2: build.gpus: unknown key "gpus" (did you mean "gpu"?)',
    ),
    "unknown key without a value": Story(
        "predictor:\n", 'cog.yaml:1: predictor: unknown key "predictor" (did you mean "predict"?)'
    ),
    "unknown key like no other": Story(
        "concurrency: {max: 1, zzz: 2}\n",
        'cog.yaml:1: concurrency.zzz: unknown key "zzz" (known here: default_target, max)',
    ),
    "key of another level": Story(
        "python_version: '3.12'\n",
        'cog.yaml:1: python_version: unknown key "python_version" (it belongs under "build:")',
    ),
    "key of the top level": Story(
        "build:\n  predict: predict.py:Predictor\n",
        'cog.yaml:2: build.predict: unknown key "predict" (it belongs at the top level)',
    ),
    "old Python": Story(
        "build:\n  python_version: '3.7'\n",
        'cog.yaml:2: build.python_version: invalid build.python_version "3.7": minimum supported '
        "Python version is 3.10 (choose one of 3.10, 3.11, 3.12, 3.13, 3.14)",
    ),
    "old Python, patch": Story(
        "build: {python_version: 3.9.18}\n",
        'cog.yaml:1: build.python_version: invalid build.python_version "3.9.18": minimum '
        "supported Python version is 3.10 (choose one of 3.10, 3.11, 3.12, 3.13, 3.14)",
    ),
    "Python 3.10 that lost its zero": Story(
        "build: {python_version: '3.1'}\n",
        'cog.yaml:1: build.python_version: invalid build.python_version "3.1": minimum supported '
        'Python version is 3.10 (did you mean "3.10"? Quote it: YAML reads 3.10 as 3.1)',
    ),
    "Python without minor": Story(
        "build: {python_version: 3}\n",
        'cog.yaml:1: build.python_version: invalid build.python_version "3": must include major '
        'and minor version, like "3.13" (choose one of 3.10, 3.11, 3.12, 3.13, 3.14)',
    ),
    "Python in words": Story(
        "build: {python_version: latest}\n",
        'cog.yaml:1: build.python_version: invalid build.python_version "latest": is not a '
        "version of Python (choose one of 3.10, 3.11, 3.12, 3.13, 3.14)",
    ),
    "CUDA without minor": Story(
        "build: {cuda: '11'}\n",
        'cog.yaml:1: build.cuda: invalid build.cuda "11": must include both major and minor '
        'versions, like "12.4"',
    ),
    "old CUDA": Story(
        "build: {cuda: 10.2}\n",
        'cog.yaml:1: build.cuda: invalid build.cuda "10.2": minimum supported CUDA version is 11',
    ),
    "CUDA in words": Story(
        "build: {cuda: new}\n",
        'cog.yaml:1: build.cuda: invalid build.cuda "new": is not a version of CUDA '
        '(write a minor version, like "12.4")',
    ),
    "cuDNN in words": Story(
        "build: {cudnn: new}\n",
        'cog.yaml:1: build.cudnn: invalid build.cudnn "new": is not a version of cuDNN '
        '(write its number, like "9")',
    ),
    "old cog package": Story(
        "build: {sdk_version: 0.9.4}\n",
        'cog.yaml:1: build.sdk_version: invalid build.sdk_version "0.9.4": minimum supported '
        "version of the cog package is 0.16.0",
    ),
    "cog package in words": Story(
        "build: {sdk_version: new}\n",
        'cog.yaml:1: build.sdk_version: invalid build.sdk_version "new": is not a version '
        '(PEP 440) (write one like "0.23.1")',
    ),
    "flag as text": Story(
        "build: {gpu: 'true'}\n",
        'cog.yaml:1: build.gpu: invalid build.gpu "true": must be true or false '
        "(write true or false, without quotes)",
    ),
    "text for a list": Story(
        "build:\n  system_packages: ffmpeg\n",
        'cog.yaml:2: build.system_packages: invalid build.system_packages "ffmpeg": '
        'must be a list (write one "- item" a line)',
    ),
    "number for a text": Story(
        "image: 5\n", "cog.yaml:1: image: invalid image 5: must be text (quote it)"
    ),
    "text for a mapping": Story(
        "build: gpu\n",
        'cog.yaml:1: build: invalid build "gpu": must be a mapping '
        '(write "key: value" lines, indented)',
    ),
    "empty item": Story(
        "build:\n  run:\n    - ''\n",
        'cog.yaml:3: build.run[0].command: invalid build.run[0].command "": must not be empty',
    ),
    "number for a command": Story(
        "build:\n  run: [1]\n",
        "cog.yaml:2: build.run[0]: invalid build.run[0] 1: must be text or a mapping "
        '(write "key: value" lines, indented)',
    ),
    "mount without target": Story(
        "build:\n  run:\n    - command: x\n      mounts:\n        - {type: secret, id: a}\n",
        'cog.yaml:5: build.run[0].mounts[0].target: "target" is required '
        "(add it under build.run[0].mounts[0])",
    ),
    "mount of another kind": Story(
        "build: {run: [{command: x, mounts: [{type: bind, id: a, target: b}]}]}\n",
        'cog.yaml:1: build.run[0].mounts[0].type: invalid build.run[0].mounts[0].type "bind": '
        'must be "secret"',
    ),
    "single equals sign": Story(
        "build: {python_packages: [torch=2.8.0]}\n",
        'cog.yaml:1: build.python_packages[0]: invalid build.python_packages[0] "torch=2.8.0": '
        'is not a package that pip understands (did you mean "torch==2.8.0"?)',
    ),
    "package in words": Story(
        "build: {python_packages: [the newest torch]}\n",
        "cog.yaml:1: build.python_packages[0]: invalid build.python_packages[0] "
        '"the newest torch": is not a package that pip understands (write "name==version")',
    ),
    "two lists of packages": Story(
        "build:\n  python_requirements: r.txt\n  python_packages: [pillow]\n",
        "cog.yaml:3: build.python_packages: only one of python_packages or python_requirements "
        "can be set, not both (move the packages into the requirements file)",
    ),
    "torch without a version": Story(
        "build: {gpu: true, python_packages: [torch]}\n",
        "cog.yaml:1: build.python_packages: torch version must be specified when using CUDA "
        '(pin it, like "torch==2.8.0")',
    ),
    "two predictors": Story(
        "run: run.py:Runner\npredict: predict.py:Predictor\n",
        "cog.yaml:1: run: 'run' and 'predict' cannot both be set (keep one; they mean the same)",
    ),
    "predictor without class": Story(
        "predict: predict.py\n",
        'cog.yaml:1: predict: invalid predict "predict.py": must be in the form '
        "'predict.py:Predictor' (add the name of the class or function: \"predict.py:Predictor\")",
    ),
    "predictor as a module": Story(
        "predict: models.llama:Llama\n",
        'cog.yaml:1: predict: invalid predict "models.llama:Llama": must be in the form '
        "'predict.py:Predictor' (did you mean \"models/llama.py:Llama\"?)",
    ),
    "runner in words": Story(
        "run: the runner\n",
        "cog.yaml:1: run: invalid run \"the runner\": must be in the form 'run.py:Runner' "
        "(name a Python file, a colon, and a class or function in it)",
    ),
    "predictor elsewhere": Story(
        "predict: ../predict.py:Predictor\n",
        'cog.yaml:1: predict: invalid predict "../predict.py:Predictor": must name a file inside '
        "the project (write a path like predict.py:Predictor)",
    ),
    "no prediction at all": Story(
        "concurrency: {max: 0}\n",
        "cog.yaml:1: concurrency.max: invalid concurrency.max 0: must be at least 1",
    ),
    "concurrency without max": Story(
        "concurrency: {default_target: 2}\n",
        'cog.yaml:1: concurrency.max: "max" is required (add it under concurrency)',
    ),
    "concurrency on an old Python": Story(
        "build: {python_version: '3.10'}\nconcurrency: {max: 4}\n",
        "cog.yaml:2: concurrency.max: invalid concurrency.max 4: concurrency requires Python 3.11 "
        'or higher (raise build.python_version to "3.11")',
    ),
    "variable without a value": Story(
        "environment: [TOKEN]\n",
        'cog.yaml:1: environment[0]: invalid environment[0] "TOKEN": is not in the NAME=value '
        'format (write "TOKEN=value")',
    ),
    "variable with a blank": Story(
        "environment: ['A B=1']\n",
        'cog.yaml:1: environment[0]: invalid environment[0] "A B=…": "A B" is not a name: it '
        "holds a blank (write A_B=...)",
    ),
    "variable of the house": Story(
        "environment:\n  - CUDA_VISIBLE_DEVICES=0\n",
        'cog.yaml:2: environment[0]: invalid environment[0] "CUDA_VISIBLE_DEVICES=…": environment '
        'variable "CUDA_VISIBLE_DEVICES" is not allowed (the build and the server set CUDA_* '
        "themselves; choose another name)",
    ),
    "variable given twice": Story(
        "environment: [A=1, B=2, A=3]\n",
        'cog.yaml:1: environment[2]: environment variable "A" is already defined '
        "(keep one of the lines)",
    ),
    "variables as a mapping": Story(
        "environment:\n  TOKEN: secret\n",
        'cog.yaml:1: environment: invalid environment {"TOKEN": "…"}: must be a list '
        '(write one "- NAME=value" a line)',
    ),
    "weight with a bad name": Story(
        "weights: [{name: My Model, source: w, target: /src/w}]\n",
        'cog.yaml:1: weights[0].name: invalid weights[0].name "My Model": a name is lower-case '
        'letters and digits, with . _ or - between them (did you mean "my-model"?)',
    ),
    "weight from nowhere": Story(
        "weights: [{name: a, source: hg://org/repo, target: /src/w}]\n",
        'cog.yaml:1: weights[0].source.uri: invalid weights[0].source.uri "hg://org/repo": '
        'unknown kind of source "hg://" (write one of hf://, huggingface://, https://, http://, '
        "file:// or a path)",
    ),
    "weight of half a repository": Story(
        "weights: [{name: a, source: {uri: hf://llama}, target: /src/w}]\n",
        'cog.yaml:1: weights[0].source.uri: invalid weights[0].source.uri "hf://llama": must be '
        "in the form 'hf://org/repo' or 'hf://org/repo@revision'",
    ),
    "weight with a relative target": Story(
        "weights: [{name: a, source: w, target: w}]\n",
        'cog.yaml:1: weights[0].target: invalid weights[0].target "w": must be an absolute path '
        '(write it from the root: "/src/w")',
    ),
    "weight over everything": Story(
        "weights: [{name: a, source: w, target: /}]\n",
        'cog.yaml:1: weights[0].target: invalid weights[0].target "/": must be a folder of its '
        'own (write one like "/src/weights")',
    ),
    "weights with one name": Story(
        "weights:\n- {name: a, source: w, target: /a}\n- {name: a, source: w, target: /b}\n",
        'cog.yaml:3: weights[1].name: weight "a" is already defined '
        "(give each weight its own name)",
    ),
    "weights inside each other": Story(
        "weights:\n- {name: a, source: w, target: /a/b/}\n- {name: b, source: w, target: /a}\n",
        'cog.yaml:3: weights[1].target: target "/a" overlaps "/a/b" of another weight '
        "(give each weight a folder of its own)",
    ),
    "no mapping": Story(
        "- predict\n",
        'cog.yaml:1: must be a mapping of keys, not ["predict"] '
        '(write "key: value" lines, like predict: "predict.py:Predictor")',
    ),
}


@pytest.mark.parametrize("name", STORIES)
def test_one_broken_thing_one_problem(name: str) -> None:
    assert said(STORIES[name].text) == [STORIES[name].problem]


def test_all_problems_of_a_file_are_told_at_once_in_the_order_of_lines() -> None:
    text = (
        "build:\n  gpus: true\n  python_version: '3.8'\n  python_packages: [a]\n"
        "  python_requirements: r.txt\nrun: run.py\npredict: predict.py:Predictor\nweight: []\n"
    )
    with pytest.raises(ConfigError) as caught:
        parse(text, where="cog.llama.yaml")
    assert [problem.where for problem in caught.value.problems] == [
        "cog.llama.yaml:2: build.gpus",
        "cog.llama.yaml:3: build.python_version",
        "cog.llama.yaml:4: build.python_packages",
        "cog.llama.yaml:6: run",
        "cog.llama.yaml:6: run",
        "cog.llama.yaml:8: weight",
    ]


WHOLE = """
build:
  gpu: true
  cuda: "12.4"
  cudnn: 9
  python_version: 3.12
  python_requirements: requirements.txt
  python_overrides: overrides.txt
  system_packages: [ffmpeg, "git"]
  pre_install: [echo early]
  run:
    - echo late
    - command: pip install private
      mounts:
        - {type: secret, id: pip, target: /etc/pip.conf}
  sdk_version: 0.23.1
  environment: [BUILD=1]
  fast: true
image: registry.example/owner/name
model: registry.example/owner/model
predict: predictors/llama.py:Predictor
train: train.py:train
concurrency: {max: 8, default_target: 4}
environment:
  - GREETING=hello=world
  - EMPTY=
weights:
  - name: llama-3
    source:
      uri: hf://org/repo@main
      include: ["*.safetensors"]
      exclude: ["original/*"]
    target: /src/weights
  - {name: local, source: weights/local, target: /src/local}
tests:
  - {run: [anything]}
"""


def test_every_key_of_the_language() -> None:
    config = parse(WHOLE, where="cog.yaml")
    build = config.build
    assert (build.gpu, build.fast) == (True, True)
    assert (build.cuda, build.cudnn, build.python_version) == ("12.4", "9", "3.12")
    assert build.sdk_version == "0.23.1"
    assert build.python_requirements == "requirements.txt"
    assert build.python_overrides == "overrides.txt"
    assert build.system_packages == ("ffmpeg", "git")
    assert build.pre_install == ("echo early",)
    mount = SecretMount(type="secret", id="pip", target="/etc/pip.conf")
    assert build.run == (
        RunCommand(command="echo late"),
        RunCommand(command="pip install private", mounts=(mount,)),
    )
    assert build.environment == ("BUILD=1",)
    assert config.image == "registry.example/owner/name"
    assert config.model == "registry.example/owner/model"
    assert config.predictor == config.predict == "predictors/llama.py:Predictor"
    assert config.train == "train.py:train"
    assert config.concurrency is not None
    assert (config.max_concurrency, config.concurrency.default_target) == (8, 4)
    assert config.variables() == {"GREETING": "hello=world", "EMPTY": ""}
    hub, local = config.weights
    assert hub.source == WeightSource(
        uri="hf://org/repo@main", include=("*.safetensors",), exclude=("original/*",)
    )
    assert (hub.source.scheme, local.source.scheme) == ("hf", "file")
    assert config.tests == ({"run": ["anything"]},)


def test_run_is_another_word_for_predict() -> None:
    assert parse("run: run.py:Runner", where="cog.yaml").predictor == "run.py:Runner"


def test_keys_with_nothing_behind_the_colon_are_not_given() -> None:
    text = "build:\n  python_packages:\n  cuda:\n  run:\nimage: ''\nconcurrency:\nweights:\n"
    assert parse(text, where="cog.yaml") == ModelConfig()
    assert parse("build:\nimage:\n", where="cog.yaml").max_concurrency == 1


def test_a_byte_order_mark_is_no_key() -> None:
    assert parse("\ufeffimage: a\n", where="cog.yaml").image == "a"


def test_a_config_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        parse("image: a", where="cog.yaml").image = "b"  # type: ignore[misc]


@pytest.mark.parametrize("version", ["3.10", "3.11.9", "3.14", "3.15.0rc1"])
def test_a_version_is_read_as_it_is_written(version: str) -> None:
    config = parse(f"build:\n  python_version: {version}\n", where="cog.yaml")
    assert config.build.python_version == version


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        ("build: {python_version: '3.12'}", []),
        (
            "build:\n  python_version: 3.10\n",
            [
                (
                    "cog.yaml:2: build.python_version: 3.10 without quotes is the number 3.1 "
                    "to other readers"
                )
            ],
        ),
        (
            "build: {gpu: false, cuda: '12.4'}",
            [
                "cog.yaml:1: build.python_version: is not set: an image gets Python 3.13",
                "cog.yaml:1: build.cuda: has no effect without gpu: true",
            ],
        ),
        (
            "build: {python_version: '3.99'}",
            ["cog.yaml:1: build.python_version: Python 3.99 is newer than any that was tried here"],
        ),
        (
            "predict: predict.py:Predictor",
            ['cog.yaml:1: predict: deprecated field "predict": use "run" instead'],
        ),
        ("run: run.py:Runner", []),
        (
            "build:\n  python_version: '3.12'\n  pre_install: [a]\n  python_packages: [a]\n",
            [
                (
                    'cog.yaml:3: build.pre_install: deprecated field "build.pre_install": '
                    'use "build.run" instead'
                ),
                (
                    'cog.yaml:4: build.python_packages: deprecated field "build.python_packages": '
                    'use "build.python_requirements" instead'
                ),
            ],
        ),
        ("tests: [{a: 1}]", ["cog.yaml:1: tests: has no effect"]),
    ],
)
def test_what_could_be_better_is_a_warning(text: str, warnings: list[str]) -> None:
    assert warned(text) == warnings


@pytest.mark.parametrize(
    "line",
    ["torch==2.8.0", "torch>=2.6", "torch @ https://example.org/torch.whl", "torchvision", "-e ."],
)
def test_torch_with_a_version_and_everything_else_may_meet_a_gpu(line: str) -> None:
    text = f"build:\n  gpu: true\n  python_version: '3.12'\n  python_packages: ['{line}']\n"
    assert parse(text, where="cog.yaml").build.python_packages == (line,)


words = st.sampled_from(sorted({key for level in LEVELS.values() for key in level.model_fields}))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words | st.text(), inner),
    max_leaves=15,
)


def only_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):
        assert isinstance(parse(text, where="cog.yaml"), ModelConfig)


@settings(deadline=None)
@given(st.text() | st.text(alphabet=":-{}[]&*!|>'\"%@`#,?~<\\ \n\tab01.=_"))
@example("[" * 500)
@example("image: !!timestamp 2024-99-99")
@example("image: !!int seven")
@example("image: 0x_")
@example('image: "\\ud800"')
@example("a: &a [*a]")
@example("x: {<<: &b {<<: {<<: *b}}}")
@example("<<: 5")
@example("? {a: b}\n: c")
def test_no_text_raises_anything_else(text: str) -> None:
    only_a_config_error(text)


@settings(deadline=None)
@given(st.dictionaries(words, values))
def test_no_shape_raises_anything_else(value: dict[str, object]) -> None:
    only_a_config_error(json.dumps(value))
