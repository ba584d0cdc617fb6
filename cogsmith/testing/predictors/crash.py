"""Dies by a signal, after ``after`` chunks: SEGV as broken C code, KILL as out of memory."""

import ctypes
import os
import signal
from collections.abc import Iterator

from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self, how: str = "SEGV", after: int = 0) -> Iterator[str]:
        for number in range(after):
            yield str(number)
        print("last words", flush=True)
        if how == "SEGV":
            ctypes.string_at(0)
        os.kill(os.getpid(), getattr(signal, f"SIG{how}"))
        signal.pause()
