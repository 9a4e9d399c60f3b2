"""How far work has come: a bar on a terminal, now and then a line elsewhere, a line at the end.

Whoever works either tells `Progress` (`update`), or lets it ask (`poll`), where the work itself
blocks. A `Count` says what is done; rates and the expected end are computed here.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from skypile.errors import SkyPileError

__all__ = ["Count", "Progress", "Share", "bar_line", "last_line", "plain_line"]

BAR_SECONDS = 0.5
LINE_SECONDS = 30.0
ASK_SECONDS = 2.0  # an interruption tells of what was known last
BAR_CHARS, MIN_BAR_CHARS = 28, 10
# Asking takes at most a twentieth of a core: the next question waits for as long.
PAUSE_FACTOR = 20.0
JOIN_SECONDS = 1.0
ALMOST = 0.99  # a unit that is under way is never whole


@dataclass(frozen=True)
class Count:
    """What is done of a piece of work.

    `done` of `whole` units (None: nobody knows how many) are finished, `earlier` of them by an
    earlier run. `documents` and `text_bytes` are those of this run, and so is `share` (0 to 1): the
    finished part of the work that this run found, None where it cannot be told.
    """

    done: int = 0
    whole: int | None = None
    what: str = "units"
    earlier: int = 0
    documents: int = 0
    text_bytes: int = 0
    share: float | None = None
    note: str = ""


class Share:
    """How much of several units is done, in bytes of text.

    Their sizes are estimates beforehand; what finished units turned out to hold corrects them.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._sizes = [max(size, 1) for size in sizes]
        self._whole = sum(self._sizes)
        self._done = self._expected = self._found = 0

    def learn(self, size: int, found: int) -> None:
        """Take note that a unit of another run, of estimated `size`, held `found` bytes of text."""
        self._expected += size
        self._found += found

    def finish(self, number: int, found: int) -> None:
        """Count the unit `number` as done; it held `found` bytes of text."""
        self.learn(self._sizes[number], found)
        self._done += self._sizes[number]

    def value(self, under_way: Mapping[int, int] | None = None) -> float | None:
        """Return the finished share; `under_way` has bytes of text so far by unit number."""
        factor = self._expected / self._found if self._found and self._expected else 1.0
        begun = sum(
            min(found * factor, ALMOST * self._sizes[number])
            for number, found in (under_way or {}).items()
        )
        return (self._done + begun) / self._whole if self._whole else None


