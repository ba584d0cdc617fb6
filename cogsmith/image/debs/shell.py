"""Maintainer scripts, read: which commands run when a package comes to a system for the first time.

No shell: scripts are cut into commands, and what lies in branches for other occasions (an
upgrade, a trigger, a program that is not there) is left out. What cannot be decided counts as
run. So a command too many may come out, and never one too few: functions count where they are
written, and a line that is not understood comes out as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

__all__ = ["commands"]

_SECTION = re.compile(r"# Automatically added by (\S+?)(?:/\S*)?\s*$")
_END = re.compile(r"# End automatically added section")
# Parts that debhelper writes for what an image needs not: services, byte code, menus, and what
# only matters when older versions are there. dh_installalternatives is not among them.
_NEEDLESS_WORDS = (
    "dh_installdeb dh_makeshlibs dh_installmenu dh_installinit dh_installsystemd dh_systemd_enable "
    "dh_systemd_start dh_installsystemduser dh_python3 dh_python2 pybuild dh_pypy dh_installinfo "
    "dh_installtmpfiles dh_usrlocal dh_installemacsen dh_installmime dh_icons dh_desktop "
    "dh_apparmor dh_perl dh_installudev dh_scrollkeeper dh_installdebconf"
)
_NEEDLESS = frozenset(_NEEDLESS_WORDS.split())
_PIECE = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|\$\([^()]*\)|`[^`]*`|\\.|;;|;|[^;'"\\$`]+|.""")
_WORD = re.compile(r"^(then|else|do|\{)\s+(?=\S)")
_PATTERN = re.compile(r"^\(?\s*([\w*|\"' \t./$@{}-]+?)\s*\)(?!\))\s*(.*)$", re.DOTALL)
_FUNCTION = re.compile(r"^(?:function\s+)?([\w-]+)\s*\(\s*\)\s*(\{?)\s*(.*)$", re.DOTALL)
_CLAUSE = re.compile(r"\s*(&&|\|\|)\s*")
_TEST = re.compile(r"^(?:test\s+(.*?)|\[\s+(.*?)\s+\])$", re.DOTALL)
_EQUAL = re.compile(r"^[\"']?x?\$\{?1[}\"']*\s*(=|==|!=)\s*[\"']?x?([\w-]+)[\"']?$")
_VERSIONS = re.compile(r"^dpkg\s+--compare-versions\s+(\S+)\s+([\w-]+|[<>=]+)\s+")
_PROGRAM = re.compile(r"^(?:which|command\s+-v|type|hash)\s+([\w.+/-]+)")
_EXECUTABLE = re.compile(r"^-x\s+[\"']?(?:[`(]|\$\()?\s*(?:which\s+|command\s+-v\s+)?(/?[\w.+/-]+)")
_NOISE = re.compile(r"\s*(?:[12]?>+\s*(?:/dev/null|&\s*[12])|2>&1|&>\s*/dev/null)")


_MARKS = ("then", "do", "{", "(", ")", ";;")


@dataclass(slots=True)
class _Block:
    """An ``if``, ``case``, loop or function that is open."""

    kind: str
    live: bool  # whether what stands around it runs
    decided: bool | None = None  # of an if: whether a branch is known to have been taken
    word: str = ""
    running: bool = True


