"""Manifests: as the golden files, and as the official schemas want them."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.deploy import (
    KubernetesTarget,
    Manifest,
    SwarmTarget,
    kserve,
    kubernetes,
    parse,
    swarm,
    write,
)
from cogsmith.deploy.apply.files import brief
from cogsmith.deploy.health import size
from cogsmith.deploy.kubernetes import kubernetes_trial
from cogsmith.deploy.swarm import swarm_trial
from cogsmith.errors import DeployError
from tests.deploy.examples import EXAMPLES, GOLDEN, SEVERAL, SMALL, deployment, rendered

KUBERNETES = "1.30"  # the oldest that has all that we write
CUSTOM = {"ScaledObject", "ServiceMonitor", "InferenceService"}
OF_KUBERNETES = [name for name in EXAMPLES if name.startswith("kubernetes")]
OF_PODS = [name for name in EXAMPLES if name.startswith(("kubernetes", "kserve"))]


@pytest.mark.parametrize("name", EXAMPLES)
def test_golden(name: str) -> None:
    """``python -m tests.deploy.write`` writes them anew."""
    assert write(rendered(name)) == (GOLDEN / f"{name}.yaml").read_text("utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_written_is_what_is_meant(name: str) -> None:
    assert list(yaml.safe_load_all(write(rendered(name)))) == rendered(name)


@pytest.mark.parametrize("name", OF_KUBERNETES)
def test_kubernetes_takes_each_document(name: str) -> None:
    for document in rendered(name):
        if document["kind"] not in CUSTOM:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_the_validator_says_no() -> None:
    """Strict means that a key which Kubernetes does not know is an error."""
    (first, *_) = rendered("kubernetes-small")
    first["spec"]["template"]["spec"]["containers"][0]["lifecyle"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(first, KUBERNETES, strict=True)


@pytest.mark.parametrize("name", ["kserve-raw", "kserve-serverless"])
def test_kserves_predictor_is_a_pod(name: str) -> None:
    """An InferenceService inlines a pod's spec, beside a few keys of its own."""
    (document,) = rendered(name)
    own = {"minReplicas", "maxReplicas", "scaleMetric", "scaleTarget", "canaryTrafficPercent"}
    spec = {key: value for key, value in document["spec"]["predictor"].items() if key not in own}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": document["metadata"], "spec": spec}
    kubernetes_validate.validate(pod, KUBERNETES, strict=True)


@pytest.mark.parametrize("name", ["compose-small", "compose"])
def test_the_compose_specification_takes_it(name: str) -> None:
    PyCompose.from_yaml(write(rendered(name)))


def stack_config(manifests: list[Manifest]) -> subprocess.CompletedProcess[str]:
    """Docker's own schema of stacks, which its command holds; no engine is asked."""
    if shutil.which("docker") is None:
        pytest.skip("there is no docker command here")
    with brief(write(manifests)) as file:
        return subprocess.run(
            ["docker", "stack", "config", "--compose-file", file], text=True,
            capture_output=True, check=False,
        )  # fmt: skip


@pytest.mark.parametrize("name", ["swarm-small", "swarm"])
def test_dockers_schema_of_stacks_takes_it(name: str) -> None:
    ran = stack_config(rendered(name))
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""  # nothing that a stack would ignore


def test_dockers_schema_of_stacks_says_no() -> None:
    (stack,) = rendered("swarm")
    stack["services"]["model"]["deploy"]["replcas"] = 2
    assert "replcas" in stack_config([stack]).stderr


def container(name: str) -> Manifest:
    document = rendered(name)[0]
    spec = document["spec"]
    pod = spec["template"]["spec"] if "template" in spec else spec["predictor"]
    return pod["containers"][0]


