"""A program that comes from Debian."""

import shutil
import subprocess


def predict() -> str:
    if shutil.which("tini") is None:
        return "no tini here"
    return subprocess.run(("tini", "--version"), capture_output=True, text=True).stdout.split()[0]
