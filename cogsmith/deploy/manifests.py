"""Documents as data, and the one writer of them: stable order, one way to write a thing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

__all__ = ["Manifest", "given", "write"]

Manifest = dict[str, Any]
ONE_LINE = 100_000  # columns: a folded command cannot be read, nor compared


class _Dumper(yaml.SafeDumper):
    """Items of lists are indented, as people and Kubernetes' own tools write them; no aliases."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        return super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def write(manifests: Iterable[Manifest]) -> str:
    """The text of several documents, each in the order in which it was made.

    >>> print(write([{"b": ["x"], "a": "8080"}]), end="")
    b:
      - x
    a: '8080'
    """
    return "---\n".join(
        yaml.dump(one, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=ONE_LINE)
        for one in manifests
    )


def given(**entries: object) -> Manifest:
    """Those entries that hold something: None, "", 0, empty lists and mappings are left out.

    >>> given(a=1, b=None, c=[], d=False)
    {'a': 1, 'd': False}
    """
    return {
        key: value
        for key, value in entries.items()
        if value is False or not (value is None or value == "" or value in (0, [], (), {}))
    }
