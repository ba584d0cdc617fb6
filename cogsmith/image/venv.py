"""Where packages lie in the image: a virtual environment, or a plain folder."""

from __future__ import annotations

from cogsmith.values import dataclass

__all__ = ["Folder", "Place", "Venv"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Venv:
    """A virtual environment at a fixed place: no base image's own packages are ever met.

    ``python`` is the minor version ("3.11"), ``interpreter`` the base image's own program
    (``/usr/bin/python3.11``), ``folder`` where the environment lies.
    """

    python: str
    interpreter: str
    folder: str = "/opt/venv"

    @property
    def root(self) -> str:
        """The environment's folder, as a layer names it: without a slash before it."""
        return self.folder[1:]

    @property
    def site(self) -> str:
        """The packages' folder, as a layer names it."""
        return f"{self.root}/lib/python{self.python}/site-packages"

    @property
    def scripts(self) -> str:
        """The programs' folder, as a layer names it."""
        return f"{self.root}/bin"

    @property
    def headers(self) -> str:
        """The folder of C headers, one folder in it for each package, as a layer names it."""
        return f"{self.root}/include/site/python{self.python}"

    @property
    def program(self) -> str:
        """The environment's interpreter: ``/opt/venv/bin/python``."""
        return f"{self.folder}/bin/python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A plain folder of packages, for PYTHONPATH: packages lie in it, programs in its ``bin``.

    Fields are as a Venv's; programs are run by ``interpreter`` itself.
    """

    python: str
    interpreter: str
    folder: str

    @property
    def root(self) -> str:
        """The folder, as a layer names it: without a slash before it."""
        return self.folder[1:]

    @property
    def site(self) -> str:
        """The packages' folder: the folder itself."""
        return self.root

    @property
    def scripts(self) -> str:
        """The programs' folder, as a layer names it."""
        return f"{self.root}/bin"

    @property
    def headers(self) -> str:
        """The folder of C headers, as a layer names it."""
        return f"{self.root}/include"

    @property
    def program(self) -> str:
        """What runs the folder's programs."""
        return self.interpreter


Place = Venv | Folder
