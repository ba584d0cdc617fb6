"""Platforms: which machine an image is for, and which of several images fits one."""

from __future__ import annotations

import re
from dataclasses import field, replace
from typing import Any

from cogsmith.errors import InvalidReference
from cogsmith.oci.document import Fields
from cogsmith.values import dataclass

__all__ = ["Platform"]

# What people and kernels say → what Go, and with it the spec, says.
_OTHER_NAMES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "i386": ("386", ""),
    "i686": ("386", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
# What is meant where no variant is said.
_DEFAULT_VARIANTS = {"arm64": "v8", "arm": "v7", "amd64": "v1"}

_WORD = re.compile(r"[a-z0-9_.-]+")
_HINT = "write os/architecture or os/architecture/variant, like linux/amd64 or linux/arm64/v8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """The machine that an image is for, in the words of the spec (Go's).

    >>> str(Platform.parse("linux/aarch64"))
    'linux/arm64'
    """

    os: str
    architecture: str
    variant: str = ""
    os_version: str = ""
    os_features: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read ``os/architecture[/variant]``. Raises InvalidReference."""
        parts = text.lower().split("/")
        if len(parts) not in (2, 3) or not all(map(_WORD.fullmatch, parts)):
            raise InvalidReference(f"{text[:80]!r} is not a platform", hint=_HINT)
        os, architecture, variant = (*parts, "")[:3]
        return cls(os=os, architecture=architecture, variant=variant).normal

    @classmethod
    def read(cls, fields: Fields) -> Platform:
        """Read the object of a descriptor."""
        return cls(
            os=fields.text("os", required=True),
            architecture=fields.text("architecture", required=True),
            variant=fields.text("variant"),
            os_version=fields.text("os.version"),
            os_features=fields.texts("os.features"),
            extra=fields.rest(),
        )

    def document(self) -> dict[str, Any]:
        """The object of a descriptor."""
        known = {
            "os": self.os,
            "architecture": self.architecture,
            "variant": self.variant,
            "os.version": self.os_version,
            "os.features": list(self.os_features),
        }
        return {**self.extra, **{name: value for name, value in known.items() if value}}

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    @property
    def normal(self) -> Platform:
        """The same machine by its usual name: no variant where it is the one that is meant."""
        architecture, variant = _OTHER_NAMES.get(self.architecture, (self.architecture, ""))
        variant = self.variant or variant
        if variant.isdecimal():
            variant = f"v{variant}"
        if variant == _DEFAULT_VARIANTS.get(architecture):
            variant = ""
        return replace(self, architecture=architecture, variant=variant)

    def serves(self, wanted: Platform) -> bool:
        """Whether what is built for this platform runs on that one.

        Variants are versions of one instruction set: a machine runs its own and older ones.
        """
        mine, other = self.normal, wanted.normal
        if (mine.os, mine.architecture) != (other.os, other.architecture):
            return False
        return mine.variant == other.variant or 0 <= mine.rank <= other.rank

    @property
    def rank(self) -> int:
        """The number of the variant, to choose the newest that runs; -1 for other words."""
        variant = self.variant or _DEFAULT_VARIANTS.get(self.normal.architecture, "v0")
        number = variant.removeprefix("v").partition(".")[0]
        return int(number[:6]) if number.isdecimal() and number.isascii() else -1
