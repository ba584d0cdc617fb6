"""Cog's newer names: a Runner with run()."""

from cog import BaseRunner


class Runner(BaseRunner):
    def run(self, text: str = "") -> str:
        return text[::-1]
