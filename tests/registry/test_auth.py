"""Who we are, told to registries that ask: with passwords, tokens, and identity tokens."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cogsmith.errors import RegistryError, Unauthorized
from cogsmith.oci import Reference
from cogsmith.registry import Client, Credentials, Shipment
from cogsmith.testing.registry import FakeRegistry
from tests.registry.conftest import ADA, KINDS, is_there
from tests.registry.images import LINUX, image_of
from tests.registry.real import RealRegistry

Make = Callable[..., Client]
WRONG = Credentials("ada", "open-barley", source="/home/ada/.docker/config.json")
USERS = {"ada": "sesame"}


@pytest.fixture(scope="module", params=KINDS)
def guarded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FakeRegistry | RealRegistry]:
    """A registry that asks for a password: ours, or the real one with htpasswd."""
    if request.param == "fake":
        with FakeRegistry(auth="basic", users=USERS) as fake:
            yield fake
        return
    is_there()
    with RealRegistry(tmp_path_factory.mktemp("guarded"), password=True) as real:
        yield real


@pytest.fixture
def tokens() -> Iterator[FakeRegistry]:
    with FakeRegistry(auth="token", users=USERS, identity="identity-of-ada") as registry:
        yield registry


def push_and_pull(client: Client, reference: Reference) -> None:
    image = image_of(1000)
    client.push(client.plan_push(reference, Shipment.of(image)))
    assert client.manifest(reference, LINUX) == image.manifest
    assert client.read_blob(reference, image.manifest.layers[0])


class TestPasswords:
    def test_the_right_one(self, guarded: FakeRegistry | RealRegistry, make_client: Make) -> None:
        client = make_client(ADA)
        client.check(guarded.host)
        push_and_pull(client, Reference.parse(f"{guarded.host}/right/one:1"))

    def test_none(self, guarded: FakeRegistry | RealRegistry, make_client: Make) -> None:
        reference = Reference.parse(f"{guarded.host}/a/b:1")
        with pytest.raises(Unauthorized, match="UNAUTHORIZED: authentication required") as caught:
            make_client().fetch(reference)
        assert caught.value.hint == f"cogsmith login {guarded.host}"
        assert caught.value.where == str(reference)

    def test_a_wrong_one(self, guarded: FakeRegistry | RealRegistry, make_client: Make) -> None:
        with pytest.raises(Unauthorized) as caught:
            make_client(WRONG).check(guarded.host)
        assert "the credentials from /home/ada/.docker/config.json are not taken" in str(
            caught.value
        )
        assert "open-barley" not in repr(caught.value) + str(caught.value)


class TestTokens:
    def test_one_token_for_a_push(self, tokens: FakeRegistry, make_client: Make) -> None:
        push_and_pull(make_client(ADA), Reference.parse(f"{tokens.host}/a/b:1"))
        assert tokens.count("GET /token") == 1
        assert tokens.count("(HEAD|PUT|POST|GET) /v2/a/b/") == len(
            [seen for seen in tokens.seen if "/v2/a/b/" in seen.path]
        )
        refused = [
            s
            for s in tokens.seen
            if s.path.startswith("/v2/a") and "authorization" not in s.headers
        ]
        assert len(refused) == 1

    def test_a_password_goes_to_the_token_service_alone(
        self, tokens: FakeRegistry, make_client: Make
    ) -> None:
        push_and_pull(make_client(ADA), Reference.parse(f"{tokens.host}/a/b:1"))
        basic = {s.path[:6] for s in tokens.seen if "Basic" in s.headers.get("authorization", "")}
        assert basic == {"/token"}

    def test_an_identity_token(self, tokens: FakeRegistry, make_client: Make) -> None:
        who = Credentials("ada", identity_token="identity-of-ada")
        push_and_pull(make_client(who), Reference.parse(f"{tokens.host}/a/b:1"))
        assert tokens.count("POST /token") == 1

    def test_a_token_that_was_given_ready(self, tokens: FakeRegistry, make_client: Make) -> None:
        tokens.tokens["ready"] = (
            float("inf"),
            frozenset({"repository:a/b:pull", "repository:a/b:push"}),
        )
        push_and_pull(
            make_client(Credentials(registry_token="ready")),
            Reference.parse(f"{tokens.host}/a/b:1"),
        )
        assert tokens.count(".* /token") == 0

    def test_a_token_that_ends_is_renewed(self, tokens: FakeRegistry, make_client: Make) -> None:
        client, reference = make_client(ADA), Reference.parse(f"{tokens.host}/a/b:1")
        push_and_pull(client, reference)
        tokens.tokens.clear()  # as if its time were over before we thought so
        push_and_pull(client, reference.with_tag("2"))
        assert tokens.count("GET /token") == 2

    def test_mounting_asks_for_both_repositories(
        self, tokens: FakeRegistry, make_client: Make
    ) -> None:
        client, image = make_client(ADA), image_of(1000)
        first, second = (Reference.parse(f"{tokens.host}/{name}:1") for name in ("a/b", "c/d"))
        client.push(client.plan_push(first, Shipment.of(image)))
        sources = {blob.digest: "a/b" for blob in image.blobs}
        client.push(client.plan_push(second, Shipment.of(image), sources=sources))
        assert tokens.count("PUT /v2/c/d/blobs") == 0
        scopes = [s.path for s in tokens.seen if s.path.startswith("/token")][-1]
        assert "repository%3Ac%2Fd%3Apull%2Cpush" in scopes
        assert "repository%3Aa%2Fb%3Apull" in scopes

    def test_wrong_credentials(self, tokens: FakeRegistry, make_client: Make) -> None:
        with pytest.raises(
            Unauthorized, match="does not take the credentials from /home"
        ) as caught:
            make_client(WRONG).fetch(Reference.parse(f"{tokens.host}/a/b:1"))
        assert "open-barley" not in str(caught.value)
        assert caught.value.hint == f"cogsmith login {tokens.host}"

    def test_a_token_that_does_not_help(self, tokens: FakeRegistry, make_client: Make) -> None:
        with pytest.raises(Unauthorized) as caught:
            make_client().fetch(Reference.parse(f"{tokens.host}/a/b:1"))
        assert caught.value.hint == f"cogsmith login {tokens.host}"
        assert tokens.count("GET /token") == 1

    def test_a_token_service_that_is_slow_to_wake(
        self, tokens: FakeRegistry, make_client: Make
    ) -> None:
        tokens.fail("GET /token", times=2, status=503)
        tokens.fail("GET /token", cut_request=0)
        push_and_pull(make_client(ADA), Reference.parse(f"{tokens.host}/a/b:1"))

    @pytest.mark.parametrize("body", [b"<html>", b"{}", b"\xff"])
    def test_a_token_service_that_talks_nonsense(
        self, tokens: FakeRegistry, make_client: Make, body: bytes
    ) -> None:
        tokens.fail("GET /token", status=200, body=body)
        with pytest.raises(RegistryError, match="its token service is of no use") as caught:
            make_client(ADA).fetch(Reference.parse(f"{tokens.host}/a/b:1"))
        assert caught.value.where == f"{tokens.host}/a/b:1"

    def test_a_password_does_not_go_over_plain_http_elsewhere(self, make_client: Make) -> None:
        with (
            FakeRegistry(auth="token", users=USERS, realm="http://auth.example") as registry,
            pytest.raises(RegistryError, match=r"http://auth.example/token is not https"),
        ):
            make_client(ADA).fetch(Reference.parse(f"{registry.host}/a/b:1"))


class TestRedirects:
    def test_credentials_stay_with_the_registry(
        self, tokens: FakeRegistry, make_client: Make
    ) -> None:
        client, reference = make_client(ADA), Reference.parse(f"{tokens.host}/a/b:1")
        image = image_of(1000)
        client.push(client.plan_push(reference, Shipment.of(image)))
        with FakeRegistry() as store:
            store.stored.content, store.stored.blobs = tokens.stored.content, tokens.stored.blobs
            tokens.fail("GET .*/blobs/", redirect=store.url)
            assert client.read_blob(reference, image.manifest.layers[0])
            assert [seen.headers.get("authorization") for seen in store.seen] == [None]

    def test_to_another_way_of_the_same_registry(
        self, tokens: FakeRegistry, make_client: Make
    ) -> None:
        tokens.fail("(HEAD|GET) .*/manifests/", redirect=tokens.url)
        push_and_pull(make_client(ADA), Reference.parse(f"{tokens.host}/a/b:1"))

    def test_in_circles(self, fake: FakeRegistry, client: Client) -> None:
        fake.fail("GET .*/manifests/", times=100, redirect=fake.url)
        with pytest.raises(RegistryError, match="redirects more than 5 times"):
            client.fetch(Reference.parse(f"{fake.host}/a/b:1"))

    def test_to_nowhere(self, fake: FakeRegistry, client: Client) -> None:
        fake.fail("GET .*/manifests/", status=307, headers={"Location": "file:///etc/passwd"})
        with pytest.raises(RegistryError, match="no address of http"):
            client.fetch(Reference.parse(f"{fake.host}/a/b:1"))


def test_no_log_holds_a_secret(
    tokens: FakeRegistry, make_client: Make, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens.fail("PUT .*/blobs/uploads/", status=503)
    push_and_pull(make_client(ADA), Reference.parse(f"{tokens.host}/a/b:1"))
    assert "trying again" in caplog.text
    for secret in ("sesame", "c2VzYW1l", "token-"):
        assert secret not in caplog.text
