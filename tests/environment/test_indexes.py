"""Settings of pip and of requirements files in uv's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogsmith.environment.indexes import in_words_of_uv, option_variables, secrets_in
from cogsmith.environment.load import uv_variables, wheels_at_hand
from cogsmith.environment.settings import Settings

PROJECT = Path("/project")


@pytest.mark.parametrize(
    ("pip", "uv"),
    [
        ({"PIP_INDEX_URL": "https://a"}, {"UV_DEFAULT_INDEX": "https://a"}),
        (
            {"PIP_EXTRA_INDEX_URL": " https://a\n https://b "},
            {
                "UV_EXTRA_INDEX_URL": "https://a https://b",
                "UV_INDEX_STRATEGY": "unsafe-best-match",
            },
        ),
        ({"PIP_FIND_LINKS": "/a  /b"}, {"UV_FIND_LINKS": "/a,/b"}),
        ({"PIP_NO_INDEX": "true"}, {"UV_NO_INDEX": "true"}),
        ({"PIP_NO_INDEX": "0"}, {}),
        ({"PIP_TRUSTED_HOST": "a b"}, {"UV_INSECURE_HOST": "a b"}),
        ({"PIP_CERT": "/ca.pem"}, {"SSL_CERT_FILE": "/ca.pem"}),
        ({"PIP_CONSTRAINT": "/c.txt"}, {"UV_CONSTRAINT": "/c.txt"}),
        ({"PIP_DEFAULT_TIMEOUT": "60"}, {"UV_HTTP_TIMEOUT": "60"}),
        ({"PIP_INDEX_URL": ""}, {}),
        ({"PIP_DISABLE_PIP_VERSION_CHECK": "1"}, {}),
    ],
)
def test_pips_variables(pip: dict[str, str], uv: dict[str, str]) -> None:
    assert in_words_of_uv(pip) == {**pip, **uv}


@pytest.mark.parametrize(
    "own",
    [{"UV_INDEX_URL": "https://u"}, {"UV_DEFAULT_INDEX": "https://u"}],
)
def test_uvs_own_variables_win(own: dict[str, str]) -> None:
    asked = {**own, "PIP_INDEX_URL": "https://p"}
    assert in_words_of_uv(asked) == asked


def test_pips_variables_win_over_pips_files() -> None:
    found = in_words_of_uv({"PIP_INDEX_URL": "https://a"}, {"index-url": "https://file"})
    assert found["UV_DEFAULT_INDEX"] == "https://a"
    assert in_words_of_uv({}, {"index-url": "https://file"}) == {"UV_DEFAULT_INDEX": "https://file"}


def test_a_strategy_that_the_person_chose_is_kept() -> None:
    chosen = {"PIP_EXTRA_INDEX_URL": "https://a", "UV_INDEX_STRATEGY": "first-index"}
    assert in_words_of_uv(chosen)["UV_INDEX_STRATEGY"] == "first-index"


def test_what_would_lead_uv_elsewhere_is_left_out() -> None:
    found = in_words_of_uv(
        {"UV_SYSTEM_PYTHON": "1", "VIRTUAL_ENV": "/v", "UV_TORCH_BACKEND": "auto"}
    )
    assert found == {}


def test_options_of_a_requirements_file() -> None:
    options = (
        "--index-url https://${USER_NAME}:${TOKEN}@host/simple", "--extra-index-url https://b",
        "--find-links ./wheels", "--find-links https://host/links", "--pre", "--no-binary :all:",
    )  # fmt: skip
    variables = {"USER_NAME": "me", "TOKEN": "sesame", "UV_EXTRA_INDEX_URL": "https://a"}
    assert option_variables(options, variables, project=PROJECT) == {
        **variables,
        "UV_DEFAULT_INDEX": "https://me:sesame@host/simple",
        "UV_EXTRA_INDEX_URL": "https://a https://b",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/project/wheels,https://host/links",
        "UV_PRERELEASE": "allow",
    }


def test_passwords_apart_from_urls_are_secrets() -> None:
    assert secrets_in({"UV_INDEX_HOME_PASSWORD": "sesame", "UV_INDEX_HOME_USERNAME": "me"}) == (
        "sesame",
    )


def test_pips_config_files_are_read_and_missing_folders_left_out(tmp_path: Path) -> None:
    user = tmp_path / ".config" / "pip" / "pip.conf"
    user.parent.mkdir(parents=True)
    user.write_text("[global]\nfind_links = /no/such/folder\n    file:///no/such\n    https://a\n")
    chosen = tmp_path / "chosen.conf"
    chosen.write_text("[install]\nno-index = yes\n[global]\nindex-url = https://b\n")
    variables = {"PIP_CONFIG_FILE": str(chosen), "XDG_CONFIG_DIRS": str(tmp_path / "none")}
    found = uv_variables(Settings(cache=tmp_path, variables=variables, home=tmp_path))
    assert found["UV_FIND_LINKS"] == "https://a"
    assert found["UV_NO_INDEX"] == "yes"
    assert found["UV_DEFAULT_INDEX"] == "https://b"


def test_a_broken_config_file_of_pip_is_no_concern_of_ours(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("no section = x\n")
    variables = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "XDG_CONFIG_DIRS": str(tmp_path)}
    uv_variables(Settings(cache=tmp_path, variables=variables, home=tmp_path))


def test_wheels_at_hand_are_those_of_folders(tmp_path: Path) -> None:
    (tmp_path / "x-1-py3-none-any.whl").touch()
    (tmp_path / "note.txt").touch()
    links = f"{tmp_path},https://host/links,/no/such/folder"
    assert wheels_at_hand({"UV_FIND_LINKS": links}) == ("x-1-py3-none-any.whl",)
    assert wheels_at_hand({"UV_FIND_LINKS": tmp_path.as_uri()}) == ("x-1-py3-none-any.whl",)
    assert wheels_at_hand({}) == ()


def test_settings_do_not_show_variables(tmp_path: Path) -> None:
    assert "sesame" not in repr(Settings.of({"TOKEN": "sesame"}, home=tmp_path))


@pytest.mark.parametrize(
    ("variables", "system", "cache"),
    [
        ({}, "linux", "/home/ada/.cache/cogsmith"),
        ({}, "darwin", "/home/ada/Library/Caches/cogsmith"),
        ({"XDG_CACHE_HOME": "/x"}, "linux", "/x/cogsmith"),
        ({"XDG_CACHE_HOME": "relative"}, "linux", "/home/ada/.cache/cogsmith"),
        ({"XDG_CACHE_HOME": "/x", "COGSMITH_CACHE_DIR": "/mine"}, "linux", "/mine"),
    ],
)
def test_where_environments_are_kept(variables: dict[str, str], system: str, cache: str) -> None:
    assert Settings.of(variables, home=Path("/home/ada"), system=system).cache == Path(cache)


@pytest.mark.parametrize(
    ("told", "gpu"), [("", None), ("1", True), ("yes", True), ("0", False), ("off", False)]
)
def test_a_gpu_can_be_told_instead_of_looked_for(told: str, gpu: bool | None) -> None:
    assert Settings.of({"COGSMITH_GPU": told}, home=Path("/")).gpu is gpu
