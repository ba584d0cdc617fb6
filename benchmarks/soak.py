"""Our server at twice its capacity, for ten minutes, with all kinds of traffic at once.

    .venv/bin/python benchmarks/soak.py [--minutes 10] [--load 2.0] [--save]

Predictions of about 60 ms come at twice the rate that eight slots can take, whether the
earlier ones are answered or not: some are turned away. Clients wait for an answer, read a
stream, ask for it later (respond-async), cancel, or leave in the middle of a stream; some
predictions fail as asked. Each has a webhook; the receiver refuses one in fifty the first
time. In the end every prediction that was accepted must have told its end by webhook, nothing
but the expected answers may have come, nothing may be left, and the memory of the front
process and of the worker must be flat: the slope of the last two thirds of the run, over the
whole run, is below 5 % or 2 MiB.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

from serving import peers
from serving.figures import save
from serving.load import Load
from serving.peers import ROOT
from serving.server import Server, free_port
from serving.traffic import Client, Ledger, Receiver

RESULTS = ROOT / "benchmarks" / "results" / "soak.json"
SLOTS, QUEUE = 8, 16
TOKENS, PAUSES = (4, 20), (0.002, 0.008)
MEAN = statistics.mean(TOKENS) * statistics.mean(PAUSES)  # seconds of a prediction, about
AT_ONCE = 1000  # clients; more would only hide that the server hangs
BUSY = (409, 429, 503)
SSE = {"Accept": "text/event-stream"}
LATER = {"Prefer": "respond-async"}
KINDS = {"wait": 30, "stream": 30, "later": 20, "cancel": 8, "leave": 8, "fail": 4}
END = 30.0  # seconds for everything to end
FLAT_SHARE, FLAT_MIB = 0.05, 2.0


class Traffic:
    """Clients of all kinds."""

    def __init__(self, port: int, hook: str, ledger: Ledger) -> None:
        self.client, self.ledger, self._hook = Client(port), ledger, hook
        self._random = random.Random(7)
        self._keys = (f"soak-{number}" for number in count())
        self._tasks: set[asyncio.Task[None]] = set()

    async def offer(self, rate: float, seconds: float) -> None:
        """Let clients come at a rate, however the earlier ones fare."""
        begun = time.monotonic()
        for number in count():
            due = begun + number / rate
            if due > begun + seconds:
                return
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if len(self._tasks) >= AT_ONCE:
                self.ledger.counts["not sent: too many clients wait"] += 1
                continue
            kind = self._random.choices([*KINDS], [*KINDS.values()])[0]
            task = asyncio.create_task(self._one(kind))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait for those under way, and for the webhooks of all."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=END)
        until = time.monotonic() + END
        while self.ledger.open and time.monotonic() < until:
            await asyncio.sleep(0.05)

    @property
    def waiting(self) -> int:
        """How many clients have no answer yet."""
        return len(self._tasks)

    async def _one(self, kind: str) -> None:
        key = next(self._keys)
        tokens = self._random.randint(*TOKENS)
        pause = self._random.uniform(*PAUSES)
        given = {"count": tokens, "pause": pause, **({"fail": True} if kind == "fail" else {})}
        document = {"id": key, "input": given, "webhook": self._hook,
                    "webhook_events_filter": ["completed"]}  # fmt: skip
        ends = {"cancel": ("succeeded", "canceled"), "leave": ("succeeded", "canceled"),
                "fail": ("failed",)}.get(kind, ("succeeded",))  # fmt: skip
        self.ledger.asked(key, kind, *ends)
        try:
            if kind in ("stream", "leave"):
                await self._stream(key, document, leave=kind == "leave")
            elif kind in ("later", "cancel"):
                await self._later(key, document, cancel=kind == "cancel")
            else:
                await self._wait(key, document)
        except (OSError, EOFError, ValueError, LookupError) as problem:
            self.ledger.fault(f"{kind}: {problem!r}")

    async def _wait(self, key: str, document: Mapping[str, Any]) -> None:
        status, body = await self.client.send("POST", "/predictions", document)
        if self._turned_away(key, status):
            return
        self.ledger.accepted(key)
        told = json.loads(body)
        fails = document["input"].get("fail", False)
        self._expect(told["status"] == ("failed" if fails else "succeeded"), "wait", told)
        self._expect(fails or told["output"] == tokens_of(document), "wait", told)

    async def _stream(self, key: str, document: Mapping[str, Any], *, leave: bool) -> None:
        got: list[str] = []
        last = ""
        async with self.client.asked("POST", "/predictions", document, SSE) as answer:
            if answer.status in BUSY:
                async for _ in answer.pieces():
                    pass
            if self._turned_away(key, answer.status):
                return
            self.ledger.accepted(key)
            async with contextlib.aclosing(answer.events()) as events:
                async for last, said in events:
                    if last == "output":
                        got.append(said["chunk"])
                    if leave and got:
                        return
        self._expect(last == "completed" and got == tokens_of(document), "stream", [last, got])

    async def _later(self, key: str, document: Mapping[str, Any], *, cancel: bool) -> None:
        status, body = await self.client.send("PUT", f"/predictions/{key}", document, LATER)
        if self._turned_away(key, status):
            return
        self._expect(status == 202, "later", [status, body.decode("utf-8", "replace")])
        self.ledger.accepted(key)
        if cancel:
            await asyncio.sleep(self._random.uniform(0.0, 2 * MEAN))
            status, _ = await self.client.send("POST", f"/predictions/{key}/cancel")
            self._expect(status in (200, 404), "cancel", status)

    def _turned_away(self, key: str, status: int) -> bool:
        if status in BUSY:
            self.ledger.turned_away(key, status)
            return True
        if status not in (200, 202):
            raise ValueError(f"status {status}")
        return False

    def _expect(self, fine: bool, kind: str, seen: object) -> None:
        if not fine:
            self.ledger.fault(f"{kind}: {seen}")


def tokens_of(document: Mapping[str, Any]) -> list[str]:
    return [f"token{number} " for number in range(document["input"]["count"])]


class Memory:
    """MiB resident, each second: the front process, and its workers together."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.samples: list[tuple[float, float, float]] = []  # seconds, front, workers

    async def watch(self) -> None:
        """Look each second, until cancelled."""
        begun = time.monotonic()
        while True:
            front = resident(self._server.process.pid)
            workers = sum(map(resident, {*self._server.pids()} - {self._server.process.pid}))
            self.samples.append((time.monotonic() - begun, front, workers))
            await asyncio.sleep(1.0)

    def account(self, which: int) -> dict[str, float | bool]:
        """How it went, and whether it is flat."""
        times = [sample[0] for sample in self.samples]
        values = [sample[which] for sample in self.samples]
        late = len(values) // 3
        slope = statistics.linear_regression(times[late:], values[late:]).slope
        growth = slope * times[-1]
        return {
            "first": round(values[0], 2), "a_third_in": round(values[late], 2),
            "last": round(values[-1], 2), "most": round(max(values), 2),
            "mib_a_minute": round(slope * 60, 4), "growth_over_the_run": round(growth, 3),
            "flat": growth < max(FLAT_MIB, FLAT_SHARE * values[late]),
        }  # fmt: skip


