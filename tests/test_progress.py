"""What progress shows, and that showing it harms nothing."""

from __future__ import annotations

import doctest
import os
import pty
import subprocess
import sys
import threading

import pytest

import skypile.progress
from skypile.errors import OutputError
from skypile.progress import Count, Progress, Share, bar_line, last_line, plain_line

HALF = Count(3, 6, documents=3000, text_bytes=60_000_000, share=0.5)


def test_examples_hold():
    assert doctest.testmod(skypile.progress).failed == 0


@pytest.mark.parametrize("columns", range(1, 160))
def test_a_bar_fits_every_width_and_is_ascii(columns):
    line = bar_line("curate", HALF, 10.0, columns)
    assert len(line) <= max(columns - 1, 1)
    assert line.isascii() and "\n" not in line
    if columns > 30:
        assert "3/6 units" in line
    if columns > 110:
        told = ("[##############..............]", "300 documents/s", "6.0 MB/s", "about 0:10 left")
        assert all(piece in line for piece in told)


def test_units_of_an_earlier_run_are_done_but_not_in_the_rates():
    count = Count(9, 12, earlier=6, documents=300, text_bytes=3_000_000, share=0.5)
    line = plain_line("curate", count, 10)
    assert "9 of 12 units (6 by an earlier run)" in line
    assert "30 documents/s, 0.3 MB/s" in line and "about 0:10 left" in line
    assert bar_line("curate", count, 10, 120).count("#") == 21  # three quarters of 28


def test_what_nobody_knows_is_not_shown():
    line = plain_line("pair", Count(1, 3, "passes", note="pairs: 7 groups"), 61)
    assert line == "pair     1 of 3 passes, pairs: 7 groups, 1:01"
    assert "left" not in plain_line("curate", Count(0, 9, share=0.0), 61)
    assert last_line("pair", Count(3, 3, "passes"), 2.0) == "pair     3 of 3 passes in 2.0 s"


def test_shares_are_corrected_by_what_units_turn_out_to_hold():
    share = Share([100, 100, 200])
    assert share.value() == 0
    assert share.value({0: 50}) == 0.125
    share.finish(0, 400)  # four times what was expected
    assert share.value() == 0.25
    assert share.value({1: 200}) == 0.375
    assert share.value({1: 10**9}) < 0.5
    assert Share([]).value() is None


class Pipe:
    """A stderr that is no terminal, or one of a given encoding."""

    def __init__(self, monkeypatch):
        reader, writer = os.pipe()
        self.reader = os.fdopen(reader, encoding="utf-8")
        self.writer = os.fdopen(writer, "w", encoding="ascii")
        monkeypatch.setattr(sys, "stderr", self.writer)

    def read(self) -> str:
        self.writer.close()
        with self.reader:
            return self.reader.read()


def test_lines_come_at_their_period_and_one_at_the_end(monkeypatch):
    pipe, asked = Pipe(monkeypatch), threading.Event()
    counts = iter([Count(1, 9), Count(2, 9), Count(3, 9)])

    def poll() -> Count:
        count = next(counts, Count(9, 9))
        if count.done == 9:
            asked.set()
        return count

    with Progress("curate", poll, line_seconds=0.01):
        asked.wait(60)
    lines = pipe.read().splitlines()
    assert [line.split(",")[0] for line in lines[:3]] == [
        f"curate   {n} of 9 units" for n in (1, 2, 3)
    ]
    assert lines[-1].startswith("curate   9 of 9 units in ")
    assert sum(" in " in line for line in lines) == 1


def test_a_short_phase_has_its_line_at_the_end_only_and_a_quiet_one_none(monkeypatch):
    pipe = Pipe(monkeypatch)
    with Progress("score", lambda: Count(1, 1)):
        pass
    with Progress("score", lambda: Count(1, 1), quiet=True):
        pass
    with Progress("publish", lambda: Count(1, 1), last=False):
        pass
    with pytest.raises(OutputError), Progress("publish", lambda: Count(1, 1)):
        raise OutputError("the disk is full")
    assert pipe.read() == "score    1 of 1 units in 0.0 s\n"


@pytest.mark.parametrize("error", [FileNotFoundError, OutputError, ValueError, KeyError])
def test_what_goes_wrong_in_asking_stops_nothing(monkeypatch, error):
    pipe, asked = Pipe(monkeypatch), threading.Semaphore(0)

    def poll() -> Count:
        asked.release()
        raise error("renamed meanwhile")

    with Progress("curate", poll, line_seconds=0.001):
        for _ in range(3):
            assert asked.acquire(timeout=60)
    assert pipe.read().startswith("curate   done in ")
    assert "skypile progress" not in [thread.name for thread in threading.enumerate()]


def test_nobody_needs_to_listen(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with Progress("curate", lambda: Count(1, 1)) as progress:
        progress.update(Count(1, 1))
    pipe = Pipe(monkeypatch)
    pipe.reader.close()
    with Progress("curate", lambda: Count(1, 1)):
        pass
    with pytest.raises(BrokenPipeError):
        pipe.writer.close()


def test_who_tells_is_shown_as_often_as_time_allows(monkeypatch):
    pipe = Pipe(monkeypatch)
    with Progress("filter", line_seconds=3600) as progress:
        progress.update(Count(documents=1, what="records"))
    with Progress("filter", line_seconds=0.0) as progress:
        progress.update(Count(documents=5, what="records", note="2 kept"))
    lines = pipe.read().splitlines()
    assert lines[0].startswith("filter   5 records, 2 kept") and len(lines) == 2


BAR = """
import sys, threading
from skypile.progress import Count, Progress
asked = threading.Semaphore(0)
def poll():
    asked.release()
    return Count(3, 6, documents=3000, text_bytes=60_000_000, share=0.5)
with Progress("curate", poll, bar_seconds=0.01, line_seconds=0.01):
    for _ in range(3): asked.acquire()
"""


def on_terminal(columns: int, **environment: str) -> bytes:
    """What a terminal of that width gets."""
    import fcntl
    import struct
    import termios

    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    known = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "TERM")}
    # The size is that of stdout's terminal.
    process = subprocess.Popen(
        [sys.executable, "-c", BAR], stdout=writer, stderr=writer, env=known | environment
    )
    os.close(writer)
    shown = b""
    while True:
        try:
            data = os.read(reader, 1 << 16)
        except OSError:
            break
        if not data:
            break
        shown += data
    os.close(reader)
    assert process.wait() == 0, shown
    return shown


@pytest.mark.parametrize(
    ("columns", "environment"),
    [
        (100, {"TERM": "xterm"}),
        (24, {"TERM": "xterm"}),
        (100, {"TERM": "xterm", "NO_COLOR": "1", "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}),
    ],
)
def test_a_terminal_has_a_bar_of_its_width(columns, environment):
    shown = on_terminal(columns, **environment)
    drawn = [one.removesuffix(b"\x1b[K") for one in shown.split(b"\r") if b"units" in one]
    assert all(len(one) < columns for one in drawn[:-1])
    assert b"3/6" in drawn[0] and (columns < 50 or b"[####" in drawn[0])
    assert b"\x1b[3" not in shown  # no colour
    assert shown.isascii()
    # The bar is gone before the last line is written.
    assert b"\r\x1b[Kcurate   3 of 6 units" in shown


def test_a_dumb_terminal_has_lines():
    shown = on_terminal(100, TERM="dumb")
    assert b"\x1b" not in shown and shown.count(b"\n") >= 1
