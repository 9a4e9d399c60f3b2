"""How far a command has come: one changing line on a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from skypile.cli.terminal import is_terminal, say

__all__ = ["Progress"]

TERMINAL_SECONDS = 0.2
LINE_SECONDS = 20.0


class Progress:
    """Shows counts on stderr as they grow; nothing for runs that end at once.

    On a terminal that also shows the results it stays silent, since both would mix.
    """

    def __init__(self, what: str, *, quiet: bool, results_shown: bool) -> None:
        self.what = what
        self._bar = is_terminal(sys.stderr)
        self._silent = quiet or (self._bar and results_shown and is_terminal(sys.stdout))
        self._begun = self._told = time.monotonic()
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def update(self, told: str) -> None:
        """Take note of `told`, and show it where enough time has passed."""
        now = time.monotonic()
        if self._silent or now - self._told < (TERMINAL_SECONDS if self._bar else LINE_SECONDS):
            return
        self._told = now
        line = f"{self.what}: {told}, {now - self._begun:.0f} s"
        if self._bar:
            sys.stderr.write(f"\r{line}\x1b[K")
            sys.stderr.flush()
            self._shown = True
        else:
            say(line)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
