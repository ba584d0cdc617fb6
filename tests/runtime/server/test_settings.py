"""Settings from environment variables: everything that is wrong at once, with what to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cogsmith.errors import UsageError
from cogsmith.runtime.server.limits import MIB, Limits
from cogsmith.runtime.server.service import Policy
from cogsmith.runtime.server.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "serve.md"


def wrong(**environ: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        Settings.parse(environ)
    return caught.value


def test_nothing_said() -> None:
    settings = Settings.parse({})
    assert settings == Settings()
    assert (settings.port, settings.workers, settings.keys) == (5000, 1, ())
    assert Settings.parse({"COGSMITH_WORKERS": "", "PORT": " ", "COG_LOG_LEVEL": ""}) == settings


@pytest.mark.parametrize(
    ("name", "text", "place", "value"),
    [
        ("PORT", "80", "port", 80),
        ("COGSMITH_WORKERS", " 2 ", "workers", 2),
        ("COGSMITH_DRAIN", "0", "drain", 0.0),
        ("COGSMITH_FILE_LIMIT", "1k", "file_limit", 1024),
        ("COGSMITH_UPLOAD_URL", "https://a/b/", "upload_url", "https://a/b/"),
        ("COGSMITH_API_KEY", "one, two three", "keys", ("one", "two", "three")),
        ("COGSMITH_MAX_BODY", "10MiB", "limits.body", 10 * MIB),
        ("COGSMITH_MAX_BODY", "2g", "limits.body", 2048 * MIB),
        ("COGSMITH_MAX_BODY", "12345", "limits.body", 12345),
        ("COGSMITH_MAX_CONNECTIONS", "5", "limits.connections", 5),
        ("COGSMITH_REQUEST_TIMEOUT", "1.5", "limits.request_timeout", 1.5),
        ("COGSMITH_IDLE_TIMEOUT", "0", "limits.idle_timeout", 0.0),
        ("COGSMITH_SEND_TIMEOUT", "7", "limits.send_timeout", 7.0),
        ("COGSMITH_QUEUE", "0", "policy.queue", 0),
        ("COGSMITH_QUEUE_TIMEOUT", "3", "policy.queue_timeout", 3.0),
        ("COGSMITH_PREDICT_TIMEOUT", "600", "policy.predict_timeout", 600.0),
        ("COGSMITH_CANCEL_GRACE", "2", "policy.cancel_grace", 2.0),
        ("COGSMITH_KEEP", "0", "policy.kept", 0),
        ("COGSMITH_RESTARTS", "0", "restarts.most", 0),
        ("COGSMITH_BUSY_STATUS", "503", "manners.busy_status", 503),
        ("COG_STREAM_HISTORY_CAPACITY", "10", "manners.history", 10),
        ("COG_MAX_CONCURRENCY", "4", "concurrency", 4),
        ("COG_SETUP_TIMEOUT", "9", "setup_timeout", 9.0),
        ("COG_SETUP_TIMEOUT", "0", "setup_timeout", None),
        ("COG_LOG_LEVEL", "Warning", "level", 30),
    ],
)
def test_what_is_said(name: str, text: str, place: str, value: object) -> None:
    found: Any = Settings.parse({name: text})
    for part in place.split("."):
        found = getattr(found, part)
    assert found == value


def test_everything_wrong_is_told_at_once_with_an_example() -> None:
    error = wrong(
        PORT="65536", COGSMITH_WORKERS="0", COGSMITH_DRAIN="soon", COGSMITH_MAX_BODY="10q",
        COGSMITH_QUEUE="-1", COGSMITH_BUSY_STATUS="404", COGSMITH_UPLOAD_URL="ftp://a",
        COGSMITH_API_KEY=" , ", COGSMITH_IDLE_TIMEOUT="inf", COGSMITH_KEEP="1",
    )  # fmt: skip
    told = {problem.where: problem for problem in error.problems}
    assert set(told) == {
        "PORT", "COGSMITH_WORKERS", "COGSMITH_DRAIN", "COGSMITH_MAX_BODY", "COGSMITH_QUEUE",
        "COGSMITH_BUSY_STATUS", "COGSMITH_UPLOAD_URL", "COGSMITH_API_KEY", "COGSMITH_IDLE_TIMEOUT",
    }  # fmt: skip
    for name, problem in told.items():
        value = problem.hint.removeprefix(f"for example {name}=")
        if name != "COGSMITH_API_KEY":  # its example is for a shell
            Settings.parse({name: value})


def test_a_key_is_never_shown() -> None:
    assert "hunter2" not in repr(Settings.parse({"COGSMITH_API_KEY": "hunter2"}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("COG_MAX_CONCURRENCY", "many"), ("COG_SETUP_TIMEOUT", "-1"), ("COG_LOG_LEVEL", "loud"),
        ("COG_STREAM_HISTORY_CAPACITY", "x"), ("COG_THROTTLE_RESPONSE_INTERVAL", "x"),
    ],
)  # fmt: skip
def test_what_cog_ignores_is_ignored_with_a_warning(name: str, text: str) -> None:
    settings = Settings.parse({name: text})
    [warning] = settings.warnings
    assert warning.startswith(f"{name} is ignored: '{text}' is n")


def test_a_slip_in_a_name_is_told() -> None:
    settings = Settings.parse(
        {"COGSMITH_WORKER": "2", "COGSMITH_CACHE_DIR": "/a", "COGSMITH_MODEL": "b", "X": "c"}
    )
    assert settings.warnings == ("COGSMITH_WORKER means nothing: did you mean COGSMITH_WORKERS?",)
    assert settings.workers == 1


class Asked(dict[str, str]):
    """An environment that remembers which variables were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        self.names.add(name)
        return default


def test_the_page_tells_of_every_variable_and_its_default() -> None:
    environ = Asked()
    Settings.parse(environ)
    rows = {
        line.split("|")[1].strip().strip("`"): line.split("|")[2].strip()
        for line in PAGE.read_text("utf-8").splitlines()
        if line.startswith(("| `C", "| `PORT"))
    }
    assert environ.names <= rows.keys()
    for name, default in (
        ("COGSMITH_MAX_BODY", Limits().body // MIB), ("COGSMITH_QUEUE", Policy().queue),
        ("COGSMITH_MAX_CONNECTIONS", Limits().connections), ("COGSMITH_KEEP", Policy().kept),
        ("COGSMITH_REQUEST_TIMEOUT", f"{Limits().request_timeout:g}"),
        ("COGSMITH_IDLE_TIMEOUT", f"{Limits().idle_timeout:g}"),
        ("COGSMITH_SEND_TIMEOUT", f"{Limits().send_timeout:g}"),
        ("COGSMITH_QUEUE_TIMEOUT", f"{Policy().queue_timeout:g}"),
        ("COGSMITH_CANCEL_GRACE", f"{Policy().cancel_grace:g}"),
        ("COGSMITH_DRAIN", f"{Settings().drain:g}"),
        ("COGSMITH_RESTARTS", Settings().restarts.most), ("PORT", Settings().port),
        ("COGSMITH_FILE_LIMIT", Settings().file_limit // MIB),
    ):  # fmt: skip
        assert rows[name].removesuffix("m") == str(default), name
