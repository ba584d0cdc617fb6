"""What a base image has: as much of its file system as a build needs to know."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import field

from cogsmith.oci import Digest, Platform
from cogsmith.values import dataclass

__all__ = ["System"]


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """The file system of a base image, read from its layers; paths have no slash before them.

    ``digest`` is the base image's (of its manifest). ``files`` holds the few files whose
    content matters: os-release, passwd, group, dpkg's status (also distroless' status.d), apt's
    sources and keyrings, by the path under which they really lie. ``folders`` has every folder,
    ``links`` every symbolic link with what it says (``bin`` -> ``usr/bin`` on merged systems),
    ``programs`` every executable file in a folder named bin or sbin.
    """

    digest: Digest
    platform: Platform
    files: Mapping[str, bytes] = field(repr=False, hash=False)
    folders: frozenset[str] = field(repr=False)
    links: Mapping[str, str] = field(repr=False, hash=False)
    programs: frozenset[str] = field(repr=False)

    @property
    def os_release(self) -> dict[str, str]:
        """The variables of os-release(5), whose quotes are the shell's; {} where it has none."""
        for path in ("etc/os-release", "usr/lib/os-release"):
            if told := _variables(self.files.get(path, b"").decode("utf-8", "replace")):
                return told
        return {}


def _variables(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            try:
                found[name] = "".join(shlex.split(value))
            except ValueError:  # a quote that does not end
                continue
    return found
