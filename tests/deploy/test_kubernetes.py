"""A rollout through kubectl: which commands, in which order, and what is there afterwards."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from cogsmith.deploy import KubernetesTarget, Running, parse, roll_back, roll_out
from cogsmith.deploy.apply.ask import status
from cogsmith.deploy.apply.kubernetes import is_settled, replica_of
from cogsmith.errors import DeployError, RolledBack
from cogsmith.oci import Digest

TEXT = "{{name: a, model: b/c, replicas: 2, rollout: {rollout}, targets: {{kubernetes: }}}}"
SCRIPT = Path(__file__).parent / "kubectl.py"


@dataclass
class Cluster:
    """The stand-in's folder: what it was told, what it keeps, where it should fail."""

    folder: Path

    def target(self, version: str, rollout: str = "{}") -> KubernetesTarget:
        made = parse(TEXT.format(rollout=rollout), where="deploy.yaml")
        return KubernetesTarget(
            deployment=made.pinned(Digest.of(version.encode())), values={"KEY": "sesame"}
        )

    def roll_out(self, version: str, rollout: str = "{trial: false}") -> Running:
        target = self.target(version, rollout)
        roll_out(target, target.release(), None, lambda _: None)
        running = target.running()
        assert running
        return running

    def tested(self, version: str) -> list[tuple[int, str]]:
        """Roll it out; what its tests see at the forwarded port."""
        target, seen = self.target(version), []

        def passes(address: str) -> bool:
            seen.append(status(address, "/readyz"))
            return True

        with ThreadingHTTPServer(("127.0.0.1", 0), Ready) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            (self.folder / "port").write_text(str(server.server_port))
            assert roll_out(target, target.release(), passes, lambda _: None)
            server.shutdown()
        return seen

    def fails(self, at: str) -> None:
        (self.folder / "fails").write_text(at)

    def commands(self) -> list[str]:
        path = self.folder / "commands"
        said = path.read_text().splitlines()
        path.unlink()
        return [line for line in said if not line.startswith("get")]

    def objects(self) -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = json.loads((self.folder / "objects").read_text())
        return found


