"""How fast, and at what cost, we serve: beside Cog, LitServe, BentoML and FastAPI.

    .venv/bin/python benchmarks/serving.py [--rounds 4] [--quick] [--only cogsmith,cog] [--save]

Every server serves the same four predictors: an echo and a stream of tokens, each sync and
async. In each round every server is started in an order drawn anew, timed to its first 200,
left alone for a second and measured for memory, driven by our load generator, and stopped.
Figures are medians over the rounds, with the least and the most. CPU is that of a server's
whole process tree for each request or token: other work on the machine hardly changes it,
so on a busy machine it is the figure to trust. Only answers with status 200 count. How much
CPU others used meanwhile is told too. Environments of the others are made on first use.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from serving import peers
from serving.figures import Samples, Target, busy, judge, save, show, show_targets
from serving.load import SSE, Load, drive
from serving.peers import PEERS, WORKS, Peer
from serving.server import REST, Server, free_port, machine_busy, wait_for_quiet

RESULTS = Path(__file__).parent / "results" / "serving.json"
OURS, BASE = "cogsmith", "cog"
EVENT = "event: output"
ECHO = '{"input":{"text":"world"}}'
TOKENS, PAUSE = 200, 0.005
FAST = f'{{"input":{{"count":{TOKENS}}}}}'
PACED = f'{{"input":{{"count":{TOKENS},"pause":{PAUSE}}}}}'
FIRST = '{"input":{"count":1}}'  # what a stream is asked until it answers
WARM = 0.2  # seconds of load that do not count


@dataclass(frozen=True, kw_only=True)
class Case:
    """One measurement of a server of some work."""

    name: str
    work: str
    body: str
    connections: int
    seconds: float = 1.2
    requests: int = 0

    def load(self, peer: Peer) -> Load:
        """What it asks of a server."""
        streams = self.work.endswith("stream")
        return Load(
            path=peer.route.format(work=self.work), bodies=[self.body],
            headers=SSE if streams else {}, event=EVENT if streams else "",
            connections=self.connections, seconds=self.seconds, requests=self.requests,
        )  # fmt: skip


def echo(work: str, connections: int) -> Case:
    return Case(name=f"{work}, {connections}", work=work, body=ECHO, connections=connections)


def fast(work: str, connections: int) -> Case:
    return Case(name=f"{work}, {connections}", work=work, body=FAST, connections=connections)


def paced(work: str, connections: int) -> Case:
    return Case(
        name=f"{work}, {connections}, paced", work=work, body=PACED, connections=connections,
        seconds=10, requests=2 * connections,
    )  # fmt: skip


CASES = (
    echo("async_echo", 8), echo("async_echo", 1), echo("async_echo", 64),
    echo("sync_echo", 1), echo("sync_echo", 8),
    fast("async_stream", 8), fast("async_stream", 1),
    paced("async_stream", 8), paced("async_stream", 32),
    fast("sync_stream", 1), paced("sync_stream", 1),
)  # fmt: skip

ROWS = [("cold start to first 200, s", "start", "first_answer", 1.0),
        ("CPU until then, s", "start", "cpu", 1.0),
        ("idle PSS, MiB", "start", "pss", 1.0),
        ("idle RSS, MiB", "start", "rss", 1.0)]  # fmt: skip
for _case in CASES:
    if _case.work.endswith("echo"):
        ROWS += [(f"{_case.name}: 200s/s", _case.name, "rate", 1.0),
                 (f"{_case.name}: CPU µs/request", _case.name, "cpu", 1e6),
                 (f"{_case.name}: p50 ms", _case.name, "p50", 1e3),
                 (f"{_case.name}: p99 ms", _case.name, "p99", 1e3),
                 (f"{_case.name}: share not 200", _case.name, "refused", 1.0)]  # fmt: skip
    else:
        ROWS += [(f"{_case.name}: tokens/s", _case.name, "rate", 1.0),
                 (f"{_case.name}: CPU µs/token", _case.name, "cpu", 1e6),
                 (f"{_case.name}: first token p50 ms", _case.name, "first_p50", 1e3),
                 (f"{_case.name}: gap p50 ms", _case.name, "gap_p50", 1e3),
                 (f"{_case.name}: gap p99 ms", _case.name, "gap_p99", 1e3)]  # fmt: skip

TARGETS = (
    Target(what="async echo, 8 connections: 200s/s", case="async_echo, 8", figure="rate",
           against=BASE, least=8, more_is_better=True),
    Target(what="async echo, 8 connections: CPU a request", case="async_echo, 8", figure="cpu",
           against=BASE, least=8),
    Target(what="sync echo, 1 connection: 200s/s", case="sync_echo, 1", figure="rate",
           against=BASE, least=5, more_is_better=True),
    Target(what="sync echo, 8 connections: 200s/s", case="sync_echo, 8", figure="rate",
           against=BASE, least=5, more_is_better=True),
    Target(what="SSE, 8 async streams: CPU a token", case="async_stream, 8", figure="cpu",
           against=BASE, least=20),
    Target(what="SSE, 1 async stream: CPU a token", case="async_stream, 1", figure="cpu",
           against=BASE, least=20),
    Target(what="SSE, 1 sync stream: CPU a token", case="sync_stream, 1", figure="cpu",
           against=BASE, least=20),
    Target(what="8 async streams of 1 s: first token p50", case="async_stream, 8, paced",
           figure="first_p50", against=BASE, least=50),
    Target(what="cold start to the first 200", case="start", figure="first_answer",
           against=BASE, least=1.3),
    Target(what="idle memory (PSS)", case="start", figure="pss", against=BASE, least=1.3),
    Target(what="idle memory (RSS)", case="start", figure="rss", against=BASE, least=1.3),
    *(Target(what=f"{kind} stream(s): CPU a token, {peer}", case=case, figure="cpu",
             against=peer, least=1.0)
      for peer in ("litserve", "bentoml", "fastapi")
      for kind, case in (("8 async", "async_stream, 8"), ("1 sync", "sync_stream, 1"),
                         ("32 async, paced", "async_stream, 32, paced"))),
)  # fmt: skip


def measure(server: Server, case: Case, peer: Peer) -> dict[str, float | None]:
    """Drive a server once; rates and costs of one request or token."""
    load = case.load(peer)
    if not case.requests:
        drive(server.port, replace(load, seconds=WARM))
    cpu, busy, begun = server.cpu(), machine_busy(), time.perf_counter()
    told = drive(server.port, load)
    used, wall = server.cpu() - cpu, time.perf_counter() - begun
    others = (machine_busy() - busy - used - told["cpu"]) / wall
    latency, first, gap = (told[name] or {} for name in ("latency", "first", "gap"))
    if load.event and told["ok"] and not told["events_least"] == told["events_most"] == TOKENS:
        raise RuntimeError(f"{case.name}: {told['events_least']} tokens in a stream of {TOKENS}")
    units = told["events"] if load.event else told["ok"]
    return {
        "rate": units / told["seconds"], "cpu": used / units if units else None,
        "refused": 1 - told["ok"] / told["answered"] if told["answered"] else None,
        "broken": told["broken"] + told["unfinished"],
        "p50": latency.get("p50"), "p99": latency.get("p99"),
        "first_p50": first.get("p50"), "gap_p50": gap.get("p50"), "gap_p99": gap.get("p99"),
        "others": max(0.0, others),
    }  # fmt: skip


def serve(peer: Peer, works: tuple[str, ...], cases: list[Case], samples: Samples) -> None:
    """One server of one round, from its start to its end."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        start = peer.start(works[0], port, Path(folder))
        with Server(
            start.words, folder=start.folder, port=port, environment=start.environment
        ) as server:
            first = next(case for case in CASES if case.work == works[0])
            body = FIRST if first.work.endswith("stream") else ECHO
            waited = server.wait(replace(first.load(peer), bodies=[body]))
            cpu = server.cpu()
            time.sleep(REST)
            samples.add(peer.name, "start", {"first_answer": waited, "cpu": cpu, **server.memory()})
            for case in cases:
                samples.add(peer.name, case.name, measure(server, case, peer))


