"""``--secret``, certificates and proxies: what a person gives to a build."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from cogsmith.errors import UsageError
from cogsmith.image import DockerSettings
from cogsmith.image.docker.secrets import SecretSource, parse_secret
from cogsmith.image.docker.settings import read_certificates

PEM = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def settings(*secrets: str, **environ: str) -> DockerSettings:
    return DockerSettings.of("docker", secrets, environ)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("id=a,src=b", {"id": "a", "path": "b"}),
        ("id=a,source=b", {"id": "a", "path": "b"}),
        ("src=/x=y,id=a", {"id": "a", "path": "/x=y"}),
        ("id=a,env=B", {"id": "a", "variable": "B"}),
        ("type=env,id=a,src=B", {"id": "a", "variable": "B"}),
        ("type=file,id=a,src=b", {"id": "a", "path": "b"}),
        ("id=a", {"id": "a"}),
    ],
)
def test_a_secret_is_named_in_docker_s_words(text: str, fields: dict[str, Any]) -> None:
    assert parse_secret(text) == SecretSource(**fields)


@pytest.mark.parametrize(
    "text",
    ["", "a", "src=b", "id=a,src=b,env=c", "id=", "id=a,what=b", "id=a,id=b", "id=a,type=x"],
)
def test_other_words_are_refused_with_the_right_ones(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_secret(text)
    assert "id=NAME,src=FILE" in caught.value.hint


def test_a_secret_is_a_file_s_content_or_a_variable_s(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"from a file\n")
    found = settings(f"id=a,src={tmp_path}/token", "id=b,env=B", "id=C", B="of B", C="of C")
    assert [secret.content for secret in found.secrets] == [b"from a file\n", b"of B", b"of C"]


def test_one_that_is_not_there_is_an_error_that_does_not_wait_for_the_build(
    tmp_path: Path,
) -> None:
    for text in (f"id=a,src={tmp_path}/none", "id=a,env=NONE"):
        with pytest.raises(UsageError, match="--secret a"):
            settings(text)


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    found = settings("id=a,env=A", A="sesame\n\nab\n  open it  ")
    assert "sesame" not in repr(found)
    assert found.words == ("sesame", "open it")  # too short a line is in every text


def test_proxies_are_given_by_name() -> None:
    found = settings(HTTP_PROXY="http://me:pass@proxy:3128", no_proxy="localhost", FTP_PROXY="")
    assert found.proxies == ("HTTP_PROXY", "no_proxy")


def test_a_certificate_is_a_file_a_folder_or_text(tmp_path: Path) -> None:
    (tmp_path / "a.crt").write_bytes(PEM.strip())
    (tmp_path / "b.pem").write_bytes(PEM)
    (tmp_path / "c.txt").write_bytes(b"nothing")
    coded = base64.encodebytes(PEM * 200).decode()
    for value, expected in [
        (f"{tmp_path}/a.crt", PEM), (str(tmp_path), PEM * 2), (PEM.decode(), PEM),
        (base64.b64encode(PEM).decode(), PEM), (coded, PEM * 200), ("", b""),
    ]:  # fmt: skip
        assert read_certificates({"COG_CA_CERT": value}) == expected
    assert read_certificates({}) == b""


@pytest.mark.parametrize("value", ["/no/such/file", "eHh4", "-----BEGIN RSA KEY-----\nx"])
def test_what_is_no_certificate_is_refused(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_certificates({"COG_CA_CERT": value})
    assert "PEM" in caught.value.hint


def test_a_folder_without_certificates_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        read_certificates({"COG_CA_CERT": str(tmp_path)})
