"""The worker's process, started with as few imports as can be.

An image starts it before we are imported ourselves (``cogsmith.runtime.__main__``): until the
model is loaded, every millisecond here is one more for its first answer.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping

BOOTSTRAP = os.path.join(os.path.dirname(os.path.dirname(__file__)), "worker", "bootstrap.py")  # noqa: PTH118, PTH120 - pathlib takes as long to import as the rest of this


def spawn(
    python: str, project: str, environment: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start the author's interpreter on ``worker/bootstrap.py``; answers it and our end.

    ``environment`` is added to ours. Raises OSError when there is no such interpreter or folder.
    """
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(
            (python, "-u", BOOTSTRAP, str(theirs.fileno())), cwd=project,
            env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            pass_fds=[theirs.fileno()], start_new_session=True,
        )  # fmt: skip
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return process, ours