@dataclass(slots=True)
class _Reader:
    action: str
    programs: Collection[str]
    stack: list[_Block] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)

    @property
    def live(self) -> bool:
        return all(block.running for block in self.stack)

    @property
    def inside(self) -> bool:
        """Whether a function is open: its arguments are others than the script's."""
        return any(block.kind == "function" for block in self.stack)

    def read(self, line: str) -> Iterator[str]:
        """One piece of a line: a word of the language, or a command."""
        line = line.strip()
        while match := _WORD.match(line):
            if match[1] == "else":
                yield from self._branch("else", "")
            line = line[match.end() :]
        word, _, rest = line.partition(" ")
        if self.stack and self.stack[-1].kind == "case" and (yield from self._in_case(line)):
            return
        if word in ("if", "elif", "else", "fi"):
            yield from self._branch(word, rest.strip())
        elif word == "case":
            head = re.match(r"case\s+(.*?)\s+in\b\s*(.*)$", line, re.DOTALL)
            subject, first = (head[1], head[2]) if head else (line, "")
            self.stack.append(_Block("case", self.live, word=subject.strip("\"'"), running=False))
            if first:
                yield from self.read(first)
        elif word in ("for", "while", "until"):
            if self.live and (word != "for" or "$(" in rest or "`" in rest):
                yield rest.strip()
            self.stack.append(_Block("loop", self.live))
        elif match := _FUNCTION.match(line):
            self.stack.append(_Block("function", self.live))
            self.functions.add(match[1])
            if match[3]:
                yield from self.read(match[3])
        elif word in ("done", "}", "esac"):
            self._close()
        elif line and word not in _MARKS and self.live and not self._never(line):
            yield line

    def _never(self, line: str) -> bool:
        """Whether what stands before an ``&&`` does not hold."""
        first, joint, _ = line.partition("&&")
        return bool(joint) and "||" not in line and self._holds(first) is False

    def _close(self) -> None:
        if self.stack:
            self.stack.pop()

    def _in_case(self, line: str) -> Generator[str, None, bool]:
        """Within a case: a pattern, its end, or (when this answers False) a command."""
        block = self.stack[-1]
        if line in (";;", "esac"):
            block.running = False
            if line == "esac":
                self.stack.pop()
            return True
        match = None if block.running else _PATTERN.match(line)
        if match is None:
            return False
        block.running = self._chosen(block.word, match[1])
        if block.running and match[1].strip() == "*" and block.decided:
            block.running = False
        known = block.word in ("$1", "${1}") and not self.inside
        block.decided = block.decided or (block.running and known)
        if match[2]:
            yield from self.read(match[2])
        return True

    def _chosen(self, word: str, pattern: str) -> bool:
        if word not in ("$1", "${1}") or self.inside:
            return True
        options = [option.strip().strip("\"'") for option in pattern.split("|")]
        return any(fnmatchcase(self.action, option) for option in options)

    def _branch(self, word: str, condition: str) -> Iterator[str]:
        """A word of an ``if``; a condition that nobody can tell is a command that runs."""
        live = self.live or word == "elif"
        if word in ("if", "elif") and live and self._holds(condition) is None:
            yield condition
        if word == "if":
            answer = self._holds(condition)
            block = _Block("if", self.live, decided=answer is True, running=answer is not False)
            self.stack.append(block)
        elif not self.stack or self.stack[-1].kind != "if":
            return
        elif word == "fi":
            self.stack.pop()
        else:
            block = self.stack[-1]
            answer = True if word == "else" else self._holds(condition)
            block.running = not block.decided and answer is not False
            block.decided = block.decided or answer is True

    def _holds(self, condition: str) -> bool | None:
        """Whether a condition holds on a first installation; None: who knows."""
        parts = _CLAUSE.split(_NOISE.sub("", condition).strip())
        answer = self._one(parts[0])
        for joint, part in zip(parts[1::2], parts[2::2], strict=True):
            other = self._one(part)
            if joint == "&&":
                answer = False if False in (answer, other) else answer and other
            else:
                answer = True if True in (answer, other) else (None if answer is None else other)
        return answer

    def _one(self, condition: str) -> bool | None:
        condition = condition.strip()
        if self.inside and re.search(r"\$\{?[0-9]", condition):
            return None
        if condition.startswith("!"):
            answer = self._one(condition[1:])
            return None if answer is None else not answer
        if match := _VERSIONS.match(condition):
            if match[1].strip("\"'{}") not in ("$2", "${2", "$2-"):
                return None
            return match[2] in ("lt", "le", "<<", "<=", "<", "gt-nl", "ge-nl", "ne")
        if match := _PROGRAM.match(condition):
            return self._there(match[1])
        match = _TEST.match(condition)
        return self._test((match[1] or match[2] or "").strip()) if match else None

    def _test(self, words: str) -> bool | None:
        for joint, certain in ((" -a ", False), (" -o ", True)):
            if joint in words:
                answers = [self._test(part.strip()) for part in words.split(joint)]
                if certain in answers:
                    return certain
                return None if None in answers else not certain
        if words.startswith("! "):
            answer = self._test(words[2:].strip())
            return None if answer is None else not answer
        if match := _EQUAL.match(words):
            return (match[2] == self.action) == (match[1] != "!=")
        if re.fullmatch(r"-[zn]\s+[\"']?\$(2|\{2(:?-)?\})[\"']?", words):
            return words.startswith("-z")
        if re.fullmatch(r"-[zn]\s+[\"']?\$\{?DPKG_ROOT(:-)?\}?[\"']?", words):
            return words.startswith("-z")
        if words.startswith("-d /run/systemd/system"):
            return False
        match = _EXECUTABLE.match(words)
        return self._there(match[1]) if match else None

    def _there(self, program: str) -> bool | None:
        """False for a program that nobody brings; else who knows what it is asked for."""
        folder, slash, name = program.rpartition("/")
        if slash and folder.rpartition("/")[2] not in ("bin", "sbin"):
            return None  # names are known of folders of programs only
        return None if name in self.programs else False


