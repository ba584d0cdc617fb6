from typing import AsyncIterator

import cog


class Runner(cog.BaseRunner):
    @cog.concurrent()
    @cog.streaming()
    async def run(self, prompt: str) -> AsyncIterator[str]:
        yield prompt
