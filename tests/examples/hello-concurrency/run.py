"""Four predictions at once in one process; each tells how much it said as a metric."""

import asyncio

from cog import AsyncConcatenateIterator, BaseRunner, Input, concurrent, current_scope

FRUITS = ("Apple", "Banana", "Cherry", "Date", "Elderberry")


class Runner(BaseRunner):
    async def setup(self) -> None:
        self.underway = 0
        self.changed = asyncio.Condition()

    @concurrent(max=4)
    async def run(
        self,
        total: int = Input(description="How many fruits are named", default=3, ge=0, le=5),
        together: int = Input(description="Begin when so many are underway", default=1, ge=1, le=4),
    ) -> AsyncConcatenateIterator[str]:
        async with self.changed:
            self.underway += 1
            self.changed.notify_all()
            await self.changed.wait_for(lambda: self.underway >= together)
        for fruit in FRUITS[:total]:
            yield f"{fruit}\n"
            await asyncio.sleep(0)
        current_scope().record_metric("fruits", total)
