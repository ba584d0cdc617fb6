"""Kubernetes, and KServe on it, through ``kubectl``.

The cluster replaces pods by itself (``maxUnavailable: 0``, ``maxSurge: 1``), each gated on its
readiness probe; ``kubectl rollout status`` waits. It does not go back by itself: we do.
"""

from __future__ import annotations

import json
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from cogsmith.deploy.apply.ask import status, until
from cogsmith.deploy.apply.docker import LAST_WORDS, with_last_words
from cogsmith.deploy.apply.files import brief
from cogsmith.deploy.commands import Kubectl
from cogsmith.deploy.deployment import INSIDE, Deployment
from cogsmith.deploy.kserve import kserve, kserve_canary
from cogsmith.deploy.kubernetes import CANARY, kubernetes, kubernetes_trial
from cogsmith.deploy.labels import DIGEST, MANAGED, PREVIOUS, SPEC, mark_of
from cogsmith.deploy.manifests import Manifest, write
from cogsmith.deploy.places import KServe, Kubernetes
from cogsmith.deploy.pods import NAME, labels, secret_of
from cogsmith.deploy.roll_out import Release
from cogsmith.deploy.state import Replica, Running, Spec
from cogsmith.errors import CommandFailed, DeployError, MissingProgram
from cogsmith.process import Command, run

__all__ = ["KubernetesTarget"]

FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")
PATIENCE = 30.0  # seconds until a port is forwarded
KINDS = {"kubernetes": "deployment", "kserve": "inferenceservice"}


class Enough(Exception):
    """Nobody uses the forwarded port any more."""


