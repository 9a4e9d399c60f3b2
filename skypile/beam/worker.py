"""What a worker process of ``--workers N`` does: Beam's harness, quiet, and never alone."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping

# What Beam logs while it is loaded and while it serves is not for the user's terminal: errors come
# to the driver as answers. Without a handler the root logger would write to stderr.
logging.getLogger().addHandler(logging.NullHandler())

# Loaded here, so that the process from which workers are forked holds it once for all of them.
from apache_beam.runners.worker import sdk_worker_main  # noqa: E402

import skypile.beam.graph  # noqa: E402, F401 - the same

__all__ = ["serve"]

STDOUT, STDERR = 1, 2


def serve(environment: Mapping[str, str]) -> None:
    """Serve the driver, whose addresses stand in `environment`, until it hangs up."""
    # A terminal sends Ctrl-C to every process; the driver decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_driver, daemon=True).start()
    # stdout is for the command's result; on stderr Beam prints a traceback for each error that it
    # also hands to the driver.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STDOUT)
    if os.environ.get("SKYPILE_DEBUG") != "1":
        os.dup2(nowhere, STDERR)
    os.environ.update(environment)
    sdk_worker_main.main([])


def _end_with_driver() -> None:
    """End this process when the driver has ended, however it did."""
    driver = multiprocessing.parent_process()
    assert driver is not None
    driver.join()
    os._exit(1)
