"""The deprecated cog.File, in and out."""

import io

from cog import BasePredictor, File


class Predictor(BasePredictor):
    def predict(self, file: File) -> File:
        return io.BytesIO(file.read().upper())
