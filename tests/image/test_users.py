from __future__ import annotations

from pathlib import Path

import pytest

from cogsmith.errors import OciError
from cogsmith.image import Base, Store, user_of
from cogsmith.oci import Entry, File
from tests.image.bases import GROUP, PASSWD, base_of

PYTHON = "/usr/bin/python3.11"
APP = b"app:x:1001:2000:App:/srv/app:/bin/sh\n"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


def base(store: Store, passwd: bytes = PASSWD, group: bytes = GROUP, user: str = "") -> Base:
    files: list[Entry] = [File.of("etc/passwd", passwd), File.of("etc/group", group)]
    return base_of(store, files, user=user)


@pytest.mark.parametrize("told", ["", "root", "0", "0:0", "root:root"])
def test_where_the_base_is_root_there_is_a_user_of_ours(store: Store, told: str) -> None:
    user = user_of(base(store, user=told), PYTHON)
    assert (user.named, user.uid, user.gid, user.home) == ("1000", 1000, 1000, "/home/cog")
    assert dict(user.files) == {
        "etc/passwd": PASSWD + b"cog:x:1000:1000:cog:/home/cog:/bin/sh\n",
        "etc/group": GROUP + b"cog:x:1000:\n",
    }


def test_numbers_that_are_taken_are_left_alone(store: Store) -> None:
    passwd = PASSWD + b"ada:x:1000:100::/home/ada:/bin/sh"  # no end of line
    user = user_of(base(store, passwd, GROUP + b"staff:x:1001:\n"), PYTHON)
    assert (user.uid, user.gid) == (1002, 1002)
    assert dict(user.files)["etc/passwd"].splitlines()[-2:] == [
        b"ada:x:1000:100::/home/ada:/bin/sh", b"cog:x:1002:1002:cog:/home/cog:/bin/sh",
    ]  # fmt: skip


def test_a_user_named_cog_is_taken_as_it_is(store: Store) -> None:
    user = user_of(base(store, PASSWD + b"cog:x:500:501::/srv:/bin/sh\n"), PYTHON)
    assert (user.named, user.uid, user.gid, user.home) == ("500", 500, 501, "/srv")
    assert user.files == ()


@pytest.mark.parametrize(
    ("told", "uid", "gid", "home"),
    [
        ("app", 1001, 2000, "/srv/app"),
        ("1001", 1001, 2000, "/srv/app"),
        ("app:staff", 1001, 50, "/srv/app"),
        ("1001:7", 1001, 7, "/srv/app"),
        ("4711", 4711, 0, "/"),
    ],
)
def test_the_base_s_own_user_stays(store: Store, told: str, uid: int, gid: int, home: str) -> None:
    user = user_of(base(store, PASSWD + APP, GROUP + b"staff:x:50:\n", told), PYTHON)
    assert (user.named, user.uid, user.gid, user.home, user.files) == (told, uid, gid, home, ())


def test_a_base_whose_user_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(OciError, match="'ghost'"):
        user_of(base(store, user="ghost"), PYTHON)


def test_what_lies_in_root_s_home_can_only_be_run_by_root(store: Store) -> None:
    user = user_of(base(store), "/root/.pyenv/versions/3.11.9/bin/python3.11")
    assert (user.named, user.uid, user.home) == ("", 0, "/root")


def test_a_base_without_accounts_gets_them(store: Store) -> None:
    user = user_of(base(store, b"", b""), PYTHON)
    assert dict(user.files)["etc/passwd"].startswith(b"root:x:0:0:")
    assert dict(user.files)["etc/group"] == b"root:x:0:\ncog:x:1000:\n"
