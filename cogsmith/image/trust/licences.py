"""Licences as wheels tell them, in SPDX's words where those are certain. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from cogsmith.values import dataclass

__all__ = ["Licence", "licence_of"]

# Classifiers that mean one licence. "BSD License", "GNU General Public License" and their like
# mean several, and stay the words that they are.
_CLASSIFIERS = {
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Apache Software License": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "Zope Public License": "ZPL-2.1",
}
# What people write into the old field License, in small letters.
_WORDS = {
    "mit": "MIT", "mit license": "MIT", "the mit license": "MIT", "apache-2.0": "Apache-2.0",
    "apache 2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0", "apache": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0", "bsd-3-clause": "BSD-3-Clause",
    "bsd-2-clause": "BSD-2-Clause", "3-clause bsd license": "BSD-3-Clause", "isc": "ISC",
    "mpl-2.0": "MPL-2.0", "psf-2.0": "PSF-2.0", "lgpl-2.1-or-later": "LGPL-2.1-or-later",
}  # fmt: skip
_PREFIX = "License :: "
LONGEST = 100  # characters of a name: the field License often holds a licence's whole text


@dataclass(frozen=True, slots=True, kw_only=True)
class Licence:
    """A licence: an SPDX expression, an SPDX identifier, or a name in somebody's own words."""

    kind: Literal["expression", "id", "name"]
    text: str

    def document(self) -> dict[str, Any]:
        """CycloneDX's licence choice; ``declared``: the package says so, nobody has checked."""
        told = {"acknowledgement": "declared"}
        if self.kind == "expression":
            return {"expression": self.text, **told}
        return {"license": {self.kind: self.text, **told}}


def licence_of(expression: str, field: str, classifiers: Iterable[str]) -> Licence | None:
    """The best of a wheel's three ways to say it; None where it says nothing.

    License-Expression is SPDX by its standard (PEP 639); classifiers come from a fixed list; the
    field License is free text, and comes last.
    """
    if expression:
        return Licence(kind="expression", text=expression)
    named = [c.rpartition(" :: ")[2] for c in classifiers if c.startswith(_PREFIX)]
    named = [name for name in dict.fromkeys(named) if name != "OSI Approved"]
    known = [_CLASSIFIERS[name] for name in named if name in _CLASSIFIERS]
    if len(known) == len(named) == 1:
        return Licence(kind="id", text=known[0])
    word = " ".join(field.split())
    if found := _WORDS.get(word.lower()):
        return Licence(kind="id", text=found)
    text = ", ".join(named) or (word if len(word) <= LONGEST else "")
    return Licence(kind="name", text=text) if text else None
