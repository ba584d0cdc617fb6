"""cog.yaml on disk: which file is meant, what it says, and whether what it names is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cogsmith.config.advice import PREDICT, UNSET
from cogsmith.config.model_config import ModelConfig
from cogsmith.config.parse import Parsed, problems, read
from cogsmith.config.references import file_of
from cogsmith.config.refusal import nearest
from cogsmith.config.requirements import TORCH_UNPINNED, lines_of, unpinned
from cogsmith.config.rules import Finding
from cogsmith.errors import ConfigError, Problem

__all__ = ["Loaded", "available", "find", "load", "name_of"]

FILE = "cog.yaml"
NAMED = re.compile(r"cog\.([^.].*)\.yaml")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A config with the file it came from.

    ``warnings`` holds all of them; ``spoken`` leaves out those that are only
    worth a line where an image is built: Cog's preference of ``run`` to ``predict``, and the
    Python that an image gets when none is named.
    """

    path: Path
    config: ModelConfig
    warnings: tuple[Problem, ...] = ()

    @property
    def project(self) -> Path:
        """The folder of the file; all paths in the config start there."""
        return self.path.parent

    @property
    def name(self) -> str:
        """The model's name: "" for cog.yaml, "flan-t5" for cog.flan-t5.yaml."""
        return name_of(self.path)

    @property
    def spoken(self) -> tuple[Problem, ...]:
        """The warnings worth a line on a terminal."""
        for_images = (PREDICT, UNSET)
        return tuple(one for one in self.warnings if not one.message.startswith(for_images))


def name_of(path: Path) -> str:
    """The name of the model that a config file describes; "" for cog.yaml and other names.

    >>> name_of(Path("cog.flan-t5.yaml")), name_of(Path("cog.yaml"))
    ('flan-t5', '')
    """
    match = NAMED.fullmatch(path.name)
    return match[1] if match else ""


def available(folder: Path) -> tuple[Path, ...]:
    """The config files of a folder: cog.yaml first, then cog.<name>.yaml by name."""
    names = [name for name in _names(folder) if name == FILE or NAMED.fullmatch(name)]
    return tuple(folder / name for name in sorted(names, key=lambda name: (name != FILE, name)))


def find(choice: str | None, folder: Path) -> Path:
    """The config file that a choice means, seen from a folder.

    ``choice`` is a file's path, or the name of a model (``flan-t5`` for cog.flan-t5.yaml);
    without one, cog.yaml. What is not in the folder is looked for in the folders above it.
    Raises ConfigError that lists the models there are.
    """
    folder = folder.resolve()
    if choice is None:
        return _first_above(folder, FILE) or _absent(folder)
    if _is_path(choice):
        return _first_above(folder, choice) or _absent_path(folder, choice)
    for place in (folder, *folder.parents):
        for path in available(place):
            if name_of(path) and _plain(name_of(path)) == _plain(choice):
                return path
    return _absent_name(folder, choice)


def load(path: Path) -> Loaded:
    """The config in a file.

    Raises ConfigError with all problems: of the text, of files that it names and that are
    not there, and of requirements that its GPU makes too vague.
    """
    parsed = read(_text(path), where=path.name)
    found = [*_missing_files(parsed, path.parent), *_vague_torch(parsed, path.parent)]
    if found:
        raise ConfigError(problems(parsed.document, found))
    return Loaded(path, parsed.config, parsed.warnings)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError("no such file", where=str(path)) from None
    except IsADirectoryError:
        raise ConfigError(
            "is a folder", where=str(path), hint=f'name a file in it, like "{FILE}"'
        ) from None
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"cannot be read: {said}", where=str(path)) from None
    hint = "save it as plain UTF-8 text"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError("is text in UTF-16", where=path.name, hint=hint)
    if b"\0" in content:
        raise ConfigError("is not a text file", where=path.name, hint=hint)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError("is not text in UTF-8", where=f"{path.name}:{line}", hint=hint) from None


def _missing_files(parsed: Parsed, project: Path) -> Iterator[Finding]:
    config = parsed.config
    named = [
        (("build", "python_requirements"), config.build.python_requirements),
        (("build", "python_overrides"), config.build.python_overrides),
        *(
            ((key,), text and file_of(text))
            for key, text in (
                ("predict", config.predict),
                ("run", config.run),
                ("train", config.train),
            )
        ),
    ]
    for path, file in named:
        if file and not _is_file(project / file):
            said = "is a folder" if _is_folder(project / file) else "file does not exist"
            yield Finding(path, f'invalid {".".join(path)} "{file}": {said}', _near(project / file))


def _near(file: Path) -> str:
    """The nearest name beside a file that is not there."""
    if not _is_folder(file.parent):
        return f'there is no folder "{file.parent.name}"'
    names = [name for name in _names(file.parent) if _is_file(file.parent / name)]
    return nearest(file.name, names) or f"create {file.name}, or correct the name"


def _vague_torch(parsed: Parsed, project: Path) -> Iterator[Finding]:
    build = parsed.config.build
    if not build.gpu or not build.python_requirements:
        return
    try:
        text = (project / build.python_requirements).read_text("utf-8-sig")
    except (OSError, ValueError):
        return
    for number, line in lines_of(text):
        if unpinned([line]):
            said = f"{build.python_requirements}:{number}: {TORCH_UNPINNED}"
            yield Finding(("build", "python_requirements"), said, 'pin it, like "torch==2.8.0"')


def _first_above(folder: Path, name: str) -> Path | None:
    places = (place / name for place in (folder, *folder.parents))
    return next((path for path in places if _is_file(path)), None)


def _absent(folder: Path) -> Path:
    if _is_file(folder / "cog.yml"):
        raise ConfigError(
            "cog.yaml not found", where=str(folder), hint="rename cog.yml to cog.yaml"
        )
    raise ConfigError(
        f"{FILE} not found in {folder} (or in any parent directories)",
        hint=_choices(folder) or "make one with: cogsmith init",
    )


def _absent_path(folder: Path, choice: str) -> Path:
    path = folder / choice
    if _is_folder(path):
        inside = available(path)
        hint = f'did you mean "{Path(choice) / inside[0].name}"?' if inside else "name a file in it"
        raise ConfigError(f'"{choice}" is a folder', hint=hint)
    near = nearest(path.name, [each.name for each in available(path.parent)])
    raise ConfigError(f'no such file: "{choice}"', hint=near or _choices(folder))


def _absent_name(folder: Path, choice: str) -> Path:
    names = [name_of(path) for path in _nearest_configs(folder) if name_of(path)]
    near = nearest(_plain(choice), names)
    hint = " ".join(part for part in (near, _choices(folder)) if part)
    raise ConfigError(
        f'no model "{choice}"', hint=hint or f"it would be described in cog.{choice}.yaml"
    )


def _choices(folder: Path) -> str:
    paths = _nearest_configs(folder)
    said = [name_of(path) or path.name for path in paths]
    return f"there are: {', '.join(said)}" if said else ""


def _nearest_configs(folder: Path) -> tuple[Path, ...]:
    return next((found for place in (folder, *folder.parents) if (found := available(place))), ())


def _is_path(choice: str) -> bool:
    return (
        choice.endswith((".yaml", ".yml"))
        or "/" in choice
        or "\\" in choice
        or choice in (".", "..")
    )


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except (OSError, ValueError):
        return []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
