"""A run trains in stages, goes on after any end as if there had been none, and says what is off."""

from __future__ import annotations

import json
import resource
import shutil
import signal
from pathlib import Path

import pytest
from build_runs import Strike, shared_forge

from skypile.cli.main import run
from skypile.pretrain.checkpoint import checkpoints, newest, read_state
from skypile.pretrain.log import read_log

OPTIONS = ("--device", "cpu", "--threads", "1", "--quiet")


def pretrain(*args: object) -> int:
    return run(["pretrain", *map(str, args), *OPTIONS])


def told(folder: Path) -> list[dict]:
    """All of a run's log but the clock's part."""
    records = read_log(folder / "log.jsonl")
    return [{k: v for k, v in record.items() if k != "tokens_per_second"} for record in records]


@pytest.fixture(scope="module")
def whole(token_folder, config_text, tmp_path_factory) -> Path:
    """A run of 12 steps."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "config.yaml").write_text(config_text, "utf-8")
    args = ("--config", folder / "config.yaml", "--output", folder / "run")
    assert pretrain(token_folder, *args) == 0
    return folder / "run"


@pytest.fixture
def copy(whole, tmp_path) -> Path:
    """That run, ended behind step 9."""
    shutil.copytree(whole, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "checkpoints" / "step-00000012")
    return tmp_path / "copy"


def test_losses_fall_in_each_domain_over_both_stages(whole):
    records = told(whole)
    steps = [r for r in records if r["kind"] == "step"]
    assert [r["step"] for r in steps] == list(range(1, 13))
    assert [r["stage"] for r in steps] == ["one"] * 7 + ["two"] * 5
    assert steps[-1]["tokens"] == 12 * 512
    assert steps[0]["lr"] == pytest.approx(3e-3) and steps[-1]["lr"] == pytest.approx(1e-3)
    checks = {r["step"]: r["losses"] for r in records if r["kind"] == "validation"}
    assert list(checks) == [0, 4, 7, 8, 12]
    assert set(checks[0]) == {"en", "zh", "code", "en-stem"}
    assert all(checks[12][name] < checks[0][name] - 0.3 for name in checks[0])
    assert [path.name for path in checkpoints(whole / "checkpoints")] == [
        "step-00000009", "step-00000012",
    ]  # fmt: skip


def test_a_run_goes_on_from_its_checkpoint_with_the_same_losses(copy, whole, token_folder):
    assert pretrain(token_folder, "--output", copy, "--resume") == 0
    assert told(copy) == told(whole)


@pytest.mark.parametrize(("is_after", "there"), [(False, 3), (True, 6)])
def test_a_run_killed_while_a_checkpoint_gets_its_name_goes_on_alike(
    whole, token_folder, config_file, tmp_path, is_after, there
):
    strike = Strike(path="step-00000006$", after=is_after)
    args = (token_folder, "--config", config_file(), "--output", tmp_path / "run", *OPTIONS)
    assert shared_forge().run("pretrain", *args, strike=strike).code == -signal.SIGKILL
    assert read_state(newest(tmp_path / "run")).step == there
    with (tmp_path / "run" / "log.jsonl").open("a") as log:
        log.write('{"kind": "st')  # what a kill may leave
    assert pretrain(token_folder, "--output", tmp_path / "run", "--resume") == 0
    assert told(tmp_path / "run") == told(whole)
    assert not list((tmp_path / "run" / "checkpoints").glob(".*"))


def test_two_ranks_train_as_one_does_and_each_reads_the_others_checkpoints(
    whole, copy, token_folder, tmp_path, monkeypatch
):
    """FSDP2 over gloo, from the checkpoint of one process at step 9 to the end; then back."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "29617")
    ranks = []
    for rank in ("0", "1"):
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("LOCAL_RANK", rank)
        ranks.append(
            shared_forge().start("pretrain", token_folder, "--output", copy, "--resume", *OPTIONS)
        )
    for rank in ranks:
        done = rank.wait()
        assert done.code == 0, done.err
    monkeypatch.delenv("WORLD_SIZE")
    for ours, other in zip(told(copy), told(whole), strict=True):
        for key in ours:
            assert ours[key] == pytest.approx(other[key], abs=2e-5), ours
    assert read_state(newest(copy)).ranks == 2
    shutil.rmtree(newest(copy))
    assert pretrain(token_folder, "--output", copy, "--resume") == 0


