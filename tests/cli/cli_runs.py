"""The command as users call it: in a process of its own, or in this one where that does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from build_runs import shared_forge

RECIPE = """
name: small
description: lengths only
steps:
- stages: [counts]
  rules:
  - {reason: empty, column: words_count, min: 1, source: no text}
  - {reason: too_short, column: words_count, min: 5, source: the tests}
  - {reason: too_long, column: words_count, max: 50, source: the tests}
- stages: [repetition]
"""

# Three domains, lines taken out, duplicates, tokens: all that a corpus needs, and no classifier.
CORPUS_RECIPE = """
name: corpus
steps:
- stages: [boilerplate_lines, counts]
  rules:
  - {reason: empty, column: chars_count, min: 1, source: no text}
- stages: [language]
  rules:
  - {reason: wrong_language, column: domain, in: [en, zh, code], source: the tests}
  - {reason: too_short, column: words_count, min: 30, domain: [en], source: the tests}
- stages: [code]
- stages: [repetition]
  rules:
  - {reason: repeated_lines, column: dup_line_frac, max: 0.3, domain: [en, zh]}
dedup: {prefer: [{column: chars_count, order: desc}, source], alarm: 1}
score:
- stages: [tokens]
  rules:
  - {reason: few_tokens, column: tokens, min: 60}
"""


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[bytes]:
        return self.out.splitlines()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


def spawn(*args: object) -> Done:
    """Run the command in a process of its own, started as users start it."""
    command = [sys.executable, "-m", "skypile", *map(str, args)]
    done = subprocess.run(command, capture_output=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr.decode())


def fed(*args: object, stdin: bytes = b"") -> Done:
    """Run the command as `forked` does, with `stdin` coming through a pipe."""
    with tempfile.TemporaryDirectory() as folder:
        pipe = Path(folder) / "stdin"
        os.mkfifo(pipe)
        run = shared_forge().start(*args, stdin=pipe)
        with suppress(BrokenPipeError), pipe.open("wb") as writer:
            writer.write(stdin)
        done = run.wait()
    return Done(done.code, run.out.read_bytes(), done.err)


def forked(*args: object) -> Done:
    """Run the command in a process that need not load all that builds need."""
    done = shared_forge().run(*args)
    return Done(done.code, done.out.encode(), done.err)


def words(count: int, start: int = 0) -> str:
    """Return a text of `count` different words."""
    return " ".join(f"word{number}" for number in range(start, start + count))


def write_lines(path: Path, records: Iterable[object]) -> Path:
    """Write `records` as JSON Lines (bytes as they are) and return `path`."""
    lines = [
        record if isinstance(record, bytes) else json.dumps(record, ensure_ascii=False).encode()
        for record in records
    ]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path