def run(
    chosen: list[Peer], works: set[str], cases: list[Case], *, rounds: int, patience: float
) -> tuple[Samples, list[str]]:
    """All rounds, every server in each, in an order of its own; and what failed."""
    samples, failures = Samples(), list[str]()
    for number in range(rounds):
        servers = [(peer, has) for peer in chosen for has in peer.servers() if works & {*has}]
        random.Random(number).shuffle(servers)
        for peer, found in servers:
            print(f"round {number + 1}: {peer.name} {' '.join(found)}", file=sys.stderr)
            wanted = [case for case in cases if case.work in works & {*found}]
            wait_for_quiet(patience)
            try:
                serve(peer, found, wanted, samples)
            except RuntimeError as problem:
                failures.append(f"round {number + 1}, {peer.name}, {found[0]}: {problem}")
                print(failures[-1], file=sys.stderr)
    return samples, failures


def about(chosen: list[Peer], rounds: int) -> dict[str, object]:
    """What was measured, on what."""
    packages = {}
    for peer in chosen:
        found = peers.versions(peers.python_of(peer.name))
        packages[peer.name] = {name: found[name] for name in ("python", *peer.packages)}
    return {"date": date.today().isoformat(), "commit": peers.commit(), "rounds": rounds,
            "machine": peers.machine(), "versions": packages,
            "units": "seconds, MiB; rate: 200s or tokens a second; cpu: seconds a request or "
            "token, of the whole process tree; others: cores that other work used meanwhile",
            }  # fmt: skip


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--quick", action="store_true", help="one round, a third of the time")
    parser.add_argument(
        "--patience", type=float, default=0.0, metavar="SECONDS",
        help="wait so long, before each server, for other work on the machine to end",
    )  # fmt: skip
    parser.add_argument("--only", metavar="SERVER,...", default=",".join(PEERS))
    parser.add_argument("--works", metavar="WORK,...", default=",".join(WORKS))
    parser.add_argument("--save", nargs="?", type=Path, const=RESULTS, metavar="PATH")
    return parser.parse_args()


def main() -> None:
    """Measure, show, save."""
    given = options()
    chosen = [PEERS[name] for name in given.only.split(",")]
    cases = [replace(case, seconds=0.5) if given.quick and not case.requests else case
             for case in CASES]  # fmt: skip
    rounds = 1 if given.quick else given.rounds
    described = about(chosen, rounds)
    works = {*given.works.split(",")}
    samples, failures = run(chosen, works, cases, rounds=rounds, patience=given.patience)
    results = samples.results()
    show(results, ROWS, BASE)
    judged = judge(results, OURS, TARGETS)
    if OURS in results:
        show_targets(judged)
    others = busy(results)
    print(f"\nother work used {others['median']} cores ({others['least']}-{others['most']})")
    if given.save:
        about_it = {**described, "others": others, "failures": failures}
        save(given.save, {"about": about_it, "targets": judged, "results": results})


if __name__ == "__main__":
    main()
