"""``--secret``: where the content of a secret comes from, in Docker's words."""

from __future__ import annotations

from cogsmith.errors import UsageError
from cogsmith.values import dataclass

__all__ = ["SecretSource", "parse_secret"]

_HINT = "write --secret id=NAME,src=FILE or --secret id=NAME,env=VARIABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSource:
    """A secret by its id: the content of a file, or of a variable; of neither: named as its id.

    https://docs.docker.com/reference/cli/docker/buildx/build/#secret
    """

    id: str
    path: str = ""
    variable: str = ""


def parse_secret(text: str) -> SecretSource:
    """Read ``id=ID[,src=PATH | ,env=NAME]``. Raises UsageError.

    >>> parse_secret("id=token,src=token.txt")
    SecretSource(id='token', path='token.txt', variable='')
    """
    fields: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = part.strip().partition("=")
        name = {"source": "src"}.get(name.lower(), name.lower())
        if not equals or not value or name not in {"id", "src", "env", "type"} or name in fields:
            raise UsageError(f"--secret {name}: this cannot be understood", hint=_HINT)
        fields[name] = value
    kind = fields.get("type", "")
    if "id" not in fields or kind not in ("", "file", "env") or {"src", "env"} <= fields.keys():
        raise UsageError("--secret: this is not one secret with an id", hint=_HINT)
    path, variable = fields.get("src", ""), fields.get("env", "")
    if kind == "env" and path:
        path, variable = "", path  # Docker reads src so
    return SecretSource(id=fields["id"], path=path, variable=variable)
