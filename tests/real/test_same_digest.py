"""The same input makes the same image: in any folder, at any time, made by anybody."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.real.projects import Project

pytestmark = [pytest.mark.network, pytest.mark.registry]

NAME = "same/model:1"
# User 65534 without any capability: as that user, or seen as it from within, where the
# programs that we are lie in folders that only we may enter.
AS_NOBODY = {
    "setpriv": ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
                "--bounding-set", "-all", "--inh-caps", "-all"],
    "unshare": ["unshare", "--user", "--map-user=65534", "--map-group=65534"],
}  # fmt: skip


@pytest.fixture(scope="module")
def digest(small_template: Project, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The image's name, when it is made as usual."""
    project = small_template.twin(tmp_path_factory.mktemp("usual") / "model")
    return project("build", "-t", NAME).digest


def test_in_another_folder_at_another_time(small: Project, digest: str, tmp_path: Path) -> None:
    small.environ |= {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "77", "LC_ALL": "C",
                      "HOME": str(tmp_path / "home")}  # fmt: skip
    (tmp_path / "home").mkdir()
    for number, path in enumerate(sorted(small.folder.rglob("*"))):
        os.utime(path, (number, 10**9 + number))
    small.prefix = ["sh", "-c", 'umask 077 && exec "$@"', "sh"]
    assert small("build", "-t", NAME).digest == digest
    small.image(NAME)


def test_with_an_empty_cache(small: Project, digest: str, tmp_path: Path) -> None:
    small.environ["COGSMITH_CACHE_DIR"] = str(tmp_path / "cache")
    assert small("build", "-t", NAME).digest == digest


def test_anew(small: Project, digest: str) -> None:
    assert small("build", "-t", NAME).digest == digest
    assert small("build", "-t", NAME, "--no-cache").digest == digest


def test_by_nobody(small: Project, digest: str, tmp_path: Path, root: None) -> None:
    small.prefix = as_nobody()
    for folder in (small.folder, tmp_path / "home", tmp_path / "cache", small.store):
        folder.mkdir(exist_ok=True)
    if small.prefix[0] == "setpriv":
        subprocess.run(["chown", "-R", "65534:65534", str(tmp_path)], check=True)
        reach(tmp_path)
    small.environ |= {
        "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "home"),
        "COGSMITH_CACHE_DIR": str(tmp_path / "cache"),
    }  # fmt: skip
    assert small("build", "-t", NAME).digest == digest


def test_an_edit_makes_another(small: Project, digest: str) -> None:
    code = small.folder / "predict.py"
    code.write_text(code.read_text() + "# edited\n")
    assert small("build", "-t", NAME).digest != digest


def as_nobody() -> Sequence[str]:
    """What becomes nobody before a command, and can still run us."""
    for name, words in AS_NOBODY.items():
        if shutil.which(name) is None:
            continue
        ask = (
            "import cogsmith, os, sys; open(os.path.realpath(sys.executable)).close(); "
            "print(os.getuid(), open('/proc/self/status').read())"
        )
        done = subprocess.run(
            [*words, sys.executable, "-c", ask], capture_output=True, text=True, check=False
        )
        if done.returncode == 0 and "CapEff:\t0000000000000000" in done.stdout:
            assert done.stdout.startswith("65534 ")
            return words
    pytest.skip("nobody may run what we are")


def reach(folder: Path) -> None:
    """Let others pass through the folders that pytest keeps for their owner."""
    for above in folder.parents:
        found = above.stat()
        if found.st_uid == os.geteuid() and not found.st_mode & 0o001 and "pytest" in str(above):
            above.chmod(found.st_mode | 0o011)
