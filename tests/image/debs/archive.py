"""Packages, an archive and a base image made by hand, signed with a key made for the test."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pysequoia

from cogsmith.image import System
from cogsmith.oci import Digest, Platform

ARCHIVE = "http://archive.example/debian"
NOW = datetime.now(timezone.utc)


def deb(
    name: str,
    files: Mapping[str, bytes | str],
    *,
    version: str = "1.0-1",
    end: str = "xz",
    scripts: Mapping[str, str] | None = None,
    **control: str,
) -> bytes:
    """A package. A file that is a str is a link: symbolic, or a hard one after ``=``."""
    told = {"Package": name, "Version": version, "Architecture": "amd64", **control}
    stanza = "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in told.items())
    parts = {"control": stanza + "Description: made for a test\n", **(scripts or {})}
    inner = _tar({f"./{key}": value.encode() for key, value in parts.items()})
    packed: dict[str, Callable[[bytes], bytes]] = {
        "xz": lzma.compress, "gz": partial(gzip.compress, mtime=0), "": bytes,
    }  # fmt: skip
    suffix = f".{end}" if end else ""
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.gz": gzip.compress(inner, mtime=0),
        f"data.tar{suffix}": packed[end](_tar(files)),
    }
    made = b"!<arch>\n"
    for title, data in members.items():
        made += f"{title:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
        made += data + b"\n" * (len(data) % 2)
    return made


def _tar(files: Mapping[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.mtime = 1_600_000_000
            member.mode = 0o755 if "bin/" in path else 0o644
            if isinstance(data, str):
                member.type = tarfile.LNKTYPE if data.startswith("=") else tarfile.SYMTYPE
                member.linkname = data.lstrip("=")
                archive.addfile(member)
            elif path.endswith("/"):
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(member)
            else:
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


@dataclass
class Archive:
    """An archive in a folder, and the key that signs it."""

    folder: Path
    key: pysequoia.Tsk
    stanzas: list[str] = field(default_factory=list)
    suite: str = "bookworm"
    date: datetime = NOW - timedelta(hours=1)
    until: datetime | None = None
    extra: str = ""

    @classmethod
    def at(cls, folder: Path) -> Archive:
        return cls(folder, make_key())

    def add(self, data: bytes, name: str, version: str = "1.0-1", **control: str) -> None:
        path = f"pool/{name}_{version.replace(':', '%3a')}_amd64.deb"
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        told = {
            "Package": name, "Version": version, "Architecture": "amd64", **control,
            "Filename": path, "Size": str(len(data)), "SHA256": hashlib.sha256(data).hexdigest(),
        }  # fmt: skip
        lines = (f"{key.replace('_', '-')}: {value}\n" for key, value in told.items())
        self.stanzas.append("".join(lines))

    def package(self, name: str, files: Mapping[str, bytes | str], **more: str) -> None:
        """Make a package and add it; ``scripts`` are given by their names."""
        scripts: dict[str, str] = {
            kind: more.pop(kind) for kind in ("preinst", "postinst", "triggers") if kind in more
        }
        version, end = more.pop("version", "1.0-1"), more.pop("end", "xz")
        data = deb(name, files, version=version, end=end, scripts=scripts, **more)
        self.add(data, name, version, **more)

    def publish(self) -> None:
        """Write the indexes and sign them."""
        index = lzma.compress("\n".join(self.stanzas).encode())
        name = "main/binary-amd64/Packages.xz"
        place = self.folder / "dists" / self.suite
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(index)
        until = f"Valid-Until: {format_datetime(self.until)}\n" if self.until else ""
        text = (
            f"Origin: Test\nSuite: {self.suite}\nCodename: {self.suite}\n{self.extra}"
            f"Date: {format_datetime(self.date)}\n{until}Architectures: amd64\nComponents: main\n"
            f"SHA256:\n {hashlib.sha256(index).hexdigest()} {len(index)} {name}\n"
        )
        (place / "InRelease").write_bytes(sign(self.key, text.encode()))


def make_key() -> pysequoia.Tsk:
    return pysequoia.Tsk.generate("Archive <archive@example.org>")


def sign(key: pysequoia.Tsk, text: bytes) -> bytes:
    return bytes(pysequoia.sign(key.signer(), text, mode=pysequoia.SignatureMode.CLEAR))


STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 2.36-9
Description: the C library

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0
Description: was here once
"""


def base(key: pysequoia.Tsk, **files: str) -> System:
    """A merged-/usr Debian with libc6; ``files`` replaces or adds (``__`` is a slash)."""
    have = {
        "etc/os-release": 'ID=debian\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian 12"\n',
        "etc/apt/sources.list": f"deb {ARCHIVE} bookworm main\n",
        "var/lib/dpkg/status": STATUS,
        **{path.replace("__", "/"): text for path, text in files.items()},
    }
    certificate = {"etc/apt/trusted.gpg.d/archive.gpg": bytes(key.extract_certificate())}
    folders = "bin etc etc/apt usr usr/bin usr/lib usr/share usr/share/doc var var/lib var/lib/dpkg"
    return System(
        digest=Digest.of(repr(sorted(have.items())).encode()),
        platform=Platform(os="linux", architecture="amd64"),
        files={**{path: text.encode() for path, text in have.items()}, **certificate},
        folders=frozenset([*folders.split()[1:], "var/lib/dpkg/info", "usr/lib/x86_64-linux-gnu"]),
        links={"bin": "usr/bin", "lib": "usr/lib"},
        programs=frozenset(["usr/bin/sh"]),
    )


class _Quiet(SimpleHTTPRequestHandler):
    asked: list[str]

    def log_message(self, *words: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        super().do_GET()


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The folder over http: its URL, and what was asked for."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    asked: list[str] = []
    server.asked = asked  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
