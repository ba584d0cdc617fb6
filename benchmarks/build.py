"""How fast an image is built and pushed: beside Docker's two builders and buildah.

    .venv/bin/python benchmarks/build.py [--rounds 3] [--quick] [--only cogsmith,...] [--save]

Every builder makes the same model's image: the Llama predictor of this repository with CPU
torch, on one base image, from wheels that are on this machine, and pushes it to a registry of
its own that has only the base image. In each round all take turns, in an order drawn anew: from
nothing, again with nothing changed, with a line of code changed (both five times), and with one
small package changed. Then the images are started in turn, to the first token of a stream.
Figures are medians over the rounds, with the least and the most. Needs root, dockerd, buildah,
mmdebstrap and docker-registry; engine, registries and stores lie in a temporary folder.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import tomllib
from building import builders as makers
from building.builders import BUILDERS, MOUNTS, Builder, Ours, Place, docker_with_buildkit
from building.first_token import drop, first_token, keep
from building.project import TQDM, Project, dockerfile, image_in, make, peel, push_tar
from building.registry import Registry
from serving.figures import Samples, Target, judge, save, show, show_targets
from serving.peers import commit, machine
from serving.server import wait_for_quiet

RESULTS = Path(__file__).parent / "results" / "build.json"
OURS, BASE = "cogsmith", "buildkit"
PEERS = ("docker", "buildkit", "buildah")
CASES = {
    "cold": "cold, wheels there", "same": "no change", "code": "a line of code",
    "package": "a small package",
}  # fmt: skip
OFTEN = {"same": 5, "code": 5}  # what takes a moment is measured so often in a round
STARTS = 5
STARTED = (OURS, "buildkit")  # whose images are started

ROWS = []
for _case, _title in CASES.items():
    ROWS += [(f"{_title}: build, s", _case, "build", 1.0),
             (f"{_title}: push, s", _case, "push", 1.0),
             (f"{_title}: both, s", _case, "both", 1.0),
             (f"{_title}: pushed, MB", _case, "pushed", 1e-6),
             (f"{_title}: peak memory, MiB", _case, "peak", 1.0)]  # fmt: skip
ROWS += [("image as it travels, MB", "image", "size", 1e-6),
         ("image's layers", "image", "layers", 1.0),
         ("start to first token, s", "start", "first_token", 1.0)]  # fmt: skip

TARGETS = [
    target
    for peer in PEERS
    for target in (
        Target(what=f"cold, build and push: {peer}", case="cold", figure="both", against=peer,
               least=6),
        Target(what=f"a small package, build and push: {peer}", case="package", figure="both",
               against=peer, least=50),
        Target(what=f"a small package, bytes pushed: {peer}", case="package", figure="pushed",
               against=peer, least=100),
        Target(what=f"a line of code, build and push: {peer}", case="code", figure="both",
               against=peer, least=1),
    )
]  # fmt: skip
TARGETS.append(Target(what="start to first token: buildkit", case="start", figure="first_token",
                      against="buildkit", least=1))  # fmt: skip
QUICKLY = 0.3  # seconds: the target of our build and push when nothing changed


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A builder in a round, with the registry that it has for itself."""

    name: str
    builder: Builder
    registry: Registry


