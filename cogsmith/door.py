"""The door of a room that opens as far as it is needed: names are imported when asked for.

In: where each name is at home.
Out: a package whose attributes are there when somebody wants them.
Touches: nothing but the imports of its own room.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from types import ModuleType

__all__ = ["open_lazily"]


def open_lazily(room: str, homes: Mapping[str, str]) -> None:
    """Make a package import its names when they are asked for.

    See "Customizing module attribute access" in Python's reference. ``room`` is the package's
    ``__name__``; ``homes`` says, for each of its names, the module in it and the word there
    (``lock.parse``). A function may be called as its module is: the name means the function,
    always.
    """

    class Door(ModuleType):
        """The package."""

        def __getattr__(self, name: str) -> object:
            try:
                module, _, word = homes[name].rpartition(".")
            except KeyError:
                raise AttributeError(f"module {room!r} has no attribute {name!r}") from None
            found: object = getattr(importlib.import_module(f"{room}.{module}"), word)
            setattr(self, name, found)
            return found

        def __setattr__(self, name: str, value: object) -> None:
            if isinstance(value, ModuleType) and homes.get(name) == f"{name}.{name}":
                value = getattr(value, name)  # an import has just put the module there
            super().__setattr__(name, value)

        def __dir__(self) -> list[str]:
            return [*super().__dir__(), *homes]

    sys.modules[room].__class__ = Door
