from cog import BasePredictor


class Shared(BasePredictor):
    def setup(self, weights):
        self.weights = weights
