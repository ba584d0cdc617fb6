"""Images with known materials: wheels that are made here, a base, Debian packages, a checkout."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cogsmith.environment import Wheel
from cogsmith.image import BaseImage, Checkout, Distribution, Invocation, Materials
from cogsmith.image.debs.index import Origin, Package
from cogsmith.oci import ContainerConfig, Digest, File, Image, ImageConfig, Platform
from tests.oci.images import made_of

CREATED = "2000-01-01T00:00:00Z"
BASE = BaseImage(reference="python:3.11-slim", digest=Digest.of(b"the base"))
CHECKOUT = Checkout(
    commit="0123456789abcdef0123456789abcdef01234567",
    remote="https://git.example/owner/model.git",
)
INVOCATION = Invocation(
    config="cog.yaml", platform="linux/amd64", accelerator="cpu", base="python:3.11-slim",
    flags={"separate-weights": True}, checkout=CHECKOUT, recipe="recipes 1, gzip 6",
)  # fmt: skip


def wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: Iterable[str] = (),
    fields: Iterable[str] = (),
    **more: Any,
) -> Wheel:
    """A wheel with nothing but its METADATA."""
    filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    head = [f"Name: {name}", f"Version: {version}", *fields]
    text = "\n".join(head + [f"Requires-Dist: {line}" for line in requires])
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / filename, "w") as archive:
        info = zipfile.ZipInfo(f"{name.replace('-', '_')}-{version}.dist-info/METADATA")
        archive.writestr(info, f"Metadata-Version: 2.4\n{text}\n\nWords: of the README\n")
    data = (folder / filename).read_bytes()
    return Wheel(
        name=name, version=version, filename=filename, path=folder / filename,
        sha256=hashlib.sha256(data).hexdigest(), size=len(data), **more,
    )  # fmt: skip


def deb(name: str, version: str, sha256: str = "") -> Package:
    return Package(
        name=name, version=version, architecture="amd64", sha256=sha256, origin=Origin(url="")
    )


def materials(folder: Path) -> Materials:
    """A model with transformers, which needs torch on Linux and tqdm for an extra."""
    transformers = wheel(
        folder, "transformers", "5.0.0",
        requires=[
            "torch>=2.6; sys_platform == 'linux'", "tqdm; extra == 'progress'",
            "pywin32; sys_platform == 'win32'", "tomli; python_version < '3.11'",
        ],
        fields=["License: Apache 2.0", "Summary: Models for text"],
    )  # fmt: skip
    return Materials(
        name="llama",
        base=BASE,
        python="3.11",
        wheels=(
            wheel(folder, "tqdm", "4.67.1", fields=["License-Expression: MPL-2.0 AND MIT"]),
            transformers,
            wheel(folder, "torch", "2.13.0+cpu", fields=["Classifier: License :: BSD License"]),
            wheel(folder, "cog", "0.23.1"),
            wheel(folder, "tomli", "2.0.1", built=True),
        ),
        server=(wheel(folder / "server", "tqdm", "4.60.0"),),
        debs=(deb("libsndfile1", "1.2.0-1", "ab" * 32),),
        distribution=Distribution(
            name="debian", version="12", packages=(deb("libc6", "2.36-9+deb12u10"),)
        ),
        requirements=("transformers[progress]>=5", "torch", "cog", "--find-links wheels"),
        lock=Digest.of(b"the lock"),
    )


def image(created: str = CREATED) -> Image:
    config = ImageConfig(
        platform=Platform.parse("linux/amd64"), config=ContainerConfig(cmd=("python",)),
        created=created,
    )  # fmt: skip
    return Image.of(config, [made_of([File.of("src/predict.py", b"...")])])


def elsewhere(found: Materials, folder: Path) -> Materials:
    """The same wheels, at hand in another folder and another order."""

    def moved(wheels: tuple[Wheel, ...]) -> tuple[Wheel, ...]:
        return tuple(replace(w, path=folder / w.sha256, origin="https://x") for w in wheels[::-1])

    return replace(found, wheels=moved(found.wheels), server=moved(found.server))