def commands(script: str, action: str, programs: Collection[str]) -> list[str]:
    """The commands that ``script ACTION`` runs, or may run; ``programs`` has names alone."""
    reader = _Reader(action, programs)
    found: list[str] = []
    for line in filter(None, _lines(script)):
        for piece in _pieces(line):
            found += reader.read(piece)
    return [line for line in found if not _calls(line, reader.functions)]


def _calls(line: str, functions: Collection[str]) -> bool:
    """Whether a line calls one of the script's functions, which count where they are written."""
    return re.split(r"\s", line)[0] in functions and not re.search(r"[`;&|<>]|\$\(", line)


def _lines(script: str) -> Iterator[str]:
    """Whole lines: without comments and needless sections, joined where they go on."""
    waiting, skipping = "", False
    for raw in script.splitlines():
        line = raw
        if section := _SECTION.match(line.strip()):
            skipping = section[1] in _NEEDLESS
        if _END.match(line.strip()):
            skipping = False
        line = _uncommented(line).rstrip()
        if skipping:
            continue
        if not line.strip():  # it also ends what a backslash has left open
            if not _open(waiting):
                yield waiting
                waiting = ""
            continue
        waiting += line
        if waiting.endswith("\\"):
            waiting = f"{waiting[:-1]} "
        elif waiting.endswith(("&&", "||", "|")):
            waiting += " "
        elif _open(waiting):
            waiting += "\n"
        else:
            yield waiting.strip()
            waiting = ""
    if waiting.strip():
        yield waiting.strip()


def _uncommented(line: str) -> str:
    """A line without a comment; a ``#`` in quotes, or within a word, begins none."""
    kept = ""
    pieces: list[str] = _PIECE.findall(line)
    for part in pieces:
        plain = part[0] not in "'\"`$\\"
        match = re.search(r"(?:^|(?<=\s))#", part) if plain else None
        if match and (match.start() or not kept or kept[-1].isspace()):
            return kept + part[: match.start()]
        kept += part
    return kept


def _open(text: str) -> bool:
    """Whether a ``$(`` or a quote is not closed yet."""
    plain = re.sub(r"\\.", "", text)
    plain = re.sub(r"'[^']*'" if plain.count('"') < 2 else r"\"[^\"]*\"|'[^']*'", "", plain)
    return plain.count("$(") > 0 and plain.count("(") > plain.count(")")


def _pieces(line: str) -> Iterator[str]:
    """A line, cut at its semicolons outside of quotes."""
    piece = ""
    for part in _PIECE.findall(line):
        if part in (";", ";;"):
            yield piece
            if part == ";;":
                yield ";;"
            piece = ""
        else:
            piece += part
    yield piece
