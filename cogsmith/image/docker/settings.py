"""How a build with Docker is set up: secrets, certificates and the network, read once."""

from __future__ import annotations

import base64
import binascii
import errno
from collections.abc import Iterable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from cogsmith.errors import UsageError
from cogsmith.image.docker.programs import PROXIES, Kind
from cogsmith.image.docker.secrets import SecretSource, parse_secret
from cogsmith.values import dataclass

__all__ = ["DockerSettings", "Secret", "read_certificates", "read_secrets"]

_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
_CA = "COG_CA_CERT"
_CA_HINT = "name a PEM file or a folder of them, or give the PEM itself, as text or in base64"
SHORTEST = 4  # characters of a secret's line that is starred: shorter ones are in every text


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A secret and its content."""

    id: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerSettings:
    """What a person has said. ``certificates`` is PEM, b"" for none.

    ``builder`` docker means whichever of the three is here, and Docker first. ``anew``: nothing
    that was made before is used. ``file`` is the config's name, for messages.
    """

    builder: Kind = "docker"
    secrets: tuple[Secret, ...] = ()
    network: str = ""
    certificates: bytes = field(default=b"", repr=False)
    anew: bool = False
    file: str = "cog.yaml"
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def of(
        cls, builder: Kind, secrets: Iterable[str], environ: Mapping[str, str], **others: Any
    ) -> DockerSettings:
        """The settings that options and variables ask for, with what they name read.

        ``secrets`` are in Docker's words (``id=ID,src=PATH``), ``others`` more fields. Raises
        UsageError.
        """
        sources = [parse_secret(text) for text in secrets]
        return cls(
            builder=builder, secrets=read_secrets(sources, environ),
            certificates=read_certificates(environ), environ=environ, **others,
        )  # fmt: skip

    @property
    def proxies(self) -> tuple[str, ...]:
        """The variables for proxies that are set, by name."""
        names = (spelling for name in PROXIES for spelling in (name, name.lower()))
        return tuple(name for name in names if self.environ.get(name))

    @property
    def words(self) -> tuple[str, ...]:
        """What is starred wherever it is shown: the secrets, line by line."""
        lines = (s.content.decode("utf-8", "replace").splitlines() for s in self.secrets)
        return tuple(
            line.strip() for part in lines for line in part if len(line.strip()) >= SHORTEST
        )


def read_secrets(sources: Iterable[SecretSource], environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """The secrets, read. Raises UsageError for one that is not there."""
    return tuple(Secret(id=s.id, content=_secret(s, environ)) for s in sources)


def _secret(source: SecretSource, environ: Mapping[str, str]) -> bytes:
    name = source.variable or ("" if source.path else source.id)
    if name in environ:
        return environ[name].encode("utf-8", "surrogateescape")
    if source.variable:
        message = f"--secret {source.id}: the variable {name} is not set"
        raise UsageError(message, hint=f"export {name}")
    path = Path(source.path or source.id).expanduser()
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"--secret {source.id}: {error.strerror or error}"
        hint = "write --secret id=NAME,src=FILE or --secret id=NAME,env=VARIABLE"
        raise UsageError(message, where=str(path), hint=hint) from error


def read_certificates(environ: Mapping[str, str]) -> bytes:
    """The certificates of ``COG_CA_CERT``, as PEM; b"" when it is not set.

    It is a file, a folder (of ``.crt`` and ``.pem``), PEM, or PEM in base64, as for Cog
    (https://cog.run/environment/). Raises UsageError.
    """
    value = environ.get(_CA, "").strip()
    if not value:
        return b""
    if value.startswith("-----BEGIN"):
        return _checked(value.encode(), _CA)
    found = _at(value)
    if found is not None:
        return found
    try:
        return _checked(base64.b64decode("".join(value.split()), validate=True), _CA)
    except binascii.Error as error:
        message = f"{_CA}: there is no such file, and this is not base64"
        raise UsageError(message, where=value[:80], hint=_CA_HINT) from error


def _at(value: str) -> bytes | None:
    """The certificates of a file or of a folder; None where there is neither."""
    path = Path(value).expanduser()
    try:
        if path.is_dir():
            files = sorted(f for f in path.iterdir() if f.suffix.lower() in (".crt", ".pem"))
            found = b"".join(_checked(file.read_bytes(), str(file)) for file in files)
            return found or _checked(b"", value)
        return _checked(path.read_bytes(), value) if path.exists() else None
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:  # base64
            return None
        message = f"{_CA}: {error.strerror or error}"
        raise UsageError(message, where=value, hint=_CA_HINT) from error


def _checked(data: bytes, where: str) -> bytes:
    text = data.strip()
    if not text.startswith(_BEGIN) or not text.endswith(_END):
        raise UsageError(f"{_CA}: this is not a certificate in PEM", where=where, hint=_CA_HINT)
    return text + b"\n"
