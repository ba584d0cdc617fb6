"""Documents of a repository: fetched and checked, put, listed, deleted; tags and referrers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote, urlencode

from cogsmith.errors import DigestMismatch, InvalidDigest, NotFound, RegistryError
from cogsmith.oci import MAX_DOCUMENT, Descriptor, Digest, Index, Manifest, Reference, media_types
from cogsmith.registry.challenge import Scope
from cogsmith.registry.host import Call, Host
from cogsmith.registry.messages import resolve

__all__ = ["delete", "fetch", "find", "list_referrers", "list_tags", "put"]

Document = Manifest | Index

ACCEPTED = ", ".join(
    (
        media_types.OCI_INDEX, media_types.OCI_MANIFEST, media_types.DOCKER_INDEX,
        media_types.DOCKER_MANIFEST,
    )
)  # fmt: skip
PAGES = 10_000  # a list that goes on for longer goes in circles
PAGE = 1000  # tags in one page
_NEXT = re.compile(r"<([^>]*)>\s*;[^,]*\brel\s*=\s*\"?next\b")


def pulling(reference: Reference) -> tuple[Scope, ...]:
    """What reading a repository needs."""
    return (Scope(reference.repository),)


def pushing(reference: Reference) -> tuple[Scope, ...]:
    """What writing to a repository needs."""
    return (Scope(reference.repository, ("pull", "push")),)


def fetch(host: Host, reference: Reference) -> Document:
    """The manifest or index that a reference names, of OCI or Docker's schema 2.

    Raises NotFound, DigestMismatch when the bytes are not those that were asked for or that
    the registry announced, InvalidDocument.
    """
    call = _call("GET", _path(reference), f"cannot read the manifest {reference.target}", reference)
    call = replace(call, headers={"accept": ACCEPTED})
    reply, data = host.read(call, MAX_DOCUMENT + 1)
    _check(data, reference, reply.header("docker-content-digest"))
    media_type = reply.header("content-type").partition(";")[0].strip()
    return _parsed(data, media_type, str(reference))


def find(host: Host, reference: Reference, scopes: tuple[Scope, ...] = ()) -> Descriptor | None:
    """What a reference names, without its bytes; None when there is no such thing.

    ``scopes``: what else is about to be done there, so that one token is enough for all.
    """
    call = _call(
        "HEAD", _path(reference), f"cannot look for the manifest {reference.target}", reference
    )
    call = replace(
        call, headers={"accept": ACCEPTED}, expected=frozenset({200, 404}),
        scopes=scopes or call.scopes,
    )  # fmt: skip
    with host.send(call) as reply:
        if reply.status == 404:
            return None
        digest, size = reply.header("docker-content-digest"), reply.size
        media_type = reply.header("content-type").partition(";")[0].strip()
    if digest and size is not None:
        return Descriptor(media_type=media_type, digest=_digest(digest, reference), size=size)
    return fetch(host, reference).descriptor


def put(host: Host, reference: Reference, document: Document) -> Descriptor:
    """Put a document under a reference's tag, or under its digest when there is no tag.

    One with a ``subject`` is found by ``list_referrers`` afterwards, also where the registry
    itself keeps no such list. Raises DigestMismatch when the registry names it otherwise.
    """
    data = document.render()
    descriptor = document.descriptor
    target = reference.tag or str(descriptor.digest)
    path = f"/v2/{reference.repository}/manifests/{quote(target, safe=':')}"
    call = _call("PUT", path, f"cannot push the manifest {target}", reference)
    call = replace(
        call, headers={"content-type": document.media_type}, body=data,
        scopes=pushing(reference), expected=frozenset({200, 201, 202}),
    )  # fmt: skip
    with host.send(call) as reply:
        named = reply.header("docker-content-digest")
        listed = bool(reply.header("oci-subject"))
    if named and named != str(descriptor.digest):
        message = f"we have pushed {descriptor.digest}, and the registry names it {named}"
        raise DigestMismatch(message, where=str(reference))
    if document.subject is not None and not listed:
        _add_referrer(host, reference, document)
    return descriptor


def delete(host: Host, reference: Reference) -> None:
    """Delete what a reference names: the content with its digest, else the tag alone.

    Raises RegistryError with the status 405 where a registry does not allow it.
    """
    call = _call("DELETE", _path(reference), f"cannot delete {reference.target}", reference)
    scopes = (Scope(reference.repository, ("delete", "pull", "push")),)
    with host.send(replace(call, scopes=scopes, expected=frozenset({200, 202, 204}))):
        pass


def list_tags(host: Host, reference: Reference) -> tuple[str, ...]:
    """All tags of a repository, sorted; not every registry sorts them."""
    path = f"/v2/{reference.repository}/tags/list?{urlencode({'n': PAGE})}"
    found: list[str] = []
    for page in _pages(host, path, f"cannot list the tags of {reference.repository}", reference):
        tags = _object(page, reference).get("tags") or []
        found += [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    return tuple(sorted(set(found)))


def list_referrers(
    host: Host, reference: Reference, digest: Digest, artifact_type: str = ""
) -> tuple[Descriptor, ...]:
    """The artifacts that name a manifest as their subject: signatures, SBOMs, provenance.

    Where the registry keeps no such list, the tag that stands for it is read.
    """
    query = f"?{urlencode({'artifactType': artifact_type})}" if artifact_type else ""
    path = f"/v2/{reference.repository}/referrers/{digest}{query}"
    found: list[Descriptor] = []
    try:
        for page in _pages(host, path, f"cannot list what refers to {digest}", reference):
            found += Index.parse(page, where=f"the referrers of {digest}").manifests
    except NotFound:
        found = list(_fallback(host, reference, digest).manifests)
    kept = (entry for entry in found if artifact_type in ("", entry.artifact_type))
    return tuple({entry.digest: entry for entry in kept}.values())


def _add_referrer(host: Host, reference: Reference, document: Document) -> None:
    """Write a document into the tag that stands for its subject's list of referrers."""
    assert document.subject
    index = _fallback(host, reference, document.subject.digest)
    entry = replace(
        document.descriptor,
        artifact_type=document.artifact_type or _config_type(document),
        annotations=document.annotations,
    )
    if entry.digest in {known.digest for known in index.manifests}:
        return
    longer = replace(index, manifests=(*index.manifests, entry))
    put(host, _fallback_reference(reference, document.subject.digest), longer)


