"""The warm-up: which rows it takes, what it hides, how its rate goes, and what it leaves."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import zstandard
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification

from classifiers import DEFAULT, ClassifierError, train_tokenizer, warmup
from classifiers.encoder import SHAPES, new_encoder
from classifiers.masking import Vocabulary, masked, unit_starts, vocabulary
from classifiers.pretraining import Pace, Settings, Warmup, rate_frac
from classifiers.rows import Corpus, corpus, is_held_out, may_warm_up_on, packed, passages

CLS, SEP, MASK = 2, 3, 4
SMALL = 320
MIXED = (
    "The unbelievably misspelt wörds, snake_case and 漢字 of 𠮷野家 𪚥 and 龘靐 — naïve 🦆 ducks. "
)
FREE = {"source": "a book", "license": "public domain", "lang_hint": "en"}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(DEFAULT / "tokenizer.json"))


@pytest.fixture(scope="module")
def known(tokenizer: Tokenizer) -> Vocabulary:
    return vocabulary(tokenizer, "<|skypile_mask|>", torch.device("cpu"))


def _mixed_rows(tokenizer: Tokenizer, row_count: int, width: int) -> torch.Tensor:
    ids = tokenizer.encode(MIXED * (row_count * width // 20), add_special_tokens=False).ids
    return torch.from_numpy(packed([np.array(ids)], CLS, SEP, width)[:row_count])


def _write(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_bytes(zstandard.compress(lines.encode()))
    return path


def _texts(count: int, repeats: int = 2) -> list[str]:
    return [
        f"Number {at} of the small stories: the cat sat on the mat, and the dog ran. " * repeats
        + f"第{at}个小故事：猫坐在垫子上，狗跑了。" * repeats
        for at in range(count)
    ]


@pytest.fixture(scope="module")
def small_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a tokenizer of so few entries that a step takes milliseconds."""
    folder = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer.save(train_tokenizer.train(_texts(9), SMALL), folder)
    return folder


def _settings(**changes: object) -> Settings:
    values: dict[str, object] = {
        "architecture": "electra",
        "shape": SHAPES["tiny"],
        "seed": 1,
        "rate": 3e-3,
        "masked_frac": 0.3,
        "dropout": 0.0,
        "batch_tokens": 256,
        "minutes": None,
        "steps": 40,
        "checkpoint_seconds": 120.0,
        "is_compiled": False,
    }
    return Settings(**{**values, **changes})  # type: ignore[arg-type]


def test_units_are_whole_characters_and_whole_latin_words(
    tokenizer: Tokenizer, known: Vocabulary
) -> None:
    ids = tokenizer.encode(MIXED, add_special_tokens=False).ids
    starts = unit_starts(torch.tensor([ids]), known)[0].tolist()
    units: list[list[int]] = []
    for token, is_start in zip(ids, starts, strict=True):
        if is_start:
            units.append([])
        units[-1].append(token)
    texts = [tokenizer.decode(unit) for unit in units]
    assert "".join(texts) == MIXED
    assert not any("\ufffd" in text for text in texts)
    assert len(units) < len(ids)  # the rare characters are split over tokens
    assert {" unbelievably", " misspelt", " ducks", "𠮷", "龘"} <= set(texts)


def test_masks_hide_the_stated_share_and_no_special_token(
    tokenizer: Tokenizer, known: Vocabulary
) -> None:
    ids_BT = _mixed_rows(tokenizer, 64, 512)
    ids_BT[:, 100], ids_BT[:, 101] = SEP, CLS
    batch = masked(ids_BT, known, 154, torch.Generator().manual_seed(0))
    used_BK = batch.is_used
    assert 0.28 < used_BK.sum().item() / ids_BT.numel() <= 154 / 512
    assert not known.is_special[batch.targets[used_BK]].any()
    assert torch.equal(ids_BT.gather(1, batch.at), batch.targets)
    changed_BT = batch.inputs != ids_BT
    assert not changed_BT[known.is_special[ids_BT]].any()
    chosen_BT = torch.zeros_like(changed_BT).scatter(1, batch.at, used_BK)
    assert not (changed_BT & ~chosen_BT).any()
    shown = batch.inputs[chosen_BT]
    assert (shown == MASK).float().mean().item() == pytest.approx(0.8, abs=0.02)
    assert (shown == ids_BT[chosen_BT]).float().mean().item() == pytest.approx(0.1, abs=0.02)
    assert not known.is_special[shown[shown != MASK]].any()


