"""What a registry asks for in ``WWW-Authenticate``, and what we ask a token service for.

Grammar: RFC 9110 §11; the parameters of ``Bearer``: the distribution's token specification.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from cogsmith.values import dataclass

__all__ = ["Challenge", "Scope", "parse_challenges", "parse_scopes"]

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_EQUALS = re.compile(r"\s*=\s*(?=[^\s,=])")
_TOKEN68 = re.compile(r"[A-Za-z0-9\-._~+/]+=*(?=\s*(?:,|$))")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"?')  # an unclosed one ends where the header ends
_BARE = re.compile(r"[^\s,]+")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to prove who we are: its scheme in lower case, its parameters by lower-case name."""

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        """A parameter, "" when it is not there."""
        return self.parameters.get(name, "")


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """What may be done with one resource: ``repository:owner/name:pull,push``.

    >>> str(Scope("owner/name", ("push", "pull")))
    'repository:owner/name:pull,push'
    """

    name: str
    actions: tuple[str, ...] = ("pull",)
    kind: str = "repository"

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{','.join(sorted(self.actions))}"

    def covers(self, other: Scope) -> bool:
        """Whether all that the other scope allows is allowed by this one."""
        same = (self.kind, self.name) == (other.kind, other.name)
        return same and ("*" in self.actions or set(other.actions) <= set(self.actions))


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Read all challenges of a header, in their order; what is no challenge is passed over.

    Several headers are joined with commas first, which HTTP allows. Commas inside quotes
    are part of the value, and a scheme may have no parameters at all.

    >>> [c.scheme for c in parse_challenges('Negotiate, Bearer realm="https://a",scope="x:y:a,b"')]
    ['negotiate', 'bearer']
    >>> parse_challenges('Bearer realm="https://a",scope="x:y:a,b"')[0]["scope"]
    'x:y:a,b'
    """
    found: list[tuple[str, dict[str, str]]] = []
    for scheme, name, value in _parts(header):
        if scheme:
            found.append((scheme.lower(), {}))
        elif found:
            found[-1][1].setdefault(name.lower(), value)
    return tuple(Challenge(scheme, parameters) for scheme, parameters in found)


def _parts(header: str) -> Iterator[tuple[str, str, str]]:
    """(scheme, "", "") for each scheme, ("", name, value) for each parameter."""
    at = 0
    while at < len(header):
        word = _TOKEN.match(header, at)
        if word is None:
            at += 1  # white space, a comma, or nothing that we know
            continue
        at = word.end()
        if equals := _EQUALS.match(header, at):
            value, at = _value(header, equals.end())
            yield "", word[0], value
            continue
        yield word[0], "", ""
        if header[at : at + 1] == " " and (raw := _TOKEN68.match(header, at + 1)):
            at = raw.end()


def _value(header: str, at: int) -> tuple[str, int]:
    if quoted := _QUOTED.match(header, at):
        return re.sub(r"\\(.)", r"\1", quoted[1]), quoted.end()
    bare = _BARE.match(header, at)
    assert bare  # _EQUALS looked ahead
    return bare[0], bare.end()


def parse_scopes(text: str) -> tuple[Scope, ...]:
    """Read the ``scope`` of a challenge: several are separated by blanks.

    >>> parse_scopes("repository:a/b:pull,push registry:catalog:*")[1].kind
    'registry'
    """
    found = []
    for word in text.split():
        kind, _, rest = word.partition(":")
        name, colon, actions = rest.rpartition(":")
        if colon:
            found.append(Scope(name, tuple(filter(None, actions.split(","))), kind))
    return tuple(found)


def merged(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    """Each resource once, with all its actions, in the order in which they came first."""
    actions: dict[tuple[str, str], set[str]] = {}
    for scope in scopes:
        actions.setdefault((scope.kind, scope.name), set()).update(scope.actions)
    return tuple(
        Scope(name, tuple(sorted(actions)), kind) for (kind, name), actions in actions.items()
    )
