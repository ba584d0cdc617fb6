"""Small images for tests, and what hypothesis makes of the nouns."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from functools import partial
from io import BytesIO
from typing import Any

from hypothesis import strategies as st

from cogsmith.oci import (
    Compression,
    ContainerConfig,
    Descriptor,
    Digest,
    Directory,
    Entry,
    File,
    Hardlink,
    Healthcheck,
    History,
    Image,
    ImageConfig,
    Layer,
    Platform,
    Reference,
    Symlink,
    layer,
    tar,
)

AMD64 = Platform(os="linux", architecture="amd64")

ENTRIES: tuple[Entry, ...] = (
    File.of("srv/app/predict.py", b"print('hello')\n" * 40),
    File.of("srv/app/run", b"#!/bin/sh\n", mode=0o755),
    File.of("srv/app/empty", b""),
    Symlink(path="srv/current", target="app"),
    Hardlink(path="srv/again", target="srv/app/run"),
    Directory(path="srv/private", mode=0o700),
    File.of(f"srv/{'long' * 20}/{'name' * 30}", b"far down"),
    File.of("srv/Grüße/世界", b"not ASCII"),
)


def made_of(entries: Iterable[Entry], compression: Compression = "gzip") -> Layer:
    kept = list(entries)
    return layer(lambda: tar(kept), compression)


def image(*layers: Layer, **config: Any) -> Image:
    made = ImageConfig(platform=AMD64, config=ContainerConfig(**config))
    return Image.of(made, layers or (made_of(ENTRIES),))


def two_layers(compression: Compression = "gzip") -> Image:
    top = made_of([File.of("srv/app/predict.py", b"print('newer')\n")], compression)
    return image(made_of(ENTRIES, compression), top, cmd=("run",), labels={"by": "me"})


texts = st.text(st.characters(codec="utf-8"), max_size=12)
words = st.text(string.ascii_letters + string.digits + " .-_/", min_size=1, max_size=12)
digests = st.one_of(
    st.binary(max_size=4).map(Digest.of),
    st.binary(max_size=4).map(lambda data: Digest.of(data, "sha512")),
)
scalars = st.one_of(st.booleans(), st.integers(-(2**62), 2**62), texts, st.floats(0, 1e9))
# No name of ours begins with x, in capital letters or small ones.
extras = st.dictionaries(
    texts.map(lambda text: f"x{text}"),
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=5),
    max_size=2,
)
mappings = st.dictionaries(texts, texts, max_size=3)
platforms = st.builds(
    Platform, os=words, architecture=words, variant=texts, os_version=texts,
    os_features=st.lists(texts, max_size=2).map(tuple), extra=extras,
)  # fmt: skip


def descriptors(media_types: st.SearchStrategy[str] = words) -> st.SearchStrategy[Descriptor]:
    return st.builds(
        Descriptor, media_type=media_types, digest=digests, size=st.integers(0, 2**63 - 1),
        urls=st.lists(texts, max_size=2).map(tuple), annotations=mappings,
        platform=st.none() | platforms, artifact_type=texts, extra=extras,
    )  # fmt: skip


def with_data(data: bytes) -> Descriptor:
    return Descriptor(media_type="text/plain", digest=Digest.of(data), size=len(data), data=data)


def tuples(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=3).map(tuple)


sets = st.lists(texts, max_size=3, unique=True).map(lambda items: tuple(sorted(items)))
times = st.integers(0, 2**62)
healthchecks = st.builds(
    Healthcheck, test=tuples(texts), interval=times, timeout=times, start_period=times,
    start_interval=times, retries=times, extra=extras,
)  # fmt: skip
container_configs = st.builds(
    ContainerConfig, user=texts, exposed_ports=sets, env=tuples(texts),
    entrypoint=st.none() | tuples(texts), cmd=st.none() | tuples(texts), volumes=sets,
    working_dir=texts, labels=mappings, stop_signal=texts,
    healthcheck=st.none() | healthchecks, extra=extras,
)  # fmt: skip
histories = st.builds(
    History, created=texts, created_by=texts, author=texts, comment=texts,
    empty_layer=st.booleans(), extra=extras,
)  # fmt: skip
image_configs = st.builds(
    ImageConfig,
    platform=st.builds(Platform, os=words, architecture=words, variant=texts),
    config=container_configs, diff_ids=tuples(digests), history=tuples(histories),
    created=texts, author=texts, extra=extras,
)  # fmt: skip

hosts = st.sampled_from(
    ["docker.io", "localhost", "localhost:5000", "registry.example.com", "A.example:80",
     "[::1]", "[2001:db8::1]:5000", "HOST", "127.0.0.1:65535"]
)  # fmt: skip
components = st.from_regex(r"[a-z0-9]{1,5}((\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}", fullmatch=True)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@st.composite
def references(draw: st.DrawFn) -> Reference:
    registry = draw(hosts)
    parts: Sequence[str] = draw(st.lists(components, min_size=1, max_size=4))
    if registry == "docker.io" and len(parts) == 1:
        parts = ("library", *parts)
    digest = draw(st.none() | digests)
    tag = draw(tags) if digest is None else draw(st.just("") | tags)
    return Reference(registry=registry, repository="/".join(parts), tag=tag, digest=digest)


# Names that meet each other: short, and from few letters.
names = st.text("abé", min_size=1, max_size=3) | st.text("x", min_size=90, max_size=130)
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


@st.composite
def trees(draw: st.DrawFn) -> list[Entry]:
    """Entries that fit together: nothing twice, nothing inside of a file or a link."""
    found: dict[str, Entry] = {}
    for path in draw(st.lists(paths, max_size=8, unique=True)):
        above = [path.rsplit("/", n)[0] for n in range(1, path.count("/") + 1)]
        below = any(other.startswith(f"{path}/") for other in found)
        if not below and all(isinstance(found.get(p), Directory | None) for p in above):
            mode = draw(st.integers(0, 0o7777))
            owner = draw(st.sampled_from([0, 1000, 0o7777777, 0o7777777 + 1]))
            data = draw(st.binary(max_size=1100))
            file = File(
                path=path, mode=mode, uid=owner, size=len(data), open=partial(BytesIO, data)
            )
            found[path] = draw(
                st.sampled_from([
                    file,
                    Directory(path=path, mode=mode, gid=owner),
                    Symlink(path=path, target=draw(names)),
                ])
            )  # fmt: skip
    return list(found.values())
