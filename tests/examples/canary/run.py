"""Text in three pieces, under Cog's newer names: run.py, Runner, run()."""

from cog import BaseRunner, ConcatenateIterator, Input


class Runner(BaseRunner):
    def run(
        self, text: str = Input(description="What comes after the greeting")
    ) -> ConcatenateIterator[str]:
        yield from ("hello ", "there, ", text)
