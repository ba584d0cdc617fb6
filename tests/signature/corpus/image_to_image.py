from cog import BasePredictor, Path, Input


class Predictor(BasePredictor):
    def setup(self):
        """Load the model"""

    def predict(
        self,
        image: Path = Input(description="Image to enlarge", accept="image/*"),
        scale: float = Input(description="Factor to scale image by", default=1.5),
    ) -> Path:
        """Run a single prediction on the model"""
        return image
