"""Weights that do not travel in the image: are they those that weights.lock names?"""

import hashlib
import json
from pathlib import Path

from cog import BasePredictor

HERE = Path(__file__).parent


def state(folder: Path, file: dict[str, str]) -> str:
    path = folder / file["path"]
    if not path.exists():
        return "missing"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return "ok" if file["digest"] == f"sha256:{digest}" else "changed"


class Predictor(BasePredictor):
    def setup(self) -> None:
        lock = json.loads((HERE / "weights.lock").read_text("utf-8"))
        self.states = {
            f"{weight['name']}/{file['path']}": state(HERE / "weights" / weight["name"], file)
            for weight in lock["weights"]
            for file in weight["files"]
        }

    def predict(self) -> dict[str, str]:
        return self.states
