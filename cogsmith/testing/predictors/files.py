"""Files in, files out."""

import tempfile
from collections.abc import Iterator

from cog import BasePredictor, Path


class Predictor(BasePredictor):
    def predict(self, files: list[Path], back: bool = False) -> Iterator[Path]:
        for file in files:
            print(type(file).__module__, type(file).__name__)
            if back:
                yield file
                continue
            folder = Path(tempfile.mkdtemp())
            (folder / "shouted.txt").write_text(file.read_text().upper())
            yield folder / "shouted.txt"
