"""What a lock is resolved for: a Python, a platform, and CPU or CUDA builds."""

from __future__ import annotations

from typing import Literal

from cogsmith.config import ModelConfig
from cogsmith.errors import UsageError
from cogsmith.values import dataclass

__all__ = ["Accelerator", "ImageTarget", "Machine", "Target"]

Accelerator = Literal["cpu", "cuda"]

# The platforms of images, as an image index spells them, and ours.
IMAGE_PLATFORMS = {"linux/amd64": "linux-x86_64", "linux/arm64": "linux-aarch64"}
DEFAULT_PLATFORM = "linux/amd64"
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
class ImageTarget:
    """What an image is asked to run on; ``accelerator`` None: what the config says."""

    platform: str = DEFAULT_PLATFORM
    accelerator: Accelerator | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A Python minor version ("3.11"), a platform ("linux-x86_64"), and cpu or cuda.

    ``cuda`` is the minor version of CUDA that torch has to be built for ("12.4"); "": any.
    """

    python: str
    platform: str
    accelerator: Accelerator
    cuda: str = ""

    @classmethod
    def here(cls, config: ModelConfig, machine: Machine) -> Target:
        """For running the model on this machine: CUDA builds only where there is a GPU.

        A config that names no Python takes the one that we run on.
        """
        named = "python_version" in config.build.model_fields_set
        accelerator: Accelerator = "cuda" if config.build.gpu and machine.gpu else "cpu"
        return cls(
            python=_minor(config.build.python_version) if named else machine.python,
            platform=machine.platform,
            accelerator=accelerator,
            cuda=_cuda(config, accelerator),
        )

    @classmethod
    def image(cls, config: ModelConfig, wanted: ImageTarget | None = None) -> Target:
        """For the image: Linux on x86-64, as Cog's, and CUDA where the config says gpu.

        ``wanted`` may say otherwise. Raises UsageError for a platform that no image has.
        """
        asked = wanted or ImageTarget()
        if asked.platform not in IMAGE_PLATFORMS:
            raise UsageError(
                f"{asked.platform} is not a platform that images are made for",
                hint=f"choose one of {', '.join(IMAGE_PLATFORMS)}",
            )
        accelerator = asked.accelerator or ("cuda" if config.build.gpu else "cpu")
        return cls(
            python=_minor(config.build.python_version),
            platform=IMAGE_PLATFORMS[asked.platform],
            accelerator=accelerator,
            cuda=_cuda(config, accelerator),
        )

    @property
    def uv_platform(self) -> str:
        """The platform in uv's words, or "" to let uv look at the machine itself."""
        return UV_PLATFORMS.get(self.platform, "")

    def __str__(self) -> str:
        cuda = f" {self.cuda}" if self.cuda else ""
        return f"Python {self.python}, {self.platform}, {self.accelerator}{cuda}"


def _cuda(config: ModelConfig, accelerator: Accelerator) -> str:
    return _minor(config.build.cuda or "") if accelerator == "cuda" else ""


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])
