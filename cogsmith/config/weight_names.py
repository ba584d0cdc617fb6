"""What a weight may be called, where it comes from and where it lands.

Names become the last part of a repository in a registry, so they follow the rule of the
OCI distribution spec for one path component. Sources are Cog's (hf, file, plain paths, http).
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from cogsmith.config.refusal import nearest, refused

__all__ = ["SCHEMES", "scheme_of", "source_uri", "target_folder", "weight_name"]

SCHEMES = ("hf", "huggingface", "https", "http", "file")
NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*")
HUB = re.compile(r"(?:hf|huggingface)://[^/@\s]+/[^/@\s]+(?:@[^@\s]+)?")


def weight_name(text: str) -> str:
    """Lower-case letters, digits, and single separators between them."""
    if not NAME.fullmatch(text):
        plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
        raise refused(
            "a name is lower-case letters and digits, with . _ or - between them",
            f'did you mean "{plain}"?' if plain else "",
        )
    return text


def scheme_of(uri: str) -> str:
    """The scheme of a source; a plain path is a file.

    >>> scheme_of("hf://org/repo"), scheme_of("weights/llama")
    ('hf', 'file')
    """
    scheme, found, _ = uri.partition("://")
    return scheme if found else "file"


def source_uri(text: str) -> str:
    """``hf://org/repo[@revision]``, ``https://…``, ``file://…`` or a path."""
    scheme, _, rest = text.rpartition("://")
    if scheme_of(text) not in SCHEMES:
        known = f"write one of {', '.join(f'{name}://' for name in SCHEMES)} or a path"
        raise refused(f'unknown kind of source "{scheme}://"', nearest(scheme, SCHEMES) or known)
    if not rest:
        raise refused("names nothing", "write what comes after ://")
    if scheme_of(text) in ("hf", "huggingface") and not HUB.fullmatch(text):
        raise refused("must be in the form 'hf://org/repo' or 'hf://org/repo@revision'")
    return text


def target_folder(text: str) -> str:
    """An absolute folder in the container."""
    path = PurePosixPath(text)
    if not path.is_absolute() or "\0" in text:
        raise refused("must be an absolute path", f'write it from the root: "/src/{path.name}"')
    if ".." in path.parts or len(path.parts) == 1:
        raise refused("must be a folder of its own", 'write one like "/src/weights"')
    return text
