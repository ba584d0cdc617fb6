"""``cogsmith check``: whether a model says well what it takes, and keeps what it has promised."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from cogsmith.cases import fetch_document
from cogsmith.cli import options
from cogsmith.cli.console import BOLD, DIM, GREEN, RED, YELLOW, Console
from cogsmith.cli.local import choose, signature_of
from cogsmith.cli.store import open_store
from cogsmith.cli.transfers import client
from cogsmith.config import Loaded
from cogsmith.contract import (
    Change,
    Contract,
    Effect,
    Finding,
    Severity,
    compare,
    lint,
    read,
    step_of,
)
from cogsmith.errors import ContractError, NotInLayout, UsageError
from cogsmith.oci import ImageConfig, Platform, Reference
from cogsmith.signature import load as load_signature
from cogsmith.signature import openapi

LABEL = "run.cog.openapi_schema"
PLATFORM = Platform.parse("linux/amd64")  # of several images: the model is the same in each
COLORS = {
    "error": RED, "warning": YELLOW, "info": DIM,
    "breaking": RED, "compatible": GREEN, "cosmetic": DIM,
}  # fmt: skip


@click.command("check")
@options.model
@click.option(
    "--against", metavar="IMAGE|URL|FILE",
    help="Compare with another version: an image, a server, or an OpenAPI document.",
)  # fmt: skip
@click.option("--remote", is_flag=True, help="Ask the image's registry, even if the image is here.")
@click.option("--allow-breaking", is_flag=True, help="Breaking changes are no failure.")
@click.option("--strict", is_flag=True, help="Warnings are failures, too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
def command(
    model: str | None, file: str | None, against: str | None, remote: bool, allow_breaking: bool,
    strict: bool, as_json: bool,
) -> None:  # fmt: skip
    """Check what a model says of its inputs and output, and what has changed.

    MODEL is a name of this repository (cogsmith models lists them) or the path of a config
    file; without it, the cog.yaml here or above is used. It is read from source: nothing is
    imported, installed or started.

    Exit code 1: an error was found (with --strict a warning, too), or a change that breaks
    callers of the version that it is compared with.

    \b
    Examples:
      cogsmith check
      cogsmith check --against registry.example/me/llama:3
      cogsmith check llava --against https://llava.example --json
    """  # noqa: D301 - the one escape is meant: click keeps the lines after it
    if allow_breaking and not against:
        raise UsageError("--allow-breaking is given, and nothing to compare with",
                         hint="add --against IMAGE")  # fmt: skip
    loaded = choose(model, file)
    contract = _contract(loaded)
    findings = lint(contract)
    old = _other(against, remote=remote) if against else None
    # Both as documents say it: what no document tells is no difference.
    changes = compare(old, read(_document(contract))) if old else ()
    failed = _failed(findings, changes, strict=strict, allow_breaking=allow_breaking)
    if as_json:
        told = _told(loaded, against, findings, changes)
        sys.stdout.write(json.dumps({**told, "failed": failed}, indent=2) + "\n")
    else:
        _show(Console.of_terminal(), findings, changes, against)
    sys.exit(1 if failed else 0)


def _contract(loaded: Loaded) -> Contract:
    train = loaded.config.train
    return Contract(
        predict=signature_of(loaded),
        train=load_signature(loaded.path.parent, train, train=True) if train else None,
    )


def _document(contract: Contract) -> dict[str, Any]:
    document: dict[str, Any] = openapi(contract.predict, train=contract.train)
    # JSON has no tuples and no enumerations: what comes back is what a file would hold.
    return json.loads(json.dumps(document))  # type: ignore[no-any-return]


def _failed(
    findings: tuple[Finding, ...], changes: tuple[Change, ...], *, strict: bool,
    allow_breaking: bool,
) -> bool:  # fmt: skip
    fatal = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    broken = any(change.effect is Effect.BREAKING for change in changes)
    return any(one.severity in fatal for one in findings) or (broken and not allow_breaking)


# --- the other version


def _other(against: str, *, remote: bool) -> Contract:
    """The contract of a file, a server or an image.

    Raises ContractError, TargetError, OciError and RegistryError.
    """
    if against.startswith(("http://", "https://")):
        key = os.environ.get("COGSMITH_API_KEY", "")
        return read(fetch_document(against, key), where=against)
    path = Path(against)
    if path.is_file():
        return read(_json(path), where=against)
    if against.endswith(".json"):
        raise UsageError(f"--against {against}: there is no such file")
    reference = Reference.parse(against)
    label = _config(reference, remote=remote).config.labels.get(LABEL)
    if label is None:
        hint = f"it has no label {LABEL}, which Cog and we give to images"
        raise ContractError("it is not the image of a model", where=against, hint=hint)
    try:
        return read(json.loads(label), where=f"{against}, label {LABEL}")
    except ValueError as error:
        raise ContractError(f"its label {LABEL} is not JSON: {error}", where=against) from None


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or f"it is not JSON: {error}"
        raise ContractError(f"it cannot be read: {said}", where=str(path)) from None


def _config(reference: Reference, *, remote: bool) -> ImageConfig:
    """The config of an image of our store, unless ``remote``, else of its registry."""
    if not remote:
        with suppress(NotInLayout):
            layout = open_store().layout
            return layout.image(layout.find(reference), PLATFORM).config
    with client() as registry:
        return registry.image(reference, PLATFORM).config


# --- what is told


def _told(
    loaded: Loaded, against: str | None, findings: tuple[Finding, ...], changes: tuple[Change, ...]
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "model": loaded.name or loaded.path.name,
        "findings": [{**asdict(one), "severity": one.severity.value} for one in findings],
    }
    if against:
        told["against"] = against
        told["changes"] = [{**asdict(one), "effect": one.effect.value} for one in changes]
        told["step"] = step_of(changes)
    return told


def _show(
    console: Console, findings: tuple[Finding, ...], changes: tuple[Change, ...],
    against: str | None,
) -> None:  # fmt: skip
    paint = console.paint if sys.stdout.isatty() else _plain
    for one in findings:
        for line in _lines(one.severity.value, one.where, one.message, one.hint, paint):
            print(line)
    if findings and against:
        print()
    if against:
        for change in changes:
            for line in _lines(
                change.effect.value, change.where, change.message, change.hint, paint
            ):
                print(line)
    print(paint(_sum(findings, changes, against), BOLD))


def _plain(text: str, _color: str) -> str:
    return text


def _lines(kind: str, where: str, message: str, hint: str, paint: Any) -> Iterator[str]:
    yield f"{paint(f'{kind:<10}', COLORS[kind])}  {where}: {message}"
    if hint:
        yield f"{'':<12}{paint(hint, DIM)}"


def _sum(findings: tuple[Finding, ...], changes: tuple[Change, ...], against: str | None) -> str:
    counts = [
        f"{count} {kind.value}{'s' if count > 1 and kind is not Severity.INFO else ''}"
        for kind in Severity
        if (count := sum(one.severity is kind for one in findings))
    ]
    said = ", ".join(counts) or "all inputs and the output are well described"
    if against is None:
        return said
    step = step_of(changes)
    kinds = [
        f"{count} {effect.value}"
        for effect in Effect
        if (count := sum(one.effect is effect for one in changes))
    ]
    if not kinds:
        return f"{said}; no change against {against}"
    return (
        f"{said}; changes against {against}: {', '.join(kinds)}; the next version is a {step} one"
    )
