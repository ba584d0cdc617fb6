"""Records metrics in every way there is."""

from cog import BasePredictor, current_scope


class Predictor(BasePredictor):
    def setup(self) -> None:
        self.record_metric("nobody", 1)  # outside a prediction: a silent no-op

    def predict(self, name: str = "ok", context: bool = False) -> str:
        if context:
            return ",".join(f"{k}={v}" for k, v in sorted(self.scope.context.items()))
        self.record_metric(name, 1)
        self.record_metric("token_count", 2, mode="incr")
        self.record_metric("token_count", 3, mode="incr")
        self.record_metric("tags", "fast", mode="append")
        self.record_metric("tags", "cached", mode="append")
        self.record_metric("timing.load", 0.5)
        self.scope.metrics["gone"] = 1
        del self.scope.metrics["gone"]
        current_scope().record_metric("predict.steps", [1, 2])
        return repr(self.scope)
