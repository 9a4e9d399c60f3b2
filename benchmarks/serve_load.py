"""Load `skypile serve` on this machine: what it sustains, how long answers take, that none is lost.

    python benchmarks/serve_load.py [--recipe NAME] [--workers N] [--seconds S]
        [--concurrency C ...] [--documents D ...]

The lines of the bundled sample, broken ones too, are sent to a service that this script starts on
127.0.0.1 and ends: C clients, each with a connection of its own, send requests of D lines one after
the other for S seconds. Each answer is held against what `skypile filter --explain` writes for the
same lines: outcome, reason, score, limit, all columns (fractions to 2e-6). A request that is told
to come again (429, 503) is sent again and counted; every line must be answered exactly once, or the
script fails. The clients are threads of one other process, which takes its share of the machine's
cores: so does the check, whose time is not part of a latency. Where other programs take the cores
as well, documents per second of the service's own processor time still tell what it can do. Prints
Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import orjson

SAMPLE = Path(__file__).parents[1] / "skypile" / "sample"
NAMES = ("crawl-broken.jsonl", "web-en.jsonl", "web-zh.jsonl")
HEADERS = {"Content-Type": "application/x-ndjson"}
# A run ends by itself: no client sends more than these.
MAX_REQUESTS = 100_000
MAX_TRIES = 100
# Scores are told to six decimals, and a model's matrix products round by what else is in the batch.
ROUNDING = 2e-6
# What a line's name in the file decides, and not what it holds.
OWN = ("record", "index", "message")


@dataclass
class Seen:
    """What the clients of one run have seen."""

    seconds: list[float] = field(default_factory=list)
    sent: int = 0
    answered: int = 0
    again: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def lines() -> list[bytes]:
    """Return the lines of the sample that are records."""
    found = [line for name in NAMES for line in (SAMPLE / name).read_bytes().splitlines()]
    return [line for line in found if line.strip()]


def by_filter(body: list[bytes], recipe: str) -> list[dict[str, Any]]:
    """Return what `skypile filter` says of each line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "body.jsonl"
        path.write_bytes(b"".join(line + b"\n" for line in body))
        command = [sys.executable, "-m", "skypile", "filter", str(path), "--recipe", recipe]
        done = subprocess.run([*command, "--explain", "--quiet"], check=True, capture_output=True)
    return [comparable(orjson.loads(line)) for line in done.stdout.splitlines()]


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without what the place of its line decides."""
    found = {**answer, **answer.get("columns", {})}
    kept = {name: found[name] for name in found if name not in (*OWN, "columns")}
    if str(kept["id"]).startswith(("body#", "body.jsonl#")):
        del kept["id"]
    return kept


def started(recipe: str, workers: int) -> tuple[subprocess.Popen[str], int]:
    """Start a service, and return it with its port once it takes documents."""
    command = [sys.executable, "-m", "skypile", "serve", "--port", "0", "--recipe", recipe]
    # On a busy machine answers may be late, which is what is measured: none is refused for it.
    command += ["--timeout-seconds", "600"]
    service = subprocess.Popen(
        [*command, "--workers", str(workers)], stderr=subprocess.PIPE, text=True
    )
    assert service.stderr is not None
    port = 0
    for line in service.stderr:
        told = json.loads(line) if line.startswith("{") else {}
        port = told.get("port", port)
        if told.get("event") == "ready":
            break
    # Its log is read, or it would wait for a reader.
    threading.Thread(target=service.stderr.read, daemon=True).start()
    return service, port


def client(
    port: int, body: list[bytes], wanted: list[dict[str, Any]], size: int, until: float,
    chance: random.Random, seen: Seen,
) -> None:  # fmt: skip
    """Send requests until the time is over, and check each answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=600)
    for _ in range(MAX_REQUESTS):
        if time.monotonic() >= until:
            break
        first = chance.randrange(len(body) - size + 1)
        sent = b"".join(line + b"\n" for line in body[first : first + size])
        begun = time.monotonic()
        status, content, again = asked(connection, sent)
        taken = time.monotonic() - begun
        wrong = problem(status, content, wanted[first : first + size])
        with seen.lock:
            seen.seconds.append(taken)
            seen.sent += size
            seen.again += again
            seen.answered += size if wrong is None else 0
            if wrong is not None:
                seen.wrong.append(wrong)
    connection.close()


def asked(connection: HTTPConnection, sent: bytes) -> tuple[int, bytes, int]:
    """Return status and content of the answer, and how often the request had to be sent again."""
    for again in range(MAX_TRIES):
        connection.request("POST", "/v1/curate", sent, HEADERS)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status not in (429, 503):
            return answer.status, content, again
        time.sleep(0.05)
    return answer.status, content, MAX_TRIES


