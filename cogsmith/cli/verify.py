"""``cogsmith verify``: whether an image is what this source and lock make."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

import click

from cogsmith.cli import options
from cogsmith.cli.building import COMPILER, Made, make
from cogsmith.cli.checkout import read_checkout
from cogsmith.cli.console import Console
from cogsmith.cli.local import choose
from cogsmith.cli.progress import showing
from cogsmith.cli.request import Request, checked
from cogsmith.cli.store import open_store
from cogsmith.cli.transfers import client
from cogsmith.cli.verdict import BASE, BASE_NAME, Claims, Verdict, claims_of, plain
from cogsmith.config import Loaded
from cogsmith.environment import load_lock, lock_path, pinned_base
from cogsmith.errors import (
    CogsmithError,
    Denied,
    NotFound,
    OciError,
    Problem,
    RegistryError,
    Unauthorized,
    Unreachable,
)
from cogsmith.image import PROVENANCE_TYPE, Store, differences
from cogsmith.oci import Digest, Image, Layout, Platform, Reference, validate
from cogsmith.registry import Client
from cogsmith.values import dataclass

# The registry has no such image for us: then the store may.
NOT_THERE = (NotFound, Unauthorized, Denied, Unreachable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The image that is looked at, where it was found, and what it says of its making."""

    where: Literal["registry", "store"]
    image: Image
    claims: Claims


