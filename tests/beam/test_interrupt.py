"""A build that is interrupted says how to go on, and goes on; what it shows on the way."""

from __future__ import annotations

import json
import random
import shutil
import signal
from pathlib import Path

import pytest
from beam_corpus import INPUTS, SAMPLE, skypile
from signals import Watched

from skypile.beam.progress import Curated
from skypile.io.store import Store
from skypile.io.units import plan_units
from skypile.phases.context import Context, UnitRef
from skypile.phases.curate import curated, unit_folder
from skypile.recipe import load_recipe

LIGHT = Path(__file__).parents[1] / "data" / "light.yaml"
WORDS = ("the", "river", "of", "light", "and", "a", "stone", "that", "was", "in", "it", "house")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Three files of some megabytes: three units that take a while."""
    folder = tmp_path_factory.mktemp("interrupt-in")
    rng = random.Random(3)
    for name in "abc":
        with open(folder / f"{name}.jsonl", "w") as out:
            for number in range(800):
                text = " ".join(f"{rng.choice(WORDS)} {rng.choice(WORDS)}" for _ in range(400))
                out.write(json.dumps({"id": f"{name}{number}", "text": text}) + "\n")
    return folder


def finished(out: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in out.glob(".work/curate/*/unit.json")}


def left_behind(out: Path) -> list[str]:
    return [path.name for path in out.rglob("*.tmp")]


def test_an_interrupted_build_goes_on_where_it_was(inputs, tmp_path):
    out = tmp_path / "out"
    args = ("build", inputs, "--recipe", LIGHT, "--mixture", "none", "--output", out)
    args += ("--keep-work",)
    going_on = f"finished work is kept in {out}/.work, and the same command goes on from there\n"

    watched = Watched(*args, terminal=True, TERM="xterm").when(lambda: finished(out))
    code, stdout, shown = watched.send(signal.SIGINT, group=True).end()
    assert (code, stdout) == (130, b"")
    assert "Traceback" not in shown and shown.endswith(going_on)
    last = shown.splitlines()[-1]
    assert "\x1b[Kskypile: interrupted in phase curate" in last
    first = finished(out)
    assert 1 <= len(first) < 3 and left_behind(out) == []
    assert not (out / "manifest.json").exists() and not (out / "data").exists()

    watched = Watched(*args).when(lambda: len(finished(out)) > len(first))
    code, stdout, shown = watched.send(signal.SIGTERM).end()
    assert (code, stdout) == (143, b"")
    assert "Traceback" not in shown and shown.endswith(going_on)
    assert shown.splitlines()[-1].startswith("skypile: terminated in phase ")
    second = finished(out)
    assert first.items() < second.items() and left_behind(out) == []

    done = skypile(*args)
    assert done.returncode == 0, done.stderr
    assert second.items() <= finished(out).items()
    lines = {line.split()[0]: line for line in done.stderr.splitlines() if line}
    assert f"3 of 3 units ({len(second)} by an earlier run)" in lines["curate"]
    assert "3 of 3 passes" in lines["pair"] and "3 of 3 drop lists" in lines["cluster"]
    assert "3 of 3 parts, 2,400 documents" in lines["score"] and "MB/s" in lines["score"]
    assert "1 of 1 groups of shards, 2,400 documents" in lines["publish"]
    assert json.loads((out / "manifest.json").read_text())["ledger"]["read"] == 2400


def test_progress_of_curate_counts_parts_of_units_under_way(built, tmp_path):
    """What a poll finds in the work folder, as a run leaves it behind step by step."""
    plan = plan_units([str(SAMPLE / name) for name in INPUTS])
    refs = [UnitRef(number, unit) for number, unit in enumerate(plan.units)]
    store = Store(str(tmp_path / "work"))
    context = Context(load_recipe("web"), Store(str(tmp_path)), store)
    whole = Context(load_recipe("web"), Store(str(tmp_path)), Store(str(built.path / ".work")))
    entries = [curated(whole, ref) for ref in refs]
    poll = Curated(context, refs, [None] * len(refs))
    assert poll().done == poll().documents == 0

    source, target = (built.path / ".work", tmp_path / "work")
    largest = max(refs, key=lambda ref: ref.unit.size)
    one, at = unit_folder(context, largest), refs.index(largest)
    shutil.copytree(source / one, target / one, ignore=shutil.ignore_patterns("unit.json"))
    begun = poll()
    data = entries[at].data
    read, size = data["read"], sum(part["text_bytes"] for part in data["parts"])
    assert (begun.done, begun.documents) == (0, read)
    assert begun.text_bytes == pytest.approx(size, rel=0.1)
    assert 0 < begun.share < 1

    shutil.copy(source / one / "unit.json", target / one)
    count = poll()
    assert (count.done, count.documents, count.text_bytes) == (1, read, size)
    for ref in refs[:at] + refs[at + 1 :]:
        folder = unit_folder(context, ref)
        shutil.copytree(source / folder, target / folder)
    count = poll()
    assert (count.done, count.share) == (len(refs), 1.0)
    assert count.documents == built.manifest["ledger"]["read"]

    before = [entry if ref is largest else None for ref, entry in zip(refs, entries, strict=True)]
    resumed = Curated(context, refs, before)()
    assert (resumed.done, resumed.earlier) == (len(refs), 1)
    assert resumed.documents == count.documents - read