def problem(status: int, content: bytes, wanted: list[dict[str, Any]]) -> str | None:
    """Return what is wrong with an answer, None where nothing is."""
    if status != 200:
        return f"status {status}: {content[:200]!r}"
    *answers, last = (orjson.loads(line) for line in content.splitlines())
    if [each["index"] for each in answers] != list(range(len(wanted))):
        return f"{len(answers)} answers to {len(wanted)} documents"
    if not last["summary"]["complete"] or last["summary"]["read"] != len(wanted):
        return f"summary {last}"
    for answer, line in zip(answers, wanted, strict=True):
        found = comparable(answer)
        differing = [
            f"{name} is {found.get(name)!r}, not {line.get(name)!r}"
            for name in sorted(found.keys() | line.keys())
            if not same(found.get(name), line.get(name))
        ]
        if differing:
            return f"{answer['record']}: {'; '.join(differing)}"
    return None


def same(found: Any, wanted: Any) -> bool:
    """Say whether two values are equal, fractions and scores to `ROUNDING`."""
    if isinstance(found, float) and isinstance(wanted, float):
        return abs(found - wanted) <= ROUNDING
    return bool(found == wanted)


def cpu_seconds(service: int) -> tuple[float, float]:
    """Return the processor time of the process that answers, and of those that judge."""
    answering = judging = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        if int(stat.parent.name) == service:
            answering += seconds
        elif int(fields[1]) == service:
            judging += seconds
    return answering, judging


def metric(port: int, name: str) -> float:
    """Return a number that the service counts."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


@dataclass(frozen=True)
class Load:
    """What is sent to which service, and for how long."""

    pid: int
    port: int
    body: list[bytes]
    wanted: list[dict[str, Any]]
    seconds: float


def run(load: Load, clients: int, size: int) -> str:
    """Load the service, and return a row of the table."""
    port = load.port
    before = [metric(port, f"skypile_batch_documents_{part} ") for part in ("sum", "count")]
    spent = cpu_seconds(load.pid)
    seen = Seen()
    begun = time.monotonic()
    threads = [
        threading.Thread(
            target=client,
            args=(port, load.body, load.wanted, size, begun + load.seconds, random.Random(n), seen),
        )
        for n in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begun
    if seen.wrong or seen.answered != seen.sent:
        sys.exit(f"{len(seen.wrong)} requests went wrong; the first: {seen.wrong[:1]}")
    answering, judging = (
        seen.sent / max(now - then, 0.01)
        for now, then in zip(cpu_seconds(load.pid), spent, strict=True)
    )
    after = [metric(port, f"skypile_batch_documents_{part} ") for part in ("sum", "count")]
    judged, batches = (now - then for now, then in zip(after, before, strict=True))
    if judged != seen.sent:
        sys.exit(f"{seen.sent} documents were sent, and {judged:g} judged")
    half, most = np.percentile(seen.seconds, [50, 99]) * 1000
    return (
        f"| {clients} | {size} | {len(seen.seconds):,} | {len(seen.seconds) / seconds:.1f} | "
        f"{seen.sent / seconds:.0f} | {half:.0f} | {most:.0f} | {judged / batches:.1f} | "
        f"{seen.again} | {judging:.0f} | {answering:.0f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--recipe", default="web")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--documents", type=int, nargs="+", default=[1, 16])
    args = parser.parse_args()
    os.environ["NO_PROXY"] = "127.0.0.1"
    body = lines()
    wanted = by_filter(body, args.recipe)
    assert len(wanted) == len(body)
    service, port = started(args.recipe, args.workers)
    try:
        load = Load(service.pid, port, body, wanted, args.seconds)
        run(replace(load, seconds=3), 2, 8)  # the first are slow
        print(f"Recipe {args.recipe}, {args.workers} judging, {len(body)} different lines.\n")
        print("| clients | documents a request | requests | requests/s | documents/s | p50 ms | "
              "p99 ms | documents a batch | sent again | documents per CPU-second, judging | "
              "answering |")  # fmt: skip
        print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
        for size in args.documents:
            for clients in args.concurrency:
                print(run(load, clients, size), flush=True)
    finally:
        service.send_signal(signal.SIGTERM)
        code = service.wait(timeout=60)
    if code:
        sys.exit(f"the service ended with {code}")
    print("\nEvery document was answered once, as `skypile filter` answers it.")


if __name__ == "__main__":
    main()
