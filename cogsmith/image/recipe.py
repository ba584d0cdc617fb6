"""A layer that is not made yet: what its bytes depend on, and how to make them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import field
from typing import Literal

from cogsmith.oci import Descriptor, Digest
from cogsmith.values import dataclass

__all__ = ["Kind", "Pack", "Recipe", "Write", "key_of"]

Write = Callable[[bytes], object]
Pack = Callable[[Write], tuple[Descriptor, Digest]]
# The order of the kinds is the order of the layers: what changes least lies lowest.
Kind = Literal["system", "python", "server", "wheel", "bytecode", "run", "weights", "code"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A layer to be: the same ``key`` always makes the same bytes.

    ``pack`` gives the layer's (compressed) bytes to a function, piece by piece, and answers
    what they are: descriptor and diff id, as ``oci.pack`` does. ``title`` is for people
    ("torch 2.13.0"), ``created_by`` for the image's history, ``size`` about how many bytes
    have to be read, for progress.
    """

    key: str
    kind: Kind
    title: str
    created_by: str
    size: int
    pack: Pack = field(compare=False, repr=False)


def key_of(*parts: object) -> str:
    """The name of an input: a hash of values that JSON can say, in their order."""
    words = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(words.encode()).hexdigest()