def resident(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0


async def soak(server: Server, *, rate: float, seconds: float) -> dict[str, Any]:
    """Traffic for so long, and what came of it."""
    ledger, memory = Ledger(), Memory(server)
    async with Receiver(ledger).listening() as hook:
        traffic = Traffic(server.port, hook, ledger)
        watching = asyncio.create_task(memory.watch())
        cpu, begun = server.cpu(), time.monotonic()
        await traffic.offer(rate, seconds)
        took = time.monotonic() - begun
        await traffic.settle()
        watching.cancel()
        _, metrics = await traffic.client.send("GET", "/metrics")
        _, health = await traffic.client.send("GET", "/health-check")
        traffic.client.close()
    lost = [f"{entry.kind} {key}" for key, entry in ledger.open.items() if entry.accepted]
    unknown = len(ledger.open) - len(lost)
    return {
        "seconds": round(took, 1), "offered_a_second": round(ledger.counts["asked"] / took, 1),
        "cores": round((server.cpu() - cpu) / took, 3),
        "counts": dict(sorted(ledger.counts.items())), "faults": ledger.wrong,
        "lost": lost[:50], "lost_count": len(lost), "unknown_count": unknown,
        "clients_left_waiting": traffic.waiting, "health": json.loads(health)["status"],
        "metrics_at_the_end": gauges(metrics.decode()),
        "front": memory.account(1), "worker": memory.account(2),
        "memory_samples": thinned(memory.samples),
    }  # fmt: skip


def gauges(text: str) -> dict[str, float]:
    """Metrics that say how much is under way now."""
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    words = ("running", "queue", "slots", "connections")
    return {name: float(value) for name, _, value in lines
            if any(word in name for word in words) and "bucket" not in name}  # fmt: skip


def thinned(samples: Sequence[tuple[float, ...]]) -> list[list[float]]:
    """At most about a hundred of them."""
    step = max(1, len(samples) // 100)
    return [[round(value, 1) for value in sample] for sample in samples[::step]]


def verdicts(found: Mapping[str, Any], code: int) -> dict[str, bool]:
    return {
        "no prediction was lost": found["lost_count"] == 0 and found["unknown_count"] == 0,
        "only expected answers": found["counts"].get("faults", 0) == 0,
        "more was offered than could be taken": any(
            name.startswith("turned away") for name in found["counts"]
        ),
        "no client is left waiting": found["clients_left_waiting"] == 0,
        "healthy at the end": found["health"] == "READY",
        "the front's memory is flat": found["front"]["flat"],
        "the worker's memory is flat": found["worker"]["flat"],
        "ended by SIGTERM with code 0": code == 0,
    }


def run(given: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        peers.make_project(peers.HERE / "predictors" / "mixed.py", folder)
        server = Server(
            [sys.executable, "-m", "cogsmith.runtime"], folder=folder, port=port,
            environment={"COG_PREDICT_TYPE_STUB": "predict.py:Predictor", "PORT": str(port),
                         "COG_MAX_CONCURRENCY": str(SLOTS), "COGSMITH_QUEUE": str(QUEUE)},
        )  # fmt: skip
        with server:
            server.wait(Load(path="/predictions", bodies=['{"input":{"count":1,"pause":0}}']))
            rate = given.load * SLOTS / MEAN
            found = asyncio.run(soak(server, rate=rate, seconds=given.minutes * 60))
            found["verdicts"] = verdicts(found, server.stop())
        return found


def show(found: Mapping[str, Any]) -> None:
    print(f"{found['seconds']:.0f} s, {found['offered_a_second']} predictions a second offered, "
          f"{found['cores']} cores used")  # fmt: skip
    for name, number in found["counts"].items():
        print(f"{number:>9}  {name}")
    for who in ("front", "worker"):
        told = found[who]
        print(f"{who}: {told['first']} MiB at first, {told['a_third_in']} a third in, "
              f"{told['last']} at the end; {told['mib_a_minute']:+} MiB a minute")  # fmt: skip
    for fault in [*found["faults"][:10], *(f"lost: {one}" for one in found["lost"][:10])]:
        print(f"  {fault[:300]}")
    for what, reached in found["verdicts"].items():
        print(f"{'yes' if reached else 'NO':>4}  {what}")


def main() -> int:
    """Run, show, save; 1 when a verdict is no."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--load", type=float, default=2.0, help="of what the slots can take")
    parser.add_argument("--save", nargs="?", type=Path, const=RESULTS, metavar="PATH")
    given = parser.parse_args()
    found = run(given)
    show(found)
    if given.save:
        packages = peers.versions(Path(sys.executable))
        about = {"date": date.today().isoformat(), "commit": peers.commit(),
                 "machine": peers.machine(), "load": given.load, "slots": SLOTS, "queue": QUEUE,
                 "versions": {name: packages[name] for name in ("python", "uvloop", "httptools")},
                 "units": "seconds, MiB resident; memory_samples: second, front, worker",
                 }  # fmt: skip
        save(given.save, {"about": about, **found})
    return 0 if all(found["verdicts"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
