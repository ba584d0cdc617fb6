"""The words that Docker and kubectl are started with. Nothing here runs them."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Docker", "Kubectl"]

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Docker:
    """Docker's commands, for the engine of a context, or of DOCKER_HOST."""

    context: str | None = None

    def _words(self, *words: str) -> Command:
        chosen = ("--context", self.context) if self.context else ()
        return ("docker", *chosen, *words)

    def stack_deploy(self, name: str, file: str) -> Command:
        """Make a stack as a file says. Images have digests: nothing is left to ask for."""
        return self._words(
            "stack", "deploy", "--with-registry-auth", "--resolve-image", "never",
            "--compose-file", file, name,
        )  # fmt: skip

    def stack_remove(self, name: str) -> Command:
        """End a stack: services, networks; secrets that it does not own stay."""
        return self._words("stack", "rm", name)

    def service(self, name: str) -> Command:
        """A service, as JSON."""
        return self._words("service", "inspect", name)

    def tasks(self, name: str) -> Command:
        """A service's tasks, running or not, as JSON, one a line."""
        return self._words("service", "ps", "--no-trunc", "--format", "{{json .}}", name)

    def inspect(self, *ids: str) -> Command:
        """Anything by its id, as JSON."""
        return self._words("inspect", *ids)

    def nodes(self, *ids: str) -> Command:
        """Nodes of the swarm, as JSON."""
        return self._words("node", "inspect", *ids)

    def service_logs(self, name: str, *, follow: bool, tail: int) -> Command:
        """What all replicas write."""
        more = ("--follow",) if follow else ()
        return self._words("service", "logs", *more, "--no-trunc", "--tail", str(tail), name)

    def inspect_context(self) -> Command:
        """The address of the engine."""
        chosen = (self.context,) if self.context else ()
        return ("docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}", *chosen)

    def secrets(self) -> Command:
        """The names of all secrets, one a line."""
        return self._words("secret", "ls", "--format", "{{.Name}}")

    def secret_create(self, name: str, file: str, label: str) -> Command:
        """A secret of a file's bytes."""
        return self._words("secret", "create", "--label", label, name, file)

    def compose_up(self, project: str, file: str, folder: str) -> Command:
        """Make a project as a file says; the files that it names are seen from a folder."""
        return self._words(
            "compose", "--project-name", project, "--project-directory", folder, "--file", file,
            "up", "--detach", "--remove-orphans",
        )  # fmt: skip

    def project(self, name: str, *words: str) -> Command:
        """A command of Compose on a project that is there."""
        return self._words("compose", "--project-name", name, *words)

    def containers(self, label: str) -> Command:
        """The ids of containers with a label, running or not, one a line."""
        return self._words("ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={label}")


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl's commands in one namespace of a context."""

    namespace: str
    context: str | None = None

    def _words(self, *words: str) -> Command:
        chosen = ("--context", self.context) if self.context else ()
        return ("kubectl", *chosen, "--namespace", self.namespace, *words)

    def apply(self, file: str) -> Command:
        """Make it as a file says; what we own of each object is ours alone."""
        return self._words("apply", "--filename", file)

    def diff(self, file: str) -> Command:
        """What apply would change. Exit code 1 says that it would."""
        return self._words("diff", "--filename", file)

    def delete(self, file: str) -> Command:
        """Take away what a file says, if it is there."""
        return self._words("delete", "--ignore-not-found", "--wait=false", "--filename", file)

    def get(self, kind: str, name: str) -> Command:
        """One object as JSON; nothing where it is not there."""
        return self._words("get", kind, name, "--ignore-not-found", "--output", "json")

    def pods(self, selector: str) -> Command:
        """Pods as JSON."""
        return self._words("get", "pods", "--selector", selector, "--output", "json")

    def rollout_status(self, kind: str, name: str, seconds: int) -> Command:
        """Wait until all replicas are new and ready."""
        return self._words("rollout", "status", f"{kind}/{name}", f"--timeout={seconds}s")

    def port_forward(self, name: str, port: int) -> Command:
        """A free port of this machine that leads to a pod of a deployment."""
        return self._words("port-forward", f"deployment/{name}", f":{port}")

    def logs(self, selector: str, *, follow: bool, tail: int) -> Command:
        """What all replicas write, with their names."""
        more = ("--follow", "--max-log-requests=50") if follow else ()
        return self._words("logs", "--selector", selector, "--prefix", f"--tail={tail}", *more)