def test_units_hide_as_a_whole_or_not_at_all(tokenizer: Tokenizer, known: Vocabulary) -> None:
    ids_BT = _mixed_rows(tokenizer, 16, 256)
    batch = masked(ids_BT, known, 77, torch.Generator().manual_seed(0))
    chosen_BT = torch.zeros_like(ids_BT, dtype=torch.bool)
    chosen_BT.scatter_(1, batch.at, batch.is_used)
    is_mask_BT = batch.inputs == MASK
    goes_on_BT = ~unit_starts(ids_BT, known)
    # A row may begin within a character: that piece has no whole to go with.
    goes_on_BT[:, :2] = False
    goes_on_BT &= ~known.is_special[ids_BT]
    assert goes_on_BT.any()
    for flags_BT in (chosen_BT, is_mask_BT):
        assert torch.equal(flags_BT[goes_on_BT], flags_BT.roll(1, dims=1)[goes_on_BT])


def test_a_tokenizer_that_is_no_byte_level_bpe_is_refused() -> None:
    from tokenizers.models import WordLevel

    tokenizer = Tokenizer(WordLevel({"[M]": 0, "汉": 1}, unk_token="[M]"))
    tokenizer.add_special_tokens(["[M]"])
    with pytest.raises(ClassifierError, match="byte-level BPE"):
        vocabulary(tokenizer, "[M]", torch.device("cpu"))


def test_rows_are_framed_full_and_hold_the_texts_in_order() -> None:
    documents = [np.arange(10, 17), np.arange(20, 35), np.arange(40, 42)]
    rows_NT = packed(documents, CLS, SEP, 12)
    assert rows_NT[:, 0].tolist() == [CLS] * len(rows_NT)
    assert rows_NT[:, -1].tolist() == [SEP] * len(rows_NT)
    want = [*range(10, 17), SEP, CLS, *range(20, 35), SEP, CLS, 40, 41]
    assert rows_NT[:, 1:-1].flatten().tolist() == want[:20]
    assert packed([], CLS, SEP, 12).shape == (0, 12)


@pytest.mark.parametrize(
    ("license_name", "want"),
    [
        ("MIT", True),
        ("Apache-2.0 (repo LICENSE)", True),
        ("CC-BY-SA-4.0", True),
        ("public domain", True),
        ("CC-BY-NC-SA-4.0", False),
        ("CC-BY-ND-4.0", False),
        ("custom: non-commercial reprint with attribution", False),
        ("THUCNews: research use", False),
        ("20 Newsgroups: no explicit licence, research use", False),
        ("see repo README (Common Crawl text)", False),
        ("various free (see Debian copyright of the package)", False),
        ("GPL-2+ / CC-BY-SA-3.0", False),
        ("", False),
    ],
)
def test_only_free_licences_are_trained_on(license_name: str, want: bool) -> None:
    assert may_warm_up_on(license_name) is want


