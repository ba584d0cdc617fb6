"""What one key of deploy.yaml may hold: names, sizes, references, paths."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic import StrictInt as Whole
from pydantic import StrictStr as Text

from cogsmith.config import refused
from cogsmith.errors import InvalidReference
from cogsmith.oci import Reference

__all__ = ["Count", "Cpu", "Folder", "Host", "Image", "Line", "Name", "Port", "Seconds", "Size",
           "Variable", "bytes_of"]  # fmt: skip

LONGEST_NAME = 40  # of 63 that Kubernetes allows: what we make of it gets endings
_NAME = re.compile(r"[a-z](?:[a-z0-9-]*[a-z0-9])?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOST = re.compile(
    r"(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"
)
_SIZE = re.compile(r"(\d+)(Ki|Mi|Gi|Ti|k|M|G|T)?")
_UNITS = {
    "": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12,
    "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip
# The server reads these, and the rest of the document decides them.
DECIDED = {"PORT": "port", "COGSMITH_DRAIN": "drain"}
_LOADER = ("LD_*", "PYTHONHOME", "PYTHONPATH", "PATH")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text) or len(text) > LONGEST_NAME:
        reason = f"must be at most {LONGEST_NAME} of a-z, 0-9 and -, a letter first"
        raise refused(reason, "all targets take such a name")
    return text


def _variable(text: str) -> str:
    if not _VARIABLE.fullmatch(text):
        raise refused(f'"{text}" is not the name of a variable', "letters, digits and _ alone")
    if key := DECIDED.get(text):
        raise refused(f"{text} follows from {key}:", f"leave it out, and set {key}:")
    if any(fnmatchcase(text, pattern) for pattern in _LOADER):
        raise refused(f"{text} is the image's own", "leave it out")
    return text


def _image(text: str) -> str:
    try:
        Reference.parse(text)
    except InvalidReference as error:
        raise refused(error.message, error.hint) from None
    return text


def _size(text: str) -> str:
    if not _SIZE.fullmatch(text) or bytes_of(text) < _UNITS["Mi"]:
        raise refused("is not a size of a mebibyte or more", 'write a number and a unit: "16Gi"')
    return text


def bytes_of(size: str) -> int:
    """The bytes of a size in Kubernetes' notation.

    >>> bytes_of("16Gi"), bytes_of("2M")
    (17179869184, 2000000)
    """
    found = _SIZE.fullmatch(size)
    assert found, size
    return int(found[1]) * _UNITS[found[2] or ""]


def _folder(text: str) -> str:
    if not PurePosixPath(text).is_absolute() or ".." in PurePosixPath(text).parts:
        raise refused("must be a folder's whole path in the container", "begin it with /")
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise refused("is not a host name", "leave out http:// and the path: llama.example.com")
    return text


def _cpu(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refused("must be a number of CPUs", "write 4, or 0.5")
    return value


Line = Annotated[Text, Field(min_length=1)]
Name = Annotated[Line, AfterValidator(_name)]
Variable = Annotated[Line, AfterValidator(_variable)]
Image = Annotated[Line, AfterValidator(_image)]
Size = Annotated[Line, AfterValidator(_size)]
Folder = Annotated[Line, AfterValidator(_folder)]
Host = Annotated[Line, AfterValidator(_host)]
Port = Annotated[Whole, Field(ge=1, le=65535)]
Count = Annotated[Whole, Field(ge=0)]
Seconds = Annotated[Whole, Field(ge=0)]
Cpu = Annotated[float, BeforeValidator(_cpu), Field(gt=0)]