@dataclass(frozen=True, kw_only=True)
class KubernetesTarget:
    """The objects of a deployment. ``values`` holds the secrets that come from here."""

    deployment: Deployment
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    target: str = "kubernetes"

    @property
    def place(self) -> Kubernetes | KServe:
        """The target's settings."""
        targets = self.deployment.targets
        if self.target == "kserve":
            return targets.kserve or KServe()
        return targets.kubernetes or Kubernetes()

    @property
    def kubectl(self) -> Kubectl:
        """The words for its cluster."""
        return Kubectl(self.place.namespace, self.place.context)

    @property
    def kind(self) -> str:
        """What holds the version: a Deployment, or KServe's InferenceService."""
        return KINDS[self.target]

    def release(self) -> Release:
        """The deployment as this target gets it."""
        render = kserve if self.target == "kserve" else kubernetes
        first, *others = render(self.deployment)
        holder = first["spec"].get("template", first)["metadata"]
        if mark := mark_of(self.values):
            holder["annotations"] = {**holder.get("annotations", {}), **mark}
        return Release(deployment=self.deployment, spec=Spec.of([first, *others]))

    def running(self) -> Running | None:
        """What runs under this name. Raises DeployError where it is not ours."""
        said = self._get(self.kind, self.deployment.name)
        if not said:
            return None
        metadata = said["metadata"]
        if MANAGED not in (metadata.get("labels") or {}):
            hint = "give the deployment another name, or remove that one"
            raise DeployError(f"{self.kind} {metadata['name']} is there, and not ours", hint=hint)
        notes = metadata.get("annotations") or {}
        replicas = tuple(self._replicas())
        return Running(
            name=metadata["name"],
            image=notes.get(f"{MANAGED}.image", ""),
            wanted=said.get("spec", {}).get("replicas") or len(replicas),
            replicas=replicas,
            spec=Spec(notes.get(SPEC, "")),
            previous=Spec(notes.get(PREVIOUS, "")),
        )

    def put(self, spec: Spec, previous: Spec) -> None:
        """Make it so and wait until all replicas are new and ready. Raises DeployError."""
        self._make_secret()
        self._apply_and_wait(annotated(spec, previous), self.deployment.name)

    @contextmanager
    def trial(self, release: Release) -> Iterator[str]:
        """One pod of the new version that its Service does not send requests to."""
        name = f"{self.deployment.name}-{CANARY}"
        self._make_secret()
        documents = kubernetes_trial(release.deployment, self.place, serves=False, replicas=1)
        with self._while(documents, name), self._forwarded(name) as address:
            yield address

    @property
    def shares(self) -> bool:
        """Raw KServe has one Service, which is not ours to send elsewhere."""
        return not isinstance(self.place, KServe) or self.place.mode == "serverless"

    def canary(self, release: Release) -> None:
        """The new version beside the old one, behind the same name, for a while.

        Kubernetes: its share of the replicas is its share of the requests. KServe sends a share.
        Raises DeployError when a replica is started anew or stops being ready.
        """
        canary = release.deployment.rollout.canary
        assert canary
        if self.target == "kserve":
            self._apply_and_wait(kserve_canary(release.deployment), self.deployment.name)
            self._watch(self.deployment.name, 1, canary.seconds)
            return
        name = f"{self.deployment.name}-{CANARY}"
        before = self.running()
        count = share(before.wanted if before else 1, canary.percent)
        documents = kubernetes_trial(release.deployment, self.place, serves=True, replicas=count)
        with self._while(documents, name):
            self._watch(name, count, canary.seconds)

    @contextmanager
    def reached(self) -> Iterator[str]:
        """A forwarded port; of KServe the address that it gives out."""
        if self.target == "kserve":
            said = self._get(self.kind, self.deployment.name)
            yield str(said.get("status", {}).get("url", ""))
            return
        with self._forwarded(self.deployment.name) as address:
            yield address

    def remove(self) -> None:
        """Take all objects away."""
        with brief(write(self.release().spec.manifests)) as file:
            said_by(self.kubectl.delete(file))

    def logs(self, tell: Callable[[str], None], *, follow: bool, tail: int) -> None:
        """Hear what all replicas write."""
        selector = f"{MANAGED}={self.deployment.name}"
        run(self.kubectl.logs(selector, follow=follow, tail=tail), on_line=tell)

    def differences(self, spec: Spec, running: Running) -> list[str]:
        """What the cluster says would change: ``kubectl diff``, whose exit code is 1 then."""
        previous = running.previous if running.spec == spec else running.spec
        heard: list[str] = []
        with brief(write(annotated(spec, previous))) as file:
            try:
                run(self.kubectl.diff(file), on_line=heard.append)
            except CommandFailed as error:
                if error.exit_code != 1:
                    raise refused(error) from error
        return heard

    @contextmanager
    def _while(self, documents: list[Manifest], name: str) -> Iterator[None]:
        """Some more objects, for as long as they are needed."""
        with brief(write(documents)) as file:
            try:
                self._apply_and_wait(documents, name, kind="deployment")
                yield
            finally:
                said_by(self.kubectl.delete(file))

    def _apply_and_wait(self, documents: list[Manifest], name: str, kind: str = "") -> None:
        with brief(write(documents)) as file:
            said_by(self.kubectl.apply(file))
        try:
            self._wait(kind or self.kind, name)
        except DeployError as error:
            raise with_last_words(error, self._last_words(name)) from error

    def _wait(self, kind: str, name: str) -> None:
        """Until all replicas are new and ready. Raises DeployError when they are late."""
        seconds = self.deployment.rollout.timeout
        if kind == "deployment":
            said_by(self.kubectl.rollout_status(kind, name, seconds))
            return
        until(
            lambda: is_settled(self._get(kind, name)),
            seconds=seconds,
            missed=f"{name} is not ready",
        )

    def _get(self, kind: str, name: str) -> dict[str, Any]:
        text = said_by(self.kubectl.get(kind, name))
        found: dict[str, Any] = json.loads(text) if text.strip() else {}
        return found

    def _replicas(self, name: str = "") -> Iterator[Replica]:
        selector = f"{NAME}={name}" if name else f"{MANAGED}={self.deployment.name}"
        for item in json.loads(said_by(self.kubectl.pods(selector)))["items"]:
            yield replica_of(item)

    def _watch(self, name: str, count: int, seconds: int) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(min(5, seconds))
            found = list(self._replicas(name))
            if sum(one.ready for one in found) < count or any(one.note for one in found):
                notes = [one.note for one in found if one.note]
                raise DeployError((notes or ["a replica is not ready any more"])[0], where=name)

    def _make_secret(self) -> None:
        if not self.values:
            return
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": secret_of(self.deployment),
                "namespace": self.place.namespace,
                "labels": labels(self.deployment),
            },
            "stringData": dict(sorted(self.values.items())),
        }
        with brief(write([secret])) as file:
            said_by(self.kubectl.apply(file))

    def _last_words(self, name: str) -> str:
        heard: list[str] = []
        with suppress(CommandFailed):
            words = self.kubectl.logs(f"{NAME}={name}", follow=False, tail=LAST_WORDS)
            run(words, on_line=heard.append)
        return "\n".join(heard)

    @contextmanager
    def _forwarded(self, name: str) -> Iterator[str]:
        """A port of this machine that leads to the pod.

        kubectl forwards until it is ended, which a line of its own gives us the occasion for: it
        writes one for each connection.
        """
        ports: queue.Queue[str] = queue.Queue()
        over = threading.Event()

        def hear(line: str) -> None:
            if found := FORWARDING.search(line):
                ports.put(found[1])
            if over.is_set():
                raise Enough

        def forward() -> None:
            with suppress(Enough, CommandFailed):
                run(self.kubectl.port_forward(name, INSIDE), on_line=hear)

        thread = threading.Thread(target=forward, daemon=True)
        thread.start()
        try:
            address = f"http://127.0.0.1:{ports.get(timeout=PATIENCE)}"
        except queue.Empty:
            raise DeployError(f"no port is forwarded to {name}") from None
        try:
            yield address
        finally:
            over.set()
            status(address, "/readyz")
            thread.join(PATIENCE)


