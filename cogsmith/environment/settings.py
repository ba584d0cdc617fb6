"""What the person's machine says about packages: folders and variables, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from cogsmith.values import dataclass

__all__ = ["Settings", "cache_folder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where environments are kept, and the variables that uv is started with.

    ``variables`` is the person's whole environment: ``UV_*`` and ``PIP_*`` say where
    packages come from. It is not shown by ``repr``, because it holds secrets. ``gpu``
    says whether there is a GPU; None: look.
    """

    cache: Path
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    home: Path = Path("/")
    gpu: bool | None = None

    @classmethod
    def of(cls, variables: Mapping[str, str], *, home: Path, system: str = "linux") -> Settings:
        """Read environment variables; ``system`` is ``sys.platform``.

        ``COGSMITH_CACHE_DIR``: where environments and locks are kept.
        ``COGSMITH_GPU``: ``1`` or ``0`` instead of looking for a GPU.
        """
        told = variables.get("COGSMITH_GPU", "").strip().lower()
        return cls(
            cache=cache_folder(variables, home=home, system=system),
            variables=dict(variables),
            home=home,
            gpu=None if not told else told not in ("0", "false", "no", "off"),
        )

    @property
    def environments(self) -> Path:
        """The folder with one environment per lock."""
        return self.cache / "environments"

    @property
    def locks(self) -> Path:
        """The folder with the locks that are for this machine alone."""
        return self.cache / "locks"

    @property
    def parsed(self) -> Path:
        """The folder with locks as JSON, which is read much faster than TOML."""
        return self.cache / "parsed"

    @property
    def wheels(self) -> Path:
        """The folder with fetched files, ``<sha256>/<file name>``."""
        return self.cache / "wheels"

    @property
    def built(self) -> Path:
        """The folder that knows which wheel came from which source, one small file each."""
        return self.cache / "built"

    @property
    def chosen(self) -> Path:
        """The folder that knows which wheels a lock gives for a target, one small file each."""
        return self.cache / "chosen"

    @property
    def pythons(self) -> Path:
        """The folder that knows where a release of Python is here, one small file each."""
        return self.cache / "pythons"


def cache_folder(variables: Mapping[str, str], *, home: Path, system: str = "linux") -> Path:
    """Where what can be made again is kept.

    >>> cache_folder({"XDG_CACHE_HOME": "/x"}, home=Path("/home/ada"))
    PosixPath('/x/cogsmith')
    """
    if chosen := variables.get("COGSMITH_CACHE_DIR"):
        return Path(chosen).expanduser().absolute()
    shared = variables.get("XDG_CACHE_HOME", "")
    if Path(shared).is_absolute():  # a relative one is to be ignored (XDG base directories)
        return Path(shared) / "cogsmith"
    return home / ("Library/Caches" if system == "darwin" else ".cache") / "cogsmith"
