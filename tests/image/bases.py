"""A tiny base image with a Python that nobody runs, and layers for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cogsmith.image import Base, Recipe, Store, Venv, key_of, read_system
from cogsmith.oci import (
    ContainerConfig,
    Directory,
    Entry,
    File,
    Image,
    ImageConfig,
    Platform,
    Symlink,
    layer,
    pack,
    tar,
)

AMD64 = Platform(os="linux", architecture="amd64")
PASSWD = b"root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
GROUP = b"root:x:0:\nnogroup:x:65534:\n"
VENV = Venv(python="3.11", interpreter="/usr/bin/python3.11")

SYSTEM: tuple[Entry, ...] = (
    Directory(path="home"),
    Directory(path="opt"),
    Directory(path="root", mode=0o700),
    File.of("etc/passwd", PASSWD),
    File.of("etc/group", GROUP),
    File.of("usr/lib/os-release", b"ID=debian\n"),
    File.of("usr/bin/python3.11", b"elf", mode=0o755),
    Symlink(path="bin", target="usr/bin"),
    Symlink(path="usr/bin/python3", target="python3.11"),
)


def image_of(*layers: Iterable[Entry], **config: Any) -> Image:
    """An image of archives, one for each list of entries."""

    def made(entries: Iterable[Entry]) -> Callable[[], Iterable[bytes]]:
        kept = tuple(entries)
        return lambda: tar(kept)

    container = ContainerConfig(**config)
    return Image.of(
        ImageConfig(platform=AMD64, config=container), [layer(made(one)) for one in layers]
    )


def base_of(store: Store, *layers: Iterable[Entry], **config: Any) -> Base:
    """A base image with the usual system below the given layers."""
    image = image_of(SYSTEM, *layers, **config)
    return Base(
        reference="docker.io/library/python:3.11-slim", image=image,
        system=read_system(image, store),
    )  # fmt: skip


def recipe_of(title: str, *entries: Entry, kind: Any = "wheel", size: int = 100) -> Recipe:
    """A layer to be."""
    return Recipe(
        key=key_of("test", title), kind=kind, title=title, created_by=f"test: {title}", size=size,
        pack=lambda write: pack(tar(entries), write=write),
    )  # fmt: skip


def project_at(folder: Path, files: dict[str, str | bytes]) -> Path:
    """A project with these files."""
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder
