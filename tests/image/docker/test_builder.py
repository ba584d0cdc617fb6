"""Steps that a real engine runs: what they make, what they must not leave, how they fail."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from cogsmith.config import ModelConfig
from cogsmith.errors import CogsmithError, DockerError, MissingProgram, UsageError
from cogsmith.image import (
    Base,
    Docker,
    DockerSettings,
    Engine,
    Ingredients,
    Recipe,
    Store,
    Venv,
    assemble,
    interpreter_of,
    plan,
    read_system,
)
from cogsmith.image.docker.tools import find_tools
from cogsmith.oci import File, Image, Reference, pack, tar, validate
from tests.image.docker.pythons import offer
from tests.real import engines

SECRET = "sesame-open-4711"
MOUNT = {"type": "secret", "id": "foo", "target": "secret.txt"}


@dataclass
class Shop:
    """A store with a base image, and what the builder has said."""

    store: Store
    base: Base
    environ: dict[str, str]
    said: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    def docker(self, *secrets: str, kind: Any = "docker", **fields: Any) -> Docker:
        settings = DockerSettings.of(kind, secrets, self.environ, **fields)
        return Docker(
            settings=settings, store=self.store, hear=self.said.append,
            tell=lambda word: self.made.append(word.title) if word.state == "made" else None,
        )  # fmt: skip

    def below(self, docker: Docker, **build: Any) -> tuple[Base, tuple[Recipe, ...]]:
        return docker.below(config(**build), self.base, "3.11")

    def whole(self, docker: Docker, *others: Recipe, **build: Any) -> Image:
        """An image with steps below and above, and layers between them."""
        asked = config(**build)
        base, below = docker.below(asked, self.base, "3.11")
        venv = Venv(python="3.11", interpreter=interpreter_of(base.system, "3.11"))
        parts = Ingredients(
            config=asked, schema={}, base=base, venv=venv, recipes=(*below, *others)
        )  # fmt: skip
        packages = assemble(plan(parts), self.store)
        above = docker.above(asked, base, venv, packages)
        return assemble(plan(replace(parts, recipes=(*below, *others, *above))), self.store)


def config(**build: Any) -> ModelConfig:
    return ModelConfig.model_validate({"build": {"python_version": "3.11", **build}})


def files(image: Image) -> dict[str, bytes]:
    """The regular files of the layers above the base image, later ones first."""
    found: dict[str, bytes] = {}
    for layer in image.layers[1:]:
        with layer.uncompressed() as stream:
            data = stream.read()
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for info in archive:
                file = archive.extractfile(info) if info.isfile() else None
                if file is not None:
                    found[info.name] = file.read()
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, base_image: Image) -> Store:
    """A store that has the base image, and has looked into it: that takes seconds."""
    made = Store.at(tmp_path_factory.mktemp("shop") / "store")
    read_system(made.layout.image(made.layout.add(base_image)), made)
    return made


@pytest.fixture
def shop(store: Store, base_image: Image) -> Shop:
    image = store.layout.image(base_image.descriptor)
    base = Base(reference="base/python", image=image, system=read_system(image, store))
    return Shop(store, base, dict(os.environ))


@pytest.fixture(scope="module")
def held(docker: engines.Engine, base_image: Image) -> Iterator[engines.Engine]:
    """Docker's engine with the base image, so that its layers do not travel in every test."""
    name = Reference.parse(f"tests/docker-builder:{os.getpid()}")
    Engine.find(os.environ, home=Path.home()).load(base_image, [name])
    yield docker
    docker("rmi", "-f", name.familiar)