def _config_type(document: Document) -> str:
    """What an artifact without a type of its own is called: its config's type (the spec)."""
    return document.config.media_type if isinstance(document, Manifest) else ""


def _fallback(host: Host, reference: Reference, digest: Digest) -> Index:
    """The referrers that the tag lists; none when there is no such tag."""
    try:
        found = fetch(host, _fallback_reference(reference, digest))
    except NotFound:
        return Index()
    return found if isinstance(found, Index) else Index()


def _fallback_reference(reference: Reference, digest: Digest) -> Reference:
    """The distribution spec's "referrers tag schema"."""
    return reference.with_tag(f"{digest.algorithm[:32]}-{digest.hex[:64]}")


def _pages(host: Host, path: str, doing: str, reference: Reference) -> Iterator[bytes]:
    """The bodies of a list that comes in pages (``Link: <...>; rel="next"``)."""
    seen: set[str] = set()
    while path and path not in seen and len(seen) < PAGES:
        seen.add(path)
        reply, data = host.read(_call("GET", path, doing, reference), MAX_DOCUMENT + 1)
        yield data
        found = _NEXT.search(reply.header("link"))
        path = resolve(reply.url, found[1]) if found else ""


def _call(method: str, path: str, doing: str, reference: Reference) -> Call:
    return Call(
        method=method, path=path, doing=doing, where=str(reference), scopes=pulling(reference)
    )


def _path(reference: Reference) -> str:
    return f"/v2/{reference.repository}/manifests/{quote(reference.target, safe=':')}"


def _check(data: bytes, reference: Reference, announced: str) -> None:
    """Both names that the bytes should have: the one asked for, the one that was announced."""
    wanted = [reference.digest] if reference.digest else []
    wanted += [_digest(announced, reference)] if announced else []
    for digest in wanted:
        found = Digest.of(data, digest.algorithm)
        if found != digest:
            message = f"{digest} was named, and the manifest that came is {found}"
            hint = "something between the registry and here changes it, or the registry is broken"
            raise DigestMismatch(message, where=str(reference), hint=hint)


def _digest(text: str, reference: Reference) -> Digest:
    """What a registry says that a digest is. Raises RegistryError when it is none."""
    try:
        return Digest.parse(text)
    except InvalidDigest as error:
        message = f"the registry announces a digest that is none: {error.message}"
        raise RegistryError(message, where=str(reference)) from error


def _parsed(data: bytes, media_type: str, where: str) -> Document:
    """By the type that the registry gives it, else by what it has in it."""
    known = media_types.is_index(media_type) or media_types.is_manifest(media_type)
    named = media_type if known else ""
    if media_types.is_index(named) or (not named and b'"manifests"' in data):
        return Index.parse(data, media_type=named, where=where)
    return Manifest.parse(data, media_type=named, where=where)


def _object(data: bytes, reference: Reference) -> dict[str, object]:
    try:
        value = json.loads(data)
    except ValueError as error:
        raise RegistryError(f"its answer is not JSON: {error}", where=str(reference)) from error
    if not isinstance(value, dict):
        raise RegistryError("its answer is not a JSON object", where=str(reference))
    return value
