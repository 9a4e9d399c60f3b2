"""What a worker process of ``--workers N`` does: Beam's harness, quiet, and never alone."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Mapping

# What Beam logs while it is loaded and while it serves is not for the user's terminal: errors come
# to the driver as answers. Without a handler the root logger would write to stderr.
logging.getLogger().addHandler(logging.NullHandler())

# Loaded here, so that the process from which workers are forked holds it once for all of them.
from apache_beam.runners.worker import sdk_worker_main  # noqa: E402

import skypile.beam.graph  # noqa: E402, F401 - the same

__all__ = ["serve"]

PR_SET_PDEATHSIG = 1  # prctl(2)
STDOUT, STDERR = 1, 2


def serve(environment: Mapping[str, str]) -> None:
    """Serve the driver, whose addresses stand in `environment`, until it hangs up."""
    # A terminal sends Ctrl-C to every process; the driver decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    # stdout is for the command's result; on stderr Beam prints a traceback for each error that it
    # also hands to the driver.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STDOUT)
    if os.environ.get("SKYPILE_DEBUG") != "1":
        os.dup2(nowhere, STDERR)
    os.environ.update(environment)
    sdk_worker_main.main([])


def _die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends, which ends with the driver."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:  # it ended before the kernel was asked
        sys.exit(1)