def share(replicas: int, percent: int) -> int:
    """How many pods, beside so many old ones, have this share of all; one at least.

    >>> share(9, 10), share(3, 50), share(2, 10)
    (1, 3, 1)
    """
    return max(1, round(replicas * percent / (100 - percent)))


def is_settled(service: Mapping[str, Any]) -> bool:
    """Whether an InferenceService is ready as it was last asked for, not as it was before."""
    said = service.get("status", {})
    seen = said.get("observedGeneration") == service.get("metadata", {}).get("generation")
    return seen and any(
        one["type"] == "Ready" and one["status"] == "True" for one in said.get("conditions") or ()
    )


def replica_of(pod: Mapping[str, Any]) -> Replica:
    """A pod in our words."""
    said = pod.get("status", {})
    container = (said.get("containerStatuses") or [{}])[0]
    waiting = (container.get("state") or {}).get("waiting") or {}
    restarts = container.get("restartCount", 0)
    ready = any(
        one["type"] == "Ready" and one["status"] == "True" for one in said.get("conditions") or ()
    )
    note = f"it was started {restarts + 1} times" if restarts else waiting.get("message", "")
    return Replica(
        name=pod["metadata"]["name"],
        state=waiting.get("reason") or said.get("phase", "Unknown"),
        ready=ready,
        image=pod["spec"]["containers"][0]["image"],
        node=pod["spec"].get("nodeName", ""),
        note=note,
    )


def annotated(spec: Spec, previous: Spec) -> list[Manifest]:
    """The documents with what is written on the first, to compare with and to return to."""
    first, *others = spec.manifests
    image = _image(first)
    notes = {
        DIGEST: image.partition("@")[2], f"{MANAGED}.image": image,
        SPEC: spec.text, PREVIOUS: previous.text,
    }  # fmt: skip
    metadata = first["metadata"]
    first["metadata"] = {**metadata, "annotations": {**metadata.get("annotations", {}), **notes}}
    return [first, *others]


def _image(document: Manifest) -> str:
    spec = document["spec"]
    pod = spec["template"]["spec"] if "template" in spec else spec["predictor"]
    return str(pod["containers"][0]["image"])


def said_by(command: Command) -> str:
    """What kubectl writes. Raises DeployError with its own words."""
    try:
        return run(command).output
    except CommandFailed as error:
        raise refused(error) from error


def refused(error: CommandFailed) -> DeployError:
    """What kubectl says itself."""
    if isinstance(error, MissingProgram):
        return DeployError(error.message, hint=error.hint)
    hint = ""
    if "refused" in error.tail or "no configuration" in error.tail:
        hint = "check kubectl's context: kubectl config get-contexts"
    return DeployError(error.tail.strip() or error.message, where="kubectl", hint=hint)