@pytest.mark.parametrize("name", OF_PODS)
def test_a_pod_never_runs_as_root(name: str) -> None:
    security = container(name)["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] == 1000
    assert security["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_image_stands_by_its_digest(name: str) -> None:
    assert f"/ada/{deployment(name).name}@sha256:" in write(rendered(name))


@given(drain=st.integers(0, 100_000))
def test_the_time_to_end_always_exceeds_the_drain(drain: int) -> None:
    text = f"{{name: a, model: a/b, drain: {drain}, targets: {{swarm: , kubernetes: , kserve: }}}}"
    made = parse(text, where="deploy.yaml")
    service = swarm(made)[0]["services"]["model"]
    assert int(service["stop_grace_period"].removesuffix("s")) > drain
    pod = kubernetes(made)[0]["spec"]["template"]["spec"]
    pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > drain + pause
    assert kserve(made)[0]["spec"]["predictor"]["terminationGracePeriodSeconds"] > drain + pause
    assert {"name": "COGSMITH_DRAIN", "value": str(drain)} in pod["containers"][0]["env"]


@given(value=st.text(st.characters(exclude_categories=("C", "Zl", "Zp"))))
def test_a_variable_reaches_the_container_as_it_was_written(value: str) -> None:
    """Compose replaces $NAME and ${NAME}; $$ is how one writes a dollar."""
    made = deployment("swarm-small").model_copy(update={"environment": {"A": value}})
    text = write(swarm(made))
    read = yaml.safe_load(text)["services"]["model"]["environment"]["A"]
    assert "$" not in read.replace("$$", "")
    assert read.replace("$$", "$") == value


@given(number=st.integers(2, 2**20), unit=st.sampled_from(["Mi", "Gi", "M", "G"]))
def test_a_size_means_the_same_to_docker(number: int, unit: str) -> None:
    factor = {"Mi": 2**20, "Gi": 2**30, "M": 10**6, "G": 10**9}[unit]
    said = size(f"{number}{unit}")
    assert said
    theirs = {"b": 1, "k": 2**10, "m": 2**20, "g": 2**30}[said[-1]]
    assert int(said[:-1]) * theirs == number * factor


def test_no_value_of_a_secret_is_rendered() -> None:
    """Neither in what is applied, nor in what is kept of it to return to."""
    values = {"HF_TOKEN": "sesame"}
    on_swarm = SwarmTarget(deployment=deployment("swarm"), values=values)
    on_kubernetes = KubernetesTarget(deployment=deployment("kubernetes-keda"), values=values)
    for target in (on_swarm, on_kubernetes):
        assert "HF_TOKEN" in target.release().spec.text
        assert "sesame" not in target.release().spec.text
        assert "sesame" not in repr(target)


def test_secrets_without_a_known_command_are_refused() -> None:
    made = parse(SEVERAL.replace("command: [python3.11, -I, -S, /opt/cogsmith]\n", ""), where="d")
    with pytest.raises(DeployError, match="what the image runs must be known"):
        swarm(made)


def test_another_value_of_a_secret_has_another_name() -> None:
    """Swarm's secrets never change."""
    made = deployment("swarm")
    first = swarm(made, {"HF_TOKEN": "llama_HF_TOKEN_1"})
    second = swarm(made, {"HF_TOKEN": "llama_HF_TOKEN_2"})
    assert first[0]["secrets"]["HF_TOKEN"]["name"] != second[0]["secrets"]["HF_TOKEN"]["name"]
    assert first[0]["secrets"]["COGSMITH_API_KEY"]["name"] == "llama-keys"


def test_a_trial_on_swarm_gets_no_requests() -> None:
    """It has one replica at a free port, and no name in the network of the others."""
    (trial,) = swarm_trial(deployment("swarm"))
    service = trial["services"]["model"]
    assert service["ports"] == [{"target": 5000, "protocol": "tcp", "mode": "host"}]
    assert service["networks"] == {"inside": {}}
    assert service["deploy"]["replicas"] == 1
    assert service["deploy"]["restart_policy"] == {"condition": "none"}
    assert stack_config([trial]).returncode == 0


def selects(selector: dict[str, str], document: Manifest) -> bool:
    labels: dict[str, Any] = document["spec"]["template"]["metadata"]["labels"]
    return selector.items() <= labels.items()


def test_a_canary_on_kubernetes_gets_requests_and_a_trial_none() -> None:
    made = deployment("kubernetes-small")
    settings = made.targets.kubernetes
    assert settings
    main, service, budget, *_ = kubernetes(made)
    (trial,) = kubernetes_trial(made, settings, serves=False, replicas=1)
    (canary,) = kubernetes_trial(made, settings, serves=True, replicas=2)
    reached = service["spec"]["selector"]
    assert [selects(reached, one) for one in (main, trial, canary)] == [True, False, True]
    for other in (trial, canary):
        kubernetes_validate.validate(other, KUBERNETES, strict=True)
        assert not selects(main["spec"]["selector"]["matchLabels"], other)
        assert not selects(budget["spec"]["selector"]["matchLabels"], other)
        assert selects(other["spec"]["selector"]["matchLabels"], other)


def test_documents_do_not_depend_on_the_order_of_keys() -> None:
    text = SMALL.format(target="swarm")
    one = parse(f"{text}environment: {{B: 1, A: 2}}\n", where="d")
    other = parse(f"environment: {{A: 2, B: 1}}\n{text}", where="d")
    assert write(swarm(one)) == write(swarm(other))
