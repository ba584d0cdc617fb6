"""What an image was made of, and how it was asked for: what whoever built it knows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from cogsmith.environment import Wheel
from cogsmith.oci import Digest
from cogsmith.values import dataclass

__all__ = [
    "BaseImage",
    "Checkout",
    "Distribution",
    "Invocation",
    "Materials",
    "Package",
    "bare_url",
]


class Package(Protocol):
    """A Debian package; ``sha256`` is "" where only its name is known."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> str: ...  # noqa: D102
    @property
    def architecture(self) -> str: ...  # noqa: D102
    @property
    def sha256(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseImage:
    """The image that ours stands on: its name as it was asked for, and its manifest's digest."""

    reference: str
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """The base image's distribution (``debian``, ``12``) and its packages that lie in the base."""

    name: str
    version: str = ""
    packages: tuple[Package, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """What an image was made of; nothing of this is found by looking into the image.

    ``name`` is what the image is called (``llama``), without registry and tag: the same image
    must have the same SBOM wherever it is pushed. ``wheels`` are the model's packages,
    ``server`` those of our own server, ``debs`` what was unpacked on top of the base, whose
    own packages ``distribution`` has (``distribution_of`` a System).
    ``requirements`` are the lines that the lock answers: what the model asks for itself.
    ``lock`` is the digest of the lock's bytes, None where there is none.
    """

    name: str
    base: BaseImage
    python: str
    wheels: tuple[Wheel, ...] = ()
    server: tuple[Wheel, ...] = ()
    debs: tuple[Package, ...] = ()
    distribution: Distribution | None = None
    requirements: tuple[str, ...] = ()
    lock_name: str = "pylock.toml"
    lock: Digest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """Where the project's files come from: a commit, and its repository without credentials.

    ``dirty``: files of the project differ from that commit, or are not in it. ``path`` is
    the project's folder in the repository, "" for its root.
    """

    commit: str
    remote: str = ""
    path: str = ""
    dirty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """How an image was asked for: with these parameters the same image is made again.

    ``config`` is the config file's name, relative to the project's folder. ``flags`` holds
    what else the command line said and the image depends on, as JSON can say it; no secrets.
    ``recipe`` names everything of ours that the bytes depend on (``oci.recipe``, versions).
    """

    config: str
    platform: str
    accelerator: str
    base: str
    flags: Mapping[str, Any] = field(default_factory=dict, hash=False)
    checkout: Checkout | None = None
    version: str = ""
    recipe: str = ""


def bare_url(url: str) -> str:
    """A URL without user, password, query and fragment; "" for a place on this machine.

    The query may hold a token as well as the user's part does. ``git@host:path``, as ssh has
    it, is an address without a secret and stays.

    >>> bare_url("https://me:sesame@git.example/owner/model.git?key=1")
    'https://git.example/owner/model.git'
    >>> bare_url("git@git.example:owner/model.git")
    'git@git.example:owner/model.git'
    >>> bare_url("/home/ada/model")
    ''
    """
    if "://" not in url:
        host, colon, path = url.partition(":")
        return url if colon and path and "/" not in host and len(host) > 1 else ""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    if parts.scheme == "file" or not parts.hostname:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    user = "git@" if parts.scheme == "ssh" and parts.username == "git" else ""
    return urlunsplit((parts.scheme, f"{user}{host}{port}", parts.path, "", ""))
