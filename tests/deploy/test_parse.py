"""deploy.yaml: what is read, and how each mistake reads."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from cogsmith.deploy import json_schema, parse
from cogsmith.errors import DeploymentInvalid
from tests.deploy.examples import EXAMPLES

REFERENCE = Path(__file__).parent.parent.parent / "docs" / "reference"
LEAST = "name: a\nmodel: b/c\ntargets: {swarm: }\n"


def refusals(text: str) -> list[str]:
    with pytest.raises(DeploymentInvalid) as caught:
        parse(text, where="deploy.yaml")
    return [f"{one} | {one.hint}" for one in caught.value.problems]


def test_the_least() -> None:
    made = parse(LEAST, where="deploy.yaml")
    assert (made.replicas, made.gpus, made.port, made.grace) == (1, 0, 5000, 45)
    assert made.targets.swarm
    assert made.targets.kubernetes is None
    assert made.probes.start == 1200


def test_values_of_variables_are_what_stands_there() -> None:
    """1.10 is no 1.1, and true is no True."""
    text = LEAST + "environment: {A: 1.10, B: true, C: 0x10, D: ''}\n"
    assert parse(text, where="d").environment == {"A": "1.10", "B": "true", "C": "0x10", "D": ""}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "deploy.yaml: is empty | it names the deployment, its model and where it runs"),
        ("[]", "deploy.yaml:1: must be a mapping of keys, not []"),
        ("a: [", "deploy.yaml:1: is not YAML"),
        (LEAST + "replica: 2\n", 'replica: unknown key "replica" | did you mean "replicas"?'),
        (LEAST + "timeout: 2\n", 'unknown key "timeout" | it belongs under "rollout:"'),
        (LEAST + "rollout:\n  surge: 2\n", 'deploy.yaml:5: rollout.surge: unknown key "surge"'),
        (LEAST + "replicas: 0\n", "invalid replicas 0: must be at least 1"),
        (LEAST + "replicas: two\n", 'invalid replicas "two": must be a whole number'),
        (LEAST + "memory: 16 GB\n", 'invalid memory "16 GB": is not a size'),
        (LEAST + "memory: 16\n", 'invalid memory "16": is not a size of a mebibyte or more'),
        (LEAST + "cpu: many\n", "must be a number of CPUs | write 4, or 0.5"),
        (LEAST.replace("b/c", "b/C"), "has capital letters in it"),
        (LEAST.replace("name: a", "name: A_b"), "must be at most 40 of a-z, 0-9 and -"),
        (LEAST + "environment: {PORT: 1}\n", "PORT follows from port: | leave it out"),
        (LEAST + "environment: {A B: 1}\n", '"A B" is not the name of a variable'),
        (LEAST + "environment: {LD_PRELOAD: x}\n", "LD_PRELOAD is the image's own"),
        (LEAST + "secrets: {A: {}}\n", "secrets.A: has no source"),
        (LEAST + "secrets: {A: {env: A, file: a}}\n", "env and file cannot all be given"),
        (LEAST + "secrets: {A: {env: A, key: a}}\n", "belongs to a secret of the target"),
        (LEAST + "secrets: {A: {envv: A}}\n", 'unknown key "envv" | did you mean "env"?'),
        (LEAST + "secrets: {A: {env: A}}\nenvironment: {A: 1}\n", "stands under environment, too"),
        (LEAST + "autoscaling: {max: 2}\n", "Swarm scales nothing by itself"),
        (LEAST + "rollout: {max_surge: 0}\n", "no replica could be replaced"),
        (LEAST + "rollout: {watch: 60, timeout: 60}\n", "no replica could hold that long"),
        (LEAST.replace("swarm: ", "swarn: "), 'unknown key "swarn" | did you mean "swarm"?'),
        ("name: a\nmodel: b\ntargets:\n", "targets"),
        ("name: a\nmodel: b\ntargets: {}\n", "names no target"),
        (
            "name: a\nmodel: b\nreplicas: 2\ntargets: {compose: }\n",
            "Compose has one behind a port | COGSMITH_WORKERS under environment",
        ),
        (
            "name: a\nmodel: b\nsecrets: {A: {secret: s}}\ntargets: {compose: }\n",
            "Compose keeps no secrets of its own | take env or file",
        ),
        (
            "name: a\nmodel: b\nautoscaling: {max: 2}\ntargets: {kubernetes: }\n",
            "KEDA must know where Prometheus is",
        ),
        (
            "name: a\nmodel: b\nautoscaling: {min: 0, max: 2, by: hpa}\ntargets: {kubernetes: }\n",
            "a model that does not run counts no requests",
        ),
        (
            "name: a\nmodel: b\nreplicas: 2\nautoscaling: {max: 2}\ntargets: {kserve: }\n",
            "replicas and autoscaling cannot both be set",
        ),
        (
            "name: a\nmodel: b\nautoscaling: {min: 3, max: 2}\ntargets: {kserve: }\n",
            "min 3 is more than max 2",
        ),
        (
            "name: a\nmodel: b\ntargets: {kubernetes: {ingress: {host: 'http://x'}}}\n",
            "is not a host name | leave out http://",
        ),
        (
            "name: a\nmodel: b\ntargets: {kubernetes: {tolerations: [{kee: a}]}}\n",
            'tolerations[0].kee: unknown key "kee" | did you mean "key"?',
        ),
        (
            "name: a\nmodel: b\ntargets: {kubernetes: {caches: [{path: x, volume: v}]}}\n",
            "must be a folder's whole path in the container",
        ),
    ],
)  # fmt: skip
def test_each_mistake_is_told(text: str, said: str) -> None:
    assert any(said in line for line in refusals(text)), refusals(text)


def test_all_problems_are_told_at_once_in_the_order_of_lines() -> None:
    said = refusals(
        "nam: a\nmodel: B\nreplicas: 0\nenvironment: {PORT: 1}\ntargets: {swarm: {x: 1}}"
    )
    lines = [line.partition(": ")[0] for line in said]
    assert lines == sorted(lines)
    assert len(said) == 6


def test_the_value_of_a_misplaced_secret_is_not_told() -> None:
    assert not any("sesame" in line for line in refusals(LEAST + "secrets: {A: sesame}\n"))


@given(word=st.text(alphabet="abcdefghijklmnopqrstuvwxyz_"))
def test_no_unknown_key_gets_through(word: str) -> None:
    assert any("unknown key" in line for line in refusals(f"{LEAST}x_{word}: 1\n"))


def test_the_published_schema_is_ours() -> None:
    """``python -m tests.deploy.write`` writes it anew."""
    published = json.loads((REFERENCE / "deploy.schema.json").read_text("utf-8"))
    assert published == json_schema()
    Draft202012Validator.check_schema(published)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_schema_takes_what_we_take(name: str) -> None:
    Draft202012Validator(json_schema()).validate(yaml.safe_load(EXAMPLES[name][0]))


@pytest.mark.parametrize("page", ["reference/deploy-yaml.md", "how-to/deploy.md"])
def test_the_examples_of_the_pages_are_right(page: str) -> None:
    text = (REFERENCE.parent / page).read_text("utf-8")
    blocks = [block.partition("```")[0] for block in text.split("```yaml\n")[1:]]
    examples = [block for block in blocks if "name:" in block]
    assert examples
    for block in examples:
        parse(block, where=page)


def test_every_key_is_described_on_its_page() -> None:
    page = (REFERENCE / "deploy-yaml.md").read_text("utf-8")
    document = json_schema()
    levels = [document, *document["$defs"].values()]  # type: ignore[attr-defined]
    for level in levels:
        for key, entry in level["properties"].items():
            assert entry.get("description"), key
            assert f"`{key}`" in page, key
