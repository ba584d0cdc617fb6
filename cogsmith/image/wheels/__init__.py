"""Wheels become layers: spread by the standard, packed without compressing again what is large.

`archive` reads wheels as zip files and is the one module here that touches the disk.
"""

from __future__ import annotations
