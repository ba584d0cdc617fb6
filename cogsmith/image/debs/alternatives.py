"""The links that update-alternatives(1) would make, and its records (deb's own format)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from cogsmith.image.debs.known import Alternative
from cogsmith.image.debs.tree import needless, place

__all__ = ["choose"]

_RECORDS = "var/lib/dpkg/alternatives"


@dataclass(slots=True)
class _Group:
    """All choices for one link; ``slaves`` maps a slave's name to its link."""

    link: str
    manual: bool = False
    slaves: dict[str, str] = field(default_factory=dict)
    choices: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)

    @property
    def best(self) -> str:
        """The choice of the highest priority."""
        return max(sorted(self.choices), key=lambda path: self.choices[path][0])

    @classmethod
    def parse(cls, text: str) -> _Group:
        """Read a record of the base's."""
        head, _, rest = text.partition("\n\n")
        lines = head.splitlines()
        group = cls(link=lines[1], manual=lines[0] == "manual")
        names = lines[2::2]
        group.slaves = dict(zip(names, lines[3::2], strict=False))
        rows = rest.split("\n")
        for at in range(0, len(rows) - 1, 2 + len(names)):
            if not rows[at] or at + 1 >= len(rows):
                break
            paths = rows[at + 2 : at + 2 + len(names)]
            kept = {name: path for name, path in zip(names, paths, strict=False) if path}
            group.choices[rows[at]] = int(rows[at + 1]), kept
        return group

    def render(self) -> str:
        """The record, as dpkg reads it."""
        names = sorted(self.slaves)
        lines = ["manual" if self.manual else "auto", self.link]
        for name in names:
            lines += [name, self.slaves[name]]
        lines.append("")
        for path in sorted(self.choices):
            priority, slaves = self.choices[path]
            lines += [path, str(priority), *(slaves.get(name, "") for name in names)]
        return "\n".join([*lines, "", ""])

    def add(self, found: Alternative) -> None:
        """Take one more choice."""
        slaves = [slave for slave in found.slaves if not needless(slave[0].lstrip("/"))]
        self.slaves.update({name: link for link, name, _ in slaves})
        self.choices[found.path] = found.priority, {name: path for _, name, path in slaves}


def choose(
    found: Iterable[Alternative], files: Mapping[str, bytes], links: Mapping[str, str],
    present: Collection[str],
) -> tuple[dict[str, str], dict[str, str]]:  # fmt: skip
    """Links (path -> target) and records (path -> text) for these and the base's own.

    ``present`` has all paths of the new packages: a slave is linked only to what is there. What
    somebody has set by hand in the base stays, and so does what it has no record of.
    """
    groups: dict[str, _Group] = {}
    for alternative in found:
        name = alternative.name
        record = files.get(f"{_RECORDS}/{name}")
        if name not in groups and record is None and f"etc/alternatives/{name}" in links:
            continue
        if name not in groups:
            known = record and _Group.parse(record.decode("utf-8", "replace"))
            groups[name] = known or _Group(link=alternative.link)
        groups[name].add(alternative)
    made: dict[str, str] = {}
    for name, group in sorted(groups.items()):
        if group.manual:
            continue
        made[place(group.link, links)] = f"/etc/alternatives/{name}"
        made[f"etc/alternatives/{name}"] = group.best
        for slave, path in sorted(group.choices[group.best][1].items()):
            if place(path, links) in present:
                made[place(group.slaves[slave], links)] = f"/etc/alternatives/{slave}"
                made[f"etc/alternatives/{slave}"] = path
    return made, {f"{_RECORDS}/{name}": group.render() for name, group in sorted(groups.items())}
