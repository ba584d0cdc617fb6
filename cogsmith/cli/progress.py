"""Work that is going on, for those who wait: bars on a terminal, lines elsewhere, or JSON.

What the rooms tell has four shapes: steps of an environment, layers that are made, blobs that
travel, and plain amounts of bytes. Each way of showing takes all four. They may come from several
threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol, TextIO, cast

from cogsmith.cli import amounts
from cogsmith.cli.console import Console
from cogsmith.environment import Event, Notice, Progress

if TYPE_CHECKING:
    from cogsmith.image import LayerProgress
    from cogsmith.oci import Digest
    from cogsmith.registry import BlobProgress

__all__ = ["Display", "showing"]

WORTH_A_LINE = 1_000_000  # bytes; what is smaller travels unseen
PULSE = 10.0  # seconds between two lines about a long transfer
INTERVAL = 0.1  # seconds between two words about one amount
LONGEST = 36  # characters of a title beside a bar
ENDS = {"done", "mounted", "present"}


@dataclass
class Transfer:
    """Blobs on their way in one direction, seen as one amount.

    ``doing`` and ``did`` are the words for it ("Pushing", "Pushed"); ``titles`` are the names of
    blobs for people. ``expected`` bytes are to travel; 0: as many as the blobs that were told of.
    """

    doing: str
    did: str
    titles: Mapping[Digest, str]
    expected: int = 0
    blobs: dict[Digest, BlobProgress] = field(default_factory=dict)

    def hear(self, progress: BlobProgress) -> None:
        """Take a word of one blob in."""
        self.blobs[progress.blob.digest] = progress

    def title(self, progress: BlobProgress) -> str:
        """What a blob is called."""
        digest = progress.blob.digest
        return self.titles.get(digest) or digest.short

    @property
    def done(self) -> int:
        """The bytes that have travelled."""
        return sum(blob.done for blob in self._moving())

    @property
    def total(self) -> int:
        """The bytes that have to travel."""
        return max(self.expected, sum(blob.total for blob in self._moving()))

    @property
    def rate(self) -> float:
        """Bytes per second, of all that travel now."""
        return sum(blob.rate for blob in self._moving() if blob.state == "running")

    def _moving(self) -> Iterator[BlobProgress]:
        yield from (b for b in self.blobs.values() if b.state not in ("present", "mounted"))


class Display:
    """Shows nothing but notices: what every other way of showing begins with.

    ``console`` is for lines while it is open: they come above the bars.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._lock = threading.RLock()

    def step(self, event: Event) -> None:
        """A word of the environment room."""
        with self._lock:
            if isinstance(event, Notice):
                self.console.note(event.text)
                if event.hint:
                    self.console.note(event.hint)
            else:
                self._step(event)

    def layer(self, progress: LayerProgress) -> None:
        """A word about a layer that is made."""
        with self._lock:
            self._layer(progress)

    def blobs(
        self, doing: str, did: str, titles: Mapping[Digest, str] | None = None, expected: int = 0
    ) -> Callable[[BlobProgress], None]:
        """Ears for a transfer of blobs."""
        transfer = Transfer(doing, did, {} if titles is None else titles, expected)

        def hear(progress: BlobProgress) -> None:
            with self._lock:
                transfer.hear(progress)
                self._blob(transfer, progress)

        return hear

    def amount(self, text: str) -> Callable[[int, int], None]:
        """Ears for one thing that is known by its bytes: done, and total. They may hear much."""
        said = 0.0

        def hear(done: int, total: int) -> None:
            nonlocal said
            if done < total and time.monotonic() - said < INTERVAL:
                return
            said = time.monotonic()
            with self._lock:
                self._amount(text, done, total)

        return hear

    def close(self) -> None:
        """Leave the screen as it should be; what is told afterwards is shown again."""

    def _step(self, progress: Progress) -> None: ...
    def _layer(self, progress: LayerProgress) -> None: ...
    def _blob(self, transfer: Transfer, progress: BlobProgress) -> None: ...
    def _amount(self, text: str, done: int, total: int) -> None: ...


class _Lines(Display):
    """A line for what is worth one."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._said = time.monotonic()

    def _step(self, progress: Progress) -> None:
        if progress.whole:
            self.console.note(progress.text)

    def _layer(self, progress: LayerProgress) -> None:
        if progress.state == "made":
            self.console.note(f"Packed {progress.title}")

    def _blob(self, transfer: Transfer, progress: BlobProgress) -> None:
        title = transfer.title(progress)
        if progress.state == "retrying":
            self.console.note(f"{title}: {progress.note}; trying again")
        elif progress.state in ("done", "mounted") and progress.total >= WORTH_A_LINE:
            did = transfer.did if progress.state == "done" else "Mounted"
            self.console.note(f"{did} {title} ({amounts.size(progress.total)})")
        elif time.monotonic() - self._said > PULSE:
            self._said = time.monotonic()
            amount = amounts.of_both(transfer.done, transfer.total)
            self.console.note(f"{transfer.doing}: {amount}, {amounts.rate(transfer.rate)}")


class _Json(Display):
    """Every word as it is, one object a line: docs/reference/progress.md."""

    def _step(self, progress: Progress) -> None:
        self.console.event(
            "step", step=progress.step, text=progress.text, done=progress.done,
            total=progress.total, unit=progress.unit,
        )  # fmt: skip

    def _layer(self, progress: LayerProgress) -> None:
        self.console.event(
            "layer", title=progress.title, state=progress.state, done=progress.done,
            total=progress.total,
        )  # fmt: skip

    def _blob(self, transfer: Transfer, progress: BlobProgress) -> None:
        self.console.event(
            "blob", doing=transfer.doing.lower(), title=transfer.title(progress),
            digest=str(progress.blob.digest), state=progress.state, done=progress.done,
            total=progress.total, rate=round(progress.rate), note=progress.note,
        )  # fmt: skip

    def _amount(self, text: str, done: int, total: int) -> None:
        self.console.event("step", step="load", text=text, done=done, total=total, unit="B")


class _Rows(Protocol):
    """What we use of rich's Progress."""

    console: Any

    def add_task(self, description: str, *, total: float | None = ..., **fields: Any) -> Any: ...
    def update(self, task_id: Any, **fields: Any) -> None: ...
    def remove_task(self, task_id: Any) -> None: ...
    def stop(self) -> None: ...


