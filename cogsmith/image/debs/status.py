"""dpkg's database with new packages in it: ``apt-get`` goes on working in the image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cogsmith.image.debs.control import fields, stanzas
from cogsmith.oci import Entry, File

__all__ = ["STATUS", "info_files", "merged", "status_file"]

STATUS = "var/lib/dpkg/status"
_CONFFILES = re.compile(r"^conffiles:.*(?:\n[ \t].*)*\n?", re.MULTILINE | re.IGNORECASE)


def merged(status: str, new: Mapping[str, tuple[str, Iterable[tuple[str, str]]]]) -> str:
    """The status with new packages (control stanza, configuration files and their MD5)."""
    kept = [stanza for stanza in stanzas(status) if fields(stanza).get("package") not in new]
    made = [_installed(*new[name]) for name in sorted(new)]
    return "".join(f"{stanza}\n\n" for stanza in [*kept, *made])


def _installed(control: str, conffiles: Iterable[tuple[str, str]]) -> str:
    stanza = _CONFFILES.sub("", control.strip("\n") + "\n").strip("\n")
    first, _, rest = stanza.partition("\n")
    lines = [first, "Status: install ok installed", rest]
    if listed := [f" /{path} {md5}" for path, md5 in conffiles]:
        lines += ["Conffiles:", *listed]
    return "\n".join(lines)


def info_files(control: Mapping[str, bytes], paths: Iterable[str]) -> list[Entry]:
    """What dpkg keeps of a package beside the status: its list of files, and its scripts."""
    told = fields(control["control"].decode("utf-8", "replace"))
    name = told["package"]
    if told.get("multi-arch", "").lower() == "same":
        name = f"{name}:{told['architecture']}"
    folder = "var/lib/dpkg/info"
    listed = "/.\n" + "".join(f"/{path}\n" for path in sorted(paths))
    made: list[Entry] = [File.of(f"{folder}/{name}.list", listed.encode("utf-8", "replace"))]
    for kind, data in sorted(control.items()):
        if kind != "control" and "/" not in kind:
            script = kind in ("preinst", "postinst", "prerm", "postrm", "config")
            mode = 0o755 if script else 0o644
            made.append(File.of(f"{folder}/{name}.{kind}", data, mode=mode))
    return made


def status_file(control: Mapping[str, bytes]) -> list[Entry]:
    """The form of images without dpkg (distroless): a file for each package, for scanners."""
    name = fields(control["control"].decode("utf-8", "replace"))["package"]
    made: list[Entry] = [File.of(f"{STATUS}.d/{name}", control["control"])]
    if sums := control.get("md5sums"):
        made.append(File.of(f"{STATUS}.d/{name}.md5sums", sums))
    return made
