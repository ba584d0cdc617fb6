"""The config of an image: how it is run, and which file system its layers make."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from cogsmith.oci.digest import Digest
from cogsmith.oci.document import Document, Fields, load
from cogsmith.oci.platforms import Platform
from cogsmith.values import dataclass

__all__ = ["SECOND", "ContainerConfig", "Healthcheck", "History", "ImageConfig"]

SECOND = 1_000_000_000  # in nanoseconds, in which Docker counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck:
    """How Docker asks a container whether it is well; times are in nanoseconds, 0 is inherited.

    ``test`` begins with ``NONE``, ``CMD`` or ``CMD-SHELL``. It is Docker's field: OCI lets it
    pass, and other runtimes do not look at it.
    """

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def read(cls, fields: Fields) -> Healthcheck:
        """Read the object of a config."""
        return cls(
            test=fields.texts("Test"),
            interval=fields.integer("Interval"),
            timeout=fields.integer("Timeout"),
            start_period=fields.integer("StartPeriod"),
            start_interval=fields.integer("StartInterval"),
            retries=fields.integer("Retries"),
            extra=fields.rest(),
        )

    def document(self) -> dict[str, Any]:
        """The object of a config."""
        known = {
            "Test": list(self.test),
            "Interval": self.interval,
            "Timeout": self.timeout,
            "StartPeriod": self.start_period,
            "StartInterval": self.start_interval,
            "Retries": self.retries,
        }
        return {**self.extra, **{name: value for name, value in known.items() if value}}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerConfig:
    """What a container of the image starts with, unless told otherwise.

    ``env`` holds ``NAME=value``; ``entrypoint`` and ``cmd`` are None where nothing is said,
    which is not the same as an empty list; ports are ``5000/tcp``, volumes paths.
    """

    user: str = ""
    exposed_ports: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    volumes: tuple[str, ...] = ()
    working_dir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    stop_signal: str = ""
    healthcheck: Healthcheck | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def read(cls, fields: Fields) -> ContainerConfig:
        """Read the object of a config."""
        healthcheck = fields.object("Healthcheck")
        return cls(
            user=fields.text("User"),
            exposed_ports=fields.keys("ExposedPorts"),
            env=fields.texts("Env"),
            entrypoint=fields.words("Entrypoint"),
            cmd=fields.words("Cmd"),
            volumes=fields.keys("Volumes"),
            working_dir=fields.text("WorkingDir"),
            labels=fields.mapping("Labels"),
            stop_signal=fields.text("StopSignal"),
            healthcheck=Healthcheck.read(healthcheck) if healthcheck else None,
            extra=fields.rest(),
        )

    def document(self) -> dict[str, Any]:
        """The object of a config."""
        known: dict[str, Any] = {
            "User": self.user,
            "ExposedPorts": {port: {} for port in self.exposed_ports},
            "Env": list(self.env),
            "Volumes": {volume: {} for volume in self.volumes},
            "WorkingDir": self.working_dir,
            "Labels": dict(self.labels),
            "StopSignal": self.stop_signal,
            "Healthcheck": self.healthcheck.document() if self.healthcheck else None,
        }
        made = {**self.extra, **{name: value for name, value in known.items() if value}}
        for name, words in (("Entrypoint", self.entrypoint), ("Cmd", self.cmd)):
            if words is not None:
                made[name] = list(words)
        return made

    @property
    def environment(self) -> dict[str, str]:
        """``env`` by name; the last of a name counts, as for a process."""
        return dict(text.partition("=")[::2] for text in self.env)


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What made one layer, for people; ``empty_layer``: it made none. ``created`` is RFC 3339."""

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def read(cls, fields: Fields) -> History:
        """Read an object of a config."""
        return cls(
            created=fields.text("created"),
            created_by=fields.text("created_by"),
            author=fields.text("author"),
            comment=fields.text("comment"),
            empty_layer=fields.true("empty_layer"),
            extra=fields.rest(),
        )

    def document(self) -> dict[str, Any]:
        """The object of a config."""
        known = {
            "created": self.created,
            "created_by": self.created_by,
            "author": self.author,
            "comment": self.comment,
            "empty_layer": self.empty_layer,
        }
        return {**self.extra, **{name: value for name, value in known.items() if value}}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageConfig(Document):
    """The config of an image. ``diff_ids[i]`` names layer i uncompressed; times are RFC 3339."""

    platform: Platform
    config: ContainerConfig = ContainerConfig()
    diff_ids: tuple[Digest, ...] = ()
    history: tuple[History, ...] = ()
    created: str = ""
    author: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, data: bytes, *, where: str = "config") -> ImageConfig:
        """Read the config of an image of OCI or of Docker. Raises InvalidDocument."""
        fields = load(data, where=where)
        config, rootfs = fields.object("config"), fields.object("rootfs", required=True)
        made = cls(
            platform=_platform(fields),
            config=ContainerConfig.read(config) if config else ContainerConfig(),
            diff_ids=_diff_ids(rootfs) if rootfs else (),
            history=tuple(map(History.read, fields.objects("history"))),
            created=fields.text("created"),
            author=fields.text("author"),
            extra=fields.rest() | _rest_of(rootfs),
        )
        fields.finish()
        made._keep(data)
        return made

    def document(self) -> dict[str, Any]:
        """What stands in the document."""
        config, history = self.config.document(), [entry.document() for entry in self.history]
        diff_ids = list(map(str, self.diff_ids))
        optional: dict[str, Any] = {
            "config": config,
            "history": history,
            "created": self.created,
            "author": self.author,
        }
        return {
            **self.extra,
            **self.platform.document(),
            "rootfs": {**self.extra.get("rootfs", {}), "type": "layers", "diff_ids": diff_ids},
            **{name: value for name, value in optional.items() if value},
        }

    @property
    def chain_ids(self) -> tuple[Digest, ...]:
        """What engines call the file system after each layer: a running hash of the diff ids."""
        chain: list[Digest] = []
        for diff_id in self.diff_ids:
            chain.append(_chained(chain[-1], diff_id) if chain else diff_id)
        return tuple(chain)


def _chained(parent: Digest, diff_id: Digest) -> Digest:
    return Digest("sha256", hashlib.sha256(f"{parent} {diff_id}".encode()).hexdigest())


def _platform(fields: Fields) -> Platform:
    return Platform(
        os=fields.text("os", required=True),
        architecture=fields.text("architecture", required=True),
        variant=fields.text("variant"),
        os_version=fields.text("os.version"),
        os_features=fields.texts("os.features"),
    )


def _diff_ids(rootfs: Fields) -> tuple[Digest, ...]:
    if (kind := rootfs.text("type", required=True)) and kind != "layers":
        rootfs.complain("type", f"must be layers, not {kind[:40]!r}")
    return rootfs.digests("diff_ids")


def _rest_of(rootfs: Fields | None) -> dict[str, Any]:
    rest = rootfs.rest() if rootfs else {}
    return {"rootfs": rest} if rest else {}
