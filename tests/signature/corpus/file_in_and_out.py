from cog import BasePredictor, File, Input


class Predictor(BasePredictor):
    def predict(self, source_image: File = Input(description="Image to enlarge")) -> File:
        return source_image