def test_a_run_may_begin_with_the_weights_of_another(
    whole, token_folder, config_file, tmp_path, capsys
):
    path = config_file(("- name: one\n", f"- name: one\n  start: {whole}\n"))
    assert pretrain(token_folder, "--config", path, "--output", tmp_path / "run") == 0
    before, after = (
        [r for r in told(folder) if r["kind"] == "validation"]
        for folder in (whole, tmp_path / "run")
    )
    assert after[0]["losses"] == pytest.approx(before[-1]["losses"], abs=1e-6)
    path = config_file(("- name: one\n", f"- name: one\n  start: {tmp_path}/none\n"))
    assert pretrain(token_folder, "--config", path, "--output", tmp_path / "other") == 1
    assert "is no checkpoint, and no run with one" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("seed: 0", "seed: 1"), "was trained with seed 0, the config says 1"),
        (("seq_len: 64", "seq_len: 32"), "was trained with seq_len 64, the config says 32"),
        (("{en/main: 1,", "{en/main: 2,"), "stages.1.mixture.en/main 1.0, the config says 2.0"),
    ],
)
def test_another_config_is_refused_with_the_difference(
    whole, token_folder, config_file, change, sentence, capsys
):
    args = ("--config", config_file(change), "--output", whole, "--resume")
    assert pretrain(token_folder, *args) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ('"digest": "d', '"digest": "e', "other data: the corpus's digest was ddddd"),
        ('"sha256": "b"', '"sha256": "c"', "its tokens are of tokenizer b, those of"),
        ('"documents": ', '"documents": 1', "tokenize again"),
    ],
)
def test_other_tokens_are_refused_with_the_difference(
    whole, token_folder, tmp_path, before, after, sentence, capsys
):
    shutil.copytree(token_folder, tmp_path / "other")
    manifest = tmp_path / "other" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(before, after))
    assert pretrain(tmp_path / "other", "--output", whole, "--resume") == 1
    assert sentence in capsys.readouterr().err


