"""Debian packages in layers, without Docker, root, or a script that runs."""

from __future__ import annotations

from cogsmith.image.debs.chosen import Deb
from cogsmith.image.debs.recipes import Debs, deb_recipes
from cogsmith.image.debs.settings import DebSettings

__all__ = ["Deb", "DebSettings", "Debs", "deb_recipes"]
