"""Builds that are killed, stopped, starved of space or of rights, in processes of their own."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

SUPPORT = Path(__file__).parent
ROOT = SUPPORT.parents[1]


@dataclass(frozen=True)
class Strike:
    """Where a process ends (SIGKILL) or waits (SIGSTOP): at the `nth` event of a matching path.

    Events are those that CPython announces: ``os.rename`` (its path is the new name),
    ``shutil.rmtree``, ``os.remove``.
    """

    path: str
    nth: int = 1
    after: bool = False
    event: str = "os.rename"
    signal: str = "SIGKILL"
    group: bool = True


@dataclass(frozen=True)
class Ended:
    """A command that has ended: its exit code (negative: the signal) and what it wrote."""

    code: int
    out: str
    err: str


class Run:
    """A command that runs."""

    def __init__(self, forge: Forge, pid: int, out: Path, err: Path) -> None:
        self.forge, self.pid, self.out, self.err = forge, pid, out, err

    def wait(self) -> Ended:
        """Wait for its end."""
        code = self.forge.ask({"wait": self.pid})
        assert code is not None, "it has stopped"
        self.forge.running.discard(self.pid)
        return Ended(code, self.out.read_text("utf-8"), self.err.read_text("utf-8"))

    def wait_for_stop(self) -> None:
        """Wait until it has stopped itself."""
        assert self.forge.ask({"wait": self.pid}) is None, self.err.read_text("utf-8")

    def go_on(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        os.killpg(self.pid, signal.SIGKILL)


class Forge:
    """Starts commands: each is a process, and leads a group of its own."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process, self.folder, self.started = process, folder, 0
        self.running: set[int] = set()

    def ask(self, request: dict[str, Any]) -> Any:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(
        self,
        *args: object,
        strike: Strike | None = None,
        largest_file: int | None = None,
        user: int | None = None,
        stdin: Path = Path(os.devnull),
    ) -> Run:
        """Start ``skypile`` with `args`.

        `largest_file`: the kernel ends it when a file grows over so many bytes. `user`: run as this
        user and group.
        """
        self.started += 1
        out, err = (self.folder / f"{self.started}.{name}" for name in ("out", "err"))
        for path in (out, err):
            path.touch(0o666)
            path.chmod(0o666)
        env = {"PYTHONPATH": f"{SUPPORT / 'strikes'}{os.pathsep}{ROOT}"}
        if strike is not None:
            env["SKYPILE_STRIKE"] = json.dumps(asdict(strike))
        env = {**os.environ, **env}
        request = {"argv": [str(arg) for arg in args], "env": env, "stdin": str(stdin)}
        request["cwd"] = str(Path.cwd())
        request |= {"out": str(out), "err": str(err), "largest_file": largest_file, "user": user}
        run = Run(self, self.ask(request), out, err)
        self.running.add(run.pid)
        return run

    def end(self) -> None:
        """Kill what a test that failed has left, stopped or not."""
        for pid in self.running:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)

    def run(self, *args: object, **options: Any) -> Ended:
        """Start ``skypile`` with `args` and wait for its end."""
        return self.start(*args, **options).wait()


@contextmanager
def forge(folder: Path) -> Iterator[Forge]:
    """Yield a forge whose commands write what they say into `folder`."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SUPPORT / "strikes"), str(ROOT)])}
    env.pop("SKYPILE_STRIKE", None)
    command = [sys.executable, str(SUPPORT / "zygote.py")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=env, text=True, **pipes) as process:  # type: ignore[call-overload]
        started = Forge(process, folder)
        yield started
        started.end()
        process.stdin.close()


@lru_cache(maxsize=1)
def shared_forge() -> Forge:
    """Return the forge of this test process, which ends with it."""
    stack = ExitStack()
    atexit.register(stack.close)
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="skypile-forge-"))
    # Commands may run as another user, who must be able to write what they say.
    Path(folder).chmod(0o711)
    return stack.enter_context(forge(Path(folder)))
