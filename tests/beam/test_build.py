"""The same bytes whatever happens on the way; and what a run refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from beam_corpus import INPUTS, SAMPLE, build, skypile

LIGHT = ("--recipe", Path(__file__).parents[1] / "data" / "light.yaml")
ROOT = Path(__file__).parents[2]
WEB = SAMPLE / "web-en.jsonl"


def times(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_the_order_of_inputs_and_the_pipeline_file_change_no_byte(built, tmp_path):
    options = [f"--input={SAMPLE / name}" for name in reversed(INPUTS)]
    file = ROOT / "pipelines" / "build_skypile.py"
    command = [sys.executable, "-m", "skypile.cli.beam", "run", str(file), "--runner=Direct"]
    command += [*options, "--recipe=web", f"--output={tmp_path / 'out'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    other = type(built)(tmp_path / "out")
    assert other.same_bytes() == built.same_bytes()
    assert not (tmp_path / "out" / ".work").exists()


def test_another_mixture_only_publishes_and_leaves_no_old_shard(tmp_path):
    inputs = [SAMPLE / "web-en.jsonl", SAMPLE / "web-zh.jsonl"]
    args = ["build", *inputs, *LIGHT, "--output", tmp_path / "out", "--keep-work"]
    failed = skypile(*args)
    assert failed.returncode == 1
    assert "--mixture en=1,zh=1 or --mixture none" in failed.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()
    scores = times(tmp_path / "out" / ".work" / "score")
    assert scores
    done = skypile(*args, "--mixture", "en=1,zh=1")
    assert done.returncode == 0, done.stderr
    assert times(tmp_path / "out" / ".work" / "score") == scores
    reached = json.loads((tmp_path / "out" / "manifest.json").read_text())["mixture"]["reached"]
    assert set(reached) == {"en", "zh"}


def test_too_many_unreadable_records_fail_the_run_and_units_stay(tmp_path):
    broken = SAMPLE / "crawl-broken.jsonl"
    args = ["build", broken, *LIGHT, "--output", tmp_path / "out", "--mixture", "none"]
    failed = skypile(*args, "--max-unreadable-frac", "0.1")
    assert failed.returncode == 1
    assert "12 of 23 records could not be read" in failed.stderr
    assert not (tmp_path / "out" / "manifest.json").exists()
    assert skypile(*args, "--max-unreadable-frac", "0.9").returncode == 0


def test_a_folder_with_a_corpus_or_other_work_is_refused(tmp_path):
    out = tmp_path / "out"
    build(out, *LIGHT, "--mixture", "none", inputs=[WEB])
    again = skypile("build", WEB, *LIGHT, "--output", out, "--mixture", "none")
    assert again.returncode == 2
    assert "holds a finished corpus" in again.stderr
    other = SAMPLE / "web-zh.jsonl"
    build(out, *LIGHT, "--mixture", "none", "--overwrite", inputs=[other])
    domains = json.loads((out / "manifest.json").read_text())["mixture"]["reached"]
    assert set(domains) == {"zh"}


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--runner", "DaskRunner"], "DaskRunner is refused"),
        (["--direct_running_mode=multi_threading"], "multi_threading is refused"),
        (["--experiments=data_buffer_time_limit_ms=1000"], "data_buffer_time_limit_ms is refused"),
        (["--runner", "Dirct"], "did you mean 'direct'"),
        (["--frobnicate"], "unknown option '--frobnicate'"),
        (["--recipe", "wbe"], "did you mean 'web'"),
        (["--mixture", "en=0"], "--mixture"),
        (["--tokens", "0"], "--tokens is 0"),
        (["--max-error-frac", "2"], "--max-error-frac is 2"),
        (["--mixture", "none", "--tokens", "5"], "--tokens needs a mixture"),
        (["--work-dir", ""], "--work-dir is ''"),
        (["--direct_num_workers=x"], "direct_num_workers"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path, args, problem):
    done = skypile("build", WEB, "--output", tmp_path / "out", *args)
    assert done.returncode == 2, done.stderr
    assert problem in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "data").exists()


def test_no_input_is_named(tmp_path):
    done = skypile("build", tmp_path / "none-*.jsonl", "--output", tmp_path / "out")
    assert done.returncode == 2
    assert "none-*.jsonl" in done.stderr


def test_empty_inputs_make_an_empty_corpus(tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    empty = build(tmp_path / "out", *LIGHT, "--mixture", "none", inputs=[tmp_path / "empty.jsonl"])
    assert empty.manifest["ledger"]["read"] == 0
    assert empty.manifest["shards"] == []


def test_a_dry_run_writes_nothing(tmp_path):
    done = skypile("build", WEB, "--output", tmp_path / "out", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "1 units" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_limit_bounds_the_records_of_each_unit(tmp_path):
    few = build(tmp_path / "out", *LIGHT, "--mixture", "none", "--limit", "7", inputs=[WEB])
    assert few.manifest["ledger"]["read"] == 7


def test_nothing_is_removed_that_a_build_did_not_write(tmp_path):
    scratch = tmp_path / "scratch"
    (scratch / "precious").mkdir(parents=True)
    (scratch / "thesis.txt").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    options = ["--mixture", "none", "--work-dir", scratch]
    build(tmp_path / "out", *LIGHT, *options, inputs=[WEB])
    (tmp_path / "out" / "data" / "notes.txt").write_text("mine")
    build(tmp_path / "out", *LIGHT, *options, "--overwrite", inputs=[SAMPLE / "web-zh.jsonl"])
    assert sorted(path.name for path in scratch.iterdir()) == ["precious", "thesis.txt"]
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "out" / "data" / "notes.txt").read_text() == "mine"


def test_data_that_no_build_wrote_is_refused_even_with_overwrite(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.parquet").write_text("mine")
    done = skypile("build", WEB, *LIGHT, "--output", tmp_path, "--overwrite", "--mixture", "none")
    assert done.returncode == 2
    assert "which no build of SkyPile wrote" in done.stderr
    assert (tmp_path / "data" / "mine.parquet").exists()


@pytest.mark.parametrize("place", ["tree/out", "tree", "tree/../tree/a/b"])
def test_a_corpus_cannot_lie_in_its_own_input(tmp_path, place):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "one.py").write_text("x = 1\n")
    done = skypile("build", tmp_path / "tree", *LIGHT, "--output", tmp_path / place)
    assert done.returncode == 2
    assert "would become its own input" in done.stderr


def test_unreadable_records_are_named_even_when_quiet(tmp_path):
    broken = SAMPLE / "crawl-broken.jsonl"
    out = ["--output", tmp_path / "out", "--mixture", "none", "--quiet"]
    done = skypile("build", broken, *LIGHT, *out)
    assert done.returncode == 0
    assert done.stderr == "crawl-broken.jsonl: 12 records could not be read\n"


def test_a_recipe_that_lets_documents_of_no_domain_pass_is_refused(tmp_path):
    recipe = tmp_path / "open.yaml"
    recipe.write_text("steps:\n  - stages: [counts, language]\n")
    done = skypile("build", WEB, "--recipe", recipe, "--output", tmp_path / "out", "--mixture=none")
    assert done.returncode == 2
    assert "wrong_language" in done.stderr


def test_without_models_the_ledger_says_so_and_nothing_can_be_mixed(tmp_path):
    args = ["build", WEB, "--output", tmp_path / "out", "--no-models"]
    refused = skypile(*args)
    assert refused.returncode == 2
    assert "--mixture none" in refused.stderr
    assert skypile(*args, "--mixture", "none").returncode == 0
    ledger = json.loads((tmp_path / "out" / "manifest.json").read_text())["ledger"]
    assert ledger["notes"] == ["--no-models: the recipe's score section was left out"]
    assert skypile("verify", tmp_path / "out").returncode == 0


def test_a_corpus_within_an_input_is_left_out_and_counted(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    shutil.copy(WEB, tree / "web.jsonl")
    build(tree / "corpus", *LIGHT, "--mixture", "none", inputs=[tree / "web.jsonl"])
    again = skypile("build", tree, *LIGHT, "--mixture", "none", "--output", tmp_path / "out")
    assert again.returncode == 0, again.stderr
    assert "left out 1 files: folder:corpus" in again.stderr
    inputs = json.loads((tmp_path / "out" / "manifest.json").read_text())["inputs"]
    assert [one["unit"] for one in inputs] == ["web.jsonl"]
