"""Ctrl-C and its like: a process ends in order and soon, and says what is kept.

The first SIGINT or SIGTERM raises `Interrupted` where the main thread is, so that files under way
are removed and locks freed as for any error. Where that takes longer than GRACE_SECONDS (a call
into compiled code, a library that waits for its threads or swallows the exception), and at a
second signal, a watching thread removes the files, ends child processes and leaves.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = [
    "Interrupted",
    "caught",
    "exit_code",
    "install",
    "kept",
    "outlived",
    "sentence",
    "unfinished",
]

SIGNALS = (signal.SIGINT, signal.SIGTERM)
GRACE_SECONDS = 3.0
# One Ctrl-C may come twice: from the terminal and handed on by a wrapper such as timeout(1).
SAME_SECONDS = 0.3


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end."""


@dataclass
class _State:
    signum: int | None = None
    kept: Callable[[], str] | None = None
    sentence: str = ""
    said: bool = False
    outlived: bool = False
    lock: threading.RLock = field(default_factory=threading.RLock)


_state = _State()
# Paths of local files that are being written, to be removed where the process cannot unwind.
unfinished: set[str] = set()


def caught() -> int | None:
    """Return the signal that asked this process to end, None where none did."""
    return _state.signum


def exit_code() -> int:
    """Return the exit code of an interrupted process: 130 for SIGINT, 143 for SIGTERM."""
    return 128 + (_state.signum or signal.SIGINT)


def sentence() -> str:
    """Return what is to be said about the interruption, for the one who says it."""
    with _state.lock:
        _state.said = True
        return _state.sentence or "interrupted"


def outlived() -> None:
    """Take note that the work came to its end after all: a signal that comes now is too late."""
    _state.outlived = True


@contextmanager
def kept(told: Callable[[], str]) -> Iterator[None]:
    """While the block runs, `told` says what an interruption leaves behind."""
    before, _state.kept = _state.kept, told
    try:
        yield
    finally:
        _state.kept = before


def install(program: str) -> None:
    """Handle SIGINT and SIGTERM from now on, for a process that is `program`'s own.

    A signal that the process was told to ignore (nohup, a shell's background job) stays ignored.
    """
    wanted = [one for one in SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
    if not wanted or threading.current_thread() is not threading.main_thread():
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    # Written by the C handler at once, even where the main thread runs no Python code.
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for one in wanted:
        signal.signal(one, _raise_once)
    # What threads and finalizers then complain of is nobody's business.
    threading.excepthook = _unless_caught(threading.excepthook)
    sys.unraisablehook = _unless_caught(sys.unraisablehook)
    threading.Thread(target=_watch, args=(reader, program), daemon=True).start()
    atexit.register(_skip_teardown)


def _skip_teardown() -> None:
    """Leave without taking modules apart, which takes seconds where Numba and torch are loaded.

    Registered before all others, so it runs last: temporary folders are gone by then.
    """
    if _state.said:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        os._exit(exit_code())


def _unless_caught(hook: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def quiet(args: Any) -> None:
        if _state.signum is None:
            hook(args)

    return quiet


def _raise_once(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler
    signal.signal(signal.SIGINT, _ignore)
    signal.signal(signal.SIGTERM, _ignore)
    _note(signum)
    raise Interrupted


def _ignore(signum: int, frame: FrameType | None) -> None:
    """Leave further signals to the watching thread, which the C handler has told of them."""


def _note(signum: int) -> None:
    """Take note of the first signal, and of what is kept at that moment."""
    with _state.lock:
        if _state.signum is not None:
            return
        _state.signum = signum
        what = "terminated" if signum == signal.SIGTERM else "interrupted"
        _state.sentence = " ".join([what, _state.kept()]) if _state.kept else what


def _watch(reader: int, program: str) -> None:
    while (signum := _next(reader, None)) is None:
        pass
    begun = time.monotonic()
    _note(signum)
    while (left := begun + GRACE_SECONDS - time.monotonic()) > 0:
        again = _next(reader, left)
        if again is not None and time.monotonic() - begun > SAME_SECONDS:
            break
    if not _state.outlived:
        _leave(program)


def _next(reader: int, seconds: float | None) -> int | None:
    """Return the signal that comes within `seconds`, None for none or for another one."""
    if not select.select([reader], [], [], seconds)[0]:
        return None
    found = os.read(reader, 1)
    return found[0] if found and found[0] in SIGNALS else None


def _leave(program: str) -> None:
    for child in _descendants(os.getpid()):
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
    for path in list(unfinished):
        with suppress(OSError):
            Path(path).unlink(missing_ok=True)
    with _state.lock:
        if not _state.said:
            _tell(f"{program}: {_state.sentence}\n")
    os._exit(exit_code())


def _tell(text: str) -> None:
    """Write to stderr past Python's buffers, whose locks may be held; never wait for a reader."""
    try:
        clear = "\r\x1b[K" if os.isatty(2) else ""
        if select.select([], [2], [], 0)[1]:
            os.write(2, f"{clear}{text}".encode(errors="backslashreplace"))
    except OSError:
        return


def _descendants(pid: int) -> list[int]:
    """Return the processes that descend from `pid`, as Linux tells them."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name stands in brackets and may hold anything, brackets included.
            parent = int(stat.read_bytes().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = list(children.get(pid, []))
    for one in found:
        found += children.get(one, [])
    return found
