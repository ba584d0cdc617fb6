"""What the person's machine says about weights: folders, hubs and variables, as one value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Settings"]

HUB = "https://huggingface.co"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where weights are kept, and how they are fetched.

    ``hub`` is the hub's address, ``token`` who we are there, ``token_file`` where its own login
    keeps that, when no variable says it. ``lanes`` files travel at once; a failed request is
    tried ``tries`` times in all, first after ``pause`` seconds, and fails by itself after
    ``timeout`` seconds of silence. Not shown by ``repr``, because it holds secrets.
    """

    store: Path
    hub: str = HUB
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    lanes: int = 8
    tries: int = 5
    pause: float = 0.5
    timeout: float = 60.0

    @classmethod
    def of(cls, environ: Mapping[str, str], *, cache: Path, home: Path) -> Settings:
        """As environment variables say; ``cache`` is our cache folder.

        ``COG_CACHE_DIR``: Cog's cache, whose weights are then shared with Cog.
        ``HF_ENDPOINT``: the hub. ``HF_TOKEN``, ``HUGGING_FACE_HUB_TOKEN``: who we are there;
        else ``HF_TOKEN_PATH``, or the file ``token`` in ``HF_HOME``.
        """
        shared = environ.get("COG_CACHE_DIR", "")
        hub_home = environ.get("HF_HOME") or str(home / ".cache" / "huggingface")
        kept = environ.get("HF_TOKEN_PATH") or str(Path(hub_home) / "token")
        return cls(
            store=(Path(shared).expanduser() if shared else cache) / "weights",
            hub=(environ.get("HF_ENDPOINT") or HUB).rstrip("/"),
            token=environ.get("HF_TOKEN") or environ.get("HUGGING_FACE_HUB_TOKEN") or "",
            token_file=Path(kept).expanduser(),
            environ=dict(environ),
        )
