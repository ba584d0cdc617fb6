"""A wheel's programs: those it brings, made to run under the image's Python, and its entry points.

Binary distribution format, "Recommended archiver features"; "Entry points specification".
"""

from __future__ import annotations

import configparser
import re

from cogsmith.errors import InstallError

__all__ = ["asks_for_python", "entry_points", "rewritten"]

GROUPS = ("console_scripts", "gui_scripts")

_SHEBANG = re.compile(rb"#!python(w?)(?=\s|$)[ \t]*(?P<rest>[^\r\n]*)")
_REFERENCE = re.compile(
    r"(?P<module>\w+(\.\w+)*)\s*:\s*(?P<attribute>\w+(\.\w+)*)\s*(\[[^\]]*\])?\s*"
)
_NAME = re.compile(r"[^\s/\\\0=\[][^/\\\0=]*")


def asks_for_python(head: bytes) -> bool:
    """Whether a program that begins so is to be run by the Python into which it is installed."""
    return _SHEBANG.match(head) is not None


def rewritten(data: bytes, program: str) -> bytes:
    r"""A script with the image's interpreter in its first line, where that asked for any Python.

    >>> rewritten(b"#!python -s\nimport x\n", "/opt/venv/bin/python")
    b'#!/opt/venv/bin/python -s\nimport x\n'
    """
    found = _SHEBANG.match(data)
    if not found:
        return data
    line = b"#!" + program.encode()
    return line + (b" " + found["rest"] if found["rest"] else b"") + data[found.end() :]


def entry_points(text: str, program: str, where: str) -> dict[str, bytes]:
    """The programs of entry_points.txt: name -> script. Raises InstallError for what is none."""
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        message = f"cannot be read: {str(error).splitlines()[0]}"
        raise InstallError(message, where=where) from error
    return {
        name: _script(name, reference, program, where)
        for group in GROUPS
        if parser.has_section(group)
        for name, reference in parser.items(group)
    }


def _script(name: str, reference: str, program: str, where: str) -> bytes:
    found = _REFERENCE.fullmatch(reference.strip())
    if not found or not _NAME.fullmatch(name) or name in {".", ".."}:
        message = f"names a program that cannot be made: {name[:80]} = {reference[:80]}"
        raise InstallError(message, where=where, hint="a program is NAME = MODULE:FUNCTION")
    first = found["attribute"].partition(".")[0]
    lines = (
        f"#!{program}",
        "import sys",
        "",
        f"from {found['module']} import {first}",
        "",
        'if __name__ == "__main__":',
        f"    sys.exit({found['attribute']}())",
        "",
    )
    return "\n".join(lines).encode()
