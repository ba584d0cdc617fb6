"""Deployments whose manifests are kept as golden files, one for each target and more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cogsmith.deploy import Deployment, Manifest, compose, kserve, kubernetes, parse, swarm, write
from cogsmith.oci import Digest

GOLDEN = Path(__file__).parent.parent / "golden" / "deploy"
DIGEST = Digest.of(b"the image")

SMALL = """\
name: hello
model: registry.example.com/ada/hello:1
targets:
  {target}:
"""

ONE_MACHINE = """\
name: llama
model: registry.example.com/ada/llama:1
gpus: 1
cpu: 4
memory: 16Gi
shared_memory: 2Gi
port: 8080
environment:
  COGSMITH_QUEUE: 50
  PRICE: "$5"
secrets:
  COGSMITH_API_KEY: {file: keys.txt}
  HF_TOKEN: {env: HF_TOKEN}
drain: 60
command: [python3.11, -I, -S, /opt/cogsmith]
targets:
  compose:
    address: 0.0.0.0
    caches:
      - {path: /var/cache/models, volume: models}
"""

SEVERAL = """\
name: llama
model: registry.example.com/ada/llama:1
replicas: 3
gpus: 2
cpu: 0.5
memory: 1500M
shared_memory: 1Gi
environment: {COGSMITH_QUEUE: 50}
secrets:
  COGSMITH_API_KEY: {secret: llama-keys}
  HF_TOKEN: {env: HF_TOKEN}
command: [python3.11, -I, -S, /opt/cogsmith]
probes:
  command: [wget, -q, "http://localhost:5000/readyz"]
rollout: {timeout: 600, watch: 30}
targets:
  swarm:
    constraints: [node.labels.gpu == true]
    most_per_node: 1
    caches:
      - {path: /var/cache/models, volume: models}
"""

CLUSTER = """\
name: llama
model: registry.example.com/ada/llama:1
gpus: 1
cpu: 0.5
memory: 16Gi
shared_memory: 2Gi
port: 80
environment: {COGSMITH_QUEUE: 50}
secrets:
  COGSMITH_API_KEY: {secret: llama-keys, key: api-key}
  HF_TOKEN: {env: HF_TOKEN}
drain: 120
autoscaling:
  min: 2
  max: 8
  target: 4
  by: SCALER
  prometheus: http://prometheus.monitoring:9090
targets:
  kubernetes:
    namespace: models
    ingress:
      host: llama.example.com
      ingress_class: nginx
      tls_secret: llama-tls
      annotations: {nginx.ingress.kubernetes.io/proxy-buffering: "off"}
    service_monitor: true
    node_selector: {accelerator: h200}
    tolerations:
      - {key: nvidia.com/gpu, effect: NoSchedule}
    runtime_class: nvidia
    pull_secret: registry
    caches:
      - {path: /home/cog/.cache, volume: models}
"""

SERVERLESS = """\
name: llama
model: registry.example.com/ada/llama:1
gpus: 1
memory: 16Gi
autoscaling: {min: 0, max: 8, target: 4}
rollout: {canary: {percent: 20}}
targets:
  kserve: {mode: serverless, namespace: models}
"""

Render = Callable[[Deployment], list[Manifest]]

EXAMPLES: dict[str, tuple[str, Render]] = {
    "compose-small": (SMALL.format(target="compose"), compose),
    "compose": (ONE_MACHINE, compose),
    "swarm-small": (SMALL.format(target="swarm"), swarm),
    "swarm": (SEVERAL, swarm),
    "kubernetes-small": (SMALL.format(target="kubernetes"), kubernetes),
    "kubernetes-keda": (CLUSTER.replace("SCALER", "keda"), kubernetes),
    "kubernetes-hpa": (CLUSTER.replace("SCALER", "hpa"), kubernetes),
    "kserve-raw": (SMALL.format(target="kserve"), kserve),
    "kserve-serverless": (SERVERLESS, kserve),
}


def deployment(name: str) -> Deployment:
    return parse(EXAMPLES[name][0], where="deploy.yaml").pinned(DIGEST)


def rendered(name: str) -> list[Manifest]:
    return EXAMPLES[name][1](deployment(name))


def save() -> None:
    """Write the golden files anew: ``python -m tests.deploy.write``, then read the diff."""
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name in EXAMPLES:
        (GOLDEN / f"{name}.yaml").write_text(write(rendered(name)), "utf-8")