@dataclass(kw_only=True)
class Bench:
    """All that a run shares."""

    place: Place
    project: Project
    seed: Path  # the storage of a registry that has the base image
    samples: Samples
    image_files: Path  # the context that others build from
    kept: list[str] = field(default_factory=list)  # builders whose images are to be started

    def base(self, registry: Registry) -> str:
        """The base image's name in a registry."""
        return f"{registry.host}/base/python:3.11"

    def builder(self, name: str, registry: Registry, number: int) -> Builder:
        """A builder, for one round."""
        return BUILDERS[name](
            place=self.place, project=self.project, context=self.image_files,
            base=self.base(registry), reference=f"{registry.host}/bench/model:1", number=number,
        )  # fmt: skip

    def change(self, case: str, number: int) -> None:
        """Do to the project what the case says."""
        if case == "code":
            self.project.edit(number)
        if case in ("cold", "package"):
            self.project.depend(TQDM[case == "package"])
        lock = tomllib.loads((self.project.folder / "pylock.toml").read_text("utf-8"))
        lines = [f"{package['name']}=={package['version']}\n" for package in lock["packages"]]
        (self.image_files / "requirements.txt").write_text("".join(lines))

    def turn(self, case: str, number: int, one: Turn) -> dict[str, float | None]:
        """Change the project, and let a builder build and push it: its figures."""
        self.change(case, number)
        if one.name != OURS:
            self.write_dockerfile(one.name, one.builder.base)
        held = one.registry.held()
        return {**one.builder.figures(), "pushed": one.registry.held() - held}

    def write_dockerfile(self, name: str, base: str) -> None:
        """The equivalent Dockerfile for a builder."""
        text = dockerfile(self.pattern, base, self.place.index, MOUNTS[name], self.project)
        (self.image_files / "Dockerfile").write_text(text)

    def finish(self, name: str, registry: Registry, reference: str) -> None:
        """What the image is like, and how fast it starts."""
        self.samples.add(name, "image", {
            "size": registry.size("bench/model", "1"),
            "layers": registry.layers("bench/model", "1"),
        })  # fmt: skip
        if name in STARTED:
            keep(self.place, reference, _kept(name))
            self.kept.append(name)

    def start(self, number: int) -> None:
        """Start the images of a round in turn, so that the machine's moods fall on all alike."""
        try:
            for name in self.kept:
                first_token(self.place, _kept(name))  # its files are read from the disk
            for turn in range(STARTS):
                random.Random(f"{number} {turn}").shuffle(self.kept)
                for name in self.kept:
                    seconds = first_token(self.place, _kept(name))
                    self.samples.add(name, "start", {"first_token": seconds})
        finally:
            for name in self.kept:
                drop(self.place, _kept(name))
            self.kept.clear()

    def prepare(self) -> None:
        """Warm our cache of wheels, serve it to the others, and take our image as a pattern."""
        with Registry(self.place.folder, self.seed) as registry:
            ours = Ours(
                place=self.place, project=self.project, context=self.image_files,
                base=self.base(registry), reference=f"{registry.host}/bench/model:1", number=0,
            )  # fmt: skip
            ours.begin()
            for case in ("package", "cold"):  # both versions of the package
                self.change(case, 0)
                ours.build()
            self.pattern = image_in(ours.store, ours.reference)
            peel(self.pattern, self.image_files)
            ours.end()
        for wheel in self.place.cache.glob("wheels/*/*.whl"):
            shutil.copy(wheel, self.place.wheels / wheel.name)
        shutil.copy(makers.uv(), self.place.wheels / "uv")


def run(bench: Bench, chosen: list[str], *, rounds: int, patience: float) -> list[str]:
    """All rounds; what failed."""
    failures: list[str] = []
    for number in range(rounds + 1):
        names = [name for name in chosen if number or MOUNTS.get(name)]
        with contextlib.ExitStack() as stack:
            turns = [_entered(stack, bench, name, number) for name in names]
            for case, chance in _schedule(number):
                chance.shuffle(turns)
                for one in list(turns):
                    told = f"round {number}: {case}: {one.name}"
                    print(told if number else f"to warm its cache: {one.name}", file=sys.stderr)
                    wait_for_quiet(patience)
                    try:
                        figures = bench.turn(case, number, one)
                    except RuntimeError as problem:
                        failures.append(f"{told}: {problem}")
                        print(failures[-1], file=sys.stderr)
                        turns.remove(one)
                        continue
                    if number:
                        bench.samples.add(one.name, case, figures)
            for one in turns if number else ():
                bench.finish(one.name, one.registry, one.builder.reference)
            bench.start(number)
    return failures


