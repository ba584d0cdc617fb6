"""``cogsmith weights``, as a person uses it: a project, a hub, a registry, and Cog's words."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cogsmith.cli.main import main
from cogsmith.oci import Reference
from cogsmith.registry import Client
from cogsmith.testing.hub import FakeHub
from cogsmith.testing.registry import FakeRegistry
from cogsmith.weights import bundle_index, index_entry, load_lock, modelpack_tag, tag
from tests.cli.running import running, until
from tests.registry.real import PROGRAM, RealRegistry

CHECKPOINT = Path(__file__).parents[2] / "weights" / "stories-llama"
CONFIG = """\
build:
  python_version: "3.11"
model: {host}/ada/stories
predict: "predict.py:Predictor"
weights:
  - name: alpha
    source:
      uri: hf://ada/stories
      exclude: ["*.md", "onnx/"]
    target: /src/weights/alpha
  - name: beta
    source: file://./local
    target: /src/weights/beta
"""

Registry = FakeRegistry | RealRegistry
Said = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module", params=["fake", pytest.param("real", marks=pytest.mark.registry)])
def registry(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    if request.param == "fake":
        with FakeRegistry() as fake:
            yield fake
        return
    if PROGRAM is None:
        pytest.skip("docker-registry is not installed (apt-get install docker-registry)")
    with RealRegistry(tmp_path_factory.mktemp("registry")) as real:
        yield real


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        files = {path.name: path.read_bytes() for path in CHECKPOINT.iterdir()}
        hub.add("ada/stories", {**files, "onnx/model.onnx": b"o" * 100})
        yield hub


@pytest.fixture
def project(
    tmp_path: Path, registry: Registry, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A project with a weight from a hub and one from a folder."""
    folder = tmp_path / "project"
    (folder / "local" / "sub").mkdir(parents=True)
    (folder / "local" / "sub" / "adapter.bin").write_bytes(b"adapter")
    (folder / "predict.py").write_text("class Predictor: ...\n")
    repository = f"{registry.host}/{tmp_path.name.lower().replace('_', '-')}"
    (folder / "cog.yaml").write_text(CONFIG.format(host=repository))
    monkeypatch.setenv("COG_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("COGSMITH_CACHE_DIR", str(tmp_path / "ours"))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], project: Path) -> Said:
    """Exit code, standard output and standard error of ``cogsmith weights ...`` in the project."""
    assert Path.cwd() == project

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["weights", *words])
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err

    return run


def cached(project: Path) -> list[Path]:
    return list((project.parent / "cache" / "weights" / "files" / "sha256").glob("*/*"))


def place(project: Path) -> Reference:
    line = next(x for x in (project / "cog.yaml").read_text().splitlines() if "model:" in x)
    return Reference.parse(line.partition(": ")[2])


