"""The lock that an image is made from: the project's, or one for another target."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogsmith.config import Loaded, load
from cogsmith.environment import (
    ImageTarget,
    Settings,
    Source,
    Target,
    fetch_wheels,
    image_source,
    pinned_source,
    prepare,
    write_lock,
)
from cogsmith.errors import InstallError, LockError, LockStale, UsageError
from tests.environment.conftest import MINOR, Heard, MakeProject, MakeSettings
from tests.environment.wheels import lines, make_wheel

CP = f"cp{MINOR.replace('.', '')}"
ARM = ImageTarget(platform="linux/arm64")


def versions(source: Source) -> dict[str, str]:
    return {pin.name: pin.version for pin in source.lock.pins}


@pytest.fixture
def make_world(tmp_path: Path, wheels: Path, make_settings: MakeSettings):
    """Settings whose world of packages has these more wheels: name, version, and what it needs."""

    def make(*more: tuple[str, str, str, tuple[str, ...]]) -> Settings:
        for name, version, tag, requires in more:
            make_wheel(tmp_path / "more", name, version, tag=tag, requires=requires)
        return make_settings({"UV_FIND_LINKS": f"{wheels},{tmp_path / 'more'}"})

    return make


def with_build(project: Loaded, *more: str) -> Loaded:
    text = project.path.read_text("utf-8").replace("build:\n", lines("build:", *more))
    project.path.write_text(text, "utf-8")
    return load(project.path)


def test_the_projects_lock_is_made_and_then_found(
    make_project: MakeProject, settings: Settings, make_settings: MakeSettings, heard: Heard
) -> None:
    project = make_project("alpha")
    source = image_source(project, settings)
    assert source.path == project.project / "pylock.toml"
    assert source.target == Target(python=MINOR, platform="linux-x86_64", accelerator="cpu")
    assert sorted(versions(source)) == ["alpha", "beta", "cog"]
    assert [wheel.name for wheel in fetch_wheels(source, settings)] == ["alpha", "beta", "cog"]
    bare = make_settings({"UV_FIND_LINKS": "/nowhere", "UV_CACHE_DIR": "/nowhere"})
    again = image_source(project, bare, tell=heard)
    assert again == source
    assert [wheel.name for wheel in fetch_wheels(again, bare)] == ["alpha", "beta", "cog"]
    assert heard == []


def test_what_has_moved_is_told_and_the_lock_made_anew(
    make_project: MakeProject, settings: Settings, heard: Heard
) -> None:
    image_source(make_project("beta<2"), settings)
    source = image_source(make_project("beta<1.1"), settings, tell=heard)
    assert "requirements ask for beta<1.1 where the lock answers beta<2" in heard.texts[0]
    assert versions(source)["beta"] == "1.0"


def test_locked_refuses_a_missing_lock_and_drift(
    make_project: MakeProject, settings: Settings
) -> None:
    with pytest.raises(LockStale, match="there is no lock"):
        image_source(make_project("beta"), settings, locked=True)
    write_lock(make_project("beta<2"), settings)
    with pytest.raises(LockStale, match="requirements ask for beta where"):
        image_source(make_project("beta"), settings, ARM, locked=True)


def test_another_platform_has_a_lock_of_its_own_at_the_projects_versions(
    make_project: MakeProject, make_world, heard: Heard
) -> None:
    settings = make_world(
        ("gamma", "1.0", f"{CP}-{CP}-manylinux_2_28_x86_64", ()),
        ("gamma", "1.0", f"{CP}-{CP}-manylinux_2_17_aarch64", ()),
        ("gamma", "2.0", f"{CP}-{CP}-manylinux_2_17_aarch64", ()),
    )
    project = make_project("gamma", "beta<2")
    write_lock(project, settings)
    before = (project.project / "pylock.toml").read_bytes()
    make_project("gamma", "beta<2")
    source = image_source(project, settings, ARM, tell=heard)
    assert (project.project / "pylock.toml").read_bytes() == before
    assert source.path.parent == settings.locks
    assert source.target.platform == "linux-aarch64"
    assert (versions(source)["gamma"], versions(source)["beta"]) == ("1.0", "1.1")
    names = {wheel.name: wheel.filename for wheel in fetch_wheels(source, settings)}
    assert names["gamma"].endswith("aarch64.whl")
    heard.clear()
    assert image_source(project, settings, ARM, tell=heard) == source
    assert heard == []


def test_a_platform_without_a_wheel_is_said(make_project: MakeProject, settings: Settings) -> None:
    with pytest.raises(LockError, match="torch"):
        image_source(make_project("torch==2.2"), settings, ARM)


def test_an_unknown_platform_is_refused(make_project: MakeProject, settings: Settings) -> None:
    with pytest.raises(UsageError, match="windows/amd64 is not a platform") as caught:
        image_source(make_project("beta"), settings, ImageTarget(platform="windows/amd64"))
    assert caught.value.hint == "choose one of linux/amd64, linux/arm64"


def test_a_python_that_is_not_here_is_no_hindrance(
    make_project: MakeProject, settings: Settings
) -> None:
    project = make_project("beta", python="3.19")
    source = image_source(project, settings)
    assert source.target.python == "3.19"
    assert len(fetch_wheels(source, settings)) == 2


def test_a_gpu_model_for_a_cpu(make_project: MakeProject, settings: Settings) -> None:
    project = make_project("torch<2.2", gpu=True)
    cuda = image_source(project, settings)
    cpu = image_source(project, settings, ImageTarget(accelerator="cpu"))
    assert (versions(cuda)["torch"], versions(cpu)["torch"]) == ("2.1", "2.1+cpu")
    assert cpu.path.parent == settings.locks


TORCH = f"{CP}-{CP}-manylinux_2_28_x86_64"


def test_the_cuda_that_torch_brings_may_be_the_one_that_is_asked_for(
    make_project: MakeProject, make_world
) -> None:
    settings = make_world(
        ("torch", "2.6", TORCH, ("nvidia-cuda-runtime-cu12==12.4.127",)),
        ("nvidia-cuda-runtime-cu12", "12.4.127", "py3-none-any", ()),
    )
    project = with_build(make_project("needs-torch", gpu=True), '  cuda: "12.4.1"')
    source = image_source(project, settings)
    assert versions(source)["torch"] == "2.6"
    assert source.target.cuda == "12.4"
    assert str(source.target).endswith("cuda 12.4")


def test_a_build_for_the_cuda_that_is_asked_for_is_chosen(
    make_project: MakeProject, make_world
) -> None:
    settings = make_world(
        ("torch", "2.1+cu124", TORCH, ()), ("torch", "2.1+cu130", TORCH, ()),
        ("torch", "2.5+cu130", TORCH, ()),
    )  # fmt: skip
    project = with_build(make_project("needs-torch", gpu=True), '  cuda: "12.4"')
    assert versions(image_source(project, settings))["torch"] == "2.1+cu124"


def test_another_cuda_is_drift(make_project: MakeProject, make_world, heard: Heard) -> None:
    settings = make_world(("torch", "2.1+cu124", TORCH, ()), ("torch", "2.1+cu130", TORCH, ()))
    project = make_project("torch==2.1", gpu=True)
    write_lock(project, settings)
    image_source(with_build(project, '  cuda: "12.4"'), settings, tell=heard)
    assert "asks for CUDA 12.4 where the lock answers CUDA of any version" in heard.texts[0]


def test_a_cuda_that_cannot_be_had_says_what_was_tried(
    make_project: MakeProject, make_world
) -> None:
    settings = make_world(("torch", "2.5+cu130", TORCH, ()))
    project = with_build(make_project("needs-torch", gpu=True), '  cuda: "12.4"')
    with pytest.raises(LockError) as caught:
        image_source(project, settings)
    told = caught.value.message
    assert told.startswith("no build of torch for CUDA 12.4 was found; what was tried:\n")
    assert "give torch 2.5+cu130 (CUDA 13.0)" in told
    assert "torch==2.5+cu124: " in told
    assert "torch's own index (cu124): " in told
    assert caught.value.where == "build.cuda"
    assert not (project.project / "pylock.toml").exists()


def test_cudnn_is_held_against_what_torch_brings(make_project: MakeProject, make_world) -> None:
    settings = make_world(
        ("torch", "2.6", TORCH, ("nvidia-cudnn-cu12==9.1.0.70",)),
        ("nvidia-cudnn-cu12", "9.1.0.70", "py3-none-any", ()),
    )
    fine = with_build(make_project("needs-torch", gpu=True), '  cudnn: "9.1"')
    assert image_source(fine, settings).target.cuda == ""
    wrong = with_build(make_project("needs-torch", gpu=True), '  cudnn: "8"')
    with pytest.raises(LockError, match="cuDNN 8 is asked for, and nvidia-cudnn-cu12") as caught:
        image_source(wrong, settings)
    assert caught.value.where == "build.cudnn"


def test_a_few_packages_have_a_lock_for_themselves(
    settings: Settings, make_settings: MakeSettings, heard: Heard
) -> None:
    target = Target(python=MINOR, platform="linux-x86_64", accelerator="cpu")
    source = pinned_source(("beta==1.1", "alpha==1.0"), target, settings)
    assert versions(source) == {"alpha": "1.0", "beta": "1.1"}
    assert source.path.parent == settings.locks
    nowhere = make_settings({"UV_FIND_LINKS": "/nowhere"})
    assert pinned_source(("beta==1.1", "alpha==1.0"), target, nowhere, tell=heard) == source
    assert heard == []
    with pytest.raises(LockError, match="cannot be resolved"):
        pinned_source(("beta==7",), target, settings)


def test_credentials_in_a_requirement_reach_neither_lock_nor_wheels(
    make_project: MakeProject, make_settings: MakeSettings, tmp_path: Path
) -> None:
    from tests.environment.locks import serving

    path = make_wheel(tmp_path / "site", "gamma", "1.0")
    (tmp_path / "empty").mkdir()
    with (
        serving(tmp_path / "site", login="me:sesame") as files,
        serving(tmp_path / "empty") as index,
    ):
        address = files.url.replace("//", "//${WHO}:${TOKEN}@")
        project = make_project(f"gamma @ {address}/{path.name}")
        settings = make_settings(
            {"UV_OFFLINE": "", "WHO": "me", "TOKEN": "sesame", "UV_INDEX_URL": index.url}
        )
        source = image_source(project, settings)
        text = source.path.read_text("utf-8")
        assert f'"{files.url}/{path.name}"' in text
        assert "sesame" not in text
        wheels = {wheel.name: wheel for wheel in fetch_wheels(source, settings)}
        assert "sesame" not in repr(wheels["gamma"])
        assert prepare(project, settings).environment.python.exists()


def test_a_wrong_cache_folder_is_told(
    make_project: MakeProject, make_settings: MakeSettings, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    settings = make_settings({"COGSMITH_CACHE_DIR": str(tmp_path / "file")})
    with pytest.raises(InstallError, match="environments cannot be kept"):
        image_source(make_project("beta"), settings)
