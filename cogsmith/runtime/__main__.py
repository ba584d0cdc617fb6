"""``python -m cogsmith.runtime``: what an image starts.

The worker's process is started before anything else is imported: it gets ready to load the
model while we learn to speak HTTP.
"""

from __future__ import annotations

import gc

gc.disable()  # imports leave nothing to collect; the server turns it on again when it listens

import importlib  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

from cogsmith.runtime.process.init import become  # noqa: E402
from cogsmith.runtime.process.spawn import spawn  # noqa: E402

TYPE_CHECKING = False  # typing's own takes as long to import as the process to start
if TYPE_CHECKING:
    import socket
    import subprocess
    from typing import NoReturn


def main() -> NoReturn:
    """Serve until told to end, and end as the signal says; as process 1, beside a small init."""
    become()
    early = _early() if len(sys.argv) == 1 or not {"-h", "--help"} & {*sys.argv} else None
    image = importlib.import_module("cogsmith.runtime.image")
    sys.exit(image.main(sys.argv[1:], early))


def _early() -> tuple[subprocess.Popen[bytes], socket.socket] | None:
    """The worker's process; None when there is no model, or it cannot be started so."""
    if not os.environ.get("COG_PREDICT_TYPE_STUB"):
        return None
    try:
        return spawn(os.environ.get("COGSMITH_PYTHON") or sys.executable, os.getcwd(), {})  # noqa: PTH109
    except OSError:
        return None  # said when it is tried again


if __name__ == "__main__":
    main()
