"""The environment variables of the person, read once and turned into values.

================================  ========================================================
``COGSMITH_CACHE_DIR``            where environments, wheels, locks and images are kept
``COGSMITH_STORE``                where images are kept, instead
``COGSMITH_BASE_IMAGE``           as ``--base-image``
``COGSMITH_BUILDER``              as ``--builder``
``COGSMITH_BUILD_NETWORK``        as ``--network``
``COGSMITH_LOCKED``               as ``--locked``
``COGSMITH_PROGRESS``             as ``--progress``
``COGSMITH_REGISTRY_MIRRORS``     registries that are asked first (docs/how-to/registries.md)
``COGSMITH_INSECURE_REGISTRIES``  registries without TLS
``SOURCE_DATE_EPOCH``             as ``--timestamp``
``DOCKER_HOST``, ``DOCKER_*``     which engine gets images, and where logins are kept
``COGSMITH_PUBLISH``              address at which another machine's engine publishes ports
``COG_SKIP_DOCKER_CHECK``         ``doctor`` does not look for an engine
``COG_SKIP_GPU_CHECK``            ``doctor`` does not look for a GPU
``COG_WEIGHTS``                   weights for ``setup(weights)``: a path or a URL
``COG_REGISTRY_HOST``             the registry of ``cogsmith login``
``REPLICATE_API_TOKEN``           passed on by ``--use-replicate-token``
``NO_COLOR``, ``TERM``            no colors, no bars
``UV_*``, ``PIP_*``               package indexes, wheels on disk, certificates (docs/how-to)
================================  ========================================================
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from cogsmith.errors import Problem, UsageError


def variables(words: Iterable[str]) -> dict[str, str]:
    """Read ``-e NAME=value`` options; ``-e NAME`` alone passes the person's own value on.

    Raises UsageError for every word that is neither.
    """
    found: dict[str, str] = {}
    problems = []
    for word in words:
        name, sign, value = word.partition("=")
        if name and sign:
            found[name] = value
        elif name and name in os.environ:
            found[name] = os.environ[name]
        else:
            unset = f", and {name} is not set here" if name else ""
            hint = f"write -e {name or 'NAME'}=value"
            problems.append(Problem(f"-e {word!r} names no value{unset}", hint=hint))
    if problems:
        raise UsageError(problems)
    return found


def replicate_token() -> str:
    """The token that ``--use-replicate-token`` passes on. Raises UsageError when there is none."""
    token = os.environ.get("REPLICATE_API_TOKEN", "")
    if not token:
        raise UsageError(
            "--use-replicate-token was given, but REPLICATE_API_TOKEN is not set",
            hint="export REPLICATE_API_TOKEN=..., or leave the option out",
        )
    return token
