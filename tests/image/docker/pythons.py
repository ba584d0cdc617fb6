"""A Python that uv can install and nobody can run, and uv's list of what there is to install."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

CONFIG = b"""\
# system configuration generated and used by the sysconfig module
build_time_vars = {}
"""
ARCHITECTURES = ("x86_64", "aarch64")


def offer(folder: Path, version: str) -> dict[str, str]:
    """The variables that let uv find this version ("3.12.4"), for both architectures."""
    major, minor, patch = map(int, version.split("."))
    archive = folder / f"cpython-{version}.tar.gz"
    archive.write_bytes(_archive(f"{major}.{minor}"))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    listed = {
        f"cpython-{version}-linux-{machine}-gnu": {
            "name": "cpython", "arch": {"family": machine, "variant": None}, "os": "linux",
            "libc": "gnu", "major": major, "minor": minor, "patch": patch, "prerelease": "",
            "url": archive.as_uri(), "sha256": digest, "variant": None, "build": "20240415",
        }
        for machine in ARCHITECTURES
    }  # fmt: skip
    path = folder / "downloads.json"
    path.write_text(json.dumps(listed))
    return {"UV_PYTHON_DOWNLOADS_JSON_URL": str(path)}


def _archive(minor: str) -> bytes:
    library = f"python/lib/python{minor}"
    files = {
        f"python/bin/python{minor}": b"#!/bin/sh\necho python\n",
        f"{library}/os.py": b"",
        f"{library}/_sysconfigdata__linux_x86_64-linux-gnu.py": CONFIG,
        f"{library}/_sysconfigdata__linux_aarch64-linux-gnu.py": CONFIG,
    }
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(content), 0o755
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()
