from cog import BaseRunner, Input, Path


class Runner(BaseRunner):
    def setup(self, weights: Path | None = None) -> None:
        pass

    def run(self, prompt: str = Input(description="Input prompt")) -> str:
        return prompt