def test_passages_are_of_known_languages_and_free_and_once_each(tmp_path: Path) -> None:
    rows = [
        {**FREE, "text": "one"},
        {**FREE, "text": "one"},
        {**FREE, "text": ""},
        {**FREE, "text": "zwei", "lang_hint": "de"},
        {**FREE, "text": "三", "lang_hint": "zh-Hant"},
        {**FREE, "text": "詩", "lang_hint": "lzh-Hans"},
        {**FREE, "text": "四 four", "lang_hint": "mixed"},
        {**FREE, "text": "x = 5", "lang_hint": "code"},
        {**FREE, "text": "six", "license": "CC-BY-NC-4.0"},
        {**FREE, "text": "half \ud800"},
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    path = tmp_path / "rows.jsonl.zst"
    path.write_bytes(zstandard.compress(lines.encode()))
    found = [(passage.text, passage.group) for passage in passages([path])]
    assert found == [
        ("one", "English"),
        ("三", "Chinese"),
        ("詩", "Chinese"),
        ("四 four", "Chinese"),
        ("x = 5", "code"),
        ("half ?", "English"),
    ]


def test_a_parquet_file_gives_the_same_passages(tmp_path: Path) -> None:
    rows = [{**FREE, "text": text} for text in _texts(5)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    lines = _write(tmp_path / "rows.jsonl.zst", rows)
    assert list(passages([tmp_path / "rows.parquet"])) == list(passages([lines]))


def test_held_out_texts_are_not_trained_on(tmp_path: Path, tokenizer: Tokenizer) -> None:
    texts = _texts(700)
    out = [text for text in texts if is_held_out(text)]
    assert 0 < len(out) < 20
    path = _write(tmp_path / "rows.jsonl.zst", [{**FREE, "text": text} for text in texts])
    rows = corpus([path], tokenizer, (CLS, SEP), 64, 0)
    assert rows.sources["a book"].documents == len(texts) - len(out)
    assert set(rows.held_out) == {"English"}
    assert rows.train.dtype == np.int16


def test_the_rate_rises_stays_and_falls_to_zero() -> None:
    assert rate_frac(0) == 0
    assert rate_frac(1) == 0
    assert rate_frac(0.01) == pytest.approx(0.5)
    assert {rate_frac(at / 100) for at in range(2, 71)} == {1.0}
    assert rate_frac(0.85) == pytest.approx(0.5)


def test_the_clock_runs_from_the_start_to_the_deadline() -> None:
    now = 100.0
    pace = Pace(None, 160.0, clock=lambda: now)
    now = 120.0
    assert pace.progress(1) == 0
    pace.start()
    now = 140.0
    assert pace.progress(7) == 0.5
    now = 161.0
    assert pace.progress(9) == 1
    late = Pace(None, 160.0, clock=lambda: now)
    late.start()
    assert late.progress(1) == 1
    assert [Pace(4, 0.0).progress(at) for at in (0, 2, 4)] == [0, 0.5, 1]


def test_the_loss_falls_below_what_needs_no_context(small_tokenizer: Path) -> None:
    tokenizer = Tokenizer.from_file(str(small_tokenizer / "tokenizer.json"))
    # Each row repeats one of 16 punctuation marks, which only its other tokens tell.
    marks_N = np.random.default_rng(0).integers(7, 23, 400)
    train_NT = np.repeat(marks_N[:, None], 32, axis=1).astype(np.int16)
    train_NT[:, 0], train_NT[:, -1] = CLS, SEP
    shape = replace(SHAPES["tiny"], positions=32, embedding=32)
    settings = _settings(architecture="electra", shape=shape)
    torch.manual_seed(0)
    model = new_encoder(
        settings.architecture,
        shape,
        vocabulary_size=tokenizer.get_vocab_size(),
        pad_id=0,
        dropout=0.0,
    )
    known = vocabulary(tokenizer, "<|skypile_mask|>", torch.device("cpu"))
    run = Warmup(model, Corpus(train_NT, {}, {}), known, settings)
    losses = [float(run.step(min(1.0, at / 10))) for at in range(80)]
    assert losses[0] == pytest.approx(math.log(tokenizer.get_vocab_size()), abs=0.3)
    assert np.mean(losses[-5:]) < math.log(16) - 0.2
    assert run.tokens_seen == 80 * 256


def test_a_run_leaves_a_checkpoint_that_takes_a_new_head(
    tmp_path: Path, small_tokenizer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{**FREE, "text": text} for text in _texts(700)]
    rows += [{**FREE, "text": f"{at} no", "source": "theirs", "license": "CC-BY-NC-4.0"}
             for at in range(9)]  # fmt: skip
    path = _write(tmp_path / "rows.jsonl.zst", rows)
    output = tmp_path / "encoder"
    options = ["--output", str(output), "--shape", "tiny", "--batch-tokens", "256", "--eager"]
    options += ["--tokenizer", str(small_tokenizer)]
    assert warmup.main([*options, "--steps", "18", "--checkpoint-seconds", "0", str(path)]) == 0
    assert "held out English: loss" in capsys.readouterr().out
    names = ["README.md", "config.json", "model.safetensors"]
    assert sorted(p.name for p in output.iterdir()) == [
        *names, "tokenizer.json", "tokenizer_config.json",
    ]  # fmt: skip
    text = (output / "README.md").read_text(encoding="utf-8")
    assert "| a book | public domain |" in text
    assert "theirs" not in text
    assert "cut off" not in text

    stored = load_file(output / "model.safetensors")
    assert sum(tensor.shape[:1] == (SMALL,) and tensor.ndim == 2 for tensor in stored.values()) == 1
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}

    _, info = AutoModelForSequenceClassification.from_pretrained(output, output_loading_info=True)
    assert info["missing_keys"]
    assert all(name.startswith("classifier.") for name in info["missing_keys"])
    _, info = AutoModelForMaskedLM.from_pretrained(output, output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]


def test_the_small_shape_is_below_15_megabytes() -> None:
    model = new_encoder("electra", SHAPES["small"], vocabulary_size=16_384, pad_id=0, dropout=0.0)
    assert 2 * sum(weight.numel() for weight in model.parameters()) < 15_000_000


def _no_free_rows(folder: Path) -> Path:
    rows = [{**FREE, "text": "long enough " * 99, "license": "CC-BY-NC-4.0"}]
    return _write(folder / "rows.jsonl.zst", rows)


def _broken(folder: Path) -> Path:
    path = folder / "rows.jsonl.zst"
    path.write_bytes(b"no zstd at all")
    return path


def _cut(folder: Path) -> Path:
    path = _write(folder / "rows.jsonl.zst", [{**FREE, "text": text} for text in _texts(3)])
    path.write_bytes(zstandard.compress(zstandard.decompress(path.read_bytes())[:-40]))
    return path


def _no_licence(folder: Path) -> Path:
    return _write(folder / "rows.jsonl.zst", [{"text": "a", "source": "b", "lang_hint": "en"}])


def _broken_parquet(folder: Path) -> Path:
    path = folder / "rows.parquet"
    path.write_bytes(b"PAR1 no more")
    return path


def _foreign_parquet(folder: Path) -> Path:
    pq.write_table(pa.table({"content": ["a"]}), folder / "rows.parquet")
    return folder / "rows.parquet"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_no_free_rows, "may be trained on"),
        (_broken, "cannot be read after row 0"),
        (_cut, "cannot be read after row 2"),
        (_no_licence, "row 1: the columns"),
        (_broken_parquet, "cannot be read after row 0"),
        (_foreign_parquet, "row 1: the columns"),
        (lambda folder: folder / "none.jsonl.zst", "no such file"),
    ],
)
def test_unusable_input_gives_one_clear_line(
    make: object, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make(tmp_path)  # type: ignore[operator]
    options = ["--output", str(tmp_path / "out"), "--shape", "tiny", "--steps", "1", "--eager"]
    assert warmup.main([*options, str(path)]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert str(path) in lines[0]
    assert message in lines[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--steps", "0"], "must be above 0"),
        (["--steps", "1", "--masked", "1"], "--masked"),
        (["--steps", "1", "--heads", "3"], "multiple of --heads"),
        (["--steps", "1", "--batch-tokens", "10"], "must hold a row"),
        (["--steps", "1", "--architecture", "bert"], "--embedding"),
        (["--steps", "1", "--tokenizer", "nowhere"], "no such file"),
    ],
)
def test_unusable_options_give_one_clear_line(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _write(tmp_path / "rows.jsonl.zst", [{**FREE, "text": text} for text in _texts(3)])
    base = ["--output", str(tmp_path / "out"), "--shape", "tiny", "--eager"]
    assert warmup.main([*base, *options, str(path)]) == 1
    assert message in capsys.readouterr().err
