"""A class without a base, and a look at the process that it runs in."""

import os
import sys


class Predictor:
    def predict(self) -> dict:
        return {
            "asyncio": "asyncio" in sys.modules,
            "cwd": os.getcwd(),
            "path": sys.path[0],
            "argv": sys.argv[1:],
            "stdin": os.readlink("/proc/self/fd/0"),
            "unbuffered": os.environ.get("PYTHONUNBUFFERED"),
            "greeting": os.environ.get("GREETING"),
        }
