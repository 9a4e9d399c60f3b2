"""How far a phase has come: a bar on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

__all__ = ["Progress"]

BAR_SECONDS = 0.5
LINE_SECONDS = 20.0
WIDTH = 28


class Progress:
    """Counts finished units while a pipeline blocks the driver: Beam itself cannot be asked."""

    def __init__(self, name: str, done: Callable[[], tuple[int, int]], *, quiet: bool) -> None:
        self.name, self.done, self.quiet = name, done, quiet
        self.terminal = sys.stderr.isatty()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Progress:
        self._begun = time.monotonic()
        if not self.quiet:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if not self.quiet:
            self._thread.join()
            if self.terminal:
                sys.stderr.write("\r\x1b[K")
            if kind is None:
                seconds = time.monotonic() - self._begun
                sys.stderr.write(f"{self.name:<8} {seconds:8.1f} s\n")
            sys.stderr.flush()

    def _watch(self) -> None:
        pause = BAR_SECONDS if self.terminal else LINE_SECONDS
        while not self._stop.wait(pause):
            done, whole = self.done()
            if self.terminal:
                filled = WIDTH * done // max(whole, 1)
                bar = "#" * filled + "." * (WIDTH - filled)
                sys.stderr.write(f"\r{self.name:<8} [{bar}] {done}/{whole}\x1b[K")
            else:
                sys.stderr.write(f"{self.name:<8} {done} of {whole} units\n")
            sys.stderr.flush()
