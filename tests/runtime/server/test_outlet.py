"""The server's own output streams, which wait for nobody."""

from __future__ import annotations

import os
import threading

from cogsmith.runtime.server.outlet import MOST, Outlet


def test_what_is_written_arrives_in_order() -> None:
    reading, writing = os.pipe()
    outlet = Outlet(writing)
    for number in range(1000):
        outlet.write(f"{number} ä \ud83d\n")
    outlet.drain()
    os.close(writing)
    with open(reading, encoding="utf-8") as found:
        assert found.read() == "".join(f"{number} ä \\ud83d\n" for number in range(1000))


def test_what_nobody_reads_is_lost_and_told_of() -> None:
    reading, writing = os.pipe()
    outlet = Outlet(writing)
    piece = "x" * 65535 + "\n"
    for _ in range(2 * MOST // len(piece)):
        outlet.write(piece)
    outlet.write("the last of them")
    found: list[str] = []
    with open(reading, encoding="utf-8") as stream:
        reader = threading.Thread(target=lambda: found.append(stream.read()))
        reader.start()
        while outlet.waiting:
            outlet.drain()
        outlet.write("goes on")
        outlet.drain()
        os.close(writing)
        reader.join()
    kept, _, told = found[0].partition("[")
    lost = int(told.split()[0])
    assert MOST < len(kept) < MOST + 4 * len(piece)  # the pipe itself holds one or two
    assert lost + len(kept) == 2 * MOST + len("the last of them")
    assert told == f"{lost} characters that nobody read]\ngoes on"


def test_a_reader_who_has_gone_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    outlet = Outlet(writing)
    assert outlet.write("anybody?") == len("anybody?")
    outlet.drain()
    assert outlet.waiting == 0
    os.close(writing)
