"""What an image is told of its model, through the environment variables that Cog uses.

===============================  =========================================================
``COG_PREDICT_TYPE_STUB``        ``predict.py:Predictor``, below the working directory
``COG_TRAIN_TYPE_STUB``          ``train.py:train``, if there is one
``COG_MAX_CONCURRENCY``          predictions at once, of an async predictor
``COG_WEIGHTS``                  for ``setup(weights)``
``COGSMITH_PYTHON``              the model's interpreter; by default the one that runs us
``COGSMITH_MODEL``               what the model is called; by default the folder's name
===============================  =========================================================
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cogsmith.errors import CogsmithError, SignatureError, UsageError
from cogsmith.runtime.process.child import Child
from cogsmith.runtime.server.app import serve
from cogsmith.runtime.server.outlet import Outlet
from cogsmith.runtime.server.settings import Settings
from cogsmith.runtime.server.site import Offer, Site
from cogsmith.runtime.spec import WorkerSpec
from cogsmith.signature import load

NAMED = "COG_PREDICT_TYPE_STUB"


def main(words: Sequence[str], early: tuple[subprocess.Popen[bytes], socket.socket] | None) -> int:
    """Serve the model of the working directory until told to end; answers the exit code.

    ``early`` is the worker's process and our end of its socket, if it was started already.
    """
    given = _options().parse_args(words)
    sys.stdout, sys.stderr = outlets = Outlet(1), Outlet(2)
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    child = Child(*early) if early else None
    try:
        ended_by = _serve(given, os.environ, child)
    except CogsmithError as error:
        for problem in error.problems:
            sys.stderr.write(f"error: {problem}\n")
            sys.stderr.write(f"hint:  {problem.hint}\n" if problem.hint else "")
        return 2 if isinstance(error, UsageError) else 1
    finally:
        if child is not None:
            child.kill()
        for outlet in outlets:
            outlet.drain()
    if ended_by == signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
        return 128 + signal.SIGINT  # as process 1 of a container nobody ends of a signal
    return 0


def _serve(given: Namespace, environ: Mapping[str, str], child: Child | None) -> int:
    settings = Settings.parse(environ)
    logging.getLogger().setLevel(settings.level)
    site = site_of(environ, Path.cwd(), settings.concurrency)
    settings = replace(
        settings,
        host=given.host or settings.host,
        port=settings.port if given.port is None else given.port,
        upload_url=given.upload_url or settings.upload_url,
        explicit_shutdown=given.await_explicit_shutdown.lower() in ("true", "1"),
    )
    return serve(site, settings, children=[child] if child else [], listening=_told)


def _told(host: str, port: int) -> None:
    shown = f"[{host}]" if ":" in host else host
    logging.getLogger("cogsmith.server").info("listening at http://%s:%d", shown, port)


def _options() -> ArgumentParser:
    parser = ArgumentParser(
        prog="python -m cogsmith.runtime",
        description=f"Serve the model of this folder, which {NAMED} names.",
    )
    parser.add_argument("--host", help="address to listen at (default 0.0.0.0)")
    parser.add_argument("--port", type=int, help="port (default PORT, or 5000)")
    parser.add_argument("--upload-url", help="where output files are put (default: data URIs)")
    parser.add_argument(
        "--await-explicit-shutdown", nargs="?", const="true", default="false", metavar="BOOL",
        help="ignore SIGTERM; only POST /shutdown ends the server",
    )  # fmt: skip
    return parser


def bare_spec(environ: Mapping[str, str], project: Path) -> WorkerSpec:
    """Enough to start a process; what is said to it later comes from the signature."""
    return WorkerSpec(
        python=Path(environ.get("COGSMITH_PYTHON") or sys.executable),
        project=project,
        reference="",
        weights=environ.get("COG_WEIGHTS") or None,
    )


def site_of(environ: Mapping[str, str], project: Path, concurrency: int | None) -> Site:
    """The model of a folder, running ``concurrency`` predictions at once if that is not None.

    Raises SignatureError when it cannot be read.
    """
    reference, train = environ.get(NAMED, ""), environ.get("COG_TRAIN_TYPE_STUB", "")
    if not reference:
        raise SignatureError(
            "no predictor is named", where=NAMED, hint=f"set {NAMED}=predict.py:Predictor"
        )
    spec = bare_spec(environ, project)
    return Site(
        name=environ.get("COGSMITH_MODEL") or project.name or "model",
        predict=Offer.of(spec, load(project, reference), concurrency),
        train=Offer.of(spec, load(project, train, train=True)) if train else None,
    )
