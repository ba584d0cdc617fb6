"""The image that ours begin with: pinned by the lock, found in the store, or pulled into it."""

from __future__ import annotations

from cogsmith.cli.pins import Pins
from cogsmith.cli.progress import Display
from cogsmith.cli.request import Request
from cogsmith.errors import NotInLayout, Problem, RegistryError
from cogsmith.image import Base, Store, read_system
from cogsmith.oci import Descriptor, Layout, Platform, Reference

__all__ = ["base_image"]

PIN = "build once without --locked and commit {name}: another day the tag may mean another image"
HINT = "--base-image names another one, and COGSMITH_REGISTRY_MIRRORS a registry that is nearer"


def base_image(request: Request, platform: str, pins: Pins, store: Store, display: Display) -> Base:
    """The base image of a request for one platform.

    What the lock pins, and the store has, costs no question to a registry. What is pulled is
    pinned in a lock of ours, so that the next build, here or elsewhere, takes the same. Raises
    RegistryError and OciError.
    """
    reference, machine = request.base, Platform.parse(platform)
    pinned = _pinned(request, platform, pins)
    entry = _stored(store.layout, pinned, machine)
    if entry is None or (request.pull and not reference.digest):
        wanted = reference if request.pull else pinned
        entry = _pulled(wanted, machine, store.layout, display)
    if not request.locked and not reference.digest:
        pins.keep_base(platform, entry.digest)
    elif not pinned.digest:
        name = pins.path.name
        told = Problem(f"{name} does not pin {reference.familiar}", hint=PIN.format(name=name))
        display.console.warning(told)
    image = store.layout.image(entry, machine)
    return Base(reference=str(reference), image=image, system=read_system(image, store))


def _pinned(request: Request, platform: str, pins: Pins) -> Reference:
    """The reference with the digest that the lock has for it, if it has one."""
    digest = pins.base(platform)
    return request.base if request.base.digest or not digest else request.base.with_digest(digest)


def _stored(layout: Layout, reference: Reference, platform: Platform) -> Descriptor | None:
    """Its entry in the store: by digest, else the latest pull of its tag for the platform."""
    if reference.digest:
        try:
            return layout.find(reference)
        except NotInLayout:
            return None
    pulled = [
        entry
        for name, entry in layout.references().items()
        if name.digest and (name.name, name.tag) == (reference.name, reference.tag)
        if entry.platform is None or entry.platform.serves(platform)
    ]
    return pulled[-1] if pulled else None


def _pulled(
    reference: Reference, platform: Platform, layout: Layout, display: Display
) -> Descriptor:
    """Pull it under its digest: the images of several platforms have the same tag."""
    from cogsmith.cli.transfers import client  # the warm way needs no registry, and no HTTP

    display.console.note(f"Pulling the base image {reference.familiar} for {platform}")
    with client() as registry:
        try:
            manifest = registry.manifest(reference, platform)
        except RegistryError as error:
            raise type(error)(
                f"the base image cannot be had: {error.message}", where=error.where,
                hint=error.hint or HINT, status=error.status, reasons=error.reasons,
            ) from error  # fmt: skip
        exact = reference.with_digest(manifest.digest)
        titles = {b.digest: f"base image, layer {n + 1}" for n, b in enumerate(manifest.layers)}
        return registry.pull(exact, layout, platform, display.blobs("Pulling", "Pulled", titles))
