"""What vouches for an archive: its InRelease, signed by a key that the base image trusts.

Signatures are checked by Sequoia (the package pysequoia), and not by gpgv: that is on no Mac
and in few slim containers, and one checker everywhere gives one answer everywhere. Only the
text that the signature covers is read; what stands around it in the file is not.
"""

from __future__ import annotations

import email.utils
import importlib
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

from cogsmith.errors import SystemPackageError
from cogsmith.image.debs.control import fields
from cogsmith.values import dataclass

__all__ = ["Release", "verify"]

_AHEAD = timedelta(days=1)  # how far another clock may be before ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What a suite says of itself: its names, and its index files with hash and size."""

    names: frozenset[str]
    automatic: bool
    by_hash: bool
    files: dict[str, tuple[str, int]]

    @classmethod
    def of(cls, text: str, *, where: str, suite: str, now: datetime) -> Release:
        """Read the signed text. Raises SystemPackageError where it is not for us, or not now.

        ``Valid-Until`` is what keeps somebody between us and the archive from showing an old
        release without its last fixes.
        """
        told = fields(text)
        names = frozenset(filter(None, (told.get("suite"), told.get("codename"))))
        names |= {f"{name}/updates" for name in names}  # Debian's security suites before 2021
        if names and not suite.endswith("/") and suite not in names:
            message = f"is the release {' or '.join(sorted(names)[:2])}, and not {suite}"
            raise SystemPackageError(message, where=where)
        _check_times(told, where, now)
        return cls(
            names=names | {suite},
            automatic=told.get("notautomatic", "no").lower() != "yes",
            by_hash=told.get("acquire-by-hash", "no").lower() == "yes",
            files=_files(told.get("sha256", "")),
        )

    def packages(self, component: str, architecture: str) -> str:
        """The best index of a component ("": of a suite that is a folder), "" if it has none."""
        folder = f"{component}/binary-{architecture}/" if component else ""
        names = (f"{folder}Packages{end}" for end in (".xz", ".gz", ""))
        return next((name for name in names if name in self.files), "")


def verify(signed: bytes, keyrings: Sequence[bytes], *, where: str) -> str:
    """The text that one of the keys has signed.

    Raises SystemPackageError where none has, where there are no keys, and where the module
    that checks is not there.
    """
    if not keyrings:
        raise SystemPackageError(
            "the base image has no key that could vouch for it", where=where,
            hint="take a base image with its distribution's keyring (debian-archive-keyring), "
            "or build with --builder docker",
        )  # fmt: skip
    sequoia = _sequoia()
    certificates = [one for ring in keyrings for one in _certificates(sequoia, ring)]
    try:
        answer = sequoia.verify(bytes=signed, store=lambda _: certificates)
    except (RuntimeError, ValueError, OSError) as error:
        reason = str(error).partition("\n")[0]  # a backtrace may follow
        message = f"is not signed by a key of the base image: {reason}"
        hint = "the base image may be older than the archive's keys: take a newer one"
        raise SystemPackageError(message, where=where, hint=hint) from error
    if not answer.valid_sigs or answer.bytes is None:
        raise SystemPackageError("is not signed by a key of the base image", where=where)
    return bytes(answer.bytes).decode("utf-8", "replace")


def _certificates(sequoia: Any, ring: bytes) -> list[Any]:
    try:
        return list(sequoia.Cert.split_bytes(ring))
    except (RuntimeError, ValueError, OSError):
        return []  # apt takes no notice of a broken keyring either


def _sequoia() -> Any:
    """The module, imported when first asked for: few models have system packages."""
    try:
        return importlib.import_module("pysequoia")
    except ImportError as error:
        hint = "install the package pysequoia, or build with --builder docker"
        message = f"signatures of Debian packages cannot be checked here: {error}"
        raise SystemPackageError(message, hint=hint) from error


def _check_times(told: dict[str, str], where: str, now: datetime) -> None:
    made, until = _time(told.get("date", "")), _time(told.get("valid-until", ""))
    if made and made > now + _AHEAD:
        message = f"was made on {told['date']}, which is still to come"
        raise SystemPackageError(message, where=where, hint="is this machine's clock right?")
    if until and until < now:
        raise SystemPackageError(
            f"was valid until {told['valid-until']}", where=where,
            hint="the mirror is no longer kept up: name another with COGSMITH_DEBIAN_MIRROR",
        )  # fmt: skip


def _time(text: str) -> datetime | None:
    try:
        found = email.utils.parsedate_to_datetime(text.replace(" UTC", " +0000"))
    except (ValueError, TypeError, IndexError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def _files(text: str) -> dict[str, tuple[str, int]]:
    rows = (line.split() for line in text.splitlines())
    return {
        row[2]: (row[0].lower(), int(row[1]))
        for row in rows
        if len(row) == 3 and row[1].isdecimal()
    }
