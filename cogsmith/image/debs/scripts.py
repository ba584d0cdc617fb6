"""Maintainer scripts, judged: what we can do in their place, and what has to be run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping

from cogsmith.image.debs.known import KNOWN, Alternative, Known
from cogsmith.image.debs.shell import commands
from cogsmith.values import dataclass

__all__ = ["Judgement", "judge"]

_ACTIONS = {"preinst": "install", "postinst": "configure"}

# Harmless where a package comes to an image for the first time: words of the shell, services
# that no container starts, caches that programs can do without, what is removed (there is
# nothing to remove), and ldconfig, whose cache we write ourselves.
_HARMLESS_WORDS = (
    "set exit return : true false echo printf local shift unset export continue break test [ "
    "rm rmdir readlink which command cmp read getent id grep egrep dpkg-query "
    "dpkg-maintscript-helper dpkg-trigger update-rc.d invoke-rc.d deb-systemd-helper "
    "deb-systemd-invoke systemctl py3compile pycompile pypy3compile ldconfig install-info "
    "update-menus update-desktop-database gtk-update-icon-cache update-icon-caches update-mime "
    "add-shell umask db_purge db_stop db_version"
)
_HARMLESS = frozenset(_HARMLESS_WORDS.split())
_ASSIGNMENT = re.compile(
    r"^(?:[A-Za-z_]\w*=(?:\"(?:[^\"$`]|\$(?!\())*\"|'[^']*'|\$?[\w{}./:*-]*)\s*)+$"
)
# Python compiles modules by itself when there is no byte code.
_BYTECODE = re.compile(
    r"files=\$\(dpkg -L \S+ \| sed -n '[^']*'\$?\w*'?[^']*'?\)|python=python\$v|"
    r"\S*/(\$python|python3[.\d]*) (-[ESO]+ )+\S+/py_compile\.py \$files"
)
_CONFMODULE = re.compile(r"^\.\s+/usr/share/debconf/confmodule$")
_QUIET = re.compile(r"\s*(?:[12]?>+\s*(?:/dev/null|&\s*[12])|2>&1|\|\|\s*(?:true|:))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """``matters``: the commands that would have to be run; () where we know how without."""

    matters: tuple[str, ...]
    alternatives: tuple[Alternative, ...]


def judge(name: str, control: Mapping[str, bytes], programs: Collection[str]) -> Judgement:
    """Read a package's scripts; ``programs`` has the names of all that will be there."""
    known = KNOWN.get(name)
    matters: list[str] = []
    found: list[Alternative] = []
    for script, action in _ACTIONS.items():
        text = control.get(script, b"").decode("utf-8", "replace")
        if text and not re.match(r"#!\s*/(usr/)?bin/(env )?(sh|bash|dash)\b", text):
            matters.append(f"{script} is no shell script")
            continue
        for command in commands(text, action, programs):
            alternative = _alternative(command)
            if known and known.may_run(command):
                continue
            if alternative:
                found.append(alternative)
            elif not _harmless(command):
                matters.append(command)
    return Judgement(
        matters=tuple(dict.fromkeys(matters)),
        alternatives=(*found, *(known or Known(lines="")).alternatives),
    )


def _harmless(command: str) -> bool:
    plain = _QUIET.sub("", command).strip()
    if _CONFMODULE.match(plain) or _BYTECODE.fullmatch(plain) or _ASSIGNMENT.match(plain):
        return True
    if "$(" in plain or "`" in plain or re.search(r"[<>]", plain):
        return False
    clauses = re.split(r"\s*(?:&&|\|\||\|)\s*", plain)
    return all(_word(clause) in _HARMLESS or _removes(clause) for clause in clauses)


def _word(clause: str) -> str:
    first = clause.strip().lstrip("!({ ").partition(" ")[0].strip("\"'")
    return first.rpartition("/")[2] if first != "/" else first


def _removes(clause: str) -> bool:
    """What takes away alternatives and diversions of earlier versions."""
    pattern = (
        r"(update-alternatives|dpkg-divert)\b.*\s--(remove|query|list)|dpkg --compare-versions"
    )
    return re.match(pattern, clause.strip(" !(")) is not None


def _alternative(command: str) -> Alternative | None:
    """What ``update-alternatives --install`` asks for, None where it is not said in plain."""
    plain = _QUIET.sub("", command).strip()
    if not re.match(r"(/usr/s?bin/)?update-alternatives\s", plain) or re.search(r"[$`|&<>]", plain):
        return None
    try:
        words = shlex.split(plain)[1:]
    except ValueError:
        return None
    words = [word for word in words if word not in ("--quiet", "--force", "--verbose")]
    if len(words) < 5 or words[0] != "--install" or not words[4].lstrip("-").isdecimal():
        return None
    link, name, path, priority, *more = words[1:]
    slaves = [tuple(more[at + 1 : at + 4]) for at in range(0, len(more), 4)]
    if any(word != "--slave" for word in more[::4]) or any(len(slave) != 3 for slave in slaves):
        return None
    return Alternative(
        link=link, name=name, path=path, priority=int(priority),
        slaves=tuple((a, b, c) for a, b, c in slaves),
    )  # fmt: skip
