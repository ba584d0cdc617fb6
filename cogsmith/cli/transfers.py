"""What the commands that speak to registries share: one client, and who we are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cogsmith.cli.environment import settings
from cogsmith.oci import Digest, Image

if TYPE_CHECKING:
    from cogsmith.registry import Client, Credentials, Keychain

__all__ = ["client", "keychain", "titles"]


_OURS = re.compile(r"^cogsmith(?:: | wheels |: wheels )")  # how our history's lines begin


def keychain() -> Keychain:
    """The logins of the person at the terminal."""
    from cogsmith.registry import Keychain  # with HTTP and TLS, which titles do not need

    return Keychain(os.environ, home=Path.home())


@contextmanager
def client(who: Credentials | None = None) -> Iterator[Client]:
    """A client as the environment says, for as long as it is needed; ``who`` we are, if told."""
    from cogsmith.registry import Client, Settings

    told = Settings.of(os.environ, ledger=settings().cache / "uploads")
    with Client(told, keychain().find if who is None else lambda _host, _name: who) as made:
        yield made


def titles(image: Image) -> dict[Digest, str]:
    """What each layer of an image is called, as far as its history tells."""
    told = [entry for entry in image.config.history if not entry.empty_layer]
    if len(told) != len(image.layers):
        told = []
    named = {
        layer.digest: _OURS.sub("", entry.created_by)
        for layer, entry in zip(image.layers, told, strict=False)
    }
    return {**named, image.manifest.config.digest: "config"}
