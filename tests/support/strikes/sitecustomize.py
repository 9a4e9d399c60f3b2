"""Ends or stops this process, or its whole group, at an exact point of its work.

Python loads a module of this name when it starts, so with this folder on PYTHONPATH every process
of a command has the hook, workers included. CPython announces each rename and removal before it is
done (sys.addaudithook), so the product needs no place for tests to reach into. SKYPILE_STRIKE holds
a Strike of build_runs.py as JSON.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
from itertools import count
from typing import Any


def install(strike: dict[str, Any]) -> None:
    """Have the `nth` `event` whose path matches strike, before or after what it announces."""
    number = count(1)
    match = re.compile(strike["path"]).search
    place = 1 if strike["event"] == "os.rename" else 0

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event != strike["event"] or not match(os.fspath(args[place])):
            return
        if next(number) != strike["nth"]:
            return
        if strike["after"]:
            _do(event, args)
        # A group is killed as a whole, as by a job scheduler; it is this command's own.
        target = 0 if strike["group"] else os.getpid()
        (os.killpg if strike["group"] else os.kill)(target, signal.Signals[strike["signal"]])

    sys.addaudithook(hook)


def _do(event: str, args: tuple[Any, ...]) -> None:
    if event == "os.rename":
        os.replace(args[0], args[1])
    elif event == "shutil.rmtree":
        shutil.rmtree(args[0])


if os.environ.get("SKYPILE_STRIKE"):
    install(json.loads(os.environ["SKYPILE_STRIKE"]))
