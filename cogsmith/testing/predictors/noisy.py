"""Writes wherever one can write: print, sys.stderr, logging, descriptors, subprocesses, forks."""

import logging
import os
import subprocess
import sys
import threading

from cog import BasePredictor

log = logging.getLogger("noisy")


class Predictor(BasePredictor):
    def setup(self) -> None:
        logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
        print("setting up")

    def predict(self, how: str = "print") -> str:
        getattr(self, how)()
        return how

    def print(self) -> None:
        print("one")
        print("two", file=sys.stderr)
        log.info("three")
        sys.stdout.buffer.write("vier ä\n".encode())
        print("no newline", end="")

    def descriptors(self) -> None:
        os.write(1, b"raw out\n")
        os.write(2, b"raw err\n")

    def subprocess(self) -> None:
        subprocess.run(["sh", "-c", "echo child out; echo child err >&2"], check=True)

    def fork(self) -> None:
        if os.fork() == 0:
            print("from the fork")
            os._exit(0)
        os.wait()

    def thread(self) -> None:
        thread = threading.Thread(target=print, args=["from a thread"])
        thread.start()
        thread.join()
