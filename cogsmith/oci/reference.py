"""References: how people and programs name an image.

The grammar is that of the distribution project, with its rule for short names: the part before
the first slash is a registry when it has a dot, a colon or a capital letter in it or is
``localhost``; else the name belongs to Docker Hub.
"""

from __future__ import annotations

import re
from dataclasses import replace

from cogsmith.errors import InvalidDigest, InvalidReference
from cogsmith.oci.digest import Digest
from cogsmith.values import dataclass

__all__ = ["DOCKER_HUB", "LATEST", "Reference"]

DOCKER_HUB = "docker.io"
LATEST = "latest"
MAX_REPOSITORY = 255
MAX_TAG = 128

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?")
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_TAG_MARK = re.compile(r":(?P<tag>[^/:]*)\Z")
_IDENTIFIER = re.compile(r"[0-9a-f]{64}")

_HINT = "write [registry[:port]/]repository[:tag][@sha256:...], like localhost:5000/owner/name:1"
_HINT_REPOSITORY = (
    "words of a-z and 0-9, joined by one dot, one or two underscores or dashes, between slashes"
)
_HINT_TAG = "a tag is up to 128 of A-Z a-z 0-9 _ . - and begins with none of . -"
_HINT_REGISTRY = "a registry is a host name or [IPv6 address], and a port where it needs one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An image's name: where it is kept, what it is called there, which one of that name.

    ``tag`` is "" and ``digest`` None where the name does not say; a name from ``parse`` has
    one of them. All fields are checked when a value is made.

    >>> str(Reference.parse("python"))
    'docker.io/library/python:latest'
    """

    registry: str
    repository: str
    tag: str = ""
    digest: Digest | None = None

    def __post_init__(self) -> None:
        _check_registry(self.registry)
        _check_repository(self.repository)
        if self.tag:
            _check_tag(self.tag)

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read a name as Docker does. Raises InvalidReference, which says what is wrong.

        A name with neither tag nor digest gets the tag ``latest``.
        """
        _check_shape(text)
        name, at, digest_text = text.partition("@")
        digest = _digest(text, digest_text) if at else None
        tag = ""
        if found := _TAG_MARK.search(name):
            tag, name = found["tag"], name[: found.start()]
            if not tag:
                raise _refused(text, "a tag must follow the colon", _HINT_TAG)
        if _IDENTIFIER.fullmatch(name):
            raise _refused(text, "64 hexadecimal characters are an image's id, not a name", _HINT)
        registry, repository = _split(name)
        try:
            return cls(
                registry=registry,
                repository=repository,
                tag=tag or ("" if digest else LATEST),
                digest=digest,
            )
        except InvalidReference as error:
            raise _refused(text, error.message, error.hint) from None

    def __str__(self) -> str:
        return f"{self.name}{self._mark}"

    @property
    def name(self) -> str:
        """Registry and repository: the name of all images that are kept there."""
        return f"{self.registry}/{self.repository}"

    @property
    def familiar(self) -> str:
        """As people write it: without the parts that Docker adds to a short name.

        >>> Reference.parse("docker.io/library/python:3.11").familiar
        'python:3.11'
        """
        name = self.name
        if self.registry == DOCKER_HUB:
            owner, _, rest = self.repository.partition("/")
            short = rest if owner == "library" and "/" not in rest else self.repository
            name = short if _split(short) == (self.registry, self.repository) else name
        if _IDENTIFIER.fullmatch(name):
            name = self.name
        return f"{name}{self._mark}"

    @property
    def target(self) -> str:
        """What to ask the registry for: the digest if there is one, else the tag."""
        return str(self.digest) if self.digest else self.tag or LATEST

    @property
    def _mark(self) -> str:
        return (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    def with_tag(self, tag: str) -> Reference:
        """The same repository, this tag, no digest."""
        return replace(self, tag=tag, digest=None)

    def with_digest(self, digest: Digest) -> Reference:
        """The same name, pinned to this content."""
        return replace(self, digest=digest)


def _refused(text: str, message: str, hint: str) -> InvalidReference:
    shown = repr(text if len(text) <= 120 else f"{text[:117]}...")
    return InvalidReference(f"{shown} does not name an image: {message}", hint=hint)


def _check_shape(text: str) -> None:
    """Say what people do wrong most, before the grammar says it in its own way."""
    if not text:
        raise _refused(text, "it is empty", _HINT)
    if "://" in text:
        raise _refused(text, "a reference is no URL", f"leave out {text.partition('://')[0]}://")
    if text != text.strip() or any(c.isspace() for c in text):
        raise _refused(text, "it has a space in it", _HINT)
    if text.count("@") > 1:
        raise _refused(text, "it has more than one @", _HINT)


def _digest(text: str, digest: str) -> Digest:
    try:
        return Digest.parse(digest)
    except InvalidDigest as error:
        raise _refused(text, error.message, error.hint) from None


def _split(name: str) -> tuple[str, str]:
    """Registry and repository of a name without tag and digest, by Docker's rule."""
    first, slash, rest = name.partition("/")
    local = first != "localhost" and first == first.lower() and not set(first) & set(".:")
    if not slash or local:
        registry, repository = DOCKER_HUB, name
    else:
        registry, repository = first, rest
    if registry == "index.docker.io":
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return registry, repository


def _check_registry(registry: str) -> None:
    if not _HOST.fullmatch(registry):
        raise InvalidReference(f"{registry[:80]!r} is not a registry", hint=_HINT_REGISTRY)
    port = registry.rpartition("]")[2].rpartition(":")[2]
    if ":" in registry.rpartition("]")[2] and int(port[:6]) > 65535:
        raise InvalidReference(f"{registry!r}: there is no port {port[:20]}", hint=_HINT_REGISTRY)


def _check_repository(repository: str) -> None:
    if len(repository) > MAX_REPOSITORY:
        message = f"the repository has {len(repository)} characters, of {MAX_REPOSITORY} allowed"
        raise InvalidReference(message, hint="shorten it")
    for component in repository.split("/"):
        if _COMPONENT.fullmatch(component):
            continue
        if not component:
            message = f"the repository {repository!r} has an empty part"
        elif component != component.lower():
            message = f"the repository {repository!r} has capital letters in it"
        else:
            message = f"{component!r} is not a part of a repository's name"
        raise InvalidReference(message, hint=_HINT_REPOSITORY)


def _check_tag(tag: str) -> None:
    if len(tag) > MAX_TAG:
        message = f"the tag has {len(tag)} characters, of {MAX_TAG} allowed"
        raise InvalidReference(message, hint="shorten it")
    if not _TAG.fullmatch(tag):
        raise InvalidReference(f"{tag!r} is not a tag", hint=_HINT_TAG)