class Ready(BaseHTTPRequestHandler):
    """A server that is always ready."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"READY")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    program = tmp_path / "bin" / "kubectl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {SCRIPT} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("KUBECTL_FOLDER", str(tmp_path))
    return Cluster(tmp_path)


def test_a_first_version(cluster: Cluster) -> None:
    running = cluster.roll_out("one")
    assert (running.ready, running.wanted) == (2, 2)
    assert {one.digest for one in running.replicas} == {str(Digest.of(b"one"))}
    assert set(cluster.objects()) == {
        "deployment/a", "service/a", "poddisruptionbudget/a", "secret/a-secrets",
    }  # fmt: skip
    assert cluster.commands() == [
        "apply --filename", "apply --filename", "rollout status deployment/a --timeout=1800s",
    ]  # fmt: skip


def test_another_version_and_back(cluster: Cluster) -> None:
    first = cluster.roll_out("one")
    second = cluster.roll_out("two")
    assert second.previous == first.spec
    again = roll_back(cluster.target("whatever"), lambda _: None)
    assert (again.image, again.previous) == (first.image, second.spec)


def test_what_does_not_hold_is_put_back(cluster: Cluster) -> None:
    first = cluster.roll_out("one")
    cluster.fails("rollout status")
    target = cluster.target("two", "{trial: false}")

    def heard(text: str) -> None:
        if "bringing back" in text:
            cluster.fails("nothing")

    with pytest.raises(RolledBack, match="it does not hold") as caught:
        roll_out(target, target.release(), None, heard)
    assert "the last line" in caught.value.hint
    running = target.running()
    assert running
    assert running.image == first.image


def test_a_trial_is_tested_through_a_forwarded_port(cluster: Cluster) -> None:
    """kubectl forwards for as long as the tests take, and is ended then."""
    cluster.roll_out("one")
    cluster.commands()
    assert cluster.tested("two") == [(200, "READY")]
    assert "port-forward deployment/a-canary :5000" in cluster.commands()
    assert "deployment/a-canary" not in cluster.objects()


def test_a_first_version_is_tested_where_it_runs(cluster: Cluster) -> None:
    assert cluster.tested("one") == [(200, "READY")]
    assert cluster.commands()[-1] == "port-forward deployment/a :5000"


def test_a_canary_stands_beside_and_goes(cluster: Cluster) -> None:
    cluster.roll_out("one")
    cluster.commands()
    cluster.roll_out("two", "{trial: false, canary: {percent: 50, seconds: 1}}")
    assert [line for line in cluster.commands() if "canary" in line or "delete" in line] == [
        "rollout status deployment/a-canary --timeout=1800s",
        "delete --ignore-not-found --wait=false --filename",
    ]
    assert "deployment/a-canary" not in cluster.objects()


def test_a_first_version_that_does_not_hold_is_taken_away(cluster: Cluster) -> None:
    cluster.fails("rollout status")
    with pytest.raises(DeployError, match="it does not hold"):
        cluster.roll_out("one")
    assert set(cluster.objects()) == {"secret/a-secrets"}


def test_the_secrets_value_is_in_the_secret_alone(cluster: Cluster) -> None:
    cluster.roll_out("one")
    holders = [name for name, one in cluster.objects().items() if "sesame" in json.dumps(one)]
    assert holders == ["secret/a-secrets"]


def test_another_value_of_a_secret_is_rolled_out(cluster: Cluster) -> None:
    cluster.roll_out("one")
    target = replace(cluster.target("one", "{trial: false}"), values={"KEY": "changed"})
    assert roll_out(target, target.release(), None, lambda _: None)
    assert not roll_out(target, target.release(), None, lambda _: None)


def test_kubectl_says_what_would_change(cluster: Cluster) -> None:
    running = cluster.roll_out("one")
    target = cluster.target("one")
    assert target.differences(target.release().spec, running) == []
    other = cluster.target("two")
    assert other.differences(other.release().spec, running) == ["+deployment/a"]
    cluster.fails("diff")  # exit code 1, too; what it says is told
    assert target.differences(target.release().spec, running) == ["error: it does not hold"]


def test_what_is_not_ours_is_left_alone(cluster: Cluster) -> None:
    theirs = {"kind": "Deployment", "metadata": {"name": "a", "labels": {}}, "spec": {}}
    (cluster.folder / "objects").write_text(json.dumps({"deployment/a": theirs}))
    with pytest.raises(DeployError, match="is there, and not ours"):
        cluster.roll_out("one")


def test_without_kubectl_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeployError, match="kubectl cannot be started"):
        Cluster(tmp_path).roll_out("one")


def test_a_service_of_kserve_is_ready_when_it_has_seen_the_change() -> None:
    """Right after a change it still says that it is ready: as it was before."""
    ready = [{"type": "Ready", "status": "True"}]
    service = {
        "metadata": {"generation": 2},
        "status": {"observedGeneration": 1, "conditions": ready},
    }
    assert not is_settled(service)
    assert not is_settled({"metadata": {"generation": 1}})
    service["status"]["observedGeneration"] = 2
    assert is_settled(service)
    service["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    assert not is_settled(service)


def test_a_pod_that_cannot_start_says_why() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "no such image"}
    pod = {
        "metadata": {"name": "a-1"},
        "spec": {"containers": [{"image": "b/c@sha256:1"}], "nodeName": "n"},
        "status": {"phase": "Pending", "containerStatuses": [{"state": {"waiting": waiting}}]},
    }
    found = replica_of(pod)
    assert (found.state, found.ready, found.note) == ("ImagePullBackOff", False, "no such image")
    pod["status"] = {"phase": "Running", "containerStatuses": [{"restartCount": 2}]}
    assert replica_of(pod).note == "it was started 3 times"
