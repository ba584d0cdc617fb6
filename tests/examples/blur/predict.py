"""An image in, an image out."""

from tempfile import mkdtemp

from cog import BasePredictor, Input, Path
from PIL import Image, ImageFilter


class Predictor(BasePredictor):
    def predict(
        self,
        image: Path,
        radius: float = Input(description="How much, in pixels", default=2, ge=0),
    ) -> Path:
        blurred = Path(mkdtemp()) / "blurred.png"
        with Image.open(image) as opened:
            opened.filter(ImageFilter.BoxBlur(radius)).save(blurred)
        return blurred