class _Bars(Display):
    """A bar for each thing under way; bars vanish when it is done, and lines stand above them.

    rich costs a tenth of a second: it comes with the first bar, and often there is none.
    """

    def __init__(self, console: Console) -> None:
        above = cast("TextIO", _Above(console.stream, self))
        super().__init__(replace(console, stream=above))
        self.rows: _Rows | None = None
        self._tasks: dict[str, Any] = {}

    def close(self) -> None:
        if self.rows is not None:
            self.rows.stop()
        self.rows = None
        self._tasks.clear()

    def _step(self, progress: Progress) -> None:
        ended = progress.total and progress.done >= progress.total
        amount = f"{progress.done}/{progress.total}" if progress.total else ""
        if progress.unit == "B" and progress.total:
            amount = amounts.of_both(progress.done, progress.total)
        self._bar(progress.step, progress.text, progress.done, progress.total, amount)
        if ended:
            self._gone(progress.step)

    def _layer(self, progress: LayerProgress) -> None:
        name = f"layer {progress.title}"
        if progress.state == "making":
            text = f"Packing {_cut(progress.title)}"
            amount = amounts.of_both(progress.done, progress.total)
            self._bar(name, text, progress.done, progress.total, amount)
        else:
            self._gone(name)

    def _blob(self, transfer: Transfer, progress: BlobProgress) -> None:
        name = f"blob {progress.blob.digest}"
        if progress.state == "retrying":
            self.console.note(f"{transfer.title(progress)}: {progress.note}; trying again")
        if progress.state in ENDS:
            self._gone(name)
        elif progress.total >= WORTH_A_LINE:
            amount = amounts.of_both(progress.done, progress.total)
            text = f"  {_cut(transfer.title(progress))}"
            self._bar(name, text, progress.done, progress.total, amount, progress.rate)
        if transfer.total >= WORTH_A_LINE:
            amount = amounts.of_both(transfer.done, transfer.total)
            self._bar(
                transfer.doing, transfer.doing, transfer.done, transfer.total, amount,
                transfer.rate,
            )  # fmt: skip

    def _amount(self, text: str, done: int, total: int) -> None:
        if total >= WORTH_A_LINE:
            self._bar(text, text, done, total, amounts.of_both(done, total))

    def _bar(
        self, name: str, text: str, done: int, total: int, amount: str, rate: float = 0.0
    ) -> None:
        if self.rows is None:
            self.rows = _rows()
        if name not in self._tasks:
            self._tasks[name] = self.rows.add_task(text, total=total or None, amount="", rate="")
        self.rows.update(
            self._tasks[name], description=text, total=total or None, completed=done,
            amount=amount, rate=amounts.rate(rate),
        )  # fmt: skip

    def _gone(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None and self.rows is not None:
            self.rows.remove_task(task)


def _cut(title: str) -> str:
    """As much of a title as leaves room for its bar."""
    return title if len(title) <= LONGEST else f"{title[: LONGEST - 3]}..."


class _Above:
    """Standard error while bars may be drawn on it: lines come above them."""

    def __init__(self, stream: Any, bars: _Bars) -> None:
        self._stream, self._bars = stream, bars

    def write(self, text: str) -> None:
        """Write whole lines."""
        rows = self._bars.rows
        if rows is None:
            self._stream.write(text)
            return
        from rich.text import Text

        rows.console.print(Text.from_ansi(text.rstrip("\n")), soft_wrap=True)

    def flush(self) -> None:
        """Show them."""
        self._stream.flush()


def _rows() -> _Rows:
    """Bars on standard error."""
    from rich.console import Console as Screen
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Rows

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[amount]}"),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
    )
    rows = Rows(*columns, console=Screen(stderr=True), transient=True)
    rows.start()
    return rows  # type: ignore[return-value]


@contextmanager
def showing(console: Console) -> Iterator[Display]:
    """A display for work that is about to be done; what is said meanwhile goes to its console."""
    if console.json:
        display: Display = _Json(console)
    elif console.quiet:
        display = Display(console)
    else:
        display = _Bars(console) if console.terminal else _Lines(console)
    try:
        yield display
    finally:
        display.close()
