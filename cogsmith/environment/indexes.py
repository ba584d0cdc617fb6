"""Where packages come from: pip's settings and a file's options, in uv's words.

uv reads its own variables (``UV_*``) and none of pip's. A person who has told pip where
packages are has told us too, as long as they have not told uv something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["in_words_of_uv", "no_index", "option_variables", "secrets_in"]

# pip's setting -> uv's variable, the variables of uv that overrule it, and uv's separator
# (pip's is white space). None: one value.
LISTS = " "
TABLE: dict[str, tuple[str, tuple[str, ...], str | None]] = {
    "index-url": ("UV_DEFAULT_INDEX", ("UV_DEFAULT_INDEX", "UV_INDEX_URL"), None),
    "extra-index-url": ("UV_EXTRA_INDEX_URL", ("UV_EXTRA_INDEX_URL", "UV_INDEX"), LISTS),
    "find-links": ("UV_FIND_LINKS", ("UV_FIND_LINKS",), ","),
    "no-index": ("UV_NO_INDEX", ("UV_NO_INDEX",), None),
    "constraint": ("UV_CONSTRAINT", ("UV_CONSTRAINT",), LISTS),
    "trusted-host": ("UV_INSECURE_HOST", ("UV_INSECURE_HOST",), LISTS),
    "cert": ("SSL_CERT_FILE", ("SSL_CERT_FILE", "SSL_CERT_DIR"), None),
    "client-cert": ("SSL_CLIENT_CERT", ("SSL_CLIENT_CERT",), None),
    "proxy": ("ALL_PROXY", ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"), None),
    "timeout": ("UV_HTTP_TIMEOUT", ("UV_HTTP_TIMEOUT", "UV_REQUEST_TIMEOUT"), None),
    "retries": ("UV_HTTP_RETRIES", ("UV_HTTP_RETRIES",), None),
    "keyring-provider": ("UV_KEYRING_PROVIDER", ("UV_KEYRING_PROVIDER",), None),
}
ALIASES = {"default-timeout": "timeout"}
TRUE = {"1", "true", "yes", "on", "t", "y"}

# They say where uv should install or how it should write, which is ours to say.
OURS = {
    "UV_BREAK_SYSTEM_PACKAGES", "UV_CUSTOM_COMPILE_COMMAND",
    "UV_PYTHON", "UV_REQUIRE_HASHES", "UV_SYSTEM_PYTHON", "UV_WORKING_DIR", "UV_PROJECT",
    "UV_VENV_CLEAR", "UV_VENV_SEED", "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH",
    "UV_NO_VERIFY_HASHES",
}  # fmt: skip

# The options of requirements files that also matter when the lock is installed.
OPTION_VARIABLES = {
    "--index-url": ("UV_DEFAULT_INDEX", ""),
    "--extra-index-url": ("UV_EXTRA_INDEX_URL", " "),
    "--find-links": ("UV_FIND_LINKS", ","),
    "--no-index": ("UV_NO_INDEX", ""),
    "--trusted-host": ("UV_INSECURE_HOST", " "),
    "--pre": ("UV_PRERELEASE", ""),
}
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")


def in_words_of_uv(
    variables: Mapping[str, str], pip: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The whole environment for uv: the person's own, with pip's settings translated.

    ``pip`` holds the settings of pip's config files; ``PIP_*`` variables go before them, and
    uv's own variables before both.
    """
    found = {
        name: value
        for name, value in variables.items()
        # uv refuses some of its variables when they are empty; for people they are not set.
        if name not in OURS and (value or not name.startswith("UV_"))
    }
    for setting, value in {**(pip or {}), **_pip_variables(variables)}.items():
        if setting not in TABLE:
            continue
        name, overruled_by, separator = TABLE[setting]
        if not value.strip() or any(variables.get(own) for own in overruled_by):
            continue
        if setting == "no-index" and value.strip().lower() not in TRUE:
            continue
        found[name] = value.strip() if separator is None else separator.join(value.split())
        if setting == "extra-index-url":
            _ask_all_indexes(found)
    if found.get("UV_TORCH_BACKEND") == "auto":
        del found["UV_TORCH_BACKEND"]  # it would look at this machine's driver for an image
    return found


def _pip_variables(variables: Mapping[str, str]) -> dict[str, str]:
    names = (
        (name.removeprefix("PIP_").lower().replace("_", "-"), value)
        for name, value in variables.items()
        if name.startswith("PIP_")
    )
    return {ALIASES.get(name, name): value for name, value in names}


def _ask_all_indexes(variables: dict[str, str]) -> None:
    """Choose the best version over all indexes, as pip does; uv would take the first index."""
    variables.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")


def option_variables(
    options: Iterable[str], variables: Mapping[str, str], *, project: Path
) -> dict[str, str]:
    """The environment for uv with a requirements file's own options on top.

    ``${NAME}`` in an option stands for a variable, as in pip, so that a file needs to hold
    no password. Relative folders are found from the project's folder.
    """
    found = dict(variables)
    for option in options:
        name, _, value = option.partition(" ")
        value = _VARIABLE.sub(lambda match: variables.get(match[1], match[0]), value)
        if name not in OPTION_VARIABLES:
            continue
        variable, separator = OPTION_VARIABLES[name]
        if name == "--find-links" and "://" not in value:
            value = str(project / value)
        before = found.get(variable, "") if separator else ""
        fixed = {"--no-index": "1", "--pre": "allow"}.get(name, value)
        found[variable] = f"{before}{separator}{fixed}" if before else fixed
        if name == "--index-url":
            found.pop("UV_INDEX_URL", None)
        if name == "--extra-index-url":
            _ask_all_indexes(found)
    return found


def no_index(variables: Mapping[str, str]) -> tuple[str, ...]:
    """The option that keeps uv from its indexes, where that was asked for.

    uv has a variable for almost every option, but none for this one (0.9 to 0.13).
    """
    asked = variables.get("UV_NO_INDEX", "").strip().lower() in TRUE
    return ("--no-index",) if asked else ()


def secrets_in(variables: Mapping[str, str]) -> tuple[str, ...]:
    """The passwords that uv's variables hold apart from URLs, to be starred."""
    return tuple(
        value
        for name, value in variables.items()
        if name.startswith("UV_INDEX_") and name.endswith("_PASSWORD") and value
    )
