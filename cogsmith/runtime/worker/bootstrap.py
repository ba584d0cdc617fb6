"""Starts the child: run by path, ``python -u bootstrap.py DESCRIPTOR``, in the project's folder.

Makes the package ``cogsmith`` importable, and of it the rooms that run beside a predictor
alone; nothing else of the environment in which Cogsmith itself lives.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

_HERE = Path(__file__).resolve().parent
_HOUSE = _HERE.parent.parent
_CLOSED = {"errors", "values", "signature", "prediction", "engine", "runtime"}


class Finder:
    """Finds one package, whatever stands on ``sys.path``."""

    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The package's own spec; ModuleNotFoundError for its other rooms."""
        package, _, rest = name.partition(".")
        if package != "cogsmith":
            return None
        if not rest:
            door = _HOUSE / "__init__.py"
            return spec_from_file_location(name, door, submodule_search_locations=[str(_HOUSE)])
        if rest.partition(".")[0] not in _CLOSED:
            raise ModuleNotFoundError(f"{name} is not available beside a predictor", name=name)
        return None


def lend() -> None:
    """Make importable what the author's code may import of ours."""
    sys.meta_path.insert(0, Finder())


def main() -> None:
    """Put the project first on the path, as Cog does, and run the program."""
    if sys.path and Path(sys.path[0]).resolve() == _HERE:
        del sys.path[0]
    sys.path.insert(0, str(Path.cwd()))
    lend()
    descriptor = int(sys.argv[1])
    sys.argv = [sys.argv[0]]
    gc.disable()  # our own imports and cog's leave nothing to collect; the author's may
    program = importlib.import_module("cogsmith.runtime.worker.program")
    sys.exit(program.main(descriptor))


if __name__ == "__main__":
    main()
elif __name__ == "__mp_main__":  # a process that the author's code spawned (multiprocessing)
    lend()
    importlib.import_module("cogsmith.runtime.worker.standin").install()