def test_a_full_disk_leaves_the_last_checkpoint(copy, token_folder, capsys):
    """The kernel refuses files above a size, as a full disk does in the middle of one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        assert pretrain(token_folder, "--output", copy, "--resume") == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    error = capsys.readouterr().err
    assert "step-00000012: the checkpoint cannot be written (File too large)" in error
    assert "step-00000009 is intact" in error
    assert [path.name for path in (copy / "checkpoints").iterdir()] == ["step-00000009"]
    assert pretrain(token_folder, "--output", copy, "--resume") == 0


def test_a_log_that_cannot_grow_ends_the_run_and_goes_on_later(copy, whole, token_folder, capsys):
    kept = [line for line in (copy / "log.jsonl").read_text().splitlines(keepends=True)
            if json.loads(line)["step"] <= 9]  # fmt: skip
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len("".join(kept)) + 50, hard))
    try:
        assert pretrain(token_folder, "--output", copy, "--resume") == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "log.jsonl: cannot be written (File too large)" in capsys.readouterr().err
    assert read_state(newest(copy)).step == 9
    assert pretrain(token_folder, "--output", copy, "--resume") == 0
    assert told(copy) == told(whole)


@pytest.mark.parametrize("name", ["part-00000.tok", "part-00000.idx", "manifest.json"])
@pytest.mark.parametrize("is_there", [False, True])
def test_tokens_that_are_missing_or_cut_off_are_told(
    copy, token_folder, tmp_path, capsys, name, is_there
):
    shutil.copytree(token_folder, tmp_path / "torn")
    path = tmp_path / "torn" / "train" / "zh" / "main" / name
    path.write_bytes(path.read_bytes()[:-8]) if is_there else path.unlink()
    assert pretrain(tmp_path / "torn", "--output", copy, "--resume") == 1
    error = capsys.readouterr().err
    assert str(path.parent) in error and "this is a bug" not in error
    assert read_state(newest(copy)).step == 9


def test_a_batch_that_memory_does_not_hold_is_said(token_folder, config_file, tmp_path, capsys):
    """8,192 tokens by 16,384 entries are 0.5 GB of logits; the process may have 0.3 GB more."""
    path = config_file(
        ("vocabulary_count: 320", "vocabulary_count: 16384"), ("batch_tokens: 512", "batch_tokens: "
        "8192"), ("micro_batch_rows: 4", "micro_batch_rows: 128"), ("chunk_tokens: 128",
        "chunk_tokens: 8192"),
    )  # fmt: skip
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limits = resource.getrlimit(resource.RLIMIT_AS)
    most = pages * resource.getpagesize() + 300_000_000
    resource.setrlimit(resource.RLIMIT_AS, (most, limits[1]))
    try:
        assert pretrain(token_folder, "--config", path, "--output", tmp_path / "run") == 1
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    error = capsys.readouterr().err
    assert "step 1: out of memory with 128 rows of 64 tokens at a time; lower micro_bat" in error
    assert "there is no checkpoint yet" in error


def test_a_loss_that_is_no_number_ends_the_run(token_folder, config_file, tmp_path, capsys):
    path = config_file(
        ("lr: {schedule: constant, from: 1e-3}",
         "lr: {schedule: constant, from: 1e30, warmup_tokens: 512}"),
    )  # fmt: skip
    assert pretrain(token_folder, "--config", path, "--output", tmp_path / "run") == 1
    error = capsys.readouterr().err
    assert "of stage two: the loss is " in error and "is intact" in error
    failed = next((tmp_path / "run").glob("failed-step-*.json"))
    rows = json.loads(failed.read_text())
    assert len(rows["rows"]) == 8 and any(row.startswith("en/stem:") for row in rows["rows"])
    assert read_state(newest(tmp_path / "run")).step < rows["step"]


@pytest.mark.parametrize(("action", "code"), [("stop", 1), ("back_off", 0)])
def test_a_guard_acts_when_a_general_domain_is_unlearnt(
    token_folder, config_file, tmp_path, capsys, action, code
):
    guard = (
        "{schedule: constant, from: 0.1, warmup_tokens: 512}\n"
        f"  guard: {{budget_nats: 0.01, action: {action}}}"
    )
    path = config_file(("{schedule: constant, from: 1e-3}", guard), ("2_560", "4_096"))
    assert pretrain(token_folder, "--config", path, "--output", tmp_path / "run") == code
    decisions = [r for r in told(tmp_path / "run") if r["kind"] == "guard"]
    assert decisions[0]["action"] == action and decisions[0]["risen"]["zh"] > 0.01
    state = read_state(newest(tmp_path / "run"))
    if action == "back_off":
        assert state.back_offs == [d["step"] for d in decisions if d["step"] < 15]
        before = told(tmp_path / "run")
        shutil.rmtree(newest(tmp_path / "run"))
        assert pretrain(token_folder, "--output", tmp_path / "run", "--resume") == 0
        assert told(tmp_path / "run") == before
    else:
        assert "held-out loss rose above the guard's budget of 0.01 nats" in capsys.readouterr().err
        assert state.step == decisions[0]["step"] < 15
        assert pretrain(token_folder, "--output", tmp_path / "run", "--resume") == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ([("batch_tokens", "batch_token")], "batch_token: unknown key; did you mean batch_tokens?"),
        ([("max_repeats: 50", "max_repeats: 0.01")], "and max_repeats is 0.01; tokenize more text"),
        ([("code/main", "code/stem")], "names 'code/stem', but"),
        ([("seq_len: 64", "seq_len: 128")], "exceeds the model's context_tokens 64"),
        ([("from: 1e-3}", "from: 2e-3}")], "two begins at a rate of 0.002, but one ends at 0.001"),
        ([("micro_batch_rows: 4", "micro_batch_rows: 3")], "are no multiple of 3 rows"),
        ([("vocabulary_count: 320", "vocabulary_count: 200")], "its tokenizer has 258 entries"),
    ],
)
def test_configs_that_cannot_be_are_refused(
    token_folder, config_file, tmp_path, capsys, changes, sentence
):
    path = config_file(*changes)
    assert pretrain(token_folder, "--config", path, "--output", tmp_path / "run") == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_the_command_line_cannot_mean(whole, token_folder, config_file, tmp_path, capsys):
    cases = [
        ([token_folder, "--output", tmp_path / "x"], "give --config: 125m, 1b, ablate, tiny"),
        ([token_folder, "--config", "tny", "--output", tmp_path / "x"], "did you mean 'tiny'?"),
        ([token_folder, "--config", config_file(), "--output", whole], "a run; give --resume"),
        ([token_folder, "--output", tmp_path / "x", "--resume"], "the config cannot be read"),
        ([token_folder, "--config", config_file(), "--output", tmp_path / "x", "--resume"],
         "holds no run"),
    ]  # fmt: skip
    for args, sentence in cases:
        assert pretrain(*args) == 2
        assert sentence in capsys.readouterr().err
