"""RECORD: what a wheel says of its own files, checked, and rewritten for where they come to lie.

Binary distribution format, "The .dist-info directory"; "Recording installed projects" (PEP 376,
PEP 627). Hashes are checked while files are packed; here are names and sizes.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import posixpath
from collections.abc import Iterable, Iterator, Mapping

from cogsmith.errors import InstallError, Problem
from cogsmith.values import dataclass

__all__ = ["ALGORITHMS", "Row", "fingerprint", "parse_record", "render_record"]

# "The hash algorithm must be sha256 or better; specifically, md5 and sha1 are not permitted."
ALGORITHMS = {"sha256", "sha384", "sha512"}
MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Row:
    """What RECORD says of one file: ``hash`` as ``sha256=...`` (base64), "" where it says none."""

    hash: str
    size: int | None


def fingerprint(data: bytes) -> str:
    """The hash of a file, as RECORD writes it."""
    return f"sha256={encoded(hashlib.sha256(data).digest())}"


def encoded(digest: bytes) -> str:
    """A digest in the base64 of RECORD: for URLs, without padding."""
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def parse_record(text: str, sizes: Mapping[str, int], where: str) -> dict[str, Row]:
    """The rows of a wheel's RECORD by name, for the files that are there (name -> size).

    Rows of files that are not there are left out, as installers do. Raises InstallError for
    files that no row is about, sizes that differ, and hashes that are weak.
    """
    rows: dict[str, Row] = {}
    problems: list[Problem] = []
    for name, row, broken in _rows(text):
        wrong = broken
        if not wrong and row.size is not None and row.size != sizes.get(name, row.size):
            wrong = f"has {sizes[name]} bytes, and the wheel's RECORD says {row.size}"
        if not wrong and rows.setdefault(name, row) != row:
            wrong = "stands twice in the wheel's RECORD, and not as the same"
        if wrong:
            problems.append(Problem(wrong, f"{where}: {name}"))
    problems += [
        Problem("is not listed in the wheel's RECORD", f"{where}: {name}")
        for name in sizes
        if name not in rows
    ]
    if problems:
        raise InstallError(problems[:MAX_PROBLEMS])
    return {name: rows[name] for name in sizes}


def _rows(text: str) -> Iterator[tuple[str, Row, str]]:
    """Name, row, and what is wrong with it."""
    for fields in csv.reader(io.StringIO(text, newline="")):
        if not fields:
            continue
        name, hash_, size, *_ = *fields, "", ""
        wrong = ""
        if hash_ and hash_.partition("=")[0] not in ALGORITHMS:
            wrong = (
                f"has a hash in the wheel's RECORD that is not of {', '.join(sorted(ALGORITHMS))}"
            )
        if size and not (size.isascii() and size.isdigit()):
            wrong = f"has {size[:20]!r} as its size in the wheel's RECORD"
        yield name, Row(hash_, int(size) if size and not wrong else None), wrong


def render_record(rows: Mapping[str, Row], record: str, site: str) -> bytes:
    """RECORD for files by their paths in a layer: relative to the packages' folder, in order.

    ``record`` is the path of RECORD itself, which stands in it without hash and size.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for path, hash_, size in _relative(rows, record, site):
        writer.writerow((path, hash_, size))
    return text.getvalue().encode()


def _relative(
    rows: Mapping[str, Row], record: str, site: str
) -> Iterable[tuple[str, str, int | str]]:
    listed: list[tuple[str, str, int | str]] = [(record[len(site) + 1 :], "", "")]
    for path, row in rows.items():
        inside = path.startswith(f"{site}/")
        name = path[len(site) + 1 :] if inside else posixpath.relpath(path, site)
        listed.append((name, row.hash, "" if row.size is None else row.size))
    return sorted(listed)
