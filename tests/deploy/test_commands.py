"""Words of commands, compared whole."""

from __future__ import annotations

from cogsmith.deploy.commands import Docker, Kubectl


def test_dockers_words() -> None:
    here, there = Docker(), Docker("gpu")
    assert " ".join(here.stack_deploy("llama", "f.yaml")) == (
        "docker stack deploy --with-registry-auth --resolve-image never --compose-file f.yaml llama"
    )
    assert " ".join(there.stack_remove("llama")) == "docker --context gpu stack rm llama"
    assert " ".join(here.service("a_model")) == "docker service inspect a_model"
    assert " ".join(here.tasks("a")) == "docker service ps --no-trunc --format {{json .}} a"
    assert " ".join(here.service_logs("a", follow=True, tail=5)) == (
        "docker service logs --follow --no-trunc --tail 5 a"
    )
    assert " ".join(here.secret_create("n", "f", "a=b")) == "docker secret create --label a=b n f"
    assert " ".join(there.inspect_context()) == (
        "docker context inspect --format {{.Endpoints.docker.Host}} gpu"
    )
    assert " ".join(here.compose_up("llama", "f.yaml", "/srv")) == (
        "docker compose --project-name llama --project-directory /srv --file f.yaml "
        "up --detach --remove-orphans"
    )
    assert " ".join(there.project("llama", "down")) == (
        "docker --context gpu compose --project-name llama down"
    )


def test_kubectls_words() -> None:
    here, there = Kubectl("models"), Kubectl("models", "prod")
    assert " ".join(here.apply("f")) == "kubectl --namespace models apply --filename f"
    assert " ".join(there.diff("f")) == (
        "kubectl --context prod --namespace models diff --filename f"
    )
    assert " ".join(here.rollout_status("deployment", "a", 60)) == (
        "kubectl --namespace models rollout status deployment/a --timeout=60s"
    )
    assert " ".join(here.port_forward("a", 5000)) == (
        "kubectl --namespace models port-forward deployment/a :5000"
    )
    assert " ".join(here.logs("a=b", follow=False, tail=9)) == (
        "kubectl --namespace models logs --selector a=b --prefix --tail=9"
    )
