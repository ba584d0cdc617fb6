"""An index behind a password: a real server, real credentials, and none of them shown."""

from __future__ import annotations

import base64
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cogsmith.environment import Settings, prepare
from cogsmith.errors import LockError
from tests.environment.conftest import MakeProject, MakeSettings

EXPECTED = "Basic " + base64.b64encode(b"me:sesame").decode()


class Guarded(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.headers.get("Authorization") == EXPECTED:
            super().do_GET()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(tmp_path: Path, wheels: Path) -> Iterator[str]:
    """Host and port of an index with all the wheels of the tests."""
    site = tmp_path / "site"
    (site / "simple").mkdir(parents=True)
    (site / "files").symlink_to(wheels)
    for wheel in wheels.glob("*.whl"):
        page = site / "simple" / wheel.name.split("-")[0].replace("_", "-") / "index.html"
        page.parent.mkdir(exist_ok=True)
        with page.open("a", encoding="utf-8") as text:
            text.write(f'<a href="../../files/{wheel.name}">{wheel.name}</a>\n')
    handler = partial(Guarded, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def settings_for(make: MakeSettings, variables: dict[str, str]) -> Settings:
    return make(
        {"UV_FIND_LINKS": "", "UV_NO_INDEX": "", "UV_OFFLINE": "", "UV_HTTP_RETRIES": "0"}
        | variables
    )


def test_credentials_from_pips_variable(
    make_project: MakeProject, make_settings: MakeSettings, address: str
) -> None:
    index = f"http://me:sesame@{address}/simple"
    settings = settings_for(make_settings, {"PIP_INDEX_URL": index})
    prepared = prepare(make_project("alpha"), settings)
    assert "sesame" not in prepared.lock_path.read_text("utf-8")


def test_credentials_named_in_the_requirements_file_and_kept_out_of_it(
    make_project: MakeProject, make_settings: MakeSettings, address: str
) -> None:
    project = make_project(f"--index-url http://${{WHO}}:${{TOKEN}}@{address}/simple", "alpha")
    settings = settings_for(make_settings, {"WHO": "me", "TOKEN": "sesame"})
    prepared = prepare(project, settings)
    text = prepared.lock_path.read_text("utf-8")
    assert "sesame" not in text
    assert f'"--index-url http://{address}/simple"' in text


def test_wrong_credentials_are_said_and_not_shown(
    make_project: MakeProject, make_settings: MakeSettings, address: str
) -> None:
    index = f"http://me:guess@{address}/simple"
    with pytest.raises(LockError) as caught:
        prepare(make_project("alpha"), settings_for(make_settings, {"UV_INDEX_URL": index}))
    assert "guess" not in str(caught.value)
    assert "other credentials" in caught.value.hint
