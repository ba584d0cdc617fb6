"""Waits in C, where no exception reaches it: a lock that it holds already."""

import ctypes

from cog import BasePredictor


class Predictor(BasePredictor):
    def predict(self, hang: bool = True, gil: bool = False) -> str:
        library = (ctypes.PyDLL if gil else ctypes.CDLL)(None)
        mutex = ctypes.create_string_buffer(128)  # zeros: a pthread mutex that nobody holds
        if hang:
            print("hanging", flush=True)
            library.pthread_mutex_lock(mutex)
            library.pthread_mutex_lock(mutex)
        return "came back"
