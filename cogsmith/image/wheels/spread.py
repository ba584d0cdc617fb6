"""Where the files of a wheel come to lie, by the standard: pure rules over a wheel's index.

Binary distribution format, "Installing a wheel". Beside the wheel's own files there are the
programs of its entry points, INSTALLER, direct_url.json (PEP 610) and RECORD, rewritten.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from email.parser import HeaderParser

from cogsmith.environment import Wheel
from cogsmith.errors import InstallError
from cogsmith.image.venv import Place
from cogsmith.image.wheels.archive import Member
from cogsmith.image.wheels.record import Row, fingerprint, parse_record, render_record
from cogsmith.image.wheels.scripts import asks_for_python, entry_points, rewritten
from cogsmith.values import dataclass

__all__ = ["Placed", "paths_of", "spread", "targets"]

INSTALLER = b"cogsmith\n"
SIGNATURES = ("RECORD.jws", "RECORD.p7s")
OWN = ("INSTALLER", "REQUESTED", "direct_url.json")  # what installers write, and no wheel may bring

Contents = Callable[[Member], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Placed:
    """A file of a wheel at its path in the layer: a member as it is, or bytes made of it.

    ``hash`` is what RECORD says of a member, "" where it says nothing.
    """

    path: str
    source: Member | bytes
    executable: bool
    hash: str = ""

    @property
    def size(self) -> int:
        """In bytes."""
        return self.source.size if isinstance(self.source, Member) else len(self.source)

    @property
    def content(self) -> tuple[int, int]:
        """Size and CRC-32: equal for equal contents, and known without reading any."""
        if isinstance(self.source, Member):
            return self.source.size, self.source.crc
        return len(self.source), zlib.crc32(self.source)


def spread(
    wheel: Wheel, members: Mapping[str, Member], contents: Contents, place: Place
) -> list[Placed]:
    """The files of a wheel in this place. Raises InstallError, naming wheel and member.

    ``contents`` gives a member's bytes in pieces: those of metadata, and the first of programs.
    """
    return _Spread(wheel, members, contents, place).files()


def targets(
    wheel: Wheel, members: Mapping[str, Member], contents: Contents, place: Place
) -> dict[str, Member]:
    """Where the wheel's own files come to lie: path -> member. No file is read but WHEEL.

    ``spread`` has the same paths, those of the files that an installer adds, and all checks.
    """
    return _Spread(wheel, members, contents, place).targets()


def paths_of(
    wheel: Wheel, members: Mapping[str, Member], contents: Contents, place: Place
) -> list[str]:
    """Every path at which ``spread`` places a file, but RECORD's own; RECORD is not read."""
    spread_ = _Spread(wheel, members, contents, place)
    return [*spread_.targets(), *(file.path for file in spread_.written())]


class _Spread:
    def __init__(
        self, wheel: Wheel, members: Mapping[str, Member], contents: Contents, place: Place
    ) -> None:
        self.wheel, self.members, self.contents, self.place = wheel, members, contents, place
        self.info = _info(wheel, members)
        self.stem = self.info.removesuffix(".dist-info")
        self._check_version()

    def files(self) -> list[Placed]:
        """Everything, RECORD last."""
        record = f"{self.info}/RECORD"
        listed = self._listed(record)
        made = [*map(self._moved, listed, listed.values()), *self.written()]
        path = f"{self.place.site}/{record}"
        rows = {file.path: _row(file) for file in made}
        if len(rows) != len(made):
            raise self._wrong(record, f"{_twice(made)} would be written twice")
        return [*made, Placed(path, render_record(rows, path, self.place.site), executable=False)]

    def targets(self) -> dict[str, Member]:
        """The wheel's own files."""
        return {self._target(name)[1]: member for name, member in self._own().items()}

    def _own(self) -> dict[str, Member]:
        """What the wheel brings, without what installers write."""
        left_out = {f"{self.info}/{name}" for name in ("RECORD", *SIGNATURES, *OWN)}
        return {name: member for name, member in self.members.items() if name not in left_out}

    def _listed(self, record: str) -> dict[str, Row]:
        sizes = {name: member.size for name, member in self._own().items()}
        return parse_record(self._text(record), sizes, self.wheel.filename)

    def _moved(self, name: str, row: Row) -> Placed:
        member = self.members[name]
        key, path = self._target(name)
        if key != "scripts":
            return Placed(path, member, member.executable, row.hash)
        if asks_for_python(next(self.contents(member), b"")):
            data = rewritten(b"".join(self.contents(member)), self.place.program)
            return Placed(path, data, executable=True)
        return Placed(path, member, True, row.hash)

    def _target(self, name: str) -> tuple[str, str]:
        """The scheme's key and the path in the layer."""
        data = f"{self.stem}.data/"
        if not name.startswith(data):
            return "", f"{self.place.site}/{name}"
        key, _, rest = name[len(data) :].partition("/")
        roots = {
            "purelib": self.place.site,
            "platlib": self.place.site,
            "scripts": self.place.scripts,
            "headers": f"{self.place.headers}/{self.stem.partition('-')[0]}",
            "data": self.place.root,
        }
        if key not in roots or not rest:
            raise self._wrong(name, f"lies in {data}, which may hold only {', '.join(roots)}")
        return key, f"{roots[key]}/{rest}"

    def written(self) -> Iterator[Placed]:
        """What an installer adds."""
        info = f"{self.place.site}/{self.info}"
        yield Placed(f"{info}/INSTALLER", INSTALLER, executable=False)
        if self.wheel.direct_url is not None:
            words = json.dumps(self.wheel.direct_url, sort_keys=True).encode()
            yield Placed(f"{info}/direct_url.json", words, executable=False)
        listed = f"{self.info}/entry_points.txt"
        if listed in self.members:
            where = f"{self.wheel.filename}: {listed}"
            made = entry_points(self._text(listed), self.place.program, where)
            for name, script in made.items():
                yield Placed(f"{self.place.scripts}/{name}", script, executable=True)

    def _check_version(self) -> None:
        name = f"{self.info}/WHEEL"
        version = HeaderParser().parsestr(self._text(name)).get("Wheel-Version", "").strip()
        if version.partition(".")[0] != "1":
            message = f"is a wheel of the version {version[:20]!r}, and 1 can be read"
            raise self._wrong(name, message)

    def _text(self, name: str) -> str:
        if name not in self.members:
            raise self._wrong(name, "is missing: every wheel has it")
        try:
            return b"".join(self.contents(self.members[name])).decode()
        except UnicodeDecodeError as error:
            raise self._wrong(name, "is no UTF-8") from error

    def _wrong(self, name: str, message: str) -> InstallError:
        return InstallError(message, where=f"{self.wheel.filename}: {name}")


def _info(wheel: Wheel, members: Mapping[str, Member]) -> str:
    """The name of the wheel's .dist-info folder: there is one."""
    tops = {name.partition("/")[0] for name in members if "/" in name}
    found = sorted(top for top in tops if top.endswith(".dist-info"))
    if len(found) != 1:
        there = ", ".join(found) or "none"
        message = f"must have one folder that ends with .dist-info, and has {there}"
        raise InstallError(message, where=wheel.filename)
    return found[0]


def _row(file: Placed) -> Row:
    if isinstance(file.source, Member):
        return Row(file.hash, file.source.size)
    return Row(fingerprint(file.source), len(file.source))


def _twice(files: list[Placed]) -> str:
    seen: set[str] = set()
    return next(f.path for f in files if f.path in seen or seen.add(f.path))  # type: ignore[func-returns-value]
