"""Handles a secret, as a careful author would, or fails with it in hand."""

from cog import BasePredictor, Secret


class Predictor(BasePredictor):
    def predict(self, token: Secret, fail: bool = False) -> str:
        print(token, repr(token))
        if fail:
            raise PermissionError("the token was refused")
        return f"{len(token.get_secret_value() or '')} characters"
