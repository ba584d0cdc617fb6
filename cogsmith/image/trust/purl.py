"""Package URLs: how SBOMs and provenance name a package of any ecosystem. Pure.

The grammar is that of package-url/purl-spec, as its reference implementation for Python writes it.
"""

from __future__ import annotations

from urllib.parse import quote

from cogsmith.environment import Wheel
from cogsmith.errors import OciError
from cogsmith.image.trust.materials import BaseImage, Distribution, Package, bare_url
from cogsmith.oci import Digest, Platform, Reference

__all__ = ["of_deb", "of_image", "of_python", "of_wheel", "purl"]


def purl(kind: str, name: str, version: str, /, **qualifiers: str) -> str:
    """A package URL: qualifiers are sorted, empty ones left out; ``name`` may hold a namespace.

    >>> purl("pypi", "torch", "2.13.0+cpu", file_name="torch-2.13.0+cpu-py3-none-any.whl")
    'pkg:pypi/torch@2.13.0%2Bcpu?file_name=torch-2.13.0%2Bcpu-py3-none-any.whl'
    """
    path = "/".join(_quoted(part) for part in name.split("/"))
    told = "&".join(f"{key}={_quoted(value)}" for key, value in sorted(qualifiers.items()) if value)
    at = f"@{_quoted(version)}" if version else ""
    return f"pkg:{kind}/{path}{at}" + (f"?{told}" if told else "")


def of_wheel(wheel: Wheel) -> str:
    """A wheel's: the file counts, since one version has many; a repository where it came so."""
    told = wheel.direct_url or {}
    url = bare_url(str(told.get("url", "")))
    vcs = told.get("vcs_info") or {}
    from_vcs = f"{vcs.get('vcs', 'git')}+{url}@{vcs.get('commit_id', '')}" if url and vcs else ""
    return purl(
        "pypi", wheel.name, wheel.version, file_name=wheel.filename, vcs_url=from_vcs,
        download_url="" if vcs else url,
    )  # fmt: skip


def of_deb(deb: Package, distribution: Distribution | None) -> str:
    """A Debian package's; scanners look for its flaws by distribution."""
    family = distribution.name if distribution else "debian"
    version = distribution.version if distribution else ""
    distro = f"{family}-{version}" if version else ""
    return purl("deb", f"{family}/{deb.name}", deb.version, arch=deb.architecture, distro=distro)


def of_python(version: str) -> str:
    """The interpreter's, which the base image brings."""
    return purl("generic", "python", version)


def of_image(base: BaseImage, platform: Platform) -> str:
    """An image's: by digest, with the repository that it was asked for by."""
    try:
        reference = Reference.parse(base.reference)
    except OciError:  # not pulled from a registry: a layout, an archive
        return image_purl("", base.reference.rpartition("/")[2] or "image", base.digest, platform)
    name = reference.repository.rpartition("/")[2]
    return image_purl(reference.name, name, base.digest, platform)


def image_purl(repository: str, name: str, digest: Digest, platform: Platform) -> str:
    """An image's, from its parts; ``repository`` is "" where it has none yet."""
    architecture = platform.architecture + platform.variant
    return purl("oci", name.lower(), str(digest), arch=architecture, repository_url=repository)


def _quoted(text: str) -> str:
    # The spec leaves the colon as it is; all but letters, digits and .-_~ is escaped.
    return quote(text, safe=":")
