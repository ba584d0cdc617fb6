"""A ``kubectl`` that does what a cluster would, as far as one deployment needs it.

It keeps objects in a folder, notes each command, and fails at the command that a file names.
A stand-in for a cluster, which no test has; it is started as a program, as the real one is.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import yaml

HERE = Path(os.environ["KUBECTL_FOLDER"])


def said(name: str) -> str:
    path = HERE / name
    return path.read_text() if path.exists() else ""


def objects() -> dict[str, dict]:
    return json.loads(said("objects") or "{}")


def save(found: dict[str, dict]) -> None:
    (HERE / "objects").write_text(json.dumps(found))


def key(document: dict) -> str:
    return f"{document['kind'].lower()}/{document['metadata']['name']}"


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def pods() -> list[dict]:
    """As many as each Deployment wants, all ready."""
    made = []
    for document in objects().values():
        if document["kind"] != "Deployment":
            continue
        template = document["spec"]["template"]
        for number in range(document["spec"].get("replicas", 1)):
            name = f"{document['metadata']['name']}-{number}"
            made.append({
                "metadata": {"name": name, **template["metadata"]},
                "spec": {**template["spec"], "nodeName": "node-1"},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
            })  # fmt: skip
    return made


def main() -> int:
    words = sys.argv[1:]
    assert words[:2] == ["--namespace", "default"], words
    words = words[2:]
    verb = words[0]
    with (HERE / "commands").open("a") as file:
        file.write(" ".join(word for word in words if not word.startswith("/")) + "\n")
    failing = said("fails")
    if failing and failing in " ".join(words):
        sys.stderr.write("error: it does not hold\n")
        return 1
    if verb in ("apply", "delete"):
        found = objects()
        for document in yaml.safe_load_all(Path(words[words.index("--filename") + 1]).read_text()):
            if verb == "apply":
                found[key(document)] = document
            else:
                found.pop(key(document), None)
        save(found)
    elif verb == "get" and words[1] == "pods":
        name, _, value = words[words.index("--selector") + 1].partition("=")
        chosen = [pod for pod in pods() if pod["metadata"]["labels"].get(name) == value]
        tell(json.dumps({"items": chosen}))
    elif verb == "get":
        document = objects().get(f"{words[1]}/{words[2]}")
        tell(json.dumps(document) if document else "")
    elif verb == "diff":
        wanted = yaml.safe_load_all(Path(words[-1]).read_text())
        changed = [key(one) for one in wanted if objects().get(key(one)) != one]
        tell("\n".join(f"+{name}" for name in changed))
        return 1 if changed else 0
    elif verb == "logs":
        tell("[pod/a] the last line")
    elif verb == "port-forward":
        tell(f"Forwarding from 127.0.0.1:{said('port')} -> 5000")
        while True:  # a line for each connection; here, for each moment
            time.sleep(0.05)
            tell("Handling connection for 5000")
    return 0


if __name__ == "__main__":
    sys.exit(main())
