"""The way to a registry: certificates, hosts that speak plain http, proxies."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cogsmith.errors import RegistryError, Unreachable, UsageError
from cogsmith.oci import Reference
from cogsmith.registry import Client, Shipment
from cogsmith.registry.messages import Payload
from cogsmith.registry.transport import pieces
from cogsmith.testing.registry import FakeRegistry
from tests.conftest import ROOT
from tests.registry.images import LINUX, image_of

Make = Callable[..., Client]

# A certificate for localhost and store.example that nobody has signed but itself, and its key.
PEM = ROOT / "tests" / "prediction" / "localhost.pem"


@pytest.fixture
def secure() -> Iterator[FakeRegistry]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(PEM)
    with FakeRegistry(tls=context) as registry:
        yield registry


def certificate() -> str:
    text = PEM.read_text()
    begin = text.index("-----BEGIN CERTIFICATE-----")
    return text[begin : text.index("-----END CERTIFICATE-----")] + "-----END CERTIFICATE-----\n"


def push_and_pull(client: Client, name: str) -> None:
    reference, image = Reference.parse(f"{name}/a/b:1"), image_of(200_000)
    client.push(client.plan_push(reference, Shipment.of(image)))
    assert client.manifest(reference, LINUX) == image.manifest


class TestCertificates:
    @pytest.mark.parametrize("variable", ["COG_CA_CERT", "SSL_CERT_FILE"])
    def test_a_file(
        self, secure: FakeRegistry, make_client: Make, tmp_path: Path, variable: str
    ) -> None:
        file = tmp_path / "ca.pem"
        file.write_text(certificate())
        push_and_pull(make_client(environ={variable: str(file)}), f"localhost:{secure.port}")

    def test_the_certificate_itself(self, secure: FakeRegistry, make_client: Make) -> None:
        client = make_client(environ={"COG_CA_CERT": certificate()})
        push_and_pull(client, f"localhost:{secure.port}")

    def test_a_folder(self, secure: FakeRegistry, make_client: Make, tmp_path: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed: it names the files of such a folder")
        (tmp_path / "ca.pem").write_text(certificate())
        os.system(f"openssl rehash {tmp_path}")
        client = make_client(environ={"COG_CA_CERT": str(tmp_path)})
        push_and_pull(client, f"localhost:{secure.port}")

    def test_one_that_nobody_knows(self, secure: FakeRegistry, make_client: Make) -> None:
        with pytest.raises(Unreachable, match="its certificate is not to be trusted") as caught:
            make_client().check(f"localhost:{secure.port}")
        assert "COG_CA_CERT" in caught.value.hint

    def test_one_of_another_host(self, secure: FakeRegistry, make_client: Make) -> None:
        client = make_client(environ={"COG_CA_CERT": certificate()})
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
            client.check(secure.host)

    def test_unless_told(self, secure: FakeRegistry, make_client: Make) -> None:
        client = make_client(insecure=frozenset({secure.host}))
        push_and_pull(client, secure.host)
        assert secure.count("PUT .*/manifests/") == 1

    @pytest.mark.parametrize("variable", ["COG_CA_CERT", "SSL_CERT_FILE"])
    def test_a_file_that_is_none(
        self, secure: FakeRegistry, make_client: Make, tmp_path: Path, variable: str
    ) -> None:
        (tmp_path / "ca.pem").write_text("no certificate")
        for path in (tmp_path / "ca.pem", tmp_path / "absent"):
            with pytest.raises(UsageError, match="these certificates cannot be read"):
                make_client(environ={variable: str(path)}).check(f"localhost:{secure.port}")


class Proxy:
    """Leads every CONNECT to one port of this machine, and remembers what it was asked."""

    def __init__(self, port: int) -> None:
        self.port, self.asked = port, []  # type: tuple[int, list[bytes]]
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://me:sesame@127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                wire, _ = self.listener.accept()
                threading.Thread(target=self._connect, args=(wire,), daemon=True).start()

    def _connect(self, wire: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += wire.recv(1024)
        self.asked.append(head)
        other = socket.create_connection(("127.0.0.1", self.port))
        wire.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=self._pass, args=(wire, other), daemon=True).start()
        self._pass(other, wire)

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError), one, other:
            while data := one.recv(65536):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)


class TestProxies:
    def test_https_goes_through_unread(self, secure: FakeRegistry, make_client: Make) -> None:
        proxy = Proxy(secure.port)
        environ = {"HTTPS_PROXY": proxy.url, "COG_CA_CERT": certificate()}
        push_and_pull(make_client(environ=environ), "store.example")
        proxy.listener.close()
        assert proxy.asked[0].startswith(b"CONNECT store.example:443 ")
        assert b"bWU6c2VzYW1l" in proxy.asked[0]
        assert all("proxy-authorization" not in seen.headers for seen in secure.seen)

    def test_http_is_read(self, fake: FakeRegistry, make_client: Make) -> None:
        proxy = f"http://me:sesame@{fake.host}"
        client = make_client(
            environ={"HTTP_PROXY": proxy}, insecure=frozenset({"plain.invalid:5000"})
        )
        push_and_pull(client, "plain.invalid:5000")
        assert fake.seen[-1].path.startswith("http://plain.invalid:5000/v2/a/b/")
        assert fake.seen[-1].headers["proxy-authorization"].startswith("Basic ")

    def test_a_proxy_that_says_no(self, fake: FakeRegistry, make_client: Make) -> None:
        client = make_client(environ={"HTTPS_PROXY": f"http://me:sesame@{fake.host}"})
        with pytest.raises(Unreachable, match="501") as caught:
            client.check("store.example")
        assert "sesame" not in str(caught.value)

    def test_a_proxy_of_another_kind(self, make_client: Make) -> None:
        client = make_client(environ={"ALL_PROXY": "socks5://me:sesame@127.0.0.1:1080"})
        with pytest.raises(UsageError, match=r"socks5://\*\*\*\*@127.0.0.1:1080 is not one"):
            client.check("store.example")


def test_a_host_elsewhere_that_speaks_http(make_client: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:

        def refuse() -> None:
            with contextlib.suppress(OSError):
                while True:
                    wire, _ = plain.accept()
                    with wire:
                        wire.recv(4096)
                        wire.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

        threading.Thread(target=refuse, daemon=True).start()
        proxy = Proxy(plain.getsockname()[1])
        client = make_client(environ={"HTTPS_PROXY": proxy.url})
        with pytest.raises(Unreachable, match="speaks http, not https") as caught:
            client.check("store.example")
        assert "COGSMITH_INSECURE_REGISTRIES=store.example" in caught.value.hint
        proxy.listener.close()


def test_a_way_from_https_to_http_is_not_taken(secure: FakeRegistry, make_client: Make) -> None:
    client = make_client(environ={"COG_CA_CERT": certificate()})
    for fault in ({"status": 202}, {"status": 307}):
        secure.fail("POST", headers={"Location": "http://store.example/upload"}, **fault)
        with pytest.raises(RegistryError, match=r"from https to http: http://store.example/up"):
            push_and_pull(client, f"localhost:{secure.port}")


def test_an_answer_that_comes_before_all_was_sent(make_client: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as early:
        host = f"127.0.0.1:{early.getsockname()[1]}"

        def answer() -> None:
            with contextlib.suppress(OSError):
                while True:
                    wire, _ = early.accept()
                    with wire:
                        asked = wire.recv(4096).split(b" ")[0]
                        status = {b"GET": b"200 OK", b"POST": b"202 Accepted"}.get(asked)
                        status = status or (b"404 No" if asked == b"HEAD" else b"413 Too Large")
                        head = b"\r\nLocation: /u\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                        wire.sendall(b"HTTP/1.1 " + status + head)

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(RegistryError, match="413 Content Too Large"):
            client = make_client()
            image = image_of(20_000_000)
            client.push(client.plan_push(Reference.parse(f"{host}/a/b:1"), Shipment.of(image)))


@pytest.mark.parametrize(("data", "words"), [([b"ab", b"c"], "more"), ([b"a"], "fewer")])
def test_a_body_of_another_size_than_announced(data: list[bytes], words: str) -> None:
    with pytest.raises(RegistryError, match=f"gives {words} than its 2 bytes"):
        list(pieces(Payload(2, lambda: iter(data))))
