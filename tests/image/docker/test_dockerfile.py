"""What Docker runs, as text: rendered from the config alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cogsmith.config import ModelConfig
from cogsmith.errors import CogsmithError, OciError
from cogsmith.image import System, Venv, dockerfile
from cogsmith.image.docker.dockerfile import above_packages, below_packages
from cogsmith.image.users import User
from cogsmith.oci import Digest, Platform

ROOT = User(named="", uid=0, gid=0, home="/root")
COG = User(
    named="1000", uid=1000, gid=1000, home="/home/cog", files=(("etc/passwd", b"cog\n"),)
)  # fmt: skip


def config(**build: Any) -> ModelConfig:
    """A config of Python 3.11."""
    return ModelConfig.model_validate({"build": {"python_version": "3.11", **build}})


def system(release: str = 'ID=debian\nVERSION_ID="12"\n', *programs: str, **files: bytes) -> System:
    """A base image's system: this release, with these programs."""
    return System(
        digest=Digest.of(b"base"),
        platform=Platform.parse("linux/amd64"),
        files={"etc/os-release": release.encode(), **files},
        folders=frozenset(),
        links={},
        programs=frozenset(programs or ("usr/bin/python3.11", "usr/bin/apt-get")),
    )


def lines(*words: str, **build: Any) -> list[str]:
    """The RUN and COPY lines below the packages, on a system with these programs."""
    stage = below_packages(config(**build), system(*words), "3.11")
    return [step.line for step in stage.steps]


GOLDEN = """\
# What cogsmith build --builder docker runs. The rest is put in without running anything.
FROM python:3.11-slim
USER root
WORKDIR /
ENV DEBIAN_FRONTEND="noninteractive"
ENV STAGE="build"
ENV GREETING="say \\"hi\\" for \\$5"
RUN apt-get update -qq && apt-get install -qqy --no-install-recommends \
ffmpeg 'libgl1=1.6.0-*' && apt-get clean && rm -rf /var/lib/apt/lists/*
RUN echo before
# Here come the Python packages of the lock, in /opt/venv.
ENV DEBIAN_FRONTEND="noninteractive"
ENV VIRTUAL_ENV="/opt/venv"
ENV PIP_PYTHON="/opt/venv/bin/python"
ENV STAGE="build"
ENV GREETING="say \\"hi\\" for \\$5"
RUN echo hello world
RUN --mount=type=secret,id=foo,target=secret.txt echo shh
# Here comes the project, in /src.
"""


def test_all_of_it() -> None:
    asked = ModelConfig.model_validate(
        {
            "build": {
                "python_version": "3.11",
                "system_packages": ["ffmpeg", "libgl1=1.6.0-*"],
                "pre_install": ["echo before"],
                "run": [
                    "echo hello world",
                    {
                        "command": "echo shh",
                        "mounts": [{"type": "secret", "id": "foo", "target": "secret.txt"}],
                    },
                ],
                "environment": ["STAGE=build"],
            },
            "environment": ['GREETING=say "hi" for $5'],
        }
    )
    assert dockerfile(asked, "python:3.11-slim", "3.11") == GOLDEN


def test_without_steps_there_is_nothing_to_run() -> None:
    assert not below_packages(config(), system(), "3.11").steps
    assert not above_packages(config(), "/opt/venv").steps


@pytest.mark.parametrize(
    "text",
    ["[ -d /x ] || mkdir /x", "--help", "cat <<EOF", "echo a \\", "# nothing", "a\nb"],
    ids=["a test", "a flag", "a document", "an open end", "a comment", "lines"],
)
def test_what_docker_would_read_in_its_own_way_is_given_to_the_shell_whole(text: str) -> None:
    [step] = below_packages(config(pre_install=[text]), system(), "3.11").steps
    shell, flags, given = json.loads(step.line.removeprefix("RUN "))
    assert (shell, given) == ("/bin/sh", text)
    assert flags == ("-ec" if "\n" in text else "-c")  # of lines, each has to go well


def test_a_base_image_without_python_gets_its_release_s_own() -> None:
    found = lines('ID=debian\nVERSION_ID="12"\n', "usr/bin/apt-get")
    assert len(found) == 1
    assert " python3.11 " in found[0]


@pytest.mark.parametrize("release", ['ID=ubuntu\nVERSION_ID="22.04"\n', "ID=fedora\n"])
def test_or_else_one_that_is_copied(release: str) -> None:
    stage = below_packages(config(), system(release, "usr/bin/apt-get"), "3.11")
    assert [step.line for step in stage.steps] == ["COPY python /opt/python"]
    assert stage.python == "3.11"


def test_alpine_is_refused() -> None:
    base = system("ID=alpine\n", "bin/busybox", **{"etc/alpine-release": b"3.20\n"})
    with pytest.raises(OciError, match="Alpine"):
        below_packages(config(), base, "3.11")


def test_system_packages_need_apt() -> None:
    with pytest.raises(OciError, match="apt-get, and the base image has none") as caught:
        lines("ID=fedora\n", "usr/bin/python3.11", system_packages=["ffmpeg"])
    assert "--base-image" in caught.value.hint


def test_a_certificate_comes_before_all_else_and_is_believed_by_every_step() -> None:
    asked = config(system_packages=["git"], run=["pip list"])
    below = below_packages(asked, system(), "3.11", b"PEM\n")
    assert [step.asked for step in below.steps] == [
        "COG_CA_CERT", "COG_CA_CERT", "build.system_packages",
    ]  # fmt: skip
    assert below.files == {"cog-ca-cert.crt": b"PEM\n"}
    for stage in (below, above_packages(asked, "/opt/venv", b"PEM\n")):
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT"):
            assert stage.variables[name] == "/etc/ssl/certs/ca-certificates.crt"


def test_variables_that_no_dockerfile_can_say_are_refused() -> None:
    asked = config(environment=["TEXT=two\nlines"], run=["env"])
    with pytest.raises(CogsmithError, match="TEXT"):
        above_packages(asked, "/opt/venv")


def test_mounts_that_would_say_something_else_are_refused() -> None:
    mount = {"type": "secret", "id": "a,required=true", "target": "/x"}
    with pytest.raises(CogsmithError, match="no blank, comma or quote"):
        above_packages(config(run=[{"command": "x", "mounts": [mount]}]), "/opt/venv")


def test_what_steps_leave_in_the_home_belongs_to_the_model_s_user() -> None:
    asked = config(run=["env"])
    assert above_packages(asked, "/opt/venv", b"", COG).home == ("home/cog", 1000, 1000)
    assert above_packages(asked, "/opt/venv", b"", ROOT).home is None


def test_a_venv_lies_where_the_text_says() -> None:
    assert Venv(python="3.11", interpreter="/usr/bin/python3.11").folder in GOLDEN