def locked(project: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((project / "weights.lock").read_text())
    return document


def test_import_pull_and_status_are_one_story(project: Path, said: Said, hub: FakeHub) -> None:
    code, out, err = said("import")
    assert (code, out) == (0, "")
    assert "+ alpha  hf://ada/stories → /src/weights/alpha" in err
    assert "Download complete" in err
    assert "Pushing 2 weight" in err
    assert "Imported 2 weight artifact(s)" in err
    weights = locked(project)["weights"]
    assert [weight["name"] for weight in weights] == ["alpha", "beta"]
    paths = [file["path"] for file in weights[0]["files"]]
    assert "model.safetensors" in paths
    assert not [path for path in paths if path.endswith(".md") or path.startswith("onnx")]
    assert weights[0]["source"]["fingerprint"].startswith("commit:")

    code, _, err = said("pull")
    assert (code, err.splitlines()) == (
        0, ["Pulling alpha... cached (6/6 files)", "Pulling beta... cached (1/1 files)",
            "All 2 weight(s) already cached."],
    )  # fmt: skip
    shutil.rmtree(project.parent / "cache")
    hub.seen.clear()
    code, _, err = said("pull")
    assert code == 0
    for words in ("Pulling alpha", "Pulling beta", "Download complete", "done", "Pulled"):
        assert words in err
    assert len(cached(project)) == 7
    assert hub.seen == [], "the registry has it all"

    code, out, _ = said("status")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert [line[2] for line in lines] == ["STATUS", "ready", "ready"]


def test_what_is_pushed_is_what_cog_looks_for(project: Path, said: Said) -> None:
    assert said("import")[0] == 0
    lock = load_lock(project / "weights.lock")
    assert lock
    with Client() as client:
        for weight in lock.weights:
            found = client.manifest(place(project).with_tag(tag(weight)))
            assert found.digest == weight.digest
            assert found.artifact_type == "application/vnd.cog.weight.v1"
            config = json.loads(client.read_blob(place(project), found.config))
            assert config["setDigest"] == str(weight.set_digest)
        image = client.manifest(place(project).with_tag(tag(lock.weights[0]))).descriptor
        index = bundle_index(image, [index_entry(weight) for weight in lock.weights])
        client.put(place(project).with_tag("v1"), index)
        assert client.fetch(place(project).with_tag("v1")).digest == index.digest


def test_it_is_a_modelpack_too(project: Path, said: Said) -> None:
    assert said("import", "alpha")[0] == 0
    with Client() as client:
        (name,) = [t for t in client.tags(place(project)) if t.startswith("modelpack.alpha.")]
        found = client.manifest(place(project).with_tag(name))
    assert found.artifact_type == "application/vnd.cncf.model.manifest.v1+json"
    assert found.config.media_type == "application/vnd.cncf.model.config.v1+json"


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
def test_another_tool_can_copy_it(project: Path, said: Said, tmp_path: Path) -> None:
    assert said("import", "beta")[0] == 0
    lock = load_lock(project / "weights.lock")
    assert lock
    source = place(project).with_tag(tag(lock.weights[0]))
    subprocess.run(
        ["skopeo", "copy", "--src-tls-verify=false", f"docker://{source}", f"dir:{tmp_path}/got"],
        check=True, capture_output=True,
    )  # fmt: skip
    manifest = (tmp_path / "got" / "manifest.json").read_bytes()
    assert json.loads(manifest)["artifactType"] == "application/vnd.cog.weight.v1"
    layer = json.loads(manifest)["layers"][0]["digest"].partition(":")[2]
    subprocess.run(["tar", "xzf", tmp_path / "got" / layer, "-C", tmp_path], check=True)
    assert (tmp_path / "sub" / "adapter.bin").read_bytes() == b"adapter"


def test_importing_twice_changes_nothing(project: Path, said: Said) -> None:
    said("import")
    before = (project / "weights.lock").read_bytes()
    code, _, err = said("import")
    assert code == 0
    assert err.count("status: unchanged") == 2
    assert "Download complete" not in err
    assert (project / "weights.lock").read_bytes() == before


def test_the_same_import_elsewhere_has_the_same_digests(
    project: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    said("import")
    before = [weight["digest"] for weight in locked(project)["weights"]]
    (project / "weights.lock").unlink()
    monkeypatch.setenv("COG_CACHE_DIR", str(project.parent / "another"))
    os.utime(project / "local" / "sub" / "adapter.bin", (1, 1))
    said("import")
    assert [weight["digest"] for weight in locked(project)["weights"]] == before


def test_a_lock_that_another_packer_made_stays_while_the_files_are_the_same(
    project: Path, said: Said
) -> None:
    said("import")
    document = locked(project)
    document["envelopeFormat"] = "sha256:" + "c" * 64
    (project / "weights.lock").write_text(json.dumps(document, indent=2))
    shutil.rmtree(project.parent / "cache")
    assert said("import")[0] == 0
    assert locked(project) == document


def test_a_tag_that_was_lost_comes_back(project: Path, said: Said) -> None:
    said("import", "beta")
    lock = load_lock(project / "weights.lock")
    assert lock
    named = place(project).with_tag(tag(lock.weights[0]))
    with Client() as client:
        client.put(named, client.fetch(place(project).with_tag(modelpack_tag(lock.weights[0]))))
        assert client.fetch(named).digest != lock.weights[0].digest
        assert said("import", "beta")[0] == 0
        assert client.fetch(named).digest == lock.weights[0].digest


def test_a_change_upstream_is_seen_and_taken(project: Path, said: Said, hub: FakeHub) -> None:
    said("import")
    hub.repositories["ada/stories"].files["config.json"] = b'{"new": true}'
    code, _, err = said("import", "--dry-run", "alpha")
    assert (code, err.splitlines()[:2]) == (
        0, ["~ alpha  hf://ada/stories → /src/weights/alpha", "  status: upstream-changed"],
    )  # fmt: skip
    assert "changed: fingerprint: commit:" in err
    before = locked(project)["weights"]
    assert said("import", "alpha")[0] == 0
    after = locked(project)["weights"]
    assert after[0]["setDigest"] != before[0]["setDigest"]
    assert after[1] == before[1]


def test_a_dry_run_changes_nothing_and_fetches_no_files(
    project: Path, said: Said, hub: FakeHub
) -> None:
    code, out, err = said("import", "--dry-run", "-v")
    assert (code, out) == (0, "")
    assert "status: new" in err
    assert "    + model.safetensors (" in err
    assert "    - README.md (" in err
    assert "excluded (2 files):" in err
    assert hub.count("resolve") == 0
    assert not (project / "weights.lock").exists()
    assert cached(project) == []


def test_verbose_pull_names_layers_and_files(project: Path, said: Said) -> None:
    said("import")
    for path in cached(project):
        if path.read_bytes() == b"adapter":
            path.unlink()
    code, _, err = said("pull", "-v")
    assert code == 0
    assert "Cache:" in err
    assert "Lockfile:" in err
    assert "Pulling alpha... cached (6/6 files)" in err
    assert "1 missing / 1 total" in err
    assert "  layer " in err
    assert "sub/adapter.bin (7 B)" in err
    assert "1 already cached" in err


def test_names_choose_and_unknown_ones_are_all_told(project: Path, said: Said) -> None:
    said("import")
    shutil.rmtree(project.parent / "cache")
    code, _, err = said("pull", "beta")
    assert "Pulling beta" in err
    assert "Pulling alpha" not in err
    for words in (("pull",), ("import",)):
        code, _, err = said(*words, "nope", "alpha", "zip")
        assert code != 0
        assert "nope" in err
        assert "zip" in err
        assert "Pulling" not in err


def test_every_state_has_its_word(project: Path, said: Said) -> None:
    assert [row.split()[2] for row in said("status")[1].splitlines()[1:]] == ["pending"] * 2
    said("import")
    text = (project / "cog.yaml").read_text()
    text = text.replace("/src/weights/alpha", "/src/other").replace("name: beta", "name: gamma")
    (project / "cog.yaml").write_text(text)
    code, out, _ = said("status")
    assert code == 1
    words = {row.split()[0]: row.split()[2] for row in out.splitlines()[1:]}
    assert words == {"alpha": "stale", "gamma": "pending", "beta": "orphaned"}
    assert said("import")[0] == 0
    assert [weight["name"] for weight in locked(project)["weights"]] == ["alpha", "gamma"]
    assert said("status")[0] == 0


def test_a_registry_that_has_lost_layers_is_incomplete_until_the_next_import(
    project: Path, said: Said, registry: Registry
) -> None:
    said("import")
    other = f"{registry.host}/{project.parent.name.lower().replace('_', '-')}/elsewhere"
    code, out, _ = said("status", "-v", "--image", other)
    assert code == 1
    assert {row.split()[2] for row in out.splitlines()[1:] if "─" not in row} == {"incomplete"}
    assert "missing" in out
    assert said("import", "--image", other)[0] == 0
    assert said("status", "--image", other)[0] == 0


def test_json_is_for_programs(project: Path, said: Said) -> None:
    code, out, _ = said("status", "--json")
    assert code == 0
    assert json.loads(out)["weights"][0] == {
        "name": "alpha", "target": "/src/weights/alpha", "status": "pending",
    }  # fmt: skip
    said("import")
    entry = json.loads(said("status", "--json")[1])["weights"][1]
    weight = locked(project)["weights"][1]
    assert entry == {
        "name": "beta", "target": "/src/weights/beta", "status": "ready", "size": 7,
        "sizeCompressed": weight["sizeCompressed"], "layerCount": 1, "fileCount": 1,
        "digest": weight["digest"],
        "source": {"uri": "file://./local", "fingerprint": weight["source"]["fingerprint"]},
        "layers": [
            {
                "digest": weight["layers"][0]["digest"], "size": weight["sizeCompressed"],
                "status": "ready",
            }
        ],
    }  # fmt: skip


def test_cog_model_wins_over_the_config(
    project: Path, said: Said, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{registry.host}/{project.parent.name.lower().replace('_', '-')}/from-env"
    monkeypatch.setenv("COG_MODEL", f"{name}:v7")
    _, _, err = said("import", "beta")
    assert f"Imported 1 weight artifact(s) to {name}\n" in err


def test_without_weights_or_lock_or_repository(
    project: Path, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = said("pull")
    assert (code, "weights import" in err) == (1, True)
    text = (project / "cog.yaml").read_text()
    (project / "cog.yaml").write_text("".join(x for x in text.splitlines(True) if "model" not in x))
    code, _, err = said("import")
    assert (code, "--image" in err) == (2, True)
    (project / "cog.yaml").write_text('build: {python_version: "3.11"}\n')
    code, _, err = said("import")
    assert (code, "no weights defined in cog.yaml" in err) == (1, True)


def test_a_broken_lock_is_told_with_what_to_do(project: Path, said: Said) -> None:
    (project / "weights.lock").write_text("{")
    code, _, err = said("status")
    assert code == 1
    assert "error: weights.lock: is not JSON" in err
    assert "weights import" in err


def test_a_hub_s_refusal_ends_with_advice_and_changes_nothing(
    project: Path, said: Said, hub: FakeHub
) -> None:
    hub.repositories["ada/stories"].private = True
    code, _, err = said("import")
    assert code == 1
    assert "HF_TOKEN" in err
    assert not (project / "weights.lock").exists()


def _interrupted(project: Path, hub: FakeHub, verb: str, begun: Callable[[], object]) -> None:
    """Start a command, press Ctrl-C when it has begun to wait, and see that it ends well."""
    environment = {
        "COG_CACHE_DIR": str(project.parent / "cache"), "HF_ENDPOINT": hub.url,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    with running("cogsmith", "weights", verb, folder=project, environment=environment) as command:
        until(begun)
        command.interrupt()
        code, _, err = command.end()
    assert code == 130, err
    assert "interrupted" in err
    for path in cached(project):
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name


def test_ctrl_c_ends_an_import_that_hangs_and_the_next_one_goes_on(
    project: Path, said: Said, hub: FakeHub
) -> None:
    held = threading.Event()
    hub.fail("GET /lfs/", cut=1_000_000, held=held)
    _interrupted(project, hub, "import", lambda: hub.count("GET /lfs/"))
    held.set()
    assert not (project / "weights.lock").exists()
    assert said("import")[0] == 0


def test_ctrl_c_ends_a_pull_that_hangs_and_the_next_one_goes_on(
    project: Path, said: Said, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, held = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        held.wait(120)

    with FakeRegistry() as slow:
        monkeypatch.setenv("COG_MODEL", f"{slow.host}/ada/stories")
        assert said("import")[0] == 0
        shutil.rmtree(project.parent / "cache")
        slow.fail("GET .*/blobs/", then=hang)
        _interrupted(project, hub, "pull", begun.is_set)
        held.set()
        assert said("pull")[0] == 0


def test_progress_as_json_is_one_object_a_line(project: Path, said: Said) -> None:
    _, _, err = said("import", "--progress", "json")
    events = [json.loads(line) for line in err.splitlines()]
    titles = {event.get("title") for event in events if event["type"] == "blob"}
    assert "alpha/model.safetensors" in titles
    assert {event["state"] for event in events if event["type"] == "blob"} >= {"running", "done"}
