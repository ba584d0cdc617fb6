"""``cogsmith weights``: a model's files, kept in a registry apart from its image."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import click

from cogsmith.cli import amounts, options
from cogsmith.cli.console import Console
from cogsmith.cli.environment import settings as machine
from cogsmith.cli.local import choose
from cogsmith.cli.progress import Display, showing
from cogsmith.cli.transfers import client
from cogsmith.cli.weights_status import states, table
from cogsmith.config import Loaded
from cogsmith.errors import ConfigError, UsageError, WeightsError
from cogsmith.oci import Artifact, Descriptor, Digest, Reference
from cogsmith.registry import BlobProgress, Client, Shipment
from cogsmith.values import dataclass
from cogsmith.weights import (
    FileProgress,
    ImportPlan,
    LockedLayer,
    LockedWeight,
    PackedLayer,
    Settings,
    Store,
    Tell,
    Wanted,
    WeightFile,
    WeightsLock,
    artifact,
    envelope,
    fetch,
    load_lock,
    lock_path,
    locked,
    look,
    missing_layers,
    model_repository,
    modelpack,
    modelpack_tag,
    pack,
    plan_import,
    plan_layers,
    provenance,
    save_lock,
    set_digest,
    tag,
    unpack,
    wanted,
)

LANES = 4  # layers at once: each has a connection, and the disk has one head
ICONS = {"new": "+", "unchanged": "=", "config-changed": "~", "upstream-changed": "~"}
STATES = {
    "known": "present", "hashing": "running", "fetching": "running", "packing": "running",
    "retrying": "retrying", "done": "done",
}  # fmt: skip


@click.group("weights")
def command() -> None:
    """Import a model's weights into a registry, pull them, and see how they are.

    cog.yaml declares them under weights:, each with a name, a source (hf://org/repo,
    https://..., file://... or a path) and a target folder in the container. weights.lock,
    which belongs into version control, says what was imported.
    """


_file = click.option(
    "-f", "--file", "file", metavar="PATH",
    help="The config file; works from any folder.  [default: cog.yaml here or above]",
)  # fmt: skip
_image = click.option(
    "--image", metavar="REPOSITORY", default="",
    help="The repository, instead of model: (or image:) in cog.yaml.",
)  # fmt: skip
_names = click.argument("names", nargs=-1, metavar="[NAME...]")


@command.command("import")
@_names
@_file
@_image
@click.option("--dry-run", is_flag=True, help="Show what would be imported, and change nothing.")
@click.option("-v", "--verbose", is_flag=True, help="Show each file that is taken or left out.")
@options.progress
def import_(
    names: tuple[str, ...], file: str | None, image: str, dry_run: bool, verbose: bool,
    console: Console,
) -> None:  # fmt: skip
    """Fetch weights from their sources, pack them, push them, and write weights.lock.

    All weights of cog.yaml, or those that are NAMEd. What is in the cache, or in the registry,
    does not travel again; interrupted, the next import goes on. The files stay in the cache, so
    that a local run needs no pull.
    """
    project = Project.open(file)
    chosen = project.chosen(names)
    with showing(console) as display:
        plans = [project.plan(one, display) for one in chosen]
        for plan in plans:
            console.lines(_plan_lines(plan, verbose=verbose))
        if dry_run:
            return
        repository = project.repository(image)
        display.console.line(f"Building {len(plans)} weight(s)...")
        with client() as registry:
            job = Import(project, repository, registry, display)
            made = [job.run(plan) for plan in plans]
            _push(job, made)
        _save(project, [each.weight for each in made], console)
        total = amounts.size(sum(each.weight.size_compressed for each in made))
        console.done(f"Imported {len(made)} weight artifact(s) to {repository.name}")
        console.line(f"Total: {total}")


@command.command("pull")
@_names
@_file
@_image
@click.option("-v", "--verbose", is_flag=True, help="Show each layer and file.")
@options.progress
def pull(
    names: tuple[str, ...], file: str | None, image: str, verbose: bool, console: Console
) -> None:
    """Bring weights from the registry into the local cache.

    All weights of weights.lock, or those that are NAMEd. What is in the cache already does not
    travel; it is shared by all projects. COG_CACHE_DIR says where it is.
    """
    project = Project.open(file)
    weights = project.required_lock().select(names)
    if verbose:
        console.lines([f"Cache:    {project.settings.store}", f"Lockfile: {project.lock_path}", ""])
    store = Store(project.settings.store)
    with showing(console) as display, client() as registry:
        job = Pull(project, image, registry, display, store, verbose)
        pulled = [job.run(weight) for weight in weights]
        fetched = [one for one in pulled if one.files]
        if not fetched:
            display.console.line(f"All {len(pulled)} weight(s) already cached.")
            return
        files = [file for one in fetched for file in one.files]
        layers = sum(one.layers for one in fetched)
        display.console.line(
            f"Pulled {amounts.size(sum(file.size for file in files))} across {len(files)} file(s)"
            f" / {layers} layer(s) for {len(fetched)} weight(s); "
            f"{len(pulled) - len(fetched)} already cached."
        )


@command.command("status")
@_file
@_image
@click.option("--json", "as_json", is_flag=True, help="Print JSON; the exit code is then 0.")
@click.option("-v", "--verbose", is_flag=True, help="Show each layer.")
def status(file: str | None, image: str, as_json: bool, verbose: bool) -> None:
    """Show how each weight is: in cog.yaml, in weights.lock, and in the registry.

    \b
    ready       declared, imported, and all of it is in the registry
    incomplete  some of it is missing in the registry
    stale       declared otherwise than it was imported
    pending     declared, not imported yet
    orphaned    imported, no longer declared

    What is not ready gets so by: cogsmith weights import. The exit code is 1 unless all are.
    """  # noqa: D301 - the one escape is meant: click keeps the lines after it
    project = Project.open(file)
    with client() as registry:

        def has(layer: LockedLayer) -> bool:
            return registry.has_blob(project.repository(image), layer.digest)

        entries = states(project.declared, project.lock or WeightsLock(), has)
    if as_json:
        sys.stdout.write(json.dumps({"weights": entries}, indent=2, ensure_ascii=False) + "\n")
        return
    sys.stdout.write(table(entries, verbose=verbose))
    if any(entry["status"] != "ready" for entry in entries):
        raise click.exceptions.Exit(1)


@dataclass(frozen=True, kw_only=True)
class Project:
    """A config with weights, and what is on this machine of them."""

    loaded: Loaded
    declared: tuple[Wanted, ...]
    settings: Settings
    lock_path: Path
    lock: WeightsLock | None

    @classmethod
    def open(cls, file: str | None) -> Project:
        """The project here. Raises ConfigError when it declares no weights, WeightsError."""
        loaded = choose(None, file)
        path = lock_path(loaded.path)
        if not loaded.config.weights and not path.is_file():
            raise ConfigError(f"no weights defined in {loaded.path.name}", hint="declare weights:")
        return cls(
            loaded=loaded,
            declared=tuple(map(wanted, loaded.config.weights)),
            settings=Settings.of(os.environ, cache=machine().cache, home=Path.home()),
            lock_path=path,
            lock=load_lock(path),
        )

    def chosen(self, names: Sequence[str]) -> tuple[Wanted, ...]:
        """The declared weights of these names, or all. Raises UsageError with all unknown ones."""
        by_name = {one.name: one for one in self.declared}
        if unknown := [name for name in names if name not in by_name]:
            told = ", ".join(f'"{name}"' for name in unknown)
            message = f"weight {told} not found in {self.loaded.path.name}"
            raise UsageError(message, hint=f"declared are: {', '.join(by_name) or 'none'}")
        return tuple(by_name[name] for name in dict.fromkeys(names)) or self.declared

    def plan(self, one: Wanted, display: Display) -> ImportPlan:
        """What an import of one weight would take."""
        tell = _told(display, one.name, "Hashing", "Hashed")
        listing = look(one.source, self.settings, project=self.loaded.project, tell=tell)
        return plan_import(one, listing, self.lock.find(one.name) if self.lock else None)

    def repository(self, given: str) -> Reference:
        """Where the weights go. Raises UsageError when nothing says it."""
        return model_repository(self.loaded.config, os.environ, given=given)

    def required_lock(self) -> WeightsLock:
        """The lock. Raises WeightsError when there is none."""
        if self.lock is None:
            hint = "make it with: cogsmith weights import"
            raise WeightsError("there is no lock of weights", where=self.lock_path.name, hint=hint)
        return self.lock


@dataclass(frozen=True, kw_only=True)
class Made:
    """A weight that is ready to be pushed, or is there already (no ``packed``)."""

    weight: LockedWeight
    packed: tuple[PackedLayer, ...] = ()


@dataclass(frozen=True)
class Import:
    """One import under way."""

    project: Project
    repository: Reference
    registry: Client
    display: Display

    def run(self, plan: ImportPlan) -> Made:
        """Fetch and pack one weight."""
        name, settings = plan.wanted.name, self.project.settings
        fetched: list[str] = []
        tell = _told(self.display, name, "Fetching", "Fetched", fetched)
        files = fetch(plan.listing, plan.taken, settings, tell=tell)
        if fetched:
            self.display.console.note(f"{name}: Download complete ({len(fetched)} file(s))")
        made = self._kept(plan, files) or self._packed(plan, files)
        weight = made.weight
        size = amounts.size(weight.size_compressed)
        layers = f"{len(weight.layers)} layer(s), {size}"
        self.display.console.line(f"  {name} -> {weight.target} ({layers})")
        return made

    def _packed(self, plan: ImportPlan, files: tuple[WeightFile, ...]) -> Made:
        store = Store(self.project.settings.store)
        tell = _told(self.display, plan.wanted.name, "Packing", "Packed")
        with ThreadPoolExecutor(LANES) as pool:
            packed = tuple(pool.map(partial(pack, store=store, tell=tell), plan_layers(files)))
        source = provenance(plan, files, _now())
        return Made(weight=locked(plan, source, packed), packed=packed)

    def _kept(self, plan: ImportPlan, files: tuple[WeightFile, ...]) -> Made | None:
        """What the registry has of the very same files, whoever packed them: Cog's stay Cog's."""
        lock = self.project.lock
        before = lock.find(plan.wanted.name) if lock else None
        if (
            before is None
            or before.target != plan.wanted.target
            or before.set_digest != set_digest(files)
            or self.registry.find(self.repository.with_digest(before.digest)) is None
        ):
            return None
        return Made(weight=replace(before, sources=(provenance(plan, files, _now()),)))


@dataclass(frozen=True)
class Pulled:
    """What has come of one weight."""

    files: tuple[WeightFile, ...] = ()
    layers: int = 0


@dataclass(frozen=True)
class Pull:
    """One pull under way."""

    project: Project
    image: str
    registry: Client
    display: Display
    store: Store
    verbose: bool

    def run(self, weight: LockedWeight) -> Pulled:
        """Bring the layers of one weight that have files which are not here."""
        missing = missing_layers(weight, self.store)
        console, total = self.display.console, len(weight.files)
        if not missing:
            console.line(f"Pulling {weight.name}... cached ({total}/{total} files)")
            return Pulled()
        place = self.project.repository(self.image).with_digest(weight.digest)
        count = sum(map(len, missing.values()))
        if self.verbose:
            console.line(f"Pulling {weight.name} -> {weight.target}")
            console.line(f"  manifest: {place.name}@{weight.digest}")
            console.line(f"  files:    {count} missing / {total} total")
        else:
            console.line(f"Pulling {weight.name}... ({count} file(s))")
        layers = [layer for layer in weight.layers if layer.digest in missing]
        files = self._layers(place, weight, layers)
        console.note(f"{weight.name}: Download complete")
        size = amounts.size(sum(file.size for file in files))
        told = f"{size}, {len(files)} file(s), {len(layers)} layer(s)"
        console.line(f"Pulling {weight.name}... done ({told})")
        return Pulled(files, len(layers))

    def _layers(
        self, place: Reference, weight: LockedWeight, layers: Sequence[LockedLayer]
    ) -> tuple[WeightFile, ...]:
        titles = {
            one.digest: f"{weight.name} {_shown(weight.files_of(one.digest))}" for one in layers
        }
        hear = self.display.blobs("Pulling", "Pulled", titles, sum(one.size for one in layers))

        def bring(layer: LockedLayer) -> tuple[WeightFile, ...]:
            blob = Descriptor(media_type=layer.media_type, digest=layer.digest, size=layer.size)
            stream = self.registry.open_blob(place, blob)
            tell = lambda done: hear(BlobProgress(blob=blob, state="running", done=done))  # noqa: E731
            files = unpack(stream, layer, weight, self.store, tell)
            hear(BlobProgress(blob=blob, state="done", done=layer.size))
            self._tell(layer, files)
            return files

        with ThreadPoolExecutor(LANES) as pool:
            try:
                return tuple(file for files in pool.map(bring, layers) for file in files)
            except BaseException:
                self.registry.close()  # whoever reads is told so
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _tell(self, layer: LockedLayer, files: Sequence[WeightFile]) -> None:
        if self.verbose:
            lines = [f"  layer {layer.digest.short} ({amounts.size(layer.size)})"]
            lines += [f"    {f.path} ({amounts.size(f.size)}) {f.digest.short}" for f in files]
            self.display.console.lines(lines)


def _push(job: Import, made: Sequence[Made]) -> None:
    """Push what was packed: Cog's artifact, and the same blobs as a ModelPack."""
    console = job.display.console
    console.line(f"Pushing {len(made)} weight(s) to {job.repository.name}...")
    for each in made:
        weight = each.weight
        place = job.repository.with_tag(tag(weight))
        if each.packed:
            blobs = {one.layer.digest: one.layer for one in each.packed}
            titles = {
                one.layer.digest: f"{weight.name} {_shown(one.bundle.files)}" for one in each.packed
            }
            _send(job, place, artifact(weight, blobs), titles)
            second = job.repository.with_tag(modelpack_tag(weight))
            _send(job, second, modelpack(weight, each.packed), titles)
        else:
            _name(job, place, weight)
        console.line(f"  {weight.name}: {place}")


def _send(job: Import, place: Reference, what: Artifact, titles: dict[Digest, str]) -> None:
    plan = job.registry.plan_push(place, Shipment.of(what))
    hear = job.display.blobs("Pushing", "Pushed", titles, plan.bytes_to_send)
    job.registry.push(plan, hear)


def _name(job: Import, place: Reference, weight: LockedWeight) -> None:
    """Give what is there the tag under which it is looked for, if it has lost it."""
    found = job.registry.find(place)
    if found is None or found.digest != weight.digest:
        job.registry.put(place, job.registry.fetch(job.repository.with_digest(weight.digest)))


def _shown(files: Sequence[WeightFile]) -> str:
    return files[0].path if len(files) == 1 else f"({len(files)} files)"


def _save(project: Project, weights: Sequence[LockedWeight], console: Console) -> None:
    """Write the lock, unless it says all this already; what is no longer declared goes."""
    before = project.lock or WeightsLock()
    lock = before
    for weight in weights:
        lock = lock.having(weight)
    lock = lock.keeping({one.name for one in project.declared})
    if lock != before:
        lock = replace(lock, envelope=envelope())
    if save_lock(project.lock_path, lock):
        console.note(f"wrote {project.lock_path.name}")


def _told(
    display: Display, weight: str, doing: str, did: str, done: list[str] | None = None
) -> Tell:
    """Ears for the events of the weights room; ``done`` gathers the files that have come."""
    titles = {Digest.of(weight.encode()): weight}
    hear = display.blobs(doing, did, titles)

    def tell(event: FileProgress) -> None:
        title = f"{weight}/{event.path}"
        blob = Descriptor(
            media_type=title, digest=Digest.of(title.encode()), size=event.total,
        )  # fmt: skip
        titles[blob.digest] = title
        state: Any = STATES[event.state]
        hear(BlobProgress(blob=blob, state=state, done=event.done, note=event.note))
        if done is not None and event.state == "done":
            done.append(event.path)

    return tell


def _plan_lines(plan: ImportPlan, *, verbose: bool) -> list[str]:
    one = plan.wanted
    lines = [f"{ICONS[plan.status]} {one.name}  {one.source.uri} → {one.target}"]
    lines.append(f"  status: {plan.status}")
    lines += [f"  changed: {change}" for change in plan.changes]
    lines.append(f"  files: {len(plan.taken)}  size: {amounts.size(plan.size)}")
    if verbose:
        for title, sign, files in (("excluded", "-", plan.left), ("included", "+", plan.taken)):
            if files:
                lines.append(f"  {title} ({len(files)} files):")
                lines += [f"    {sign} {f.path} ({amounts.size(f.size or 0)})" for f in files]
    return [*lines, ""]


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
