"""What a lock is resolved for: a Python, a platform, and CPU or CUDA builds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cogsmith.config import ModelConfig

__all__ = ["Accelerator", "Machine", "Target"]

Accelerator = Literal["cpu", "cuda"]

IMAGE_PLATFORM = "linux-x86_64"
# uv's names. 2.28 is what today's wheels of torch ask for, and older than any base of ours.
UV_PLATFORMS = {
    "linux-x86_64": "x86_64-manylinux_2_28",
    "linux-aarch64": "aarch64-manylinux_2_28",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine: the minor version of our own Python, its platform, whether it has a GPU."""

    python: str
    platform: str
    gpu: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A Python minor version ("3.11"), a platform ("linux-x86_64"), and cpu or cuda."""

    python: str
    platform: str
    accelerator: Accelerator

    @classmethod
    def here(cls, config: ModelConfig, machine: Machine) -> Target:
        """For running the model on this machine: CUDA builds only where there is a GPU.

        A config that names no Python takes the one that we run on.
        """
        named = "python_version" in config.build.model_fields_set
        return cls(
            python=_minor(config.build.python_version) if named else machine.python,
            platform=machine.platform,
            accelerator="cuda" if config.build.gpu and machine.gpu else "cpu",
        )

    @classmethod
    def image(cls, config: ModelConfig) -> Target:
        """For the image: always Linux on x86-64, as Cog's, and CUDA where the config says gpu."""
        return cls(
            python=_minor(config.build.python_version),
            platform=IMAGE_PLATFORM,
            accelerator="cuda" if config.build.gpu else "cpu",
        )

    @property
    def uv_platform(self) -> str:
        """The platform in uv's words, or "" to let uv look at the machine itself."""
        return UV_PLATFORMS.get(self.platform, "")

    def __str__(self) -> str:
        return f"Python {self.python}, {self.platform}, {self.accelerator}"


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