@click.command("verify")
@click.argument("ref", metavar="IMAGE")
@options.model
@click.option("--platform", metavar="OS/ARCH", help="Which image, where the name has several.")
@click.option(
    "--base-image", "base", metavar="IMAGE", envvar="COGSMITH_BASE_IMAGE",
    help="The base image it must have.  [default: what the lock pins, else what it says]",
)  # fmt: skip
@click.option(
    "--openapi-schema", "schema", metavar="FILE", help="As it was given to cogsmith build."
)
@click.option("--local", is_flag=True, help="Look at the image in the store, ask no registry.")
@click.option("--deep", is_flag=True, help="Read all of the image, and derive every digest again.")
@click.option("--no-cache", is_flag=True, help="Make every layer again, also the known ones.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@options.progress
def command(
    ref: str,
    model: str | None,
    file: str | None,
    platform: str | None,
    base: str | None,
    schema: str | None,
    local: bool,
    deep: bool,
    no_cache: bool,
    as_json: bool,
    console: Console,
) -> None:
    """Check that an image is what this source and lock make, bit for bit.

    The image's documents are read from its registry, the image is built again from this
    project, and the digests are compared. Exit code 0: the same. Exit code 1: another one; the
    first layer and file that differ are named. Only layers that differ are downloaded, and
    nothing here is changed: the lock must be there and answer the requirements.

    \b
    Examples:
      cogsmith verify registry.example/me/llama:3
      cogsmith verify registry.example/me/llama@sha256:... llama --deep
    """  # noqa: D301 - the one escape is meant: click keeps the lines after it
    loaded = choose(model, file)
    reference = Reference.parse(ref)
    wanted = Platform.parse(platform) if platform else None
    asked = {"base": base, "schema": schema, "no_cache": no_cache}
    with _looking(reference, wanted, console, local=local) as found:
        request, pinned = _request(loaded, reference, found, asked, console)
        made = _made(request, str(found.image.config.platform.normal), console)
        verdict = Verdict(
            reference=reference, where=found.where, theirs=found.image, ours=made.image,
            claims=found.claims, differences=differences(made.image, found.image), pinned=pinned,
            checkout=read_checkout(loaded.path.parent),
            problems=validate(found.image, layers=deep),
        )  # fmt: skip
    _tell(verdict, console, as_json=as_json)
    if not verdict.good:
        sys.exit(1)


def _tell(verdict: Verdict, console: Console, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(verdict.document(), indent=2) + "\n")
        return
    if not verdict.pinned:
        base = verdict.ours.config.config.labels.get(BASE_NAME, "the base image")
        message = f"the lock pins no base image: which {base} was taken is what the image says"
        hint = "name it, --base-image NAME@sha256:..., or let cogsmith build pin it in the lock"
        console.warning(Problem(plain(message), hint=hint))
    print(plain(verdict.sentence))
    for line in verdict.lines():
        print(plain(line))
    for reason in verdict.reasons():
        print(plain(f"perhaps: {reason}"))
    if verdict.problems:
        told = [Problem(plain(p.message), plain(p.where), p.hint) for p in verdict.problems]
        console.error(CogsmithError(told))


# Where the image is


@contextmanager
def _looking(
    reference: Reference, platform: Platform | None, console: Console, *, local: bool
) -> Iterator[Found]:
    """The image, for as long as its layers may have to be read.

    The registry's is looked at first: a name means what others get by it. Raises RegistryError
    and OciError when it is nowhere.
    """
    layout = open_store().layout
    if local:
        yield _stored(layout, reference, platform)
        return
    with client() as registry:
        try:
            image = registry.image(reference, platform)
            # By digest from now on: a tag that moves meanwhile is no concern of ours.
            exact = reference.with_digest(image.digest)
            statement = _statement(_attached(registry, exact))
            found = Found(where="registry", image=image, claims=claims_of(image, statement))
        except NOT_THERE as error:
            found = _instead(layout, reference, platform, error)
            console.note(f"{error.message}: the image in the store is looked at")
        yield found


def _attached(registry: Client, reference: Reference) -> Iterator[bytes]:
    """The statements about an image that its registry has, asked for one after the other."""
    for entry in registry.referrers(reference, PROVENANCE_TYPE):
        manifest = registry.manifest(reference.with_digest(entry.digest))
        yield registry.read_blob(reference, manifest.layers[0])


def _stored(layout: Layout, reference: Reference, platform: Platform | None) -> Found:
    image = layout.image(layout.find(reference), platform)
    artifacts = map(layout.artifact, layout.referrers(image.digest))
    statement = _statement(
        layout.document(artifact.manifest.layers[0])
        for artifact in artifacts
        if artifact.manifest.artifact_type == PROVENANCE_TYPE
    )
    return Found(where="store", image=image, claims=claims_of(image, statement))


def _instead(
    layout: Layout, reference: Reference, platform: Platform | None, error: RegistryError
) -> Found:
    """The store's image in the place of one that the registry does not give."""
    try:
        return _stored(layout, reference, platform)
    except OciError:
        raise error from None


def _statement(documents: Iterator[bytes]) -> Mapping[str, Any]:
    """The first statement that can be read. It is a help: an image without one is checked, too."""
    try:
        for data in documents:
            document = json.loads(data)
            if isinstance(document, dict):
                return document
    except (ValueError, IndexError, OciError, RegistryError):
        pass
    return {}


# What to build


def _request(
    loaded: Loaded,
    reference: Reference,
    found: Found,
    asked: Mapping[str, Any],
    console: Console,
) -> tuple[Request, bool]:
    """The build that should give the image, and whether we know ourselves on which base.

    What the image says of itself decides what is tried, never what counts as the same.
    """
    platform = str(found.image.config.platform.normal)
    base, digest, pinned = _base(loaded, found, platform, asked["base"])
    request = checked(
        loaded,
        (str(reference.with_tag(reference.tag or "latest")),),
        console,
        {
            "builder": found.claims.flags.get("builder"), "platforms": (platform,),
            "base": base, "schema": asked["schema"],
            "accelerator": found.claims.accelerator, "timestamp": _time(found.image),
            "separate": found.claims.flags.get("separate-weights") is True,
            "no_cache": asked["no_cache"], "pull": False, "locked": True,
        },
    )  # fmt: skip
    compiler = found.claims.labels.get(COMPILER, "")
    return replace(request, base_digest=digest, compiler=compiler), pinned


def _base(
    loaded: Loaded, found: Found, platform: str, told: str | None
) -> tuple[str | None, Digest | None, bool]:
    """Name and digest of the base image, and whether they are ours to know.

    A person's word counts most, then the lock's. Only where neither names a digest the
    image's own word is taken.
    """
    lock = load_lock(lock_path(loaded.path))
    keys = [key.rpartition(" ") for key in (pinned_base(lock) if lock else {})]
    pins = [name for name, _, machine in keys if machine == platform]
    labels = found.claims.labels
    if told:
        named = str(reference := Reference.parse(told))
        if reference.digest or named in pins:
            return named, None, True
    elif len(pins) == 1 or labels.get(BASE_NAME) in pins:
        return pins[0] if len(pins) == 1 else labels[BASE_NAME], None, True
    else:
        named = labels.get(BASE_NAME, "")
    try:
        digest = Digest.parse(labels.get(BASE, ""))
    except OciError:
        digest = None
    return named or None, digest, False


def _time(image: Image) -> int | None:
    """The time that its files have: SOURCE_DATE_EPOCH, or our own."""
    try:
        made = datetime.fromisoformat(image.config.created.replace("Z", "+00:00"))
        return int(made.timestamp())
    except (ValueError, OverflowError):
        return None


def _made(request: Request, platform: str, console: Console) -> Made:
    store: Store = open_store()
    with store.session(), showing(console) as display:
        return make(request, platform, store, display)
