"""``cogsmith check``: findings and changes, for people and programs, from wherever they come."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cogsmith.cli.main import main
from cogsmith.image import Store
from cogsmith.oci import ContainerConfig, File, Image, ImageConfig, Platform, Reference
from cogsmith.registry import Client, Shipment
from cogsmith.testing.registry import FakeRegistry
from tests.oci.images import made_of
from tests.serving.server import serving

SOURCE = """
from cog import BasePredictor, Input

class Predictor(BasePredictor):
    def predict(
        self,
        prompt: str = Input(description="What to go on from", max_length=1000),
        steps: int = Input(description="How many", default=4, ge=1, le=9),
    ) -> str:
        return prompt
"""
TRAIN = """
from cog import Input

def train(epochs: int = Input(description="How long", default=1, ge=1, le=9)) -> str:
    return ""
"""
Check = Callable[..., tuple[int, Any]]


@pytest.fixture
def check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Check:
    """The command in a project; answers exit code and what it printed, JSON where it is asked."""
    (tmp_path / "cog.yaml").write_text("predict: predict.py:Predictor\ntrain: train.py:train\n")
    (tmp_path / "predict.py").write_text(SOURCE)
    (tmp_path / "train.py").write_text(TRAIN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COGSMITH_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("COGSMITH_CACHE_DIR", str(tmp_path / "cache"))

    def run(*words: str) -> tuple[int, Any]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["check", *words])
        said = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, json.loads(said.out) if "--json" in words else said.out + said.err

    return run


@pytest.fixture
def old(check: Check, capsys: pytest.CaptureFixture[str]) -> Callable[[], dict[str, Any]]:
    """Writes the document of this project, as it is now, to ``old.json``."""

    def document() -> dict[str, Any]:
        with pytest.raises(SystemExit):
            main(["schema", "-o", "old.json"])
        found: dict[str, Any] = json.loads(Path("old.json").read_text("utf-8"))
        return found

    return document


def edited(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "predict.py"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def test_a_good_model_has_nothing_to_be_told(check: Check) -> None:
    code, told = check("--json")
    assert (code, told) == (0, {"model": "cog.yaml", "findings": [], "failed": False})


@pytest.mark.parametrize(("strict", "code"), [([], 0), (["--strict"], 1)])
def test_warnings_fail_only_where_they_are_asked_to(
    check: Check, tmp_path: Path, strict: list[str], code: int
) -> None:
    edited(tmp_path, "ge=1, ", "")
    ended, told = check("--json", *strict)
    assert ended == code
    (finding,) = told["findings"]
    assert (finding["severity"], finding["rule"]) == ("warning", "bounds")
    assert finding["where"] == "input steps"


def test_trainings_are_checked_too(check: Check, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAIN.replace("ge=1, le=9", ""))
    _, told = check("--json")
    assert [one["where"] for one in told["findings"]] == ["train: input epochs"]


def test_a_breaking_change_is_a_failure_unless_it_is_allowed(
    check: Check, old: Callable[..., Any], tmp_path: Path
) -> None:
    old()
    edited(tmp_path, "le=9", "le=8")
    edited(tmp_path, "default=4", "default=5")
    code, told = check("--against", "old.json", "--json")
    assert (code, told["step"], told["failed"]) == (1, "major", True)
    assert [(one["effect"], one["where"]) for one in told["changes"]] == [
        ("breaking", "input steps"), ("compatible", "input steps"),
    ]  # fmt: skip
    assert check("--against", "old.json", "--allow-breaking")[0] == 0
    code, text = check("--against", "old.json")
    assert "breaking    input steps: maximum was 9, is 8 now" in text
    assert "1 breaking, 1 compatible; the next version is a major one" in text


def test_a_version_that_only_says_it_better_is_a_patch(
    check: Check, old: Callable[..., Any], tmp_path: Path
) -> None:
    old()
    edited(tmp_path, "How many", "How many of them")
    assert check("--against", "old.json", "--json")[1]["step"] == "patch"


# --- images


def image_with(labels: dict[str, str]) -> Image:
    config = ImageConfig(
        platform=Platform.parse("linux/amd64"), config=ContainerConfig(labels=labels)
    )
    return Image.of(config, [made_of([File.of("src/a.py", b"")])])


def test_an_image_of_the_store(check: Check, old: Callable[..., Any], tmp_path: Path) -> None:
    label = {"run.cog.openapi_schema": json.dumps(old())}
    reference = Reference.parse("registry.example/me/llama:1")
    store = Store.at(tmp_path / "store")
    with store.session():
        store.layout.add(image_with(label), reference)
    code, told = check("--against", "registry.example/me/llama:1", "--json")
    assert (code, told["changes"], told["step"]) == (0, [], "")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({}, "it is not the image of a model"),
        ({"run.cog.openapi_schema": "{"}, "is not JSON"),
        ({"run.cog.openapi_schema": "{}"}, "it is not the OpenAPI document of a model"),
    ],
)
def test_images_that_say_nothing(
    check: Check, tmp_path: Path, labels: dict[str, str], message: str
) -> None:
    store = Store.at(tmp_path / "store")
    with store.session():
        store.layout.add(image_with(labels), Reference.parse("registry.example/me/other:1"))
    code, text = check("--against", "registry.example/me/other:1")
    assert code == 1
    assert message in text


def test_an_image_of_a_registry(check: Check, old: Callable[..., Any], tmp_path: Path) -> None:
    label = {"run.cog.openapi_schema": json.dumps(old())}
    edited(tmp_path, "steps: int", "count: int")
    with FakeRegistry() as registry:
        reference = Reference.parse(f"{registry.host}/me/llama:1")
        with Client() as client:
            client.push(client.plan_push(reference, Shipment.of(image_with(label))))
        code, told = check("--against", str(reference), "--json")
        assert code == 1
        assert [(one["effect"], one["message"]) for one in told["changes"]] == [
            ("breaking", "is gone"), ("compatible", "is new"),
        ]  # fmt: skip
        missing, text = check("--against", f"{registry.host}/me/llama:2")
    assert missing == 1
    assert "llama:2" in text


def test_a_server(check: Check) -> None:
    with serving("echo") as server:
        code, told = check("--against", server.url, "--json")
        document = check("--against", f"{server.url}/openapi.json", "--json")[1]
    assert code == 1
    assert ("breaking", "input text", "is gone") in [
        (one["effect"], one["where"], one["message"]) for one in told["changes"]
    ]
    assert document["changes"] == told["changes"]


def test_what_others_get_is_compared_with_where_it_is_asked_for(
    check: Check, old: Callable[..., Any], tmp_path: Path
) -> None:
    """A build leaves the new image in the store, under the name of the old one in the registry."""
    before = {"run.cog.openapi_schema": json.dumps(old())}
    edited(tmp_path, "le=9", "le=8")
    now = {"run.cog.openapi_schema": json.dumps(old())}
    store = Store.at(tmp_path / "store")
    with FakeRegistry() as registry:
        reference = Reference.parse(f"{registry.host}/me/llama:1")
        with store.session():
            store.layout.add(image_with(now), reference)
        with Client() as client:
            client.push(client.plan_push(reference, Shipment.of(image_with(before))))
        assert check("--against", str(reference))[0] == 0
        assert check("--against", str(reference), "--remote")[0] == 1