@pytest.fixture
def engine(held: engines.Engine) -> Iterator[engines.Engine]:
    """Docker's engine, which has nothing of ours afterwards."""

    def ours() -> set[str]:
        names = held("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        return {name for name in names if name.endswith(f"-{os.getpid()}") and "/build:" in name}

    yield held
    assert not ours()


Classic = Callable[[Shop], Shop]


def classic(shop: Shop) -> Shop:
    """The same, without BuildKit."""
    shop.environ["DOCKER_BUILDKIT"] = "0"
    return shop


def need_buildkit(shop: Shop) -> None:
    tools = find_tools(shop.docker().settings, secrets=False)
    if not tools.program.buildkit:
        pytest.skip("no docker command here speaks BuildKit")


@pytest.mark.docker
@pytest.mark.parametrize("kind", ["buildkit", "classic"])
def test_steps_make_layers_on_the_base_image(shop: Shop, engine: engines.Engine, kind: str) -> None:
    if kind == "classic":
        classic(shop)
    base, made = shop.below(
        shop.docker(anew=True),  # BuildKit's cache would say nothing
        pre_install=[f"echo {kind} > /srv/one", "cat /srv/one && echo two > /srv/two"],
    )
    assert [recipe.title for recipe in made] == [
        f"pre_install: echo {kind} > /srv/one", "pre_install: cat /srv/one && echo two > /srv/two",
    ]  # fmt: skip
    assert base.image is shop.base.image  # the labels name the image that it is
    assert f"  {kind}" in shop.said
    whole = assemble(plan(ingredients(base, made)), shop.store)
    assert files(whole)["srv/two"] == b"two\n"
    assert whole.layers[0] == shop.base.image.layers[0]
    assert validate(whole) == ()


def ingredients(base: Base, made: tuple[Recipe, ...]) -> Ingredients:
    venv = Venv(python="3.11", interpreter=interpreter_of(base.system, "3.11"))
    return Ingredients(config=config(), schema={}, base=base, venv=venv, recipes=made)


@pytest.mark.docker
def test_the_same_steps_are_not_run_again_and_need_no_engine(
    shop: Shop, engine: engines.Engine
) -> None:
    _, first = shop.below(shop.docker(), pre_install=["date +%N > /srv/x"])
    shop.said.clear()
    shop.environ["PATH"] = "/nowhere"
    _, again = shop.below(shop.docker(), pre_install=["date +%N > /srv/x"])
    assert (again, shop.said) == (first, [])
    kept = [shop.store.known(recipe) for recipe in again]
    assert kept == [shop.store.make(recipe) for recipe in again]
    with pytest.raises(MissingProgram):  # other steps are
        shop.below(shop.docker(), pre_install=["date +%N > /srv/y"])


@pytest.mark.docker
def test_unless_somebody_wants_them_anew(shop: Shop, engine: engines.Engine) -> None:
    steps = ["date +%s%N > /srv/x"]
    digests = {
        shop.store.known(recipe)
        for _ in range(2)
        for recipe in shop.below(shop.docker(anew=True), pre_install=steps)[1]
    }
    assert len(digests) == 2


@pytest.mark.docker
def test_run_sees_the_packages_and_not_the_project(shop: Shop, engine: engines.Engine) -> None:
    place = "opt/venv/lib/python3.11/site-packages/thing"
    package = recipe_of(
        File.of(f"{place}/__init__.py", b"word = 'old'\n"),
        File.of(f"{place}/__pycache__/__init__.cpython-311.pyc", b"old"),
    )
    image = shop.whole(
        shop.docker(), package,
        run=[
            "python -c 'import thing; print(thing.word)' > /srv/word",
            "pwd > /srv/where; ls /src > /srv/project 2>&1 || true",
            f"sed -i s/old/new/ /{place}/__init__.py",
            "mkdir -p $HOME/.cache && touch $HOME/.cache/x",
            "echo nothing",
        ],
        environment=["A=b c"],
    )  # fmt: skip
    found = files(image)
    assert found["srv/where"] == b"/\n"
    assert b"No such file" in found["srv/project"]
    assert found[f"{place}/__init__.py"] == b"word = 'new'\n"
    # Byte code is not checked against its source: what is old must go.
    assert found[f"{place}/__pycache__/__init__.cpython-311.pyc"] == b""
    assert not any(env.startswith(("PIP_", "DEBIAN", "A=")) for env in image.config.config.env)
    assert validate(image) == ()


def recipe_of(*entries: File) -> Recipe:
    return Recipe(
        key="test-package", kind="wheel", title="thing", created_by="test", size=1,
        pack=lambda write: pack(tar(entries), write=write),
    )  # fmt: skip


@pytest.mark.docker
def test_a_secret_is_seen_by_its_step_and_by_nobody_else(
    shop: Shop, engine: engines.Engine
) -> None:
    need_buildkit(shop)
    shop.environ["FOO"] = SECRET
    image = shop.whole(
        shop.docker("id=foo,env=FOO", anew=True),  # BuildKit's cache would say nothing
        run=[
            {"command": "cat secret.txt; wc -c < /secret.txt > /srv/count", "mounts": [MOUNT]},
            "test -s /secret.txt || echo it is gone",
        ],
    )
    assert files(image)["srv/count"].strip() == b"%d" % len(SECRET)
    assert "  it is gone" in shop.said
    assert SECRET not in "\n".join(shop.said)
    assert any("****" in line for line in shop.said)
    whole = [image.config.render(), image.manifest.render()]
    for layer in image.layers:
        with layer.uncompressed() as stream:
            whole.append(stream.read())
    assert not any(SECRET.encode() in data for data in whole)
    for path in shop.store.folder.rglob("*.json"):
        assert SECRET not in path.read_text("utf-8")
    assert SECRET not in engine("images", "--no-trunc", "--all", "--digests")


@pytest.mark.docker
def test_the_classic_builder_cannot_mount_a_secret_and_says_so(
    shop: Shop, engine: engines.Engine
) -> None:
    shop.environ["FOO"] = SECRET
    with pytest.raises(UsageError, match="classic builder") as caught:
        classic(shop).whole(
            shop.docker("id=foo,env=FOO"), run=[{"command": "cat secret.txt", "mounts": [MOUNT]}]
        )
    assert "buildah" in caught.value.hint


def traces(engine: engines.Engine) -> tuple[set[str], set[str]]:
    """All images and all containers of an engine."""
    return set(engine("images", "--all", "--quiet").split()), set(engine("ps", "-aq").split())


@pytest.mark.docker
@pytest.mark.parametrize("kind", ["buildkit", "classic"])
def test_a_step_that_fails_says_how_and_leaves_nothing(
    shop: Shop, engine: engines.Engine, kind: str, tmp_path: Path
) -> None:
    if kind == "classic":
        classic(shop)
    word = tmp_path.name  # no other test's cache has these steps
    steps = [f"echo first {word}", f"(seq 1 50; echo {word}) >&2; exit 7"]
    with pytest.raises(DockerError) as caught:
        shop.below(shop.docker(file="cog.llama.yaml"), pre_install=steps)
    error = caught.value
    assert error.code == "build_step"
    assert error.where == "cog.llama.yaml: build.pre_install"
    first, *last = error.message.splitlines()
    assert first == f"a command ended with exit code 7: RUN {steps[1]}"
    assert last[-2:] == ["50", word]
    assert len(last) == 20
    history = [
        line
        for identity in traces(engine)[0]
        for line in engine("history", "--no-trunc", identity, check=False).splitlines()
    ]
    assert not [line for line in history if word in line]
    assert word not in engine("ps", "--all", "--no-trunc")


@pytest.mark.docker
def test_a_certificate_is_trusted_in_the_image(
    shop: Shop, engine: engines.Engine, tmp_path: Path
) -> None:
    key, pem = tmp_path / "key", tmp_path / "ca.pem"
    words = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    more = ("-nodes", "-keyout", str(key), "-out", str(pem), "-subj", "/CN=Cogsmith Test")
    subprocess.run(("openssl", *words, *more), check=True, capture_output=True)
    shop.environ["COG_CA_CERT"] = str(pem)
    docker = shop.docker()
    image = shop.whole(docker, pre_install=["env > /srv/env"])
    found = files(image)
    bundle = found["etc/ssl/certs/ca-certificates.crt"]
    assert pem.read_bytes().strip() in bundle
    assert b"SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt" in found["srv/env"]
    assert set(docker.variables) == {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"}


@pytest.mark.docker
def test_a_proxy_is_seen_by_steps_and_kept_nowhere(shop: Shop, engine: engines.Engine) -> None:
    shop.environ["HTTP_PROXY"] = f"http://me:{SECRET}@127.0.0.1:9"
    image = shop.whole(shop.docker(), pre_install=["echo ${#HTTP_PROXY} > /srv/length"])
    length = len(shop.environ["HTTP_PROXY"])
    assert files(image)["srv/length"] == b"%d\n" % length
    assert SECRET.encode() not in image.config.render()


@pytest.mark.docker
@pytest.mark.network
def test_debian_s_packages_come_by_apt(shop: Shop, engine: engines.Engine) -> None:
    base, made = shop.below(shop.docker(network="host"), system_packages=["tree"])
    assert [recipe.title for recipe in made] == ["system packages"]
    assert b"Package: tree\n" in base.system.files["var/lib/dpkg/status"]
    assert b"Package: tree\n" not in shop.base.system.files["var/lib/dpkg/status"]


@pytest.mark.docker
def test_a_python_that_the_base_image_s_release_lacks_is_copied_into_it(
    shop: Shop, engine: engines.Engine, tmp_path: Path
) -> None:
    shop.environ |= {**offer(tmp_path, "3.12.4"), "UV_CACHE_DIR": str(tmp_path / "uv")}
    base, made = shop.docker().below(config(), shop.base, "3.12")
    assert [recipe.title for recipe in made] == ["Python 3.12"]
    assert interpreter_of(base.system, "3.12") == "/opt/python/bin/python3.12"
    assert interpreter_of(base.system, "3.11") == "/usr/bin/python3.11"


@pytest.mark.parametrize("kind", ["buildah", "podman"])
def test_buildah_and_podman_serve_as_well(shop: Shop, kind: str) -> None:
    if shutil.which(kind) is None:
        pytest.skip(f"there is no {kind} here")
    shop.environ |= {"FOO": SECRET, "BUILDAH_ISOLATION": "chroot"}
    steps = [{"command": "wc -c < /secret.txt > /srv/count; cat secret.txt", "mounts": [MOUNT]}]
    try:
        image = shop.whole(shop.docker("id=foo,env=FOO", kind=kind), run=steps)
    except CogsmithError as error:
        if "permitted" in str(error) or "namespace" in str(error):
            pytest.skip(f"{kind} may not run here: {error}")
        raise
    found = files(image)
    assert found["srv/count"].strip() == b"%d" % len(SECRET)
    assert not any(SECRET.encode() in data for data in found.values())
    assert SECRET not in "\n".join(shop.said)


def test_where_only_they_are_here_they_are_taken_without_being_asked_for(
    shop: Shop, tmp_path: Path
) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    shop.environ["PATH"] = str(folder)
    with pytest.raises(MissingProgram, match="docker cannot be started"):
        find_tools(shop.docker().settings, secrets=False)
    for kind in ("podman", "buildah"):
        program = folder / kind
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
        assert find_tools(shop.docker().settings, secrets=True).program.kind == kind