def _schedule(number: int) -> Iterator[tuple[str, random.Random]]:
    """The cases of a round, the short ones often, each with the chance that orders builders."""
    for case in CASES if number else ("cold",):
        for turn in range(OFTEN.get(case, 1)):
            yield case, random.Random(f"{number} {case} {turn}")


def _entered(stack: contextlib.ExitStack, bench: Bench, name: str, number: int) -> Turn:
    """A builder that is ready for a round; what it takes is given back when the stack ends."""
    registry = stack.enter_context(Registry(bench.place.folder, bench.seed))
    builder = bench.builder(name, registry, number)
    builder.begin()
    stack.callback(builder.end)
    return Turn(name=name, builder=builder, registry=registry)


def _kept(name: str) -> str:
    """An image that is started when all of a round are there."""
    return f"bench-start/{name}:kept"


@contextlib.contextmanager
def benching(base_tar: Path | None, *, small: bool) -> Iterator[Bench]:
    """All that is needed, in a temporary folder that is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="cogb-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        tar = base_tar or folder / "base.tar"
        makers.base_image(tar)
        wheels, cache = folder / "wheels", folder / "cache"
        wheels.mkdir()
        place = Place(
            folder=folder, wheels=wheels, cache=cache, docker=docker_with_buildkit(),
            docker_host=stack.enter_context(makers.engine(folder / "e")),
            index=stack.enter_context(makers.index(wheels)),
        )  # fmt: skip
        project = make(folder / "context", {"COGSMITH_CACHE_DIR": str(cache)}, small=small)
        with Registry(folder) as registry:
            push_tar(tar, f"{registry.host}/base/python:3.11")
            seed = folder / "seed"
            shutil.copytree(registry.storage, seed)
        bench = Bench(place=place, project=project, seed=seed, samples=Samples(),
                      image_files=folder / "context")  # fmt: skip
        bench.prepare()
        yield bench


def main() -> None:
    """Measure, show, save."""
    given = options()
    chosen = given.only.split(",")
    rounds = given.rounds or (1 if given.quick else 3)
    with benching(given.base, small=given.quick) as bench:
        failures = run(bench, chosen, rounds=rounds, patience=given.patience)
        versions = makers.versions(bench.place)
        lock = tomllib.loads(bench.project.locks[TQDM[0]].decode())
    results = bench.samples.results()
    show(results, ROWS, BASE)
    judged = judge(results, OURS, TARGETS)
    show_targets(judged)
    same = results.get(OURS, {}).get("same", {}).get("both", {}).get("median")
    if same is not None:
        print(f"{'no change, build and push':58}{QUICKLY:>9}s{same:>9}s  "
              f"{'reached' if same < QUICKLY else 'NOT REACHED'}")  # fmt: skip
    if given.save:
        about = {
            "date": date.today().isoformat(), "commit": commit(), "rounds": rounds,
            "machine": machine(), "versions": versions, "failures": failures,
            "packages": {package["name"]: package["version"] for package in lock["packages"]},
            "units": "seconds, bytes; peak: MiB resident of all processes at work, with the "
            "engine's where there is one",
        }  # fmt: skip
        quickly = {"what": "no change, build and push", "most": QUICKLY, "found": same,
                   "reached": same is not None and same < QUICKLY}  # fmt: skip
        save(given.save, {"about": about, "targets": [*judged, quickly], "results": results})
    sys.exit(bool(failures))


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=0, help="how many  [default: 3]")
    parser.add_argument("--quick", action="store_true", help="a small model, one round")
    parser.add_argument(
        "--patience", type=float, default=0.0, metavar="SECONDS",
        help="wait so long, before each builder, for other work on the machine to end",
    )  # fmt: skip
    parser.add_argument("--only", metavar="BUILDER,...", default=",".join(BUILDERS))
    parser.add_argument(
        "--base", type=Path, metavar="TAR", help="a base image that scripts/base-image has made"
    )
    parser.add_argument("--save", nargs="?", type=Path, const=RESULTS, metavar="PATH")
    return parser.parse_args()


if __name__ == "__main__":
    main()
