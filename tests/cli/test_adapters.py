"""``cogsmith adapters``, as a person uses it: a folder, a registry, and a folder again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogsmith.cli.main import main
from cogsmith.oci import Image, ImageConfig, Platform, Reference
from cogsmith.registry import Client, Shipment
from cogsmith.testing.registry import FakeRegistry
from tests.conftest import ROOT
from tests.engine.lora import matrices, write
from tests.registry.real import PROGRAM, RealRegistry

LAYERS = {"model.layers.0.self_attn.q_proj": (192, 192)}
KINDS = ["fake", pytest.param("real", marks=pytest.mark.registry)]


@pytest.fixture(scope="module", params=KINDS)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if request.param == "fake":
        with FakeRegistry(referrers=True) as fake:
            yield fake.host
        return
    if PROGRAM is None:
        pytest.skip("docker-registry is not installed (apt-get install docker-registry)")
    with RealRegistry(tmp_path_factory.mktemp("registry")) as real:
        yield real.host


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COGSMITH_CACHE_DIR", str(tmp_path / "cache"))
    named = str(ROOT / "weights" / "stories-llama")
    return write(tmp_path / "made", matrices(LAYERS), base_model_name_or_path=named)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = 0
    try:
        main(["adapters", *words])
    except SystemExit as ended:
        code = int(ended.code or 0)
    told = capsys.readouterr()
    return code, told.out, told.err


def base(host: str) -> str:
    reference = Reference.parse(f"{host}/ada/llama:1")
    image = Image.of(ImageConfig(platform=Platform.parse("linux/amd64")))
    with Client() as client:
        client.push(client.plan_push(reference, Shipment.of(image)))
    return str(reference)


def test_there_and_back(host: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = f"{host}/ada/robot:1"
    code, out, err = run(capsys, "push", str(folder), there, "--base", base(host))
    assert code == 0, err
    assert out.startswith(f"{host}/ada/robot@sha256:")
    assert run(capsys, "push", str(folder), there, "--base", base(host))[2].count("already") == 1
    code, out, _ = run(capsys, "inspect", there, "--json")
    assert json.loads(out)["base"] == f"{host}/ada/llama:1"
    assert run(capsys, "pull", there)[0] == 0
    for name in "adapter_config.json", "adapter_model.safetensors":
        assert (folder / name).read_bytes() == Path("adapters/robot", name).read_bytes()
    code, out, _ = run(capsys, "list")
    assert out.startswith("robot  rank 2, ")


def test_beside_its_base(host: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = base(host)
    there = f"{host}/ada/llama:robot"
    code, out, err = run(capsys, "push", str(folder), there, "--base", image)
    assert code == 0, err
    code, listed, _ = run(capsys, "list", image, "--json")
    assert code == 0
    assert out.strip() in [one["name"] for one in json.loads(listed)]


def test_what_does_not_fit_is_not_pushed(
    host: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = f"{host}/ada/wrong:1"
    write(folder, matrices({"model.layers.9.mlp.up_proj": (8, 8)}))
    weights = str(ROOT / "weights" / "stories-llama")
    code, _, err = run(capsys, "push", str(folder), there, "--weights", weights)
    assert code == 1
    assert "model.layers.9.mlp.up_proj" in err
    code, _, err = run(capsys, "push", str(folder), there, "--max-rank", "1")
    assert code == 1
    assert "2 is more than 1" in err
    with Client() as client:
        assert client.find(Reference.parse(there)) is None


def test_an_image_is_no_adapter(
    host: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "pull", base(host))
    assert code == 1
    assert "is no adapter" in err
    assert not Path("adapters").exists()
    assert folder.is_dir()
