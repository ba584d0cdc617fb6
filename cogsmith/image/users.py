"""Who the model runs as: the base image's own user, or one of ours where that would be root."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cogsmith.errors import OciError
from cogsmith.values import dataclass

if TYPE_CHECKING:
    from cogsmith.image.base_image import Base

__all__ = ["NAME", "User", "user_of"]

NAME = "cog"
FIRST, LAST = 1000, 60000  # where systems number people, not services
PASSWD, GROUP = "etc/passwd", "etc/group"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of the image: ``named`` is what its config says.

    ``files`` are the accounts' files, whole, where somebody was added to them.
    """

    named: str
    uid: int
    gid: int
    home: str
    files: tuple[tuple[str, bytes], ...] = ()

    @property
    def made(self) -> bool:
        """Whether the user is ours, and so is its home."""
        return bool(self.files)


@dataclass(frozen=True, slots=True)
class _Account:
    name: str
    uid: int
    gid: int
    home: str


def user_of(base: Base, interpreter: str) -> User:
    """The user for a model on this base, whose Python is ``interpreter``.

    A number stands in the config where the user is ours: Kubernetes' ``runAsNonRoot`` cannot
    look into the image for a name. An interpreter below /root can be run by nobody else, so
    there root stays. Raises OciError for a base whose own user is not in it.
    """
    told = base.image.config.config.user
    name, _, group = told.partition(":")
    accounts = _accounts(base.system.files.get(PASSWD, b""))
    if name not in ("", "0", "root"):
        return _given(told, name, group, accounts, base)
    if interpreter.startswith("/root/"):
        return User(named="", uid=0, gid=0, home="/root")
    there = next((account for account in accounts if account.name == NAME), None)
    if there is not None:
        return User(named=str(there.uid), uid=there.uid, gid=there.gid, home=there.home)
    return _new(accounts, base)


def _given(told: str, name: str, group: str, accounts: Iterable[_Account], base: Base) -> User:
    """The base's own user, in its own words."""
    found = next((a for a in accounts if name in (a.name, str(a.uid))), None)
    if found is None and not name.isdecimal():
        message = f"the base image runs as the user {name!r}, and has no such user"
        raise OciError(message, where=base.reference, hint="choose another --base-image")
    uid, gid = (found.uid, found.gid) if found else (int(name), 0)
    if group.isdecimal():
        gid = int(group)
    elif group:
        gid = _groups(base.system.files.get(GROUP, b"")).get(group, gid)
    home = (found.home if found else "") or "/"
    return User(named=told, uid=uid, gid=gid, home=home)


def _new(accounts: Iterable[_Account], base: Base) -> User:
    passwd = base.system.files.get(PASSWD) or b"root:x:0:0:root:/root:/bin/sh\n"
    group = base.system.files.get(GROUP) or b"root:x:0:\n"
    taken = {account.uid for account in accounts} | set(_groups(group).values())
    number = next(n for n in range(FIRST, LAST) if n not in taken)
    home = f"/home/{NAME}"
    person = f"{NAME}:x:{number}:{number}:{NAME}:{home}:/bin/sh\n".encode()
    files = (
        (GROUP, _lines(group) + f"{NAME}:x:{number}:\n".encode()),
        (PASSWD, _lines(passwd) + person),
    )
    return User(named=str(number), uid=number, gid=number, home=home, files=files)


def _lines(data: bytes) -> bytes:
    return data if data.endswith(b"\n") else data + b"\n"


def _accounts(data: bytes) -> tuple[_Account, ...]:
    """The accounts of a passwd file (passwd(5)); lines that say something else are left out."""
    rows = [line.split(":") for line in data.decode("utf-8", "replace").splitlines()]
    return tuple(
        _Account(row[0], int(row[2]), int(row[3]), row[5])
        for row in rows
        if len(row) >= 6 and row[2].isdecimal() and row[3].isdecimal()
    )


def _groups(data: bytes) -> dict[str, int]:
    rows = [line.split(":") for line in data.decode("utf-8", "replace").splitlines()]
    return {row[0]: int(row[2]) for row in rows if len(row) >= 3 and row[2].isdecimal()}