def clock(seconds: float) -> str:
    """Return a duration as people read it.

    >>> clock(7.4), clock(754), clock(10_921)
    ('0:07', '12:34', '3:02:01')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _rates(count: Count, seconds: float) -> list[str]:
    if not count.documents or seconds <= 0:
        return []
    speed = count.documents / seconds
    told = f"{speed:,.0f}" if speed >= 10 else f"{speed:.1f}"
    rates = [f"{told} documents/s"]
    return [*rates, f"{count.text_bytes / 1e6 / seconds:,.1f} MB/s"] if count.text_bytes else rates


def _left(count: Count, seconds: float) -> str:
    """Return when the work is expected to end, empty where that cannot be told."""
    if not count.share or seconds < 1:
        return ""
    rest = seconds * (1 - count.share) / count.share
    return f"about {clock(rest)} left" if math.isfinite(rest) and count.share < 1 else ""


def _fraction(count: Count) -> float:
    whole = count.whole
    if count.share is not None:
        return ((count.earlier + count.share * (whole - count.earlier)) / whole if whole
                else count.share)  # fmt: skip
    return count.done / whole if whole else 0.0


def bar_line(name: str, count: Count, seconds: float, columns: int) -> str:
    """Return the line for a terminal of `columns`, in ASCII; what does not fit is left out.

    >>> count = Count(3, 12, documents=6144, text_bytes=157_200_000, share=0.25)
    >>> bar_line("curate", count, 12, 90)
    'curate   [####............] 3/12 units  512 documents/s  13.1 MB/s  about 0:36 left  0:12'
    >>> bar_line("curate", count, 12, 44)
    'curate   [##........] 3/12 units  13.1 MB/s'
    """
    head = f"{name:<8} "
    told = f"{count.done:,}/{count.whole:,} {count.what}" if count.whole is not None else (
        f"{count.documents:,} {count.what}")  # fmt: skip
    rates = _rates(count, seconds)
    # In the order in which they stand; what goes first where room is short has the highest number.
    pieces = [(told, 0), (count.note, 4), *zip(rates, (3, 1), strict=False)]
    pieces = [*pieces, (_left(count, seconds), 2), (clock(seconds), 5)]
    pieces = [piece for piece in pieces if piece[0]]
    room = columns - 1 - len(head) - (MIN_BAR_CHARS + 3)
    while len(pieces) > 1 and len("  ".join(text for text, _ in pieces)) > room:
        pieces.remove(max(pieces, key=lambda piece: piece[1]))
    tail = "  ".join(text for text, _ in pieces)
    size = min(BAR_CHARS, columns - 1 - len(head) - len(tail) - 3)
    bar = ""
    if size >= MIN_BAR_CHARS and (count.whole is not None or count.share is not None):
        filled = max(0, min(size, int(size * _fraction(count))))
        bar = f"[{'#' * filled}{'.' * (size - filled)}] "
    return f"{head}{bar}{tail}"[: max(columns - 1, 1)]


def _counted(count: Count) -> list[str]:
    told = [] if count.whole is None else [f"{count.done:,} of {count.whole:,} {count.what}"]
    if count.earlier:
        told[-1] += f" ({count.earlier:,} by an earlier run)"
    if count.documents:
        told.append(f"{count.documents:,} {'documents' if told else count.what}")
    if count.text_bytes:
        told.append(f"{count.text_bytes / 1e6:,.1f} MB")
    return [*told, *([count.note] if count.note else [])]


def plain_line(name: str, count: Count, seconds: float) -> str:
    """Return the line for who is no terminal.

    >>> count = Count(3, 12, documents=6144, text_bytes=157_200_000, share=0.25)
    >>> plain_line("curate", count, 12).removeprefix("curate   3 of 12 units, 6,144 documents, ")
    '157.2 MB, 512 documents/s, 13.1 MB/s, 0:12, about 0:36 left'
    """
    told = [*_counted(count), *_rates(count, seconds), clock(seconds), _left(count, seconds)]
    return f"{name:<8} {', '.join(piece for piece in told if piece)}"


def last_line(name: str, count: Count, seconds: float) -> str:
    """Return the line for the end.

    >>> last_line("curate", Count(12, 12, documents=54_469, text_bytes=358_200_000), 27.4)
    'curate   12 of 12 units, 54,469 documents, 358.2 MB in 27.4 s: 1,988 documents/s, 13.1 MB/s'
    """
    rates = _rates(count, seconds)
    told = ", ".join(_counted(count)) or "done"
    return f"{name:<8} {told} in {seconds:,.1f} s{': ' if rates else ''}{', '.join(rates)}"


class Progress:
    """Shows `Count`s on stderr while a block runs: asked for by a thread, or told.

    What goes wrong when asking or showing is no reason to stop work, so it shows nothing new then.
    The thread ends with the block. `before` are seconds of earlier blocks of the same name, and
    only the `last` of them writes the line for the end. For who tells, that line is written only
    where something was shown before.
    """

    def __init__(
        self,
        name: str,
        poll: Callable[[], Count] | None = None,
        *,
        quiet: bool = False,
        before: float = 0.0,
        last: bool = True,
        bar_seconds: float = BAR_SECONDS,
        line_seconds: float = LINE_SECONDS,
    ) -> None:
        self.name, self.quiet, self.last = name, quiet, last
        self.count: Count | None = None
        self._poll = poll
        self._terminal = sys.stderr is not None and sys.stderr.isatty() and (
            os.environ.get("TERM") != "dumb")  # fmt: skip
        self._period = bar_seconds if self._terminal else line_seconds
        self._begun = self._told = time.monotonic() - before
        self._bar = self._shown = False
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="skypile progress", daemon=True)

    def __enter__(self) -> Self:
        self._told = time.monotonic()
        if self._poll is not None and not self.quiet:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread.is_alive():
            # Listing a remote folder may take long; what it finds is shown to nobody.
            self._thread.join(JOIN_SECONDS)
        with self._lock:
            if self._bar:
                _write("\r\x1b[K")
            if kind is None and self.last and not self.quiet:
                self._end()

    def _end(self) -> None:
        if self._poll is None and not self._shown:
            return
        if not self._thread.is_alive():
            self._ask()
        seconds = time.monotonic() - self._begun
        _write(last_line(self.name, self.count or Count(), seconds) + "\n")

    def update(self, count: Count) -> None:
        """Take note of `count`, and show it where enough time has passed."""
        self.count = count
        now = time.monotonic()
        if not self.quiet and now - self._told >= self._period:
            self._told = now
            self._show(count)

    def _watch(self) -> None:
        least = pause = min(self._period, ASK_SECONDS)
        while not self._stop.wait(pause):
            begun = time.monotonic()
            self._ask()
            if self.count is not None and begun - self._told >= self._period - least / 2:
                self._told = begun
                self._show(self.count)
            pause = max(least, PAUSE_FACTOR * (time.monotonic() - begun))

    def _ask(self) -> None:
        try:
            self.count = self._poll() if self._poll is not None else self.count
        except (OSError, ValueError, KeyError, SkyPileError):
            # A file was renamed or removed between listing and reading, or a folder cannot be read.
            return

    def _show(self, count: Count) -> None:
        seconds = time.monotonic() - self._begun
        with self._lock:
            if self._stop.is_set():
                return
            self._shown = True
            if self._terminal:
                columns = shutil.get_terminal_size().columns
                _write(f"\r{bar_line(self.name, count, seconds, columns)}\x1b[K")
                self._bar = True
            else:
                _write(plain_line(self.name, count, seconds) + "\n")


def _write(text: str) -> None:
    """Write to stderr, and to nobody where it is closed or full."""
    try:
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except (OSError, ValueError):
        return
