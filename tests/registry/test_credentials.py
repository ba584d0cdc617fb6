"""Logins: those of Docker and podman are found, ours are kept as theirs, helpers are spoken to."""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogsmith.errors import CommandFailed, MissingProgram, UsageError
from cogsmith.registry import Credentials, Keychain, docker_config

ADA = Credentials("ada", "sesame")


def auth(pair: str) -> dict[str, str]:
    return {"auth": base64.b64encode(pair.encode()).decode()}


def write(path: Path, **document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def keychain(home: Path) -> Keychain:
    return Keychain({"PATH": os.environ["PATH"]}, home=home)


class TestFind:
    def test_nobody_on_a_new_machine(self, keychain: Keychain) -> None:
        assert keychain.find("ghcr.io").anonymous

    def test_docker_s_own_file(self, keychain: Keychain, home: Path) -> None:
        path = write(
            home / ".docker/config.json", auths={"ghcr.io": auth("ada:sesame:with:colons")}
        )
        found = keychain.find("ghcr.io")
        assert found == Credentials("ada", "sesame:with:colons")
        assert found.source == str(path)
        assert keychain.find("other.io").anonymous

    @pytest.mark.parametrize(
        "key",
        [
            "https://index.docker.io/v1/",
            "index.docker.io",
            "docker.io",
            "https://index.docker.io/v1",
        ],
    )
    def test_docker_hub_by_all_its_names(self, keychain: Keychain, home: Path, key: str) -> None:
        write(home / ".docker/config.json", auths={key: auth("ada:sesame")})
        assert keychain.find("docker.io") == ADA
        assert keychain.find("index.docker.io") == ADA

    @pytest.mark.parametrize(
        "key", ["https://r.example:5000/v2/", "http://r.example:5000", "R.Example:5000"]
    )
    def test_old_keys_are_addresses(self, keychain: Keychain, home: Path, key: str) -> None:
        write(home / ".docker/config.json", auths={key: auth("ada:sesame")})
        assert keychain.find("r.example:5000") == ADA
        assert keychain.find("r.example").anonymous

    def test_podman_names_parts_of_a_registry(self, keychain: Keychain, home: Path) -> None:
        write(
            home / ".config/containers/auth.json",
            auths={
                "quay.io": auth("all:1"),
                "quay.io/ada": auth("part:2"),
                "quay.io/ada/m": auth("one:3"),
            },
        )
        assert keychain.find("quay.io", "ada/m").username == "one"
        assert keychain.find("quay.io", "ada/other").username == "part"
        assert keychain.find("quay.io", "adam/other").username == "all"

    def test_which_file_goes_first(self, home: Path, tmp_path: Path) -> None:
        environ = {
            "REGISTRY_AUTH_FILE": str(tmp_path / "told.json"),
            "DOCKER_CONFIG": str(tmp_path / "docker"),
            "XDG_RUNTIME_DIR": str(tmp_path / "run"),
        }
        keychain = Keychain(environ, home=home)
        paths = [
            home / ".config/containers/auth.json", tmp_path / "run/containers/auth.json",
            tmp_path / "docker/config.json", tmp_path / "told.json",
        ]  # fmt: skip
        for number, path in enumerate(paths):
            write(path, auths={"r.io": auth(f"user{number}:x"), "only.io": auth("only:x")})
            assert keychain.find("r.io").username == f"user{number}"
        write(paths[-1], auths={})
        assert keychain.find("r.io").username == "user2"

    def test_tokens_instead_of_passwords(self, keychain: Keychain, home: Path) -> None:
        entries = {
            "a.io": {**auth("00000000-0000-0000-0000-000000000000:"), "identitytoken": "abc"},
            "b.io": {"registrytoken": "def"},
            "c.io": {"username": "ada", "password": "sesame"},
            "d.io": auth("ada:sesame\0\0"),
        }
        write(home / ".docker/config.json", auths=entries)
        assert keychain.find("a.io").identity_token == "abc"
        assert keychain.find("a.io").basic == ""
        assert keychain.find("b.io").registry_token == "def"
        assert keychain.find("c.io") == keychain.find("d.io") == ADA

    @pytest.mark.parametrize(
        "entry", [{}, {"auth": "!"}, {"auth": "/w=="}, [], "x", None, {"auth": 5}]
    )
    def test_an_entry_that_says_nothing(self, keychain: Keychain, home: Path, entry: Any) -> None:
        write(home / ".docker/config.json", auths={"r.io": entry})
        assert keychain.find("r.io").anonymous

    @pytest.mark.parametrize("text", ["{", "[]", '{"auths": [1]}', '{"credHelpers": "x"}'])
    def test_a_file_that_is_none(self, keychain: Keychain, home: Path, text: str) -> None:
        path = write(home / ".docker/config.json")
        path.write_text(text)
        with pytest.raises(UsageError) as caught:
            keychain.find("r.io")
        assert caught.value.where == str(path)


class TestStore:
    def test_as_docker_login_would(self, keychain: Keychain, home: Path) -> None:
        assert keychain.store("r.io", ADA) == str(home / ".docker/config.json")
        path = home / ".docker/config.json"
        assert json.loads(path.read_text()) == {"auths": {"r.io": auth("ada:sesame")}}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert keychain.find("r.io") == ADA

    def test_docker_hub(self, keychain: Keychain, home: Path) -> None:
        keychain.store("docker.io", ADA)
        assert list(json.loads((home / ".docker/config.json").read_text())["auths"]) == [
            "https://index.docker.io/v1/"
        ]

    def test_what_else_is_there_stays(self, keychain: Keychain, home: Path) -> None:
        before = {
            "HttpHeaders": {"X": "ü"},
            "auths": {"a.io": auth("x:y"), "https://r.io/v1/": auth("old:old")},
            "currentContext": "desktop",
        }
        path = write(home / ".docker/config.json", **before)
        path.chmod(0o644)
        keychain.store("r.io", Credentials("ada", identity_token="tok"))
        after = json.loads(path.read_text())
        assert after["HttpHeaders"] == before["HttpHeaders"]
        assert after["currentContext"] == "desktop"
        assert after["auths"] == {
            "a.io": auth("x:y"), "r.io": {**auth("ada:"), "identitytoken": "tok"},
        }  # fmt: skip
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert os.listdir(path.parent) == ["config.json"]

    def test_a_link_stays_a_link(self, keychain: Keychain, home: Path, tmp_path: Path) -> None:
        real = write(tmp_path / "dotfiles/docker.json")
        (home / ".docker").mkdir(parents=True)
        (home / ".docker/config.json").symlink_to(real)
        keychain.store("r.io", ADA)
        assert (home / ".docker/config.json").is_symlink()
        assert "r.io" in real.read_text()

    def test_where_podman_was_told(self, home: Path, tmp_path: Path) -> None:
        path = tmp_path / "told.json"
        keychain = Keychain({"REGISTRY_AUTH_FILE": str(path)}, home=home)
        assert keychain.store("r.io", ADA) == str(path)
        assert keychain.find("r.io") == ADA
        assert not home.exists()

    def test_a_folder_that_cannot_be_written(self, home: Path) -> None:
        home.write_text("a file")
        with pytest.raises(UsageError, match="cannot be"):
            Keychain({}, home=home).store("r.io", ADA)

    def test_erasing(self, keychain: Keychain, home: Path) -> None:
        path = write(home / ".docker/config.json", auths={"r.io": auth("a:b"), "s.io": auth("c:d")})
        podman = write(
            home / ".config/containers/auth.json", auths={"https://r.io/v2/": auth("a:b")}
        )
        assert keychain.erase("r.io") == (str(path), str(podman))
        assert keychain.find("r.io").anonymous
        assert keychain.find("s.io").username == "c"
        assert keychain.erase("r.io") == ()


HOSTS = st.sampled_from(["a.io", "b.io:5000", "docker.io", "localhost", "c.io"])
PAIRS = st.builds(Credentials, st.text("xyz", min_size=1), st.text(max_size=9))


@given(st.dictionaries(HOSTS, PAIRS), HOSTS, PAIRS)
def test_storing_changes_one_registry(
    others: dict[str, Credentials], host: str, who: Credentials
) -> None:
    document: docker_config.Document = {"psFormat": "x"}
    for name, credentials in others.items():
        document = docker_config.stored(document, name, credentials)
    after = docker_config.stored(document, host, who)
    after = docker_config.parse(docker_config.render(after), where="")
    for name in {*others, host}:
        wanted = who if name == host else others[name]
        found = docker_config.find(after, name)
        assert found is not None
        # Zeros at a password's end are Docker's, not people's.
        assert (found.username, found.password) == (wanted.username, wanted.password.rstrip("\0"))
    gone = docker_config.erased(after, host)
    assert docker_config.find(gone, host) is None
    assert set(gone["auths"]) == set(after["auths"]) - {docker_config.server_name(host)}
    assert gone["psFormat"] == "x"


HELPER = """#!/bin/sh
# A key store: a file for each server. It notes what it was asked, and what it was started with.
echo "$1 $#" >> "$STORE/calls"
env >> "$STORE/environ"
case "$1" in
  get) read -r server; cat "$STORE/$(echo "$server" | tr / _)" 2>/dev/null || {
       echo "credentials not found in native keychain"; exit 1; } ;;
  store) cat > "$STORE/stored" ;;
  erase) read -r server; rm "$STORE/$(echo "$server" | tr / _)" 2>/dev/null || {
       echo "credentials not found in native keychain"; exit 1; } ;;
esac
"""


@pytest.fixture
def helper(tmp_path: Path) -> Callable[..., Path]:
    """Installs ``docker-credential-NAME``; the folder where it keeps things."""

    def install(name: str = "box", text: str = HELPER) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / f"docker-credential-{name}"
        program.write_text(text)
        program.chmod(0o755)
        (tmp_path / "store").mkdir(exist_ok=True)
        return tmp_path / "store"

    return install


@pytest.fixture
def helped(tmp_path: Path, home: Path) -> Keychain:
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    return Keychain({"PATH": path, "STORE": str(tmp_path / "store")}, home=home)


def give(store: Path, server: str, username: str, secret: str) -> None:
    name = server.replace("/", "_")
    document = {"ServerURL": server, "Username": username, "Secret": secret}
    (store / name).write_text(json.dumps(document))


class TestHelpers:
    def test_a_store_for_all(
        self, helped: Keychain, helper: Callable[..., Path], home: Path
    ) -> None:
        store = helper()
        write(home / ".docker/config.json", credsStore="box", auths={"r.io": {}})
        give(store, "r.io", "ada", "sesame")
        give(store, "https://index.docker.io/v1/", "<token>", "identity")
        assert helped.find("r.io") == ADA
        assert helped.find("docker.io") == Credentials(identity_token="identity")
        assert helped.find("nobody.io").anonymous

    def test_a_helper_for_one(
        self, helped: Keychain, helper: Callable[..., Path], home: Path
    ) -> None:
        give(helper(), "r.io", "ada", "sesame")
        write(
            home / ".docker/config.json", credHelpers={"r.io": "box"}, credsStore="absent",
            auths={"r.io": auth("old:old"), "s.io": auth("plain:text")},
        )  # fmt: skip
        assert helped.find("r.io") == ADA
        assert helped.find("s.io").username == "plain"

    def test_storing_leaves_no_secret_in_the_file(
        self, helped: Keychain, helper: Callable[..., Path], home: Path
    ) -> None:
        store = helper()
        path = write(home / ".docker/config.json", credsStore="box")
        assert helped.store("r.io", ADA) == "docker-credential-box"
        assert json.loads((store / "stored").read_text()) == {
            "ServerURL": "r.io", "Username": "ada", "Secret": "sesame",
        }  # fmt: skip
        assert json.loads(path.read_text()) == {"credsStore": "box", "auths": {"r.io": {}}}
        assert (store / "calls").read_text() == "store 1\n"
        assert "sesame" not in (store / "environ").read_text()

    def test_erasing(self, helped: Keychain, helper: Callable[..., Path], home: Path) -> None:
        store = helper()
        path = write(home / ".docker/config.json", credsStore="box", auths={"r.io": {}})
        give(store, "r.io", "ada", "sesame")
        assert helped.erase("r.io") == ("docker-credential-box", str(path))
        assert helped.erase("r.io") == ()

    def test_a_helper_that_is_not_there_keeps_nobody_from_pulling(
        self, helped: Keychain, home: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        write(home / ".docker/config.json", credsStore="absent")
        found = helped.find("r.io")
        assert found.anonymous
        assert "docker-credential-absent cannot be started" in found.source
        assert "docker-credential-absent" in caplog.text
        with pytest.raises(MissingProgram, match="docker-credential-absent"):
            helped.store("r.io", ADA)

    @pytest.mark.parametrize(
        "text", ["#!/bin/sh\necho locked >&2; exit 3\n", "#!/bin/sh\necho '{}'\n", "#!/bin/sh\n"]
    )
    def test_a_helper_that_fails(
        self, helped: Keychain, helper: Callable[..., Path], home: Path, text: str
    ) -> None:
        helper(text=text)
        write(home / ".docker/config.json", credsStore="box")
        write(home / ".config/containers/auth.json", auths={"r.io": auth("ada:sesame")})
        assert helped.find("r.io") == ADA
        assert helped.find("s.io").source.startswith("docker-credential-box get")

    def test_its_errors_hide_the_secret(
        self, helped: Keychain, helper: Callable[..., Path], home: Path
    ) -> None:
        helper(text="#!/bin/sh\ncat >&2; exit 1\n")
        write(home / ".docker/config.json", credsStore="box")
        with pytest.raises(CommandFailed, match="docker-credential-box store") as caught:
            helped.store("r.io", ADA)
        assert "sesame" not in str(caught.value)
