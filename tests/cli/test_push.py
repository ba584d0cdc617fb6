"""``cogsmith push``: what travels, what is told, and what is there afterwards."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cogsmith.oci import Digest, Image, Platform, Reference, validate
from cogsmith.registry import Client, Credentials
from tests.cli.running import running, until
from tests.cli.workshop import PREDICTOR, Workshop, workshop
from tests.registry.real import PROGRAM, RealRegistry


@pytest.fixture
def place(tmp_path: Path, command_environment: dict[str, str]) -> Iterator[Workshop]:
    with workshop(tmp_path, command_environment) as opened:
        yield opened


def pulled(name: str, who: Credentials | None = None) -> Image:
    """What a registry has under a name, every byte of it checked."""
    with Client(find=lambda _host, _name: who or Credentials()) as client:
        image = client.image(Reference.parse(name), Platform.parse("linux/amd64"))
        assert validate(image) == ()
        return image


def test_a_push_builds_and_says_what_is_where(place: Workshop) -> None:
    name = f"{place.host}/ada/hello:1"
    ran = place.fine("push", name)
    digest = pulled(name).digest
    assert ran.stdout == f"{digest}\n"
    assert f"Pushed {name}@{digest}" in ran.stderr
    assert re.search(r"\d+ blobs sent \(.* MB|kB\), 1 mounted", ran.stderr)  # the base's layer
    with Client() as client:
        attached = {e.artifact_type for e in client.referrers(Reference.parse(name))}
    assert attached == {"application/vnd.cyclonedx+json", "application/vnd.in-toto+json"}


def test_only_what_is_new_travels(place: Workshop) -> None:
    name = f"{place.host}/ada/hello:1"
    place.fine("push", name)
    assert "it was there already" in place.fine("push", name).stderr
    before, asked = place.registry.received(), place.registry.count("HEAD .*/blobs/")
    (place.project / "predict.py").write_text(PREDICTOR.replace("hello", "bye"))
    [result] = place.results("push", name, "--no-attest", "--progress", "json")
    assert result["uploaded"] == 2  # the code, and the config
    assert place.registry.received() - before < 100_000
    # The last image is there, so its layers are.
    assert place.registry.count("HEAD .*/blobs/") - asked == 2
    [result] = place.results("push", f"{place.host}/bob/copy", "--progress", "json")
    assert result["uploaded"] == 1
    assert result["mounted"] > 3


def test_several_platforms_and_names(place: Workshop) -> None:
    one, two = f"{place.host}/ada/both:1", f"{place.host}/ada/both:2"
    words = ("-t", one, "-t", two, "--platform", "linux/amd64", "--platform", "linux/arm64")
    ran = place.fine("push", *words, "--no-attest")
    with Client() as client:
        found = {client.fetch(Reference.parse(name)).digest for name in (one, two)}
        assert found == {Digest.parse(ran.stdout.strip())}
        arm = client.image(Reference.parse(one), Platform.parse("linux/arm64"))
        assert validate(arm) == ()
        assert client.referrers(Reference.parse(one).with_digest(arm.digest)) == ()


def test_where_it_goes_must_be_known(place: Workshop) -> None:
    ran = place.run("push")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "cog.yaml: image: where the image goes is not known" in ran.stderr
    assert place.registry.count("POST") == place.registry.count("POST .*/base/")


def test_the_config_says_where(place: Workshop) -> None:
    config = place.project / "cog.yaml"
    config.write_text(f"{config.read_text()}image: {place.host}/ada/named\n")
    digest = place.fine("push").stdout.strip()
    assert str(pulled(f"{place.host}/ada/named").digest) == digest


def test_a_word_may_be_a_model(place: Workshop) -> None:
    (place.project / "cog.tiny.yaml").write_text((place.project / "cog.yaml").read_text())
    place.fine("push", "tiny", "-t", f"{place.host}/ada/tiny")
    assert "COGSMITH_MODEL=tiny" in pulled(f"{place.host}/ada/tiny").config.config.env


def test_a_login_is_needed_made_and_used(
    tmp_path: Path, command_environment: dict[str, str]
) -> None:
    who = {"auth": "token", "users": {"ada": "sesame"}}
    with workshop(tmp_path, command_environment, **who) as place:
        name = f"{place.host}/ada/hello"
        ran = place.run("push", name)
        assert ran.returncode == 1
        assert f"cogsmith login {place.host}" in ran.stderr
        login = ("login", place.host, "-u", "ada", "--password-stdin")
        wrong = place.run(*login, given="wrong\n")
        assert wrong.returncode == 1
        assert "nothing was kept" in wrong.stderr
        assert not (tmp_path / "docker" / "config.json").exists()
        ran = place.fine(*login, given="sesame\n")
        kept = tmp_path / "docker" / "config.json"
        assert f"Logged in to {place.host} as ada: kept in {kept}" in ran.stderr
        assert kept.stat().st_mode & 0o777 == 0o600
        assert "sesame" not in ran.stderr + kept.read_text()
        place.fine("push", name)
        pulled(name, Credentials("ada", "sesame"))


def test_a_registry_that_says_no_is_quoted(place: Workshop) -> None:
    place.registry.fail("POST .*/uploads/", status=403, times=100)
    ran = place.run("push", f"{place.host}/ada/hello")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "403" in ran.stderr
    assert f"{place.host}/ada/hello" in ran.stderr


def test_ctrl_c_leaves_no_tag(place: Workshop) -> None:
    name = f"{place.host}/ada/hello:1"
    place.registry.fail("PUT .*/ada/.*/uploads/", delay=60.0)
    with running(
        "cogsmith", "push", name, folder=place.project, environment=place.environment
    ) as command:
        until(lambda: place.registry.count("PUT .*/ada/.*/uploads/"))
        command.interrupt()
        code, out, err = command.end()
    assert (code, out) == (130, "")
    assert err.rstrip().endswith("interrupted")
    with Client() as client:
        assert client.find(Reference.parse(name)) is None
    place.fine("push", name)
    pulled(name)


@pytest.mark.registry
def test_a_real_registry_and_skopeo(place: Workshop, tmp_path: Path) -> None:
    if PROGRAM is None:
        pytest.skip("docker-registry is not installed (apt-get install docker-registry)")
    folder = tmp_path / "real"
    folder.mkdir()
    with RealRegistry(folder) as real:
        name = f"{real.host}/ada/hello:1"
        digest = place.fine("push", name).stdout.strip()
        assert str(pulled(name).digest) == digest
        shown = place.fine("inspect", name, "--remote").stdout
        assert "application/vnd.cyclonedx+json" in shown
        words = ["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}"]
        try:
            ran = subprocess.run(
                [*words, f"docker://{name}"], capture_output=True, text=True, check=True,
                env={**os.environ, "PATH": os.environ["PATH"]},
            )  # fmt: skip
        except FileNotFoundError:
            return  # it is only one more witness
        assert ran.stdout.strip() == digest
