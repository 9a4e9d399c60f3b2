"""A process that is interrupted ends in order, and where it cannot, it ends all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from signals import Watched

# What a program does while it is interrupted; `ready` is made when it may be.
PROGRAM = """
import hashlib, pathlib, subprocess, sys, time
from skypile import interrupts
from skypile.cli.main import guarded
interrupts.GRACE_SECONDS = float(sys.argv[2])
interrupts.install("prog")
folder = pathlib.Path(sys.argv[1])

def ready():
    (folder / "ready").touch()

def work():
    with interrupts.kept(lambda: "at work; all is kept"):
        {work}
    return 0

sys.exit(guarded("prog", work))
"""
SLEEPS = "ready(); time.sleep(600)"
SWALLOWS = (
    "ready()\n        while True:\n            try: time.sleep(600)\n"
    "            except BaseException: pass"
)
CALCULATES = "ready(); hashlib.pbkdf2_hmac('sha256', b'x', b'y', 2**31 - 1)"
TRANSLATES = (
    "ready()\n        try: time.sleep(600)\n        except BaseException: raise ValueError('lost')"
)


def program(tmp_path: Path, work: str, grace: float = 60) -> Watched:
    code = PROGRAM.replace("{work}", work)
    watched = Watched(tmp_path, grace, program=("-c", code))
    return watched.when((tmp_path / "ready").exists)


@pytest.mark.parametrize("work", [SLEEPS, TRANSLATES])
@pytest.mark.parametrize(
    ("signum", "code", "told"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
def test_a_signal_ends_it_with_one_sentence(tmp_path, work, signum, code, told):
    found = program(tmp_path, work).send(signum).end()
    assert found == (code, b"", f"prog: {told} at work; all is kept\n")


@pytest.mark.parametrize("work", [SWALLOWS, CALCULATES])
def test_who_cannot_unwind_is_ended_after_a_while(tmp_path, work):
    found = program(tmp_path, work, grace=0.2).send(signal.SIGINT).end()
    assert found == (130, b"", "prog: interrupted at work; all is kept\n")


def test_a_second_signal_ends_it_at_once(tmp_path):
    watched = program(tmp_path, CALCULATES)
    watched.send(signal.SIGINT)
    # The same Ctrl-C may come twice at once; a person's second one comes later.
    while watched.process.poll() is None:
        watched.send(signal.SIGINT)
        try:
            watched.process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    assert watched.end() == (130, b"", "prog: interrupted at work; all is kept\n")


def test_children_and_unfinished_files_go_with_it(tmp_path):
    work = (
        "(folder / 'out.tmp').touch(); interrupts.unfinished.add(str(folder / 'out.tmp'))\n"
        "        child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "        (folder / 'child').write_text(str(child.pid))\n"
        f"        {CALCULATES}"
    )
    watched = program(tmp_path, work, grace=0.1)
    child = int((tmp_path / "child").read_text())
    assert watched.send(signal.SIGINT).end()[0] == 130
    assert not (tmp_path / "out.tmp").exists()
    assert ended(child)


def ended(pid: int) -> bool:
    """Whether a process is gone, or waits for nothing but to be collected."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state in "ZX"


def test_what_was_ignored_stays_ignored(tmp_path):
    code = PROGRAM.replace("{work}", "ready(); sys.stdin.read()")
    ignoring = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    )
    reader, writer = os.pipe()
    watched = Watched("-c", code, tmp_path, 60, program=("-c", ignoring), stdin=reader)
    os.close(reader)
    watched.when((tmp_path / "ready").exists).send(signal.SIGINT)
    os.close(writer)
    assert watched.end() == (0, b"", "")


def test_threads_that_lose_their_work_print_nothing(tmp_path):
    work = (
        "import threading; go = threading.Event()\n"
        "        threading.Thread(target=lambda: go.wait() and 1 / 0).start()\n"
        "        try: ready(); time.sleep(600)\n"
        "        finally: go.set()"
    )
    found = program(tmp_path, work).send(signal.SIGINT).end()
    assert found == (130, b"", "prog: interrupted at work; all is kept\n")


def test_a_command_without_a_signal_prints_its_faults_as_ever(tmp_path):
    code = PROGRAM.replace("{work}", "raise ValueError('a fault')")
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path, "1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "a fault" in done.stderr
