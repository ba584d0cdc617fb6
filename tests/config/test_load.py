"""Files: which one is meant, what it says, and whether what it names is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from cogsmith.config import available, find, load
from cogsmith.errors import ConfigError

PREDICT = "predict: predict.py:Predictor\n"
LONG = "b" * 300


def write(folder: Path, **files: str) -> Path:
    """Files by name, with __ for the dot, as in cog__yaml."""
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, "utf-8")
    return folder


def said(error: ConfigError) -> list[tuple[str, str]]:
    return [(str(problem), problem.hint) for problem in error.problems]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, cog__yaml=PREDICT, predict__py="", cog__llava__yaml=PREDICT)
    (tmp_path / "cog.flan-t5.yaml").write_text(PREDICT)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    return tmp_path


class TestFind:
    def test_without_a_choice_it_is_cog_yaml(self, project: Path) -> None:
        assert find(None, project) == project / "cog.yaml"

    def test_folders_above_are_searched(self, project: Path) -> None:
        deep = project / "deep" / "er"
        assert find(None, deep) == project / "cog.yaml"
        assert find("cog.llava.yaml", deep) == project / "cog.llava.yaml"
        assert find("llava", deep) == project / "cog.llava.yaml"

    @pytest.mark.parametrize("name", ["flan-t5", "flan_t5", "Flan-T5", "cog.flan-t5.yaml"])
    def test_a_model_is_chosen_by_name(self, project: Path, name: str) -> None:
        assert find(name, project) == project / "cog.flan-t5.yaml"

    def test_a_path_from_another_folder(self, project: Path, tmp_path: Path) -> None:
        other = project / "deep"
        write(other, other__yaml=PREDICT)
        assert find("deep/other.yaml", project) == other / "other.yaml"
        assert find(str(other / "other.yaml"), tmp_path) == other / "other.yaml"
        assert find("../cog.yaml", other).samefile(project / "cog.yaml")

    @pytest.mark.parametrize(
        ("choice", "message", "hint"),
        [
            (
                "flan-t6",
                'no model "flan-t6"',
                'did you mean "flan-t5"? there are: cog.yaml, flan-t5, llava',
            ),
            ("xyz", 'no model "xyz"', "there are: cog.yaml, flan-t5, llava"),
            ("cog.lava.yaml", 'no such file: "cog.lava.yaml"', 'did you mean "cog.llava.yaml"?'),
            (
                "deep/zzz.yaml",
                'no such file: "deep/zzz.yaml"',
                "there are: cog.yaml, flan-t5, llava",
            ),
            (f"a/{LONG}", f'no such file: "a/{LONG}"', "there are: cog.yaml, flan-t5, llava"),
            ("deep/", '"deep/" is a folder', "name a file in it"),
            ("./", '"./" is a folder', 'did you mean "cog.yaml"?'),
        ],
    )
    def test_what_is_not_there(self, project: Path, choice: str, message: str, hint: str) -> None:
        with pytest.raises(ConfigError) as caught:
            find(choice, project)
        assert said(caught.value) == [(message, hint)]

    def test_no_config_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError) as caught:
            find(None, tmp_path)
        message = f"cog.yaml not found in {tmp_path} (or in any parent directories)"
        assert said(caught.value) == [(message, "make one with: cogsmith init")]

    def test_only_named_configs(self, tmp_path: Path) -> None:
        write(tmp_path, cog__llava__yaml=PREDICT)
        with pytest.raises(ConfigError) as caught:
            find(None, tmp_path)
        assert caught.value.hint == "there are: llava"

    def test_the_other_ending(self, tmp_path: Path) -> None:
        write(tmp_path, cog__yml=PREDICT)
        with pytest.raises(ConfigError, match=r"cog\.yaml not found") as caught:
            find(None, tmp_path)
        assert caught.value.hint == "rename cog.yml to cog.yaml"

    def test_available(self, project: Path) -> None:
        write(project, docker__yaml="", cog__yml="", cogx__yaml="")
        names = [path.name for path in available(project)]
        assert names == ["cog.yaml", "cog.flan-t5.yaml", "cog.llava.yaml"]
        assert available(project / "nowhere") == ()


class TestLoad:
    def test_a_config_knows_its_project_and_name(self, project: Path) -> None:
        loaded = load(project / "cog.flan-t5.yaml")
        assert (loaded.project, loaded.name) == (project, "flan-t5")
        assert loaded.config.predictor == "predict.py:Predictor"
        assert load(project / "cog.yaml").name == ""

    def test_predict_is_no_word_to_warn_about(self, project: Path) -> None:
        loaded = load(project / "cog.yaml")
        assert [str(warning) for warning in loaded.warnings] == [
            'cog.yaml:1: predict: deprecated field "predict": use "run" instead'
        ]
        assert loaded.spoken == ()

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"a: \x00", "cog.yaml: is not a text file"),
            (PREDICT.encode("utf-16"), "cog.yaml: is text in UTF-16"),
            (b"a: 1\nb: \xff\n", "cog.yaml:2: is not text in UTF-8"),
        ],
    )
    def test_bytes_that_are_no_text(self, tmp_path: Path, content: bytes, problem: str) -> None:
        (tmp_path / "cog.yaml").write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            load(tmp_path / "cog.yaml")
        assert said(caught.value) == [(problem, "save it as plain UTF-8 text")]

    def test_a_byte_order_mark_is_passed_over(self, project: Path) -> None:
        (project / "cog.yaml").write_text(PREDICT, "utf-8-sig")
        assert load(project / "cog.yaml").config.predictor

    def test_no_file_and_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no such file"):
            load(tmp_path / "cog.yaml")
        with pytest.raises(ConfigError, match="is a folder"):
            load(tmp_path)

    def test_files_that_it_names_and_that_are_not_there(self, tmp_path: Path) -> None:
        text = (
            "build:\n  python_version: '3.12'\n  python_requirements: requirments.txt\n"
            "predict: predictor.py:Predictor\ntrain: nowhere/train.py:train\n"
        )
        write(tmp_path, cog__yaml=text, requirements__txt="", predict__py="")
        with pytest.raises(ConfigError) as caught:
            load(tmp_path / "cog.yaml")
        assert said(caught.value) == [
            (
                (
                    "cog.yaml:3: build.python_requirements: invalid build.python_requirements "
                    '"requirments.txt": file does not exist'
                ),
                'did you mean "requirements.txt"?',
            ),
            (
                'cog.yaml:4: predict: invalid predict "predictor.py": file does not exist',
                'did you mean "predict.py"?',
            ),
            (
                'cog.yaml:5: train: invalid train "nowhere/train.py": file does not exist',
                'there is no folder "nowhere"',
            ),
        ]

    def test_a_folder_where_a_file_is_meant(self, tmp_path: Path) -> None:
        write(tmp_path, cog__yaml="build: {python_version: '3.12', python_requirements: wheels}")
        (tmp_path / "wheels").mkdir()
        with pytest.raises(ConfigError, match='"wheels": is a folder'):
            load(tmp_path / "cog.yaml")

    @pytest.mark.parametrize("line", ["torch", "Torch # newest", 'torch; python_version > "3"'])
    def test_torch_without_a_version_on_a_gpu(self, tmp_path: Path, line: str) -> None:
        text = "build:\n  gpu: true\n  python_version: '3.12'\n  python_requirements: r.txt\n"
        write(tmp_path, cog__yaml=text, r__txt=f"pillow\n--extra-index-url https://x\n{line}\n")
        with pytest.raises(ConfigError) as caught:
            load(tmp_path / "cog.yaml")
        assert said(caught.value) == [
            (
                (
                    "cog.yaml:4: build.python_requirements: "
                    "r.txt:3: torch version must be specified when using CUDA"
                ),
                'pin it, like "torch==2.8.0"',
            )
        ]

    @pytest.mark.parametrize("line", ["torch==2.8.0", "torch>=2.6", "torch \\\n  ==2.8.0"])
    def test_torch_with_a_version_on_a_gpu(self, tmp_path: Path, line: str) -> None:
        text = "build:\n  gpu: true\n  python_version: '3.12'\n  python_requirements: r.txt\n"
        write(tmp_path, cog__yaml=text, r__txt=f"{line}\n")
        assert load(tmp_path / "cog.yaml").config.build.gpu

    def test_torch_without_a_version_on_a_cpu(self, tmp_path: Path) -> None:
        text = "build: {python_version: '3.12', python_requirements: r.txt}\n"
        write(tmp_path, cog__yaml=text, r__txt="torch\n")
        assert load(tmp_path / "cog.yaml").warnings == ()
