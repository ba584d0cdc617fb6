"""What a model's image is called, and whether a word names a model or an image."""

from __future__ import annotations

import re

from cogsmith.cli.local import choose
from cogsmith.config import Loaded
from cogsmith.errors import ConfigError, InvalidReference
from cogsmith.oci import Reference

__all__ = ["default_name", "name_of", "named_config", "references_of"]

LONGEST = 30  # characters of the name that Cog makes of a folder's
YAML = (".yaml", ".yml")


def name_of(loaded: Loaded) -> Reference:
    """The name of a model's image: ``image`` of its config, else one made of its folder's name.

    Raises ConfigError when ``image`` is not a name.
    """
    if not loaded.config.image:
        return Reference.parse(default_name(loaded.path.resolve().parent.name, loaded.name))
    try:
        return Reference.parse(loaded.config.image)
    except InvalidReference as error:
        where = f"{loaded.path.name}: image"
        raise ConfigError(error.message, where=where, hint=error.hint) from error


def default_name(folder: str, model: str = "") -> str:
    """Cog's name for the image of a folder; a model that is not the only one adds its own.

    >>> default_name("My Llama!"), default_name("cog-x"), default_name("models", "flan-t5")
    ('cog-my-llama', 'cog-x', 'cog-models-flan-t5')
    """
    plain = _plain(folder).removeprefix("cog-")
    name = f"cog-{plain[: LONGEST - len('cog-')]}".strip("-")
    return "-".join(filter(None, [name if plain else "cog-model", _plain(model)]))


def _plain(text: str) -> str:
    """What a repository's name may hold of a text."""
    return re.sub(r"[^a-z0-9-]+", "", re.sub(r"[\s._]+", "-", text.lower())).strip("-")


def references_of(tags: tuple[str, ...], loaded: Loaded) -> tuple[Reference, ...]:
    """The names that ``-t`` gives, each once, or the model's own. Raises InvalidReference."""
    named = [Reference.parse(tag) for tag in tags] or [name_of(loaded)]
    for reference in named:
        if reference.digest:
            message = f"{reference.familiar} names a digest, which only the build can tell"
            raise InvalidReference(message, hint="write a tag, like owner/name:1")
    return tuple(dict.fromkeys(named))


def named_config(word: str | None, file: str | None) -> Loaded | None:
    """The config that a word or ``-f`` means, or the one of this folder; None: it is an image's.

    A word is a model's when a model of this repository is so called.
    """
    if word is None or file or word.endswith(YAML):
        return choose(word if not file else None, file)
    if re.search(r"[/:@]", word):
        return None
    try:
        return choose(word, None)
    except ConfigError as error:
        if error.where:  # it is there, and wrong
            raise
        return None
